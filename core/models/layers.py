"""The layers that the TransformNet is built of; some of their filters come from the MetaNet."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.fast.convolution import conv2d_by_fours, needs_autograd

BRANCHES = 32
BRANCHES_AT_ONCE = 4
# Of a channel's mean: well above float32's, well below what a picture's structure leaves.
ROUNDING = 1e-5
Filters = dict[str, Tensor]


class InstanceNorm(nn.Module):
    """Instance norm without affine: each channel of each image to mean 0 and variance 1 (eps 1e-5).

    Attributes:
        allow_constant_images: stop the gradient of channels without variance,
            see `allow_constant_images`.
    """

    eps = 1e-5
    allow_constant_images = False

    def forward(self, x: Tensor) -> Tensor:
        if self.allow_constant_images and x.requires_grad:
            x = detach_flat(x, self.eps)
        if len(x) == 1:
            # The same numbers, without instance_norm's copies in and out of channels_last.
            return F.batch_norm(x, None, None, training=True, eps=self.eps)
        return F.instance_norm(x, eps=self.eps)


def detach_flat(x: Tensor, eps: float) -> Tensor:
    """The same values (N x C x H x W); channels whose variance is below `eps`,
    or mere rounding, pass no gradient back.
    """
    var, mean = torch.var_mean(x.detach().float(), dim=(2, 3), correction=0, keepdim=True)
    return torch.where(var <= eps + (ROUNDING * mean).square(), x.detach(), x)


def allow_constant_images(net: nn.Module) -> None:
    """Let a network train on flat (single-colour) pictures,
    which otherwise turn its weights to NaN.

    An instance norm maps a flat channel to 0 whatever its value, so nothing is to be learnt through
    it; its derivative is 1/sqrt(eps) = 316 all the same. A flat picture is flat in every layer, and
    over the 15 norms of the original model, with filters between them, the factors overflow
    float32. What a flat picture can teach, the last convolution, it still does.
    """
    for module in net.modules():
        if isinstance(module, InstanceNorm):
            module.allow_constant_images = True


class GeneratedConv2d(nn.Module):
    """A convolution whose filter and bias come from the MetaNet.

    `forward(x, filters)` looks up its own flat vector, `(out * in * k * k) + out` numbers, under
    `self.name`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.shape = (out_channels, in_channels, kernel_size, kernel_size)
        self.stride = stride
        self.name = ""

    @property
    def size(self) -> int:
        """How many numbers this layer needs: its filter and its bias."""
        out_channels, in_channels, height, width = self.shape
        return out_channels * in_channels * height * width + out_channels

    def split(self, filters: Filters) -> tuple[Tensor, Tensor]:
        """This layer's filter (out x in x k x k) and bias (out) among the generated ones."""
        flat = filters[self.name].view(-1)
        weights = flat.numel() - self.shape[0]
        return flat[:weights].view(self.shape), flat[weights:]

    def forward(self, x: Tensor, filters: Filters) -> Tensor:
        return F.conv2d(x, *self.split(filters), stride=self.stride)


class LastConv2d(nn.Conv2d):
    """The convolution to three channels, without stride or padding;
    faster on a CPU where nothing is trained.
    """

    def forward(self, x: Tensor) -> Tensor:
        if needs_autograd():
            return super().forward(x)
        return conv2d_by_fours(x, self.weight, self.bias)


def conv_layer(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    *,
    stride: int = 1,
    upsample: bool = False,
    own: bool = False,
    groups: int = 1,
    norm: bool = True,
    relu: bool = True,
) -> list[nn.Module]:
    """Upsample, reflection pad, convolution (generated unless `own`), instance norm, ReLU,
    as a list of modules.
    """
    layers: list[nn.Module] = []
    if upsample:
        layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    if kernel_size > 1:
        layers.append(nn.ReflectionPad2d(kernel_size // 2))
    if own:
        conv = nn.Conv2d if norm else LastConv2d
        layers.append(conv(in_channels, out_channels, kernel_size, stride, groups=groups))
    else:
        layers.append(GeneratedConv2d(in_channels, out_channels, kernel_size, stride))
    if norm:
        layers.append(InstanceNorm())
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return layers


class FilteredSequential(nn.Sequential):
    """A Sequential that hands the filters to those of its layers that take them."""

    def forward(self, x: Tensor, filters: Filters) -> Tensor:  # type: ignore[override]
        for layer in self:
            takes_filters = isinstance(layer, GeneratedConv2d | FilteredSequential)
            x = layer(x, filters) if takes_filters else layer(x)
        return x


class ResidualBlock(FilteredSequential):
    """Two generated 3x3 convolutions around an identity (He et al. 1512.03385),
    no ReLU after the sum.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(
            *conv_layer(channels, channels), *conv_layer(channels, channels, relu=False)
        )

    def forward(self, x: Tensor, filters: Filters) -> Tensor:  # type: ignore[override]
        return x + super().forward(x, filters)


class ResNeXtBlock(FilteredSequential):
    """The report's one block in place of five: 32 branches (Xie et al.
    1611.05431) that are the network's own.

    The outer 1x1 convolutions, C -> 32 C -> C, are generated; each branch is a trained 3x3, C -> C.
    """

    def __init__(self, channels: int) -> None:
        wide = BRANCHES * channels
        super().__init__(
            *conv_layer(channels, wide, 1),
            *conv_layer(wide, wide, 3, own=True, groups=BRANCHES),
            *conv_layer(wide, channels, 1, relu=False),
        )

    def forward(self, x: Tensor, filters: Filters) -> Tensor:  # type: ignore[override]
        if needs_autograd():
            return x + super().forward(x, filters)
        return x + self._in_groups(x, filters)

    def _in_groups(self, x: Tensor, filters: Filters) -> Tensor:
        """The same sum, a few branches at a time:
        the whole would hold 32 times the input's memory, several times over.
        """
        generated = [layer for layer in self if isinstance(layer, GeneratedConv2d)]
        expand, reduce = generated
        weight_in, bias_in = expand.split(filters)  # 32 C x C x 1 x 1, 32 C
        weight_out, bias_out = reduce.split(filters)  # C x 32 C x 1 x 1, C
        branches = next(layer for layer in self if isinstance(layer, nn.Conv2d))
        bias = cast(Tensor, branches.bias)  # 32 C
        norm = InstanceNorm()
        channels = x.shape[1]
        total = bias_out.view(1, -1, 1, 1).expand_as(x)  # N x C x H x W
        total = total.contiguous(memory_format=torch.channels_last)
        for first in range(0, BRANCHES, BRANCHES_AT_ONCE):
            part = slice(first * channels, (first + BRANCHES_AT_ONCE) * channels)
            wide = F.conv2d(x, weight_in[part], bias_in[part])  # N x 4 C x H x W
            wide = F.relu_(norm(wide))
            wide = F.pad(wide, (1, 1, 1, 1), mode="reflect")
            wide = F.conv2d(wide, branches.weight[part], bias[part], groups=BRANCHES_AT_ONCE)
            wide = F.relu_(norm(wide))
            total += F.conv2d(wide, weight_out[:, part])
        return norm(total)
