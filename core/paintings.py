"""Paintings as settings want them before their style is read: cropped, recoloured, each with its mask.

masks = mask_list(mask)                                  # none, one, or one for each painting
weights = weights_of(settings, paintings, masks)
paintings = prepared(paintings, settings)
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from PIL import Image

from core.images.colours import recolour
from core.images.crop import WHOLE, Box, cropped
from core.inference.style_file import Painting, SavedStyle
from core.settings import MAX_PAINTINGS, RECOLOUR, Settings, SettingsError

OUTSIDE_NEEDS_MASK = "A painting for outside the mask needs a mask."
NO_PAINTING = "A style file holds no painting that could be "
MIXED_MASKS = "Paintings that have a mask each are not mixed; leave the mix out."
Masks = Image.Image | Sequence[Image.Image] | None
Style = TypeVar("Style", covariant=True)


class StyleEncoder(Protocol[Style]):
    """What makes styles of paintings: a `core.inference.stylizer.Stylizer`, or a method."""

    def mix(
        self,
        styles: Sequence[Painting],
        weights: Sequence[float],
        style_side: int = ...,
        emphasis: float = ...,
    ) -> Style: ...

    def encode_style(
        self, style: Painting, style_side: int = ..., emphasis: float = ...
    ) -> Style: ...


def mask_list(mask: Masks) -> list[Image.Image]:
    """No mask, one, or several."""
    if mask is None:
        return []
    return [mask] if isinstance(mask, Image.Image) else list(mask)


def weights_of(settings: Settings, paintings: int, masks: int) -> list[float]:
    """The weight of each painting of a mix. Where there are several masks, each painting is alone in its own.

    Raises:
        SettingsError: the settings do not go with so many paintings and masks.
    """
    if masks < 2:
        return settings.weights(paintings)
    if masks > MAX_PAINTINGS:
        raise SettingsError(f"A picture takes at most {MAX_PAINTINGS} masks, not {masks}.")
    if masks != paintings:
        count = f"{paintings} painting{'s' if paintings != 1 else ''}"
        raise SettingsError(f"There are {masks} masks for {count}; give one for each.")
    if settings.mix:
        raise SettingsError(MIXED_MASKS)
    return [1.0] * paintings


def prepared(paintings: Sequence[Painting], settings: Settings) -> list[Painting]:
    """The paintings cropped as the settings say.

    Raises:
        SettingsError: there are crops of more paintings, or what is asked for needs a painting
            where there is a style file.
        ImageError: a part is too small.
    """
    boxes = settings.crops(len(paintings))
    return [
        _prepared(painting, box, settings) for painting, box in zip(paintings, boxes, strict=True)
    ]


def _prepared(painting: Painting, box: Box, settings: Settings) -> Painting:
    if not isinstance(painting, SavedStyle):
        return cropped(painting, box)
    if box != WHOLE:
        raise SettingsError(f"{NO_PAINTING}cropped.")
    if settings.colours == RECOLOUR:
        raise SettingsError(f"{NO_PAINTING}recoloured.")
    if settings.refine:
        raise SettingsError(f"{NO_PAINTING}refined on.")
    return painting


def recoloured(painting: Painting, photo: Image.Image) -> Painting:
    """A painting given the photo's colours; a style from a file as it is."""
    return painting if isinstance(painting, SavedStyle) else recolour(painting, photo)


def check_outside(outside: Painting | None, settings: Settings, masks: int) -> None:
    """Raises SettingsError where more is asked of the painting outside the masks than it can give, or there is no mask."""
    if outside is None:
        return
    prepared([outside], replace(settings, style_crop=()))
    if not masks:
        raise SettingsError(OUTSIDE_NEEDS_MASK)


def styles_of_areas(
    encoder: StyleEncoder[Style],
    paintings: Sequence[Painting],
    weights: Sequence[float],
    outside: Painting | None,
    masks: int,
    style_side: int,
    emphasis: float,
) -> list[Style]:
    """The style inside each of several masks, or the mix of all paintings; then that outside, if any.

    Args:
        weights: of the mix, as `weights_of` gives them.
        style_side, emphasis: as for `core.inference.stylizer.Stylizer.encode_style`.
    """
    if masks > 1:
        styles = [encoder.encode_style(each, style_side, emphasis) for each in paintings]
    else:
        styles = [encoder.mix(paintings, weights, style_side, emphasis)]
    if outside:
        styles.append(encoder.encode_style(outside, style_side, emphasis))
    return styles
