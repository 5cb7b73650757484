"""A thin copy of VGG19 in its place: what the flagship's MetaNet sees of a painting,
at an eighth of the work.

Reading a painting with VGG19 takes nearly as long as painting a picture of 512 px, and without 8-bit
integers longer. The MetaNet is given 1,920 channel means and standard deviations only, and
most of what VGG19's 3x3 convolutions compute on the way is nearly a repetition: the responses of
256 channels lie close to a plane of some 50 dimensions. So each convolution but the first is three
smaller ones in a row (Zhang et al. 1505.06798, Jaderberg et al. 1405.3866):

    3x3, 256 -> 256                             589,824 products for each pixel
    3x1, 256 -> 56; 1x3, 56 -> 56; 1x1, 56 -> 256   66,752

The copy is found layer by layer (`core.training.thinning`), then taught to see what VGG19 sees
(`core.training.distillation`). What stays is put right afterwards by a small map of the 1,920
numbers.

    reader = StyleReader()
    seen = reader(normalize(painting))          # N x 1920: log statistics as `FlagshipMetaNet.standardized` gives them
    filters = net.meta_net.generate(seen)
"""

from typing import cast

import torch
from torch import Tensor, nn

from core.models.encoder import STYLE_SIZE, TAPS, vgg_layers
from core.models.flagship import CLAMP, LOG_OFFSET
from core.models.losses import mean_std

ENCODER = "vgg19"  # which is copied
RANKS = {64: 16, 128: 40, 256: 56, 512: 96}  # channels of a convolution -> those between its parts
MAP_RANK = 192


class ThinConv(nn.Sequential):
    """A 3x3 convolution as three: 3x1 and 1x3 on few channels, then 1x1.

    Args:
        inside, outside: its numbers of channels.
        rank: that between its parts.
    """

    def __init__(self, inside: int, outside: int, rank: int) -> None:
        super().__init__(
            nn.Conv2d(inside, rank, (3, 1), padding=(1, 0), bias=False),
            nn.Conv2d(rank, rank, (1, 3), padding=(0, 1), bias=False),
            nn.Conv2d(rank, outside, 1),
        )


class ResidualMap(nn.Module):
    """Standardized statistics (N x 1920) put right by a linear map of few dimensions.

    (With two hidden layers beside it, the map took twice the weights to leave a sixth less of what
    is generated wrongly.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(STYLE_SIZE, MAP_RANK)
        self.outer = nn.Linear(MAP_RANK, STYLE_SIZE)
        nn.init.zeros_(self.outer.weight)  # nothing is changed at first
        nn.init.zeros_(self.outer.bias)

    def forward(self, seen: Tensor) -> Tensor:
        return seen + cast(Tensor, self.outer(self.inner(seen)))


class StyleReader(nn.Module):
    """Thin convolutions, the statistics of four of their layers, and a map from these to VGG19's.

    Attributes:
        features: numbered as VGG19's, the taps as well.
        slope, offset: from the log of each statistic to what the MetaNet sees of it: 1920.
    """

    def __init__(self) -> None:
        super().__init__()
        layers = vgg_layers(ENCODER)
        for index, layer in enumerate(layers):
            if isinstance(layer, nn.Conv2d) and layer.in_channels != 3:
                inside, outside = layer.in_channels, layer.out_channels
                layers[index] = ThinConv(inside, outside, RANKS[outside])
        self.features = layers
        self.slope = nn.Parameter(torch.ones(STYLE_SIZE))
        self.offset = nn.Parameter(torch.zeros(STYLE_SIZE))
        self.map = ResidualMap()

    def forward(self, images: Tensor) -> Tensor:
        """ImageNet-normalised images, N x 3 x H x W of at least 16 px a side, to N x 1920."""
        return cast(Tensor, self.map(self.seen(images))).clamp(-CLAMP, CLAMP)

    def seen(self, images: Tensor) -> Tensor:
        """The same before the map puts it right."""
        return self.slope * self.logs(images) + self.offset

    def logs(self, images: Tensor) -> Tensor:
        """Logs of the means and standard deviations at the taps, N x 1920."""
        x = images.contiguous(memory_format=torch.channels_last)
        taps: dict[str, Tensor] = {}
        names = {index: name for name, index in TAPS[ENCODER].items()}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in names:
                taps[names[index]] = x.float()
        return torch.log(mean_std(taps) + LOG_OFFSET)
