"""Large pictures: the same result as in one piece, computed in strips, with little memory.

    painted = stylize_tiled(fixed, load_image("poster.png"), on_progress=print)    # up to 8,192 px a side

Cutting a picture into tiles changes the style from tile to tile, as each instance norm sees its tile alone. URST (Chen et
al. 2103.11784) takes the statistics from a thumbnail; here they are those of the whole picture, so nothing changes but rounding.
A map of features is never whole: it is a recipe for any of its rows (`Rows`), which asks the map before it for the rows
that it needs. Each instance norm first runs over its whole map to gather mean and variance. Only at a quarter of the
picture's size, where the residual blocks work, is a map kept (`Kept`): what is before it is not computed anew for each norm.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.images.convert import to_image, to_tensor
from core.images.decode import MIN_SIDE, ImageError
from core.inference.layer_graph import (
    Conv,
    Layer,
    Norm,
    Parallel,
    Relu,
    Residual,
    Upsample,
    flatten,
)
from core.models.layers import InstanceNorm
from core.models.style_net import MULTIPLE

if TYPE_CHECKING:
    from core.inference.stylizer import StyledModel

MAX_TILED_SIDE = 8192
STRIP_VALUES = (
    4_000_000  # float32 values in the largest map of a strip; a few such are alive at a time
)
SCRATCH_BYTES = 600_000_000  # a second kept map spares half of the blocks' work, where it is no larger than this
FLAT = 1e-6  # a channel that deviates less, as a share of its mean, deviates by rounding alone
MIN_ROWS = 4  # of a strip; a block reads 2 rows beyond


class Rows:
    """A map of features of which any rows can be asked for.

    Attributes:
        channels, height, width: its shape.
        work: multiplications to compute all of it, once.
        peak: values of the largest map involved, for each of its rows.
    """

    channels: int
    height: int
    width: int
    work: float
    peak: float

    def _shape(
        self, channels: int, height: int, width: int, work: float = 0, peak: float = 0
    ) -> None:
        self.channels, self.height, self.width = channels, height, width
        self.work, self.peak = work + channels * height * width, max(peak, channels * width)

    def rows(self, first: int, last: int) -> Tensor:
        """The rows from first up to, but not including, last: 1 x C x (last - first) x W, only to be read."""
        raise NotImplementedError


class Picture(Rows):
    """RGB in [0, 1], its right and lower edges reflected up to multiples of 4 (as `core.inference.stylizer.pad_to_multiple`)."""

    def __init__(self, image: Image.Image, device: torch.device) -> None:
        self.image, self.device = image, device
        self._shape(
            3, image.height + -image.height % MULTIPLE, image.width + -image.width % MULTIPLE
        )

    def rows(self, first: int, last: int) -> Tensor:
        bottom = max(0, last - self.image.height)
        start = min(first, self.image.height - 1 - bottom)
        part = self.image.crop((0, start, self.image.width, last - bottom))
        pixels = to_tensor(part)[None].to(self.device).contiguous(memory_format=torch.channels_last)
        if bottom or self.width > self.image.width:
            pixels = F.pad(pixels, (0, self.width - self.image.width, 0, bottom), mode="reflect")
        return pixels[:, :, first - start :]


class Convolved(Rows):
    def __init__(self, source: Rows, conv: Conv) -> None:
        self.source, self.conv = source, conv
        channels, each, kernel, _ = conv.weight.shape
        self.halo = kernel // 2
        height, width = source.height // conv.stride, source.width // conv.stride
        work = source.work + channels * each * kernel * kernel * height * width
        self._shape(channels, height, width, work, conv.stride * source.peak)

    def rows(self, first: int, last: int) -> Tensor:
        stride, halo = self.conv.stride, self.halo
        top, bottom = stride * first - halo, stride * (last - 1) + halo + 1
        x = self.source.rows(max(top, 0), min(bottom, self.source.height))
        if halo:
            x = F.pad(
                x, (halo, halo, max(-top, 0), max(bottom - self.source.height, 0)), mode="reflect"
            )
        return F.conv2d(x, self.conv.weight, self.conv.bias, stride, groups=self.conv.groups)


class Upsampled(Rows):
    def __init__(self, source: Rows) -> None:
        self.source = source
        self._shape(
            source.channels, 2 * source.height, 2 * source.width, source.work, source.peak / 2
        )

    def rows(self, first: int, last: int) -> Tensor:
        x = F.interpolate(
            self.source.rows(first // 2, (last + 1) // 2), scale_factor=2.0, mode="nearest"
        )
        return x[:, :, first % 2 : first % 2 + last - first]


class Normed(Rows):
    """Instance norm with the statistics of the whole map, which `gather` must have seen, row by row, before `rows`."""

    def __init__(self, source: Rows, norm: Norm) -> None:
        self.source, self.norm = source, norm
        self._shape(source.channels, source.height, source.width, source.work, source.peak)
        self.count = 0
        self.mean = self.squares = torch.zeros(source.channels, dtype=torch.float64)

    def gather(self, first: int, last: int, x: Tensor) -> None:
        """Merge these rows' mean and sum of squared deviations into those so far (Chan et al. 1979)."""
        count = (last - first) * self.width
        mean = x.mean(dim=(2, 3), keepdim=True)
        squares = (x - mean).square_().sum(dim=(0, 2, 3)).cpu().double()
        change = mean.flatten().cpu().double() - self.mean
        total = self.count + count
        self.squares = self.squares + squares + change.square() * (self.count * count / total)
        self.mean = self.mean + change * (count / total)
        self.count = total

    def rows(self, first: int, last: int) -> Tensor:
        x = self.source.rows(first, last)
        variance = self.squares / self.count
        # Each norm multiplies what is mere rounding by up to 316: a picture of one colour would come out speckled.
        variance = variance.where(variance > (FLAT * self.mean).square(), torch.inf)
        mean, scale, shift = self.mean.to(x), self.norm.scale, self.norm.shift
        return F.batch_norm(x, mean, variance.to(x), scale, shift, eps=InstanceNorm.eps)


