"""MetaNet and TransformNet: a network that predicts a network from a painting.

Shen, Yan, Zeng, "Meta networks for neural style transfer" (1709.04111), and the report's improved
block. Pure nn: nothing here knows of files, encoders or pages.

    net = StyleNet(base=8, block="resnext")
    filters = net.meta_net(descriptor)              # descriptor: 1920 numbers (core.models.losses.mean_std of the
    style's features)
    stylized = net.transform_net(contents, filters)  # N x 3 x H x W, ImageNet-normalised in and out

The filters are inputs of the TransformNet, not its parameters; only its two 9x9 convolutions (and,
in the ResNeXt block, the 32 branches) are its own. Every convolution but the last feeds an instance
norm without affine, so filters have no scale.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.encoder import STYLE_SIZE
from core.models.layers import (
    FilteredSequential,
    Filters,
    GeneratedConv2d,
    ResidualBlock,
    ResNeXtBlock,
    conv_layer,
)

HIDDEN = 128
RESIDUAL_BLOCKS = 5
BLOCKS = ("resnet", "resnext")
MULTIPLE = 4


class TransformNet(nn.Module):
    """The network that repaints (Johnson et al. 1603.08155, without its own middle filters).

    Args:
        base: channels after the first convolution; the report's models have 32, and some shipped ones 8.
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
        self.residuals = (
            FilteredSequential(*blocks) if block == "resnet" else ResNeXtBlock(4 * base)
        )
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

    def in_dtype(self, dtype: torch.dtype, images: Tensor, filters: Filters) -> Tensor:
        """As `forward`, in float32, with convolutions that compute in `dtype`."""
        # One image at a time: its activations stay in the processor's cache. Instance norm makes
        # the result the same.
        device = images.device.type
        images = images.contiguous(memory_format=torch.channels_last)
        parts = images.split(1) if device == "cpu" else (images,)
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            return torch.cat([self(part, filters) for part in parts]).float()


class _GeneratingProduct(torch.autograd.Function):
    """`weight @ hidden + bias`, whose weight's gradient is written once.

    Each generating layer has 128 times as many weights as it generates numbers, 160 million at base
    32. Autograd takes their gradient for a matrix product with one inner element, which takes seven
    times as long on a CPU as the outer product that it is.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, hidden: Tensor) -> Tensor:
        ctx.save_for_backward(weight, hidden)
        return torch.addmv(bias, weight, hidden)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        weight, hidden = ctx.saved_tensors
        return torch.outer(grads[0], hidden), grads[0], torch.mv(weight.t(), grads[0])


class GeneratingLinear(nn.Linear):
    """The linear map from a layer's slice of the hidden layer (128) to its flat vector of filters."""

    def forward(self, hidden: Tensor) -> Tensor:
        if torch.is_grad_enabled() and self.weight.requires_grad:
            return cast(Tensor, _GeneratingProduct.apply(self.weight, self.bias, hidden))
        return super().forward(hidden)


class MetaNet(nn.Module):
    """The network that predicts filters: one shared hidden layer,
    then one linear map per generated convolution.

    Args:
        sizes: name -> number of values to generate (`TransformNet.generated`).
    """

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        self.names = tuple(sizes)
        self.hidden = nn.Linear(STYLE_SIZE, HIDDEN * len(sizes))
        self.outputs = nn.ModuleList(GeneratingLinear(HIDDEN, size) for size in sizes.values())

    def forward(self, descriptor: Tensor) -> Filters:
        """Filters for one style.

        Args:
            descriptor: the 1920 means and standard deviations of one style image,
                any shape that flattens to 1920.

        Returns:
            Name of each generated convolution -> its flat vector (values + bias).
        """
        hidden = F.relu(self.hidden(descriptor.reshape(STYLE_SIZE)))
        layers = zip(self.names, self.outputs, hidden.split(HIDDEN), strict=True)
        return {name: out(part) for name, out, part in layers}


class StyleNet(nn.Module):
    """MetaNet and TransformNet as one module, so that both train together.

    `forward(contents, descriptor)` -> (stylised contents in float32, the filters that did it).

    Args:
        base, block: see `TransformNet`.

    Attributes:
        compute_dtype: what the TransformNet's convolutions compute in (mixed precision);
            parameters stay float32.
    """

    def __init__(self, base: int = 8, block: str = "resnet") -> None:
        super().__init__()
        self.compute_dtype = torch.float32
        self.transform_net = TransformNet(base, block)
        self.meta_net = MetaNet(self.transform_net.generated)

    def forward(self, contents: Tensor, descriptor: Tensor) -> tuple[Tensor, Filters]:
        filters = self.meta_net(descriptor)
        return self.transform_net.in_dtype(self.compute_dtype, contents, filters), filters
