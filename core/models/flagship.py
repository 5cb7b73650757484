"""The flagship's networks: a shared TransformNet whose instance norms are set by the painting.

The report's idea stays, a network that predicts a network; what is predicted is smaller. The convolutions are the
TransformNet's own, and the MetaNet generates, from the painting's statistics, the scale and shift of every instance norm
(Dumoulin et al. 1610.07629, Ghiasi et al. 1705.06830), a 1x1 map from the last features to colours, and a 3x3 colour matrix with
an offset: 1,404 numbers in all.

    net = FlagshipNet()
    filters = net.meta_net(descriptor)                # 1920 numbers, or N x 1920: a painting for each image
    stylized = net.transform_net(contents, filters)   # N x 3 x H x W, ImageNet-normalised in and out

It has the same two parts, with the same calls, as `core.models.style_net.StyleNet`, and takes its place in a `Stylizer`.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.encoder import STYLE_SIZE
from core.models.fast.convolution import conv2d_by_fours, conv2d_upsampled, needs_autograd
from core.models.layers import Filters, InstanceNorm

BASE = 16
BLOCKS = 4
META_WIDTH = 256
LOG_OFFSET = 1e-2
CLAMP = 3.0
COLOUR_SCALE = 0.2
MAP_SCALE = 0.02


class ModulatedNorm(nn.Module):
    """Instance norm whose scale (around 1) and shift come from the MetaNet: `filters[self.name]` is (N x) 2C."""

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
        y = F.instance_norm(x, eps=InstanceNorm.eps)
        return torch.addcmul(
            shift.to(y.dtype)[..., None, None], scale.to(y.dtype)[..., None, None], y
        )


class ModulatedConv(nn.Module):
    """Upsample, reflection pad, convolution, modulated instance norm, ReLU."""

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

    def forward(self, x: Tensor, filters: Filters) -> Tensor:
        x = self.norm(self._convolve(x), filters)
        return F.relu_(x) if self.relu else x

    def _convolve(self, x: Tensor) -> Tensor:
        if self.upsample and x.device.type == "cpu" and not needs_autograd():
            assert self.conv.bias is not None
            return conv2d_upsampled(x, self.conv.weight, self.conv.bias)
        if self.upsample:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return cast(Tensor, self.conv(F.pad(x, (self.pad,) * 4, mode="reflect")))


class ModulatedBlock(nn.Module):
    """Two modulated 3x3 convolutions around an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ModulatedConv(channels, channels)
        self.second = ModulatedConv(channels, channels, relu=False)

    def forward(self, x: Tensor, filters: Filters) -> Tensor:
        return x + self.second(self.first(x, filters), filters)


class FlagshipTransformNet(nn.Module):
    """The network that repaints: down twice, residual blocks, up twice, colours.

    Args:
        base: channels after the first convolution.
    """

    def __init__(self, base: int = BASE) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                ModulatedConv(3, base, 9),
                ModulatedConv(base, 2 * base, stride=2),
                ModulatedConv(2 * base, 4 * base, stride=2),
                *(ModulatedBlock(4 * base) for _ in range(BLOCKS)),
                ModulatedConv(4 * base, 2 * base, upsample=True),
                ModulatedConv(2 * base, base, upsample=True),
            ]
        )
        self.out = nn.Conv2d(base, 3, 9)
        self.base = base
        for name, module in self.named_modules():
            if isinstance(module, ModulatedNorm):
                module.name = name

    @property
    def generated(self) -> dict[str, int]:
        """Name -> number of values that the MetaNet generates, in the order of the data flow."""
        norms = {m.name: m.size for m in self.modules() if isinstance(m, ModulatedNorm)}
        return {**norms, "map": 3 * self.base, "colours": 9, "offset": 3}

    def forward(self, images: Tensor, filters: Filters) -> Tensor:
        """Stylise ImageNet-normalised images (N x 3 x H x W, H and W multiples of 4, at least 16).

        Args:
            filters: what the MetaNet returns for one painting, or for N.
        """
        x = images
        for layer in self.layers:
            x = layer(x, filters)
        padded = F.pad(x, (4, 4, 4, 4), mode="reflect")
        if len(x) == 1 and not needs_autograd():
            return conv2d_by_fours(padded, *self.colours(filters))
        colours = self.out(padded)
        mapping = MAP_SCALE * filters["map"].view(-1, 3, self.base).to(x.dtype)
        # 1x1 maps as products over the pixels, so that each image can have its own.
        colours = colours.flatten(2) + mapping @ x.flatten(2)
        matrix, offset = self._colour_map(filters)
        mixed = matrix.to(colours.dtype) @ colours + offset.to(colours.dtype)
        return mixed.view(len(images), 3, *images.shape[-2:])

    def _colour_map(self, filters: Filters) -> tuple[Tensor, Tensor]:
        """Colour matrix (N x 3 x 3) and offset (N x 3 x 1)."""
        matrix = COLOUR_SCALE * filters["colours"].view(-1, 3, 3)
        return matrix + torch.eye(3, device=matrix.device), COLOUR_SCALE * filters["offset"].view(
            -1, 3, 1
        )

    def colours(self, filters: Filters) -> tuple[Tensor, Tensor]:
        """Weight and bias of the last convolution, the 1x1 map, the colour matrix and the offset of one painting in one."""
        assert self.out.bias is not None
        weight = self.out.weight.clone()
        middle = weight.shape[-1] // 2
        weight[:, :, middle, middle] += MAP_SCALE * filters["map"].view(3, self.base)
        matrix, offset = self._colour_map(filters)
        return torch.einsum("ij,jckl->ickl", matrix[0], weight), matrix[
            0
        ] @ self.out.bias + offset.flatten()


