"""One model with one painting in place, as a plain list of layers from RGB in [0, 1] to RGB.

    layers = flatten(fixed.transform_net, fixed.filters)   # [Conv, Norm, Relu, ..., Residual, ..., Conv]

What `core.inference.tiled` computes strip by strip and `core.inference.onnx_export` writes as an ONNX graph. Both
networks come out in the same five
kinds of layer: every convolution is reflection-padded by half its kernel, and what works on pixels' colours (the ImageNet
normalisation at both ends, the flagship's map and colour matrix) is folded into the first and the last convolution.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.models.encoder import IMAGENET_MEAN, IMAGENET_STD
from core.models.flagship import FlagshipTransformNet, ModulatedBlock, ModulatedConv
from core.models.layers import (
    BRANCHES,
    BRANCHES_AT_ONCE,
    Filters,
    GeneratedConv2d,
    InstanceNorm,
    ResidualBlock,
    ResNeXtBlock,
)
from core.models.style_net import TransformNet


@dataclass(frozen=True)
class Conv:
    """Reflection padding by half the kernel, then a convolution: weight (out x in / groups x k x k), bias (out)."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1


@dataclass(frozen=True)
class Norm:
    """Instance norm, eps `InstanceNorm.eps`, then a scale and a shift per channel where there are any."""

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

    They take RGB in [0, 1] (1 x 3 x H x W, H and W multiples of 4, at least 16) and give RGB, not clamped. The values are
    those of normalising, applying the network and denormalising, but for rounding.
    """
    layers = list(_walk([net], filters))
    first, last = layers[0], layers[-1]
    assert isinstance(first, Conv) and isinstance(last, Conv)
    mean = torch.tensor(IMAGENET_MEAN, device=first.weight.device)
    std = torch.tensor(IMAGENET_STD, device=first.weight.device)
    weight = first.weight / std.view(1, 3, 1, 1)
    layers[0] = Conv(weight, first.bias - (weight * mean.view(1, 3, 1, 1)).sum(dim=(1, 2, 3)))
    layers[-1] = Conv(last.weight * std.view(3, 1, 1, 1), last.bias * std + mean)
    return layers


def _walk(modules: Iterable[nn.Module], filters: Filters) -> Iterator[Layer]:
    for module in modules:
        match module:
            case GeneratedConv2d():
                yield Conv(*module.split(filters), module.stride)
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
                yield Residual(tuple(_in_groups([*_walk(module.children(), filters)])))
            case FlagshipTransformNet():
                yield from _walk(module.layers, filters)
                yield Conv(*module.colours(filters))
            case nn.ReflectionPad2d():
                pass  # part of Conv
            case _:
                yield from _walk(module.children(), filters)


def _modulated(module: ModulatedConv, filters: Filters) -> Iterator[Layer]:
    if module.upsample:
        yield Upsample()
    assert module.conv.bias is not None
    yield Conv(module.weight(filters), module.conv.bias, module.conv.stride[0])
    change, shift = filters[module.norm.name].flatten().chunk(2)
    yield Norm(1 + change, shift)
    if module.relu:
        yield Relu()


def _in_groups(layers: list[Layer]) -> Iterator[Layer]:
    """A ResNeXtBlock's layers with a few branches in each chain, as in `ResNeXtBlock`: a fraction of the memory."""
    expand, branches, reduce = (layer for layer in layers if isinstance(layer, Conv))
    step = BRANCHES_AT_ONCE * len(branches.weight) // BRANCHES
    chains: list[tuple[Layer, ...]] = []
    for first in range(0, len(branches.weight), step):
        part = slice(first, first + step)
        bias = torch.zeros_like(reduce.bias) if chains else reduce.bias
        chains.append(
            (
                *(Conv(expand.weight[part], expand.bias[part]), Norm(), Relu()),
                *(
                    Conv(branches.weight[part], branches.bias[part], groups=BRANCHES_AT_ONCE),
                    Norm(),
                    Relu(),
                ),
                Conv(reduce.weight[:, part], bias),
            )
        )
    yield Parallel(tuple(chains))
    yield Norm()