class Rectified(Rows):
    def __init__(self, source: Normed) -> None:
        self.source = source
        self._shape(source.channels, source.height, source.width, source.work, source.peak)

    def rows(self, first: int, last: int) -> Tensor:
        return F.relu_(self.source.rows(first, last))  # a norm's rows are nobody else's


class Summed(Rows):
    def __init__(self, sources: Sequence[Rows]) -> None:
        self.sources = sources
        one = sources[0]
        self._shape(
            one.channels,
            one.height,
            one.width,
            sum(s.work for s in sources),
            max(s.peak for s in sources),
        )

    def rows(self, first: int, last: int) -> Tensor:
        total = self.sources[0].rows(first, last)
        for source in self.sources[1:]:
            total = total + source.rows(first, last)
        return total


class Kept(Rows):
    """A map held in memory, float32. A part that is `put` must have been computed from what was there before."""

    def __init__(self, like: Rows, device: torch.device) -> None:
        self._shape(like.channels, like.height, like.width)
        shape = (1, like.channels, like.height, like.width)
        self.values = torch.empty(shape, device=device, memory_format=torch.channels_last)

    def put(self, first: int, last: int, x: Tensor) -> None:
        self.values[:, :, first:last] = x

    def rows(self, first: int, last: int) -> Tensor:
        return self.values[:, :, first:last]


Take = Callable[[int, int, Tensor], None]


