"""The flagship's networks: a shared TransformNet that the painting adjusts everywhere.

The report's idea stays, a network that predicts a network; what is predicted is smaller. The
convolutions are the TransformNet's own, and the MetaNet generates, from the painting's statistics:

- the scale and shift of every instance norm (Dumoulin et al. 1610.07629, Ghiasi et al. 1705.06830);
- of every 3x3 convolution a change of its middle tap, a 1x1 filter from each channel to each, which
  costs nothing when a picture is painted: it is added to the filter beforehand;
- a 1x1 map from the last features to colours, and a 3x3 colour matrix with an offset.

How much the painting counts, the emphasis, is a straight line through what is generated: all of it
moves by the emphasis times a change that the painting has for itself.

    net = FlagshipNet()
    filters = net.meta_net(descriptor)                # 1920 numbers, or N x 1920: a painting for each image
    bolder = net.meta_net(descriptor, emphasis=1.0)   # trained with twice the style weight
    stylized = net.transform_net(contents, filters)   # N x 3 x H x W, ImageNet-normalised in and out

It has the same two parts, with the same calls, as `core.models.style_net.StyleNet`, and takes its
place in a `Stylizer`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.encoder import STYLE_SIZE
from core.models.fast.convolution import conv2d_by_fours, needs_autograd
from core.models.layers import Filters
from core.models.modulated import ModulatedBlock, ModulatedConv, ModulatedNorm

FLAGSHIP_BLOCK = "mixed"  # what a card calls this kind of network: its filters are mixed anew
BASE = 16
RESIDUAL_BLOCKS = 4
META_WIDTH = 256
MIX_WIDTH = 64
LOG_OFFSET = 1e-2
CLAMP = 3.0
COLOUR_SCALE = 0.2
MAP_SCALE = 0.02


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
                *(ModulatedBlock(4 * base) for _ in range(RESIDUAL_BLOCKS)),
                ModulatedConv(4 * base, 2 * base, upsample=True),
                ModulatedConv(2 * base, base, upsample=True),
            ]
        )
        self.out = nn.Conv2d(base, 3, 9)
        self.base = base
        for name, module in self.named_modules():
            if isinstance(module, ModulatedNorm):
                module.name = name
            if isinstance(module, ModulatedConv) and module.mix_size:
                module.mix = f"{name}.mix"

    @property
    def generated(self) -> dict[str, int]:
        """Name -> number of values that the MetaNet generates: norms and colours,
        then the changes of filters.
        """
        norms = {m.name: m.size for m in self.modules() if isinstance(m, ModulatedNorm)}
        return {**norms, "map": 3 * self.base, "colours": 9, "offset": 3, **self.mixes}

    @property
    def mixes(self) -> dict[str, int]:
        """Of `generated`, what changes filters."""
        return {m.mix: m.mix_size for m in self.modules() if isinstance(m, ModulatedConv) and m.mix}

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
        offset = COLOUR_SCALE * filters["offset"].view(-1, 3, 1)
        return matrix + torch.eye(3, device=matrix.device), offset

    def colours(self, filters: Filters) -> tuple[Tensor, Tensor]:
        """Weight and bias of the last convolution, the 1x1 map,
        the colour matrix and the offset of one painting in one.
        """
        assert self.out.bias is not None
        weight = self.out.weight.clone()
        middle = weight.shape[-1] // 2
        weight[:, :, middle, middle] += MAP_SCALE * filters["map"].view(3, self.base)
        matrices, offset = self._colour_map(filters)
        matrix = matrices[0]
        bias = matrix @ self.out.bias + offset.flatten()
        return torch.einsum("ij,jckl->ickl", matrix, weight), bias


class FlagshipMetaNet(nn.Module):
    """The network that predicts: statistics of a painting, made comparable,
    through two hidden layers.

    Args:
        sizes: name -> number of values to generate (`FlagshipTransformNet.generated`).
        mixes: those of them that change filters. They are many, and come through a narrower layer.
        width: of the hidden layers.

    Attributes:
        centre, spread: mean and standard deviation of the log statistics over the training
            paintings (buffers).
        emphasise: from the last hidden layer to how it changes with each doubling of the style
            weight; nothing at first. (As one more input beside 1,920 statistics, even 32 times as
            loud, the emphasis had moved no held-out measure by more than 2 % after 650 iterations.)
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, sizes: dict[str, int], mixes: dict[str, int], width: int = META_WIDTH
    ) -> None:
        super().__init__()
        self.names = (*(name for name in sizes if name not in mixes), *mixes)
        self.sizes = [sizes[name] for name in self.names]
        few, many = sum(sizes.values()) - sum(mixes.values()), sum(mixes.values())
        self.register_buffer("centre", torch.zeros(STYLE_SIZE))
        self.register_buffer("spread", torch.ones(STYLE_SIZE))
        self.body = nn.Sequential(
            nn.Linear(STYLE_SIZE, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, few),
        )
        self.mix_out = nn.Sequential(nn.Linear(width, MIX_WIDTH), nn.Linear(MIX_WIDTH, many))
        self.emphasise = nn.Linear(width, width)
        nn.init.zeros_(self.emphasise.weight)
        nn.init.zeros_(self.emphasise.bias)

    @torch.no_grad()
    def standardize_on(self, descriptors: Tensor) -> None:
        """Set `centre` and `spread` from many paintings' descriptors (P x 1920)."""
        logs = torch.log(descriptors + LOG_OFFSET)
        self.centre.copy_(logs.mean(dim=0))
        self.spread.copy_(logs.std(dim=0).clamp(min=1e-3))

    def standardized(self, descriptor: Tensor) -> Tensor:
        """A painting's statistics ((N x) 1920) as what the hidden layers see of them:
        logs of mean 0 and deviation 1.
        """
        logs = torch.log(descriptor + LOG_OFFSET)
        return ((logs - self.centre) / self.spread).clamp(-CLAMP, CLAMP)

    def forward(self, descriptor: Tensor, emphasis: float | Tensor = 0.0) -> Filters:
        """Filters for one painting (1920 numbers -> flat vectors) or for N (N x
        1920 -> N rows each).

        Args:
            emphasis: how much more the painting counts against the photo: the binary logarithm of
                the style weight over the usual one; a number, or one for each painting (N).
        """
        return self.generate(self.standardized(descriptor), emphasis)

    def generate(self, seen: Tensor, emphasis: float | Tensor = 0.0) -> Filters:
        """The same from standardized statistics."""
        hidden = self.body[:-1](seen)  # (N x) width
        more = torch.as_tensor(emphasis, dtype=seen.dtype, device=seen.device)
        hidden = hidden + more[..., None] * self.emphasise(hidden)
        values = torch.cat([self.body[-1](hidden), self.mix_out(hidden)], dim=-1)
        return dict(zip(self.names, values.split(self.sizes, dim=-1), strict=True))


