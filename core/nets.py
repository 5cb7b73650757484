"""MetaNet and TransformNet: a network that predicts a network from a painting.

Shen, Yan, Zeng, "Meta networks for neural style transfer" (1709.04111), and the report's improved block. Pure nn: nothing
here knows of files, encoders or pages.

    net = StyleNet(base=8, block="resnext")
    filters = net.meta_net(descriptor)              # descriptor: 1920 numbers (core.losses.mean_std of the style's features)
    stylized = net.transform_net(contents, filters)  # N x 3 x H x W, ImageNet-normalised in and out

The filters are inputs of the TransformNet, not its parameters; only its two 9x9 convolutions (and, in the ResNeXt block, the
32 branches) are its own. Every convolution but the last feeds an instance norm without affine, so filters have no scale.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoder import STYLE_SIZE
from core.fastconv import conv2d_by_fours, plain

HIDDEN = 128
BRANCHES = 32
BRANCHES_AT_ONCE = 4
RESIDUAL_BLOCKS = 5
BLOCKS = ("resnet", "resnext")
MULTIPLE = 4
ROUNDING = 1e-5  # of a channel's mean: well above float32's, well below what a picture's structure leaves
Filters = dict[str, Tensor]


class InstanceNorm(nn.Module):
    """Instance norm without affine: each channel of each image to mean 0 and variance 1 (eps 1e-5).

    Attributes:
        keep_flat: stop the gradient of channels without variance, see `keep_flat`.
    """

    eps = 1e-5
    keep_flat = False

    def forward(self, x: Tensor) -> Tensor:
        if self.keep_flat and x.requires_grad:
            x = detach_flat(x, self.eps)
        if len(x) == 1:  # the same numbers, without instance_norm's copies in and out of channels_last
            return F.batch_norm(x, None, None, training=True, eps=self.eps)
        return F.instance_norm(x, eps=self.eps)


def detach_flat(x: Tensor, eps: float) -> Tensor:
    """The same values (N x C x H x W); channels whose variance is below `eps`, or mere rounding, pass no gradient back."""
    var, mean = torch.var_mean(x.detach().float(), dim=(2, 3), correction=0, keepdim=True)
    return torch.where(var <= eps + (ROUNDING * mean).square(), x.detach(), x)


def keep_flat(net: nn.Module) -> None:
    """Let a network train on flat (single-colour) pictures, which otherwise turn its weights to NaN.

    An instance norm maps a flat channel to 0 whatever its value, so nothing is to be learnt through it; its derivative is
    1/sqrt(eps) = 316 all the same. A flat picture is flat in every layer, and over the 15 norms of the original model, with
    filters between them, the factors overflow float32. What a flat picture can teach, the last convolution, it still does.
    """
    for module in net.modules():
        if isinstance(module, InstanceNorm):
            module.keep_flat = True


class GeneratedConv2d(nn.Module):
    """A convolution whose filter and bias come from the MetaNet.

    `forward(x, filters)` looks up its own flat vector, `(out * in * k * k) + out` numbers, under `self.name`.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
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
    """The convolution to three channels, without stride or padding; faster on a CPU where nothing is trained."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if plain() else conv2d_by_fours(x, self.weight, self.bias)


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
    """Upsample, reflection pad, convolution (generated unless `own`), instance norm, ReLU, as a list of modules."""
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
            x = layer(x, filters) if isinstance(layer, GeneratedConv2d | FilteredSequential) else layer(x)
        return x


class ResidualBlock(FilteredSequential):
    """Two generated 3x3 convolutions around an identity (He et al. 1512.03385), no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__(*conv_layer(channels, channels), *conv_layer(channels, channels, relu=False))

    def forward(self, x: Tensor, filters: Filters) -> Tensor:  # type: ignore[override]
        return x + super().forward(x, filters)


class ResNeXtBlock(FilteredSequential):
    """The report's one block in place of five: 32 branches (Xie et al. 1611.05431) that are the network's own.

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
        if plain():
            return x + super().forward(x, filters)
        return x + self._in_groups(x, filters)

    def _in_groups(self, x: Tensor, filters: Filters) -> Tensor:
        """The same sum, a few branches at a time: the whole would hold 32 times the input's memory, several times over."""
        expand, reduce = (layer for layer in self if isinstance(layer, GeneratedConv2d))
        branches = next(layer for layer in self if isinstance(layer, nn.Conv2d))
        (weight_in, bias_in), (weight_out, bias_out) = expand.split(filters), reduce.split(filters)
        bias = cast(Tensor, branches.bias)
        norm = InstanceNorm()
        total = bias_out.view(1, -1, 1, 1).expand_as(x).contiguous(memory_format=torch.channels_last)
        for first in range(0, BRANCHES, BRANCHES_AT_ONCE):
            part = slice(first * x.shape[1], (first + BRANCHES_AT_ONCE) * x.shape[1])
            wide = F.relu_(norm(F.conv2d(x, weight_in[part], bias_in[part])))
            wide = F.pad(wide, (1, 1, 1, 1), mode="reflect")
            wide = F.conv2d(wide, branches.weight[part], bias[part], groups=BRANCHES_AT_ONCE)
            total += F.conv2d(F.relu_(norm(wide)), weight_out[:, part])
        return norm(total)


