"""Layers that the painting adjusts: an instance norm, a convolution and a residual block whose
numbers come, in part, from the flagship's MetaNet (`core.models.flagship`).
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.fast.convolution import conv2d_upsampled, needs_autograd
from core.models.layers import Filters, InstanceNorm

MIX_SCALE = 0.05


class ModulatedNorm(nn.Module):
    """Instance norm whose scale (around 1) and shift come from the MetaNet:
    `filters[self.name]` is (N x) 2C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.size = 2 * channels
        self.name = ""

    def forward(self, x: Tensor, filters: Filters) -> Tensor:
        change, shift = filters[self.name].view(-1, self.size).chunk(2, dim=1)
        scale = 1 + change
        if len(x) == len(scale) == 1:  # the same numbers in one pass
            return F.batch_norm(
                x, None, None, scale[0], shift[0], training=True, eps=InstanceNorm.eps
            )
        # (x - mean) / std * scale + shift as one product and one sum: half the passes over memory.
        wide = x.float()
        var, mean = torch.var_mean(wide, dim=(2, 3), correction=0)  # N x C
        slope = scale * torch.rsqrt(var + InstanceNorm.eps)
        offset = shift - mean * slope
        return torch.addcmul(offset[..., None, None], slope[..., None, None], wide).to(x.dtype)


class ModulatedConv(nn.Module):
    """Upsample, reflection pad, convolution, modulated instance norm, ReLU.

    The middle tap of a 3x3 filter changes with the painting by `MIX_SCALE` times
    `filters[self.mix]`, (N x) out * in numbers.

    Attributes:
        mix: name of those numbers; empty for other kernels, which do not change.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        upsample: bool = False,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.pad, self.upsample, self.relu = kernel_size // 2, upsample, relu
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride)
        self.norm = ModulatedNorm(out_channels)
        self.mix = ""

    @property
    def mix_size(self) -> int:
        """How many numbers change the filter's middle tap."""
        return self.conv.out_channels * self.conv.in_channels if self.pad == 1 else 0

    def forward(self, x: Tensor, filters: Filters) -> Tensor:
        x = self.norm(self._convolve(x, filters), filters)
        return F.relu_(x) if self.relu else x

    def weight(self, filters: Filters) -> Tensor:
        """The filter for one painting, out x in x k x k:
        the network's own with its middle tap changed.
        """
        own = self.conv.weight
        if not self.mix:
            return own
        mix = MIX_SCALE * filters[self.mix].view(own.shape[:2])  # out x in
        return own + F.pad(mix[:, :, None, None], (1, 1, 1, 1))

    def _convolve(self, x: Tensor, filters: Filters) -> Tensor:
        bias = cast(Tensor, self.conv.bias)
        if self.mix and filters[self.mix].numel() > self.mix_size:
            return self._convolve_each(x, filters[self.mix])
        weight = self.weight(filters)
        if self.upsample and x.device.type == "cpu" and not needs_autograd():
            return conv2d_upsampled(x, weight, bias)
        if self.upsample:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        padded = F.pad(x, (self.pad,) * 4, mode="reflect")
        return F.conv2d(padded, weight, bias, stride=self.conv.stride)

    def _convolve_each(self, x: Tensor, mixes: Tensor) -> Tensor:
        """A painting for each image (mixes: N x out * in):
        the 1x1 change as a product over the pixels of its own.
        """
        step = self.conv.stride[0]
        mix = MIX_SCALE * mixes.view(len(x), -1, x.shape[1]).to(x.dtype)  # N x out x in
        seen = x[:, :, ::step, ::step]  # what lies under the middle tap, N x in x h x w
        change = torch.einsum("noi,nihw->nohw", mix, seen)
        if self.upsample:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            change = F.interpolate(change, scale_factor=2.0, mode="nearest")
        return cast(Tensor, self.conv(F.pad(x, (self.pad,) * 4, mode="reflect"))) + change


class ModulatedBlock(nn.Module):
    """Two modulated 3x3 convolutions around an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ModulatedConv(channels, channels)
        self.second = ModulatedConv(channels, channels, relu=False)

    def forward(self, x: Tensor, filters: Filters) -> Tensor:
        return x + self.second(self.first(x, filters), filters)
