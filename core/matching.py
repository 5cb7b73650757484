"""Colours matched to a painting's: whether they are, and measured where each area of a picture is shown.

is_matched(settings, stylizer)
shown = places_shown([mask], photo.size, settings)
match = colour_match(painted, ColourSample.of(painting), photo, settings.strength, shown[0])
match(painted)
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from core.baselines.adapter import Backend
from core.images.colour_transport import ColourSample, ColourTable
from core.images.colours import STATISTICS_SIDE
from core.images.convert import with_alpha
from core.images.masks import shares_shown, soft_mask
from core.inference.stylizer import Stylizer
from core.settings import AUTO, MATCH, Settings

# How far colours are moved. Over the gallery's 64 pairs with the flagship, all the way leaves 0.32 of
# the distance between the colours of picture and painting, this 0.45; but 133 specks per megapixel in
# place of 77 (25 as painted), and in paintings of a few flat colours faces fade.
SHARE = 0.75
Painter = Callable[[Image.Image], Image.Image]


def is_matched(settings: Settings, backend: Backend) -> bool:
    """Whether a result's colours are matched to its painting's.

    Where the settings leave it to the model, the flagship's are: one network for all paintings
    cannot know how often each colour of its picture occurs, and paints a poster of red and white
    with violet too. The report's models are shown as they paint.

    Args:
        backend: what paints.
    """
    if settings.colours != AUTO:
        return settings.colours == MATCH
    return isinstance(backend, Stylizer) and backend.model.variant.is_flagship


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


def in_usual_colours(paint: Painter, painting: Image.Image, backend: Backend) -> Painter:
    """What paints photos as `core.pipeline.stylize_image` does when no other colours are asked for.

    Args:
        paint: as the network paints, instant or refined.
        painting: RGB, whose style that is.
        backend: what made the style.
    """
    if not is_matched(Settings(), backend):
        return paint
    colours = ColourSample.of(painting)

    def matched(photo: Image.Image) -> Image.Image:
        painted = paint(photo)
        return colour_match(painted, colours, photo, 1.0, None)(painted)

    return matched


def colour_match(
    painted: Image.Image,
    colours: ColourSample,
    photo: Image.Image,
    strength: float,
    shown: Image.Image | None,
) -> ColourTable:
    """The change that moves the colours of a painted picture three quarters of the way to those of its
    painting; below strength 1, to what lies between those and the photo's.

    Args:
        painted, photo: RGB.
        colours: those of the painting.
        shown: how much of each pixel counts, mode L; None for all of them.
    """
    goal = colours
    if strength < 1:
        goal = ColourSample.of(with_alpha(photo, shown)).towards(colours, strength)
    return ColourSample.of(with_alpha(painted, shown)).table_to(goal, SHARE)
