"""Large pictures: the same result as in one piece, computed in strips, with little memory.

    image = stylize_tiled(styled, load_image("poster.png"), on_progress=print)  # up to 8,192 px

Cutting a picture into tiles changes the style from tile to tile, as each instance norm sees its
tile alone. URST (Chen et al. 2103.11784) takes the statistics from a thumbnail; here they are those
of the whole picture, so that nothing changes but rounding.

**Rows on demand.** A map of features is never whole. It is an object that computes any of its rows
(`core.inference.rows`), for which it asks the map before it for the rows that it needs. The network is thus a
chain of such objects, and each norm costs a pass over all that comes before it, to gather mean and
variance. A picture of 8 rows, two 3x3 convolutions with a norm between them, in strips of 4 rows
(0:4 are the rows 0, 1, 2 and 3):

    pass                strip   second conv.   norm   first conv.   picture
    1  statistics       0:4                           0:4           0:5
       of the norm      4:8                           4:8           3:8
    2  the result       0:4     0:4            0:5    0:5           0:6
                        4:8     4:8            3:8    3:8           2:8

**Kept maps.** After n norms the first convolution would have been computed n + 1 times. So the one
map on which all residual blocks work, at a quarter of the picture's size, is kept in memory
(`Kept`), and what comes before it is computed no more. A block's sum takes its input's place, strip
by strip. The block's two convolutions read 2 rows beyond a strip, and those must be old, so each
strip is written one strip late:

    compute 0:4   (reads 0:6)
    compute 4:8   (reads 2:10)    write 0:4      rows 2 and 3 were still to be read
    compute 8:12  (reads 6:12)    write 4:8
                                  write 8:12

Where memory allows, a second map (`Plan.scratch`) keeps what each of a block's norms sees. A block
then takes two convolutions in place of five: its first one is in every pass, of which there are
three, its second one in two.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor

from core.images.convert import to_image
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
from core.inference.rows import Convolved, Kept, Normed, Picture, Rows, Summed, Upsampled
from core.inference.styled_model import MAX_SIDE, StyledModel, check_sides

STRIP_VALUES = 4_000_000  # float32 values in a strip's largest map; a few such are alive at a time
SCRATCH_BYTES = 600_000_000  # the largest second kept map
MIN_ROWS = 4  # of a strip; a block reads 2 rows beyond


# All rows of a map are computed, in strips, and handed on: the map, and what gets the first row,
# the row after the last, and 1 x C x (last - first) x W.
Pass = tuple[Rows, Callable[[int, int, Tensor], None]]


def strips_done(source: Rows, take: Callable[[int, int, Tensor], None], step: int) -> Iterator[int]:
    """Make a pass, each strip of `step` rows handed on after the next one is computed.

    Yields:
        After each strip, how many rows are computed.
    """
    waiting: tuple[int, int, Tensor] | None = None
    for first in range(0, source.height, step):
        last = min(first + step, source.height)
        x = source.rows(first, last)
        if waiting:
            take(*waiting)
        waiting = (first, last, x)
        yield last
    if waiting:
        take(*waiting)


@dataclass
class Plan:
    """The passes that a network needs, in order.

    Attributes:
        device: where maps are kept.
        strip_values: how large a strip may be, see `STRIP_VALUES`.
        scratch_bytes: how large a second kept map may be, see `SCRATCH_BYTES`.
        passes: those that are still to be made.
        scratch: the second kept map, once there is a first one.
    """

    device: torch.device
    strip_values: int
    scratch_bytes: int
    passes: deque[Pass] = field(default_factory=deque)
    scratch: Kept | None = None

    def chain(self, layers: Iterable[Layer], source: Rows, scratch: Kept | None = None) -> Rows:
        """The map that layers make of a map, with the passes that their norms need.

        Args:
            scratch: keeps what comes before each norm, where it has the same channels.
        """
        for layer in layers:
            match layer:
                case Conv():
                    source = Convolved(source, layer)
                case Upsample():
                    source = Upsampled(source)
                case Norm():
                    # Its statistics take one pass, and keeping what it sees another.
                    if scratch is not None and scratch.channels == source.channels:
                        self.passes.append((source, scratch.put))
                        source = scratch
                    normed = Normed(source, layer)
                    self.passes.append((source, normed.gather))
                    source = normed
                case Relu():
                    assert isinstance(source, Normed)
                    source.rectified = True
                case Parallel():
                    source = Summed([self.chain(chain, source) for chain in layer.chains])
                case Residual():
                    source = self.residual(layer, source)
        return source

    def residual(self, block: Residual, source: Rows) -> Kept:
        """A residual block on a kept map, which takes the sum's place; the first block keeps it."""
        if isinstance(source, Kept):
            kept = source
        else:
            kept = Kept(source, self.device)
            self.passes.append((source, kept.put))
            is_small = kept.values.nbytes <= self.scratch_bytes
            self.scratch = Kept(kept, self.device) if is_small else None
        change = self.chain(block.layers, kept, self.scratch)
        self.passes.append((Summed([kept, change]), kept.put))
        return kept

    def run(self, on_progress: Callable[[float], None]) -> None:
        """Make the passes, once, forgetting each and the maps that only it needed."""
        total = sum(source.work for source, _ in self.passes)
        done = 0.0
        self.scratch = None
        while self.passes:
            source, take = self.passes.popleft()
            step = max(MIN_ROWS, int(self.strip_values / source.peak))
            for last in strips_done(source, take, step):
                on_progress(min(1.0, (done + source.work * last / source.height) / total))
            done += source.work


@torch.inference_mode()
def stylize_tiled(
    styled: StyledModel,
    image: Image.Image,
    on_progress: Callable[[float], None] | None = None,
    *,
    strip_values: int = STRIP_VALUES,
    scratch_bytes: int = SCRATCH_BYTES,
) -> Image.Image:
    """Stylise one RGB picture of up to 8,192 px a side; the result has its exact size.

    The values are those of `styled(image)` but for rounding. Where the two differ, this is the
    nearer to the exact one: in one piece, the sums behind each norm lose digits above some four
    million pixels, and a picture of one colour is all rounding.

    Args:
        styled: a network with the style in place.
        image: RGB, at least 16 px a side.
        on_progress: called after each strip with the part that is done, 0 to 1; an exception raised
            in it ends the work.
        strip_values, scratch_bytes: memory against time, see the constants.

    Raises:
        ImageError: a side is shorter than 16 or longer than 8,192 px.
    """
    check_sides(image, MAX_SIDE)
    device = next(styled.transform_net.parameters()).device
    plan = Plan(device, strip_values, scratch_bytes)
    # A colour would fill the picture, and so take its memory, at once; None leaves it untouched.
    result = Image.new("RGB", image.size, None)

    def paste(first: int, last: int, x: Tensor) -> None:
        if first < image.height:  # a strip may be padding alone
            pixels = x[:, :, : image.height - first, : image.width]
            result.paste(to_image(pixels), (0, first))

    layers = flatten(styled.transform_net, styled.filters)
    stylized = plan.chain(layers, Picture(image, device))
    plan.passes.append((stylized, paste))
    plan.run(on_progress or (lambda _: None))
    return result
