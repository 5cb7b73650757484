"""Colours matched to a painting's, measured where each area of a picture is shown.

shown = places_shown([mask], photo.size, settings)
match = colour_match(painted, ColourSample.of(painting), photo, settings.strength, shown[0])
match(painted)
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from core.images.colour_transport import ColourSample, ColourTable
from core.images.colours import STATISTICS_SIDE
from core.images.convert import with_alpha
from core.images.masks import shares_shown, soft_mask
from core.settings import Settings


def places_shown(
    masks: Sequence[Image.Image],
    size: tuple[int, int],
    settings: Settings,
    alpha: Image.Image | None = None,
) -> list[Image.Image | None]:
    """Where each area of a picture is shown, mode L: that inside each mask, then that outside; None
    for everywhere, as without masks.

    Args:
        masks: as they were given.
        size: of the picture, whose places are found at the size at which colours are measured.
        alpha: how opaque the photo is, where it is transparent.
    """
    if not masks:
        return [alpha]
    scale = min(1, STATISTICS_SIDE / max(size))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    softness, invert = settings.mask_softness, settings.mask_invert
    softness = None if softness is None else softness * scale
    shares = shares_shown([soft_mask(mask, small, softness, invert) for mask in masks])
    opaque = np.asarray(alpha.resize(small)) if alpha else 255
    return [Image.fromarray((share * opaque).round().astype(np.uint8)) for share in shares]


def colour_match(
    painted: Image.Image,
    colours: ColourSample,
    photo: Image.Image,
    strength: float,
    shown: Image.Image | None,
) -> ColourTable:
    """The change that gives a painted picture the colours of its painting; below strength 1, what
    lies between those and the photo's.

    Args:
        painted, photo: RGB.
        colours: those of the painting.
        shown: how much of each pixel counts, mode L; None for all of them.
    """
    goal = colours
    if strength < 1:
        goal = ColourSample.of(with_alpha(photo, shown)).towards(colours, strength)
    return ColourSample.of(with_alpha(painted, shown)).table_to(goal)
