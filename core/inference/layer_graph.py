"""One model with one painting in place, as a plain list of layers from RGB in [0, 1] to RGB.

    layers = flatten(styled.transform_net, styled.filters)
    # [Conv, Norm, Relu, Conv, Norm, Relu, ..., Residual, ..., Upsample, Conv, Norm, Relu, Conv]

`core.inference.tiled` computes these layers strip by strip, `core.inference.onnx_export` writes
them as an ONNX graph. All networks come out in the same few kinds of layer: every convolution is
reflection-padded by half its kernel, and what works on pixels' colours (the ImageNet normalisation
at both ends, the flagship's colour matrix) is folded into the first and the last convolution.

Folding, with one channel of mean 0.4 and deviation 0.2 and a filter of one number, 3: the network
computes 3 (x - 0.4) / 0.2, which is the convolution with the filter 3 / 0.2 = 15 and the bias
-15 * 0.4 = -6. Its last value y becomes 0.2 y + 0.4.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.models.encoder import IMAGENET_MEAN, IMAGENET_STD
from core.models.flagship import FlagshipTransformNet
from core.models.layers import (
    BRANCHES,
    BRANCHES_AT_ONCE,
    Filters,
    GeneratedConv2d,
    InstanceNorm,
    ResidualBlock,
    ResNeXtBlock,
)
from core.models.modulated import ModulatedBlock, ModulatedConv
from core.models.style_net import TransformNet


@dataclass(frozen=True)
class Conv:
    """Reflection padding by half the kernel, then a convolution.

    Attributes:
        weight: out x in / groups x k x k.
        bias: out.
    """

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1


@dataclass(frozen=True)
class Norm:
    """Instance norm, eps `InstanceNorm.eps`, then a scale and a shift per channel, if there are
    any.
    """

    scale: Tensor | None = None
    shift: Tensor | None = None


@dataclass(frozen=True)
class Relu:
    """max(x, 0); always after a Norm."""


@dataclass(frozen=True)
class Upsample:
    """Twice the height and width, nearest neighbour."""


@dataclass(frozen=True)
class Parallel:
    """The sum of what several chains of layers make of the same input."""

    chains: tuple[tuple["Layer", ...], ...]


@dataclass(frozen=True)
class Residual:
    """The input plus what the layers make of it."""

    layers: tuple["Layer", ...]


Layer = Conv | Norm | Relu | Upsample | Parallel | Residual


@torch.no_grad()
def flatten(net: TransformNet | FlagshipTransformNet, filters: Filters) -> list[Layer]:
    """The layers of a TransformNet with one painting's filters.

    They take RGB in [0, 1] (1 x 3 x H x W, H and W multiples of 4, at least 16) and give RGB, not
    clamped. The values are those of normalising, applying the network and denormalising, but for
    rounding.
    """
    layers = list(_walk([net], filters))
    first, last = layers[0], layers[-1]
    assert isinstance(first, Conv) and isinstance(last, Conv)
    mean = torch.tensor(IMAGENET_MEAN, device=first.weight.device)  # 3
    std = torch.tensor(IMAGENET_STD, device=first.weight.device)  # 3
    weight = first.weight / std.view(1, 3, 1, 1)  # out x 3 x k x k
    shift = (weight * mean.view(1, 3, 1, 1)).sum(dim=(1, 2, 3))  # out
    layers[0] = Conv(weight, first.bias - shift)
    weight = last.weight * std.view(3, 1, 1, 1)  # 3 x in x k x k
    layers[-1] = Conv(weight, last.bias * std + mean)
    return layers


def _walk(modules: Iterable[nn.Module], filters: Filters) -> Iterator[Layer]:
    """The layers of some modules, in order; those that contain others give the layers of these."""
    for module in modules:
        match module:
            case GeneratedConv2d():
                weight, bias = module.split(filters)
                yield Conv(weight, bias, module.stride)
            case nn.Conv2d():
                assert module.bias is not None
                yield Conv(module.weight, module.bias, module.stride[0], module.groups)
            case InstanceNorm():
                yield Norm()
            case nn.ReLU():
                yield Relu()
            case nn.Upsample():
                yield Upsample()
            case ResidualBlock():
                yield Residual(tuple(_walk(module.children(), filters)))
            case ModulatedBlock():
                yield Residual(tuple(_walk([module.first, module.second], filters)))
            case ModulatedConv():
                yield from _modulated(module, filters)
            case ResNeXtBlock():
                yield _in_groups(list(_walk(module.children(), filters)))
            case FlagshipTransformNet():
                yield from _walk(module.layers, filters)
                weight, bias = module.colours(filters)
                yield Conv(weight, bias)
            case nn.ReflectionPad2d():
                pass  # part of Conv
            case _:
                yield from _walk(module.children(), filters)


def _modulated(module: ModulatedConv, filters: Filters) -> Iterator[Layer]:
    """The flagship's convolution, whose norm has a scale (1 + change) and a shift of the
    painting's.
    """
    if module.upsample:
        yield Upsample()
    assert module.conv.bias is not None
    yield Conv(module.weight(filters), module.conv.bias, module.conv.stride[0])
    change, shift = filters[module.norm.name].flatten().chunk(2)  # out, out
    yield Norm(1 + change, shift)
    if module.relu:
        yield Relu()


def _in_groups(layers: list[Layer]) -> Residual:
    """A ResNeXtBlock with a few of its branches in each chain, for a fraction of the memory.

    As in `ResNeXtBlock`: C channels are expanded to 32 C, each branch convolves its own C of them,
    and the last convolution sums up all. With two branches of one channel, one of them in each
    chain:

        expand (2 x 1), branches (2 x 1), reduce (1 x 2), bias b
        = Conv(expand[0]), Conv(branches[0]), Conv(reduce[:, 0], b)
        + Conv(expand[1]), Conv(branches[1]), Conv(reduce[:, 1], 0)      so that b counts once

    Args:
        layers: Conv (32 C x C), Norm, Relu, Conv (32 C x C, 32 groups), Norm, Relu,
            Conv (C x 32 C), Norm.
    """
    convs = [layer for layer in layers if isinstance(layer, Conv)]
    expand, branches, reduce = convs
    wide = len(branches.weight)  # 32 C
    step = BRANCHES_AT_ONCE * wide // BRANCHES
    chains: list[tuple[Layer, ...]] = []
    for first in range(0, wide, step):
        part = slice(first, first + step)
        bias = reduce.bias if first == 0 else torch.zeros_like(reduce.bias)
        chain = (
            Conv(expand.weight[part], expand.bias[part]),
            Norm(),
            Relu(),
            Conv(branches.weight[part], branches.bias[part], groups=BRANCHES_AT_ONCE),
            Norm(),
            Relu(),
            Conv(reduce.weight[:, part], bias),
        )
        chains.append(chain)
    return Residual((Parallel(tuple(chains)), Norm()))