class FlagshipNet(nn.Module):
    """Both parts as one module; calls and attributes as in `core.models.style_net.StyleNet`,
    with a painting for each image.
    """

    def __init__(self, base: int = BASE) -> None:
        super().__init__()
        self.compute_dtype = torch.float32
        self.transform_net = FlagshipTransformNet(base)
        self.meta_net = FlagshipMetaNet(self.transform_net.generated, self.transform_net.mixes)

    def forward(
        self, contents: Tensor, descriptors: Tensor, emphasis: float | Tensor = 0.0
    ) -> tuple[Tensor, Filters]:
        """N x 3 x H x W with N x 1920, or with one painting's 1920 for all."""
        filters = self.meta_net(descriptors, emphasis)
        device = contents.device.type
        contents = contents.contiguous(memory_format=torch.channels_last)
        with torch.autocast(
            device, self.compute_dtype, enabled=self.compute_dtype != torch.float32
        ):
            if device == "cpu" and descriptors.ndim == 2:
                count = len(contents)
                rows = [{name: value[i] for name, value in filters.items()} for i in range(count)]
                pairs = zip(contents.split(1), rows, strict=True)
                outputs = torch.cat([self.transform_net(part, row) for part, row in pairs])
            else:
                outputs = self.transform_net(contents, filters)
        return outputs.float(), filters