class FlagshipMetaNet(nn.Module):
    """The network that predicts: statistics of a painting, made comparable, through two hidden layers.

    Attributes:
        centre, spread: mean and standard deviation of the log statistics over the training paintings (buffers).
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, sizes: dict[str, int], width: int = META_WIDTH) -> None:
        super().__init__()
        self.names, self.sizes = tuple(sizes), list(sizes.values())
        self.register_buffer("centre", torch.zeros(STYLE_SIZE))
        self.register_buffer("spread", torch.ones(STYLE_SIZE))
        self.body = nn.Sequential(
            nn.Linear(STYLE_SIZE, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, sum(self.sizes)),
        )

    @torch.no_grad()
    def standardize_on(self, descriptors: Tensor) -> None:
        """Set `centre` and `spread` from many paintings' descriptors (P x 1920)."""
        logs = torch.log(descriptors + LOG_OFFSET)
        self.centre.copy_(logs.mean(dim=0))
        self.spread.copy_(logs.std(dim=0).clamp(min=1e-3))

    def forward(self, descriptor: Tensor) -> Filters:
        """Filters for one painting (1920 numbers -> flat vectors) or for N (N x 1920 -> N rows each)."""
        logs = torch.log(descriptor + LOG_OFFSET)
        values = self.body(((logs - self.centre) / self.spread).clamp(-CLAMP, CLAMP))
        return dict(zip(self.names, values.split(self.sizes, dim=-1), strict=True))


class FlagshipNet(nn.Module):
    """Both parts as one module; calls and attributes as in `core.models.style_net.StyleNet`, with a painting for each image."""

    def __init__(self, base: int = BASE) -> None:
        super().__init__()
        self.compute_dtype = torch.float32
        self.transform_net = FlagshipTransformNet(base)
        self.meta_net = FlagshipMetaNet(self.transform_net.generated)

    def forward(self, contents: Tensor, descriptors: Tensor) -> tuple[Tensor, Filters]:
        """N x 3 x H x W with N x 1920, or with one painting's 1920 for all."""
        filters = self.meta_net(descriptors)
        device = contents.device.type
        contents = contents.contiguous(memory_format=torch.channels_last)
        with torch.autocast(
            device, self.compute_dtype, enabled=self.compute_dtype != torch.float32
        ):
            if device == "cpu" and descriptors.ndim == 2:
                rows = [
                    {name: value[i] for name, value in filters.items()}
                    for i in range(len(contents))
                ]
                pairs = zip(contents.split(1), rows, strict=True)
                outputs = torch.cat([self.transform_net(part, row) for part, row in pairs])
            else:
                outputs = self.transform_net(contents, filters)
        return outputs.float(), filters

    def counts(self) -> dict[str, int]:
        """Number of parameters of the two networks."""
        parts = {"meta_net": self.meta_net, "transform_net": self.transform_net}
        return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
