"""Style inside a mask, something else outside, with a soft edge.

inside = soft_mask(load_mask("mask.png"), painted.size, softness=12)     # white is inside
composite(painted, photo, inside).save("out.png")
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from core.images.convert import by_rows

SOFTNESS = 1 / 50  # of the picture's longest side


def soft_mask(
    mask: Image.Image, size: tuple[int, int], softness: float | None = None, invert: bool = False
) -> np.ndarray:
    """How much of each pixel is inside.

    Args:
        mask: any picture; its lightness counts: white is inside, black outside,
            grey between. Resized to `size`.
        size: width and height of the picture in px.
        softness: width of the soft edge in px; None for a fiftieth of the longest side. The values
            blur with a Gaussian whose sides are as steep as a ramp of this width: neighbouring
            pixels differ by at most 1 / softness.
        invert: black is inside.

    Returns:
        H x W, float32, in [0, 1].
    """
    width = max(size) * SOFTNESS if softness is None else softness
    grey = mask.convert("L").resize(size, Image.Resampling.BILINEAR)
    inside = np.asarray(grey, dtype=np.float32) / 255
    if width > 1:
        inside = gaussian_filter(inside, width / math.sqrt(2 * math.pi), mode="nearest")
    return 1 - inside if invert else inside


def composite(inner: Image.Image, outer: Image.Image, inside: np.ndarray) -> Image.Image:
    """`inner` where `inside` (H x W in [0, 1]) is 1, `outer` where it is 0, blended between;
    RGB pictures of one size.
    """

    def blended(rows: slice, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return second + inside[rows, :, None] * (first - second)

    return by_rows(blended, inner, outer)


def layered(
    painted: Iterable[Image.Image], insides: Iterable[np.ndarray], around: Image.Image
) -> Image.Image:
    """Pictures laid upon another, each inside its mask, a later one above; RGB, of one size.

    Args:
        painted: one for each mask; what comes after those does not count.
        insides: what `soft_mask` gives of each mask, taken one after the other.
        around: what is seen outside all of them, and where there is no mask.
    """
    for inside, inner in zip(insides, painted, strict=False):
        around = composite(inner, around, inside)
    return around


def shares_shown(insides: Sequence[np.ndarray]) -> list[np.ndarray]:
    """How much of each picture that `layered` lays upon another is seen where: of those inside the
    masks, then of what is around. H x W in [0, 1], as the masks are, which are at least one.
    """
    shares: list[np.ndarray] = []
    uncovered = np.ones_like(insides[0])
    for inside in reversed(insides):
        shares.insert(0, uncovered * inside)
        uncovered = uncovered * (1 - inside)
    return [*shares, uncovered]