@dataclass
class Plan:
    """Passes over maps, in order: all of a map's rows are computed, in strips, and handed on.

    Attributes:
        strip_values: how large a strip may be, see `STRIP_VALUES`.
        scratch_bytes: how large a second kept map may be, see `SCRATCH_BYTES`.
    """

    device: torch.device
    strip_values: int
    scratch_bytes: int
    passes: list[tuple[Rows, Take]] = field(default_factory=list)
    scratch: Kept | None = None

    def chain(self, layers: Iterable[Layer], source: Rows, scratch: Kept | None = None) -> Rows:
        """What the layers make of a map; what they give in the scratch map's shape before a norm is kept there."""
        for layer in layers:
            match layer:
                case Conv():
                    source = Convolved(source, layer)
                case Upsample():
                    source = Upsampled(source)
                case Parallel():
                    source = Summed([self.chain(chain, source) for chain in layer.chains])
                case Residual():
                    source = self.residual(layer, source)
                case Relu():
                    assert isinstance(source, Normed)
                    source = Rectified(source)
                case Norm():
                    if scratch is not None and scratch.channels == source.channels:
                        self.passes.append((source, scratch.put))
                        source = scratch
                    source = Normed(source, layer)
                    self.passes.append((source.source, source.gather))
        return source

    def residual(self, block: Residual, source: Rows) -> Kept:
        """A residual block on a kept map, which takes the sum's place."""
        if isinstance(source, Kept):
            kept = source
        else:
            kept = Kept(source, self.device)
            self.passes.append((source, kept.put))
            self.scratch = (
                Kept(kept, self.device) if kept.values.nbytes <= self.scratch_bytes else None
            )
        self.passes.append((Summed([kept, self.chain(block.layers, kept, self.scratch)]), kept.put))
        return kept

    def run(self, on_progress: Callable[[float], None]) -> None:
        """Make the passes, once, forgetting each and what only it needed."""
        done, total = 0.0, sum(source.work for source, _ in self.passes)
        self.scratch = None
        while self.passes:
            source, take = self.passes.pop(0)
            step = max(MIN_ROWS, int(self.strip_values / source.peak))
            waiting: tuple[int, int, Tensor] | None = None
            for first in range(0, source.height, step):
                last = min(first + step, source.height)
                x = source.rows(first, last)
                if (
                    waiting
                ):  # one strip late: the next one reads a few of the rows that this one may replace
                    take(*waiting)
                waiting = (first, last, x)
                on_progress(min(1.0, (done + source.work * last / source.height) / total))
            if waiting:
                take(*waiting)
            done += source.work


@torch.inference_mode()
def stylize_tiled(
    styled: "StyledModel",
    image: Image.Image,
    on_progress: Callable[[float], None] | None = None,
    *,
    strip_values: int = STRIP_VALUES,
    scratch_bytes: int = SCRATCH_BYTES,
) -> Image.Image:
    """Stylise one RGB picture of up to 8,192 px a side; the result has its exact size.

    The values are those of `fixed(image)` but for rounding. Where the two differ, this is the nearer to the exact one: in one
    piece, the sums behind each norm lose digits above some four million pixels, and a picture of one colour is all rounding.

    Args:
        fixed: the style.
        image: RGB, at least 16 px a side.
        on_progress: called after each strip with the part that is done, 0 to 1; an exception raised in it ends the work.
        strip_values, scratch_bytes: memory against time, see the constants.

    Raises:
        ImageError: a side is shorter than 16 or longer than 8,192 px.
    """
    if min(image.size) < MIN_SIDE or max(image.size) > MAX_TILED_SIDE:
        sides = f"{MIN_SIDE} to {MAX_TILED_SIDE}"
        raise ImageError(
            f"The photo has {image.width} x {image.height} px; each side must have {sides}."
        )
    device = next(styled.transform_net.parameters()).device
    plan = Plan(device, strip_values, scratch_bytes)
    result = Image.new(
        "RGB", image.size, None
    )  # a colour would fill, and so take, its memory at once

    def paste(first: int, last: int, x: Tensor) -> None:
        if first < image.height:  # a strip may be padding alone
            result.paste(to_image(x[:, :, : image.height - first, : image.width]), (0, first))

    stylized = plan.chain(flatten(styled.transform_net, styled.filters), Picture(image, device))
    plan.passes.append((stylized, paste))
    plan.run(on_progress or (lambda _: None))
    return result
