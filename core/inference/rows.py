"""Maps of features that are never whole: each computes any of its rows when it is asked for them.

    source = Convolved(Upsampled(Picture(image, device)), conv)
    source.rows(0, 64)                       # 1 x C x 64 x W, from the rows of the picture that it takes

What `core.inference.tiled` puts together; a worked example is there.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.images.convert import to_tensor
from core.inference.layer_graph import Conv, Norm
from core.models.layers import InstanceNorm
from core.models.style_net import MULTIPLE

FLAT = 1e-6  # a channel that deviates less, as a share of its mean, deviates by rounding alone


class Rows:
    """A map of features of which any rows can be asked for.

    Attributes:
        channels, height, width: its shape.
        work: values computed and products taken to compute all of it, once.
        peak: values of the largest map involved, for each of its rows.
    """

    def __init__(
        self, channels: int, height: int, width: int, work: float = 0, peak: float = 0
    ) -> None:
        """Set the shape; `work` and `peak` are those of what it is computed from."""
        self.channels = channels
        self.height = height
        self.width = width
        self.work = work + channels * height * width
        self.peak = max(peak, channels * width)

    def rows(self, first: int, last: int) -> Tensor:
        """The rows from first up to, but not including, last: 1 x C x (last - first) x W.

        They are only to be read: they may be part of a map that is kept.
        """
        raise NotImplementedError


class Picture(Rows):
    """RGB in [0, 1], its right and lower edges reflected up to multiples of 4.

    As `core.inference.styled_model.pad_to_multiple` does.
    """

    def __init__(self, image: Image.Image, device: torch.device) -> None:
        height = image.height + -image.height % MULTIPLE
        width = image.width + -image.width % MULTIPLE
        super().__init__(3, height, width)
        self.image = image
        self.device = device

    def rows(self, first: int, last: int) -> Tensor:
        right = self.width - self.image.width
        bottom = max(0, last - self.image.height)
        # Reflecting takes rows from above the edge, to be read even where none is asked for.
        start = min(first, self.image.height - 1 - bottom)
        part = self.image.crop((0, start, self.image.width, last - bottom))
        x = to_tensor(part)[None].to(self.device)  # 1 x 3 x rows x the image's width
        x = x.contiguous(memory_format=torch.channels_last)
        if bottom or right:
            x = F.pad(x, (0, right, 0, bottom), mode="reflect")
        return x[:, :, first - start :]


class Convolved(Rows):
    """A map after reflection padding and a convolution."""

    def __init__(self, source: Rows, conv: Conv) -> None:
        out_channels, channels_in_group, kernel, _ = conv.weight.shape
        height = source.height // conv.stride
        width = source.width // conv.stride
        products = out_channels * channels_in_group * kernel * kernel * height * width
        # Each row is computed from as many of the source's as its stride.
        peak = conv.stride * source.peak
        super().__init__(out_channels, height, width, source.work + products, peak)
        self.source = source
        self.conv = conv
        self.halo = kernel // 2  # rows beyond those asked for, on either side

    def rows(self, first: int, last: int) -> Tensor:
        stride, halo = self.conv.stride, self.halo
        top = stride * first - halo  # of the source's rows that are needed; may lie above the map
        bottom = stride * (last - 1) + halo + 1  # may lie below it
        x = self.source.rows(max(top, 0), min(bottom, self.source.height))
        if halo:
            above = max(-top, 0)
            below = max(bottom - self.source.height, 0)
            x = F.pad(x, (halo, halo, above, below), mode="reflect")
        return F.conv2d(x, self.conv.weight, self.conv.bias, stride, groups=self.conv.groups)


class Upsampled(Rows):
    """A map twice as high and wide, nearest neighbour."""

    def __init__(self, source: Rows) -> None:
        height, width = 2 * source.height, 2 * source.width
        super().__init__(source.channels, height, width, source.work, source.peak / 2)
        self.source = source

    def rows(self, first: int, last: int) -> Tensor:
        x = self.source.rows(first // 2, (last + 1) // 2)
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        skipped = first % 2  # an odd row is the second of a pair
        return x[:, :, skipped : skipped + last - first]


class Normed(Rows):
    """Instance norm with the statistics of the whole map.

    `gather` must have seen the whole map, row by row, before any `rows` are asked for.

    Attributes:
        rectified: whether a ReLU follows, for all that read these rows.
        count: pixels seen so far.
        mean: of each channel over them, float64.
        squares: of each channel, the sum of squared deviations from its mean, float64.
    """

    def __init__(self, source: Rows, norm: Norm) -> None:
        super().__init__(source.channels, source.height, source.width, source.work, source.peak)
        self.source = source
        self.norm = norm
        self.rectified = False
        self.count = 0
        self.mean = torch.zeros(source.channels, dtype=torch.float64)
        self.squares = torch.zeros(source.channels, dtype=torch.float64)

    def gather(self, first: int, last: int, x: Tensor) -> None:
        """Merge the statistics of some rows with those so far (Chan et al. 1979).

        The values (1 3) have count 2, mean 2 and squares 2; (8) has 1, 8 and 0. Together:

            change = 8 - 2 = 6
            squares = 2 + 0 + 6 * 6 * (2 * 1 / 3) = 26     (1 - 4)^2 + (3 - 4)^2 + (8 - 4)^2
            mean = 2 + 6 * (1 / 3) = 4

        Sums of squares of the values themselves would lose their digits where the mean is large.
        """
        count = (last - first) * self.width
        mean = x.mean(dim=(2, 3), keepdim=True)  # 1 x C x 1 x 1
        squares = (x - mean).square_().sum(dim=(0, 2, 3)).cpu().double()  # C
        change = mean.flatten().cpu().double() - self.mean  # C
        total = self.count + count
        self.squares = self.squares + squares + change.square() * (self.count * count / total)
        self.mean = self.mean + change * (count / total)
        self.count = total

    def rows(self, first: int, last: int) -> Tensor:
        x = self.source.rows(first, last)
        variance = self.squares / self.count  # C
        # Each norm multiplies what is mere rounding by up to 316, so that a picture of one colour
        # would come out speckled; an infinite variance makes such a channel 0.
        varies = variance > (FLAT * self.mean).square()
        variance = variance.where(varies, torch.inf)
        mean, scale, shift = self.mean.to(x), self.norm.scale, self.norm.shift
        x = F.batch_norm(x, mean, variance.to(x), scale, shift, eps=InstanceNorm.eps)
        return F.relu_(x) if self.rectified else x


class Summed(Rows):
    """The sum of several maps of one shape."""

    def __init__(self, sources: Sequence[Rows]) -> None:
        one = sources[0]
        work = sum(source.work for source in sources)
        peak = max(source.peak for source in sources)
        super().__init__(one.channels, one.height, one.width, work, peak)
        self.sources = sources

    def rows(self, first: int, last: int) -> Tensor:
        total = self.sources[0].rows(first, last)
        for source in self.sources[1:]:
            total = total + source.rows(first, last)
        return total


class Kept(Rows):
    """A map that is held in memory, float32, and filled by `put`."""

    def __init__(self, like: Rows, device: torch.device) -> None:
        super().__init__(like.channels, like.height, like.width)
        shape = (1, like.channels, like.height, like.width)
        self.values = torch.empty(shape, device=device, memory_format=torch.channels_last)

    def put(self, first: int, last: int, x: Tensor) -> None:
        """Replace rows; they must have been computed from what was there before."""
        self.values[:, :, first:last] = x

    def rows(self, first: int, last: int) -> Tensor:
        return self.values[:, :, first:last]