class TransformNet(nn.Module):
    """The network that repaints (Johnson et al. 1603.08155, without its own middle filters).

    Args:
        base: channels after the first convolution; 8 is shipped, 32 is the report's.
        block: `resnet`, five ResidualBlocks, or `resnext`, one ResNeXtBlock.
    """

    def __init__(self, base: int, block: str) -> None:
        super().__init__()
        if block not in BLOCKS:
            raise ValueError(f"There is no block named {block!r}; choose {' or '.join(BLOCKS)}.")
        self.downsampling = FilteredSequential(
            *conv_layer(3, base, 9, own=True),
            *conv_layer(base, 2 * base, stride=2),
            *conv_layer(2 * base, 4 * base, stride=2),
        )
        blocks = (ResidualBlock(4 * base) for _ in range(RESIDUAL_BLOCKS))
        self.residuals = FilteredSequential(*blocks) if block == "resnet" else ResNeXtBlock(4 * base)
        self.upsampling = FilteredSequential(
            *conv_layer(4 * base, 2 * base, upsample=True),
            *conv_layer(2 * base, base, upsample=True),
            *conv_layer(base, 3, 9, own=True, norm=False, relu=False),
        )
        for name, module in self.named_modules():
            if isinstance(module, GeneratedConv2d):
                module.name = name

    @property
    def generated(self) -> dict[str, int]:
        """Name -> number of values of each generated convolution, in the order of the data flow."""
        return {layer.name: layer.size for layer in self.generated_layers()}

    def generated_layers(self) -> list[GeneratedConv2d]:
        """The generated convolutions, in the order of the data flow."""
        return [module for module in self.modules() if isinstance(module, GeneratedConv2d)]

    def forward(self, images: Tensor, filters: Filters) -> Tensor:
        """Stylise ImageNet-normalised images.

        Args:
            images: N x 3 x H x W, H and W multiples of 4 and at least 16.
            filters: what `MetaNet` returns for one style.

        Returns:
            N x 3 x H x W, ImageNet-normalised, not clamped.
        """
        x = self.downsampling(images, filters)
        return cast(Tensor, self.upsampling(self.residuals(x, filters), filters))


class MetaNet(nn.Module):
    """The network that predicts filters: one shared hidden layer, then one linear map per generated convolution.

    Args:
        sizes: name -> number of values to generate (`TransformNet.generated`).
    """

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        self.names = tuple(sizes)
        self.hidden = nn.Linear(STYLE_SIZE, HIDDEN * len(sizes))
        self.outputs = nn.ModuleList(nn.Linear(HIDDEN, size) for size in sizes.values())

    def forward(self, descriptor: Tensor) -> Filters:
        """Filters for one style.

        Args:
            descriptor: the 1920 means and standard deviations of one style image, any shape that flattens to 1920.

        Returns:
            Name of each generated convolution -> its flat vector (values + bias).
        """
        hidden = F.relu(self.hidden(descriptor.reshape(STYLE_SIZE)))
        return {n: out(h) for n, out, h in zip(self.names, self.outputs, hidden.split(HIDDEN), strict=True)}


class StyleNet(nn.Module):
    """MetaNet and TransformNet as one module, so that both train together.

    `forward(contents, descriptor)` -> (stylised contents in float32, the filters that did it).

    Args:
        base, block: see `TransformNet`.

    Attributes:
        compute_dtype: what the TransformNet's convolutions compute in (mixed precision); parameters stay float32.
    """

    def __init__(self, base: int = 8, block: str = "resnet") -> None:
        super().__init__()
        self.compute_dtype = torch.float32
        self.transform_net = TransformNet(base, block)
        self.meta_net = MetaNet(self.transform_net.generated)

    def forward(self, contents: Tensor, descriptor: Tensor) -> tuple[Tensor, Filters]:
        filters = self.meta_net(descriptor)
        # One image at a time: its activations stay in the processor's cache. Instance norm makes the result the same.
        device = contents.device.type
        contents = contents.contiguous(memory_format=torch.channels_last)
        parts = contents.split(1) if device == "cpu" else (contents,)
        with torch.autocast(device, self.compute_dtype, enabled=self.compute_dtype != torch.float32):
            outputs = [self.transform_net(part, filters) for part in parts]
        return torch.cat(outputs).float(), filters

    @torch.no_grad()
    def counts(self) -> dict[str, int]:
        """Number of parameters of the two networks."""
        parts = {"meta_net": self.meta_net, "transform_net": self.transform_net}
        return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
