"""Paintings as settings want them before their style is read: cropped, recoloured, each with its mask.

paintings = Paintings.of([starry_night, great_wave], settings, masks=0, outside=None)
paintings.recoloured(photo, shown).styles(stylizer, settings.style_size, emphasis)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from core.baselines.adapter import Backend, Style
from core.images.colour_transport import ColourSample
from core.images.colours import recolour
from core.images.convert import WHOLE, Box, cropped, with_alpha
from core.inference.style_file import Painting, SavedStyle
from core.settings import MATCH, MAX_PAINTINGS, RECOLOUR, Settings, SettingsError

OUTSIDE_NEEDS_MASK = "A painting for outside the mask needs a mask."
NO_PAINTING = "A style file holds no painting that could be "
OLD_STYLE_FILE = (
    "This style file was made before style files held the painting's colours, which the result "
    "could be matched to; make it again from the painting."
)
MIXED_MASKS = "Paintings that have a mask each are not mixed; leave the mix out."
Masks = Image.Image | Sequence[Image.Image] | None


def no_painting_for(method: str) -> SettingsError:
    """What is wrong with a style file where a method needs the painting itself."""
    return SettingsError(f"{NO_PAINTING}painted with {method}.")


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
    if settings.colours == MATCH and painting.colours is None:
        raise SettingsError(OLD_STYLE_FILE)
    if settings.refine:
        raise SettingsError(f"{NO_PAINTING}refined on.")
    return painting


def _recoloured(painting: Painting, photo: Image.Image) -> Painting:
    return painting if isinstance(painting, SavedStyle) else recolour(painting, photo)


def _colours(painting: Painting) -> ColourSample | None:
    return painting.colours if isinstance(painting, SavedStyle) else ColourSample.of(painting)


@dataclass(frozen=True)
class Paintings:
    """The paintings of one request.

    Attributes:
        inside: cropped: those of the mix, or one for each of several masks.
        weights: of the mix, as `weights_of` gives them.
        outside: what is painted outside the masks, where that is not the photo.
        masks: how many there are.
    """

    inside: list[Painting]
    weights: list[float]
    outside: Painting | None
    masks: int

    @classmethod
    def of(
        cls, paintings: Sequence[Painting], settings: Settings, masks: int, outside: Painting | None
    ) -> "Paintings":
        """The paintings, checked, and cropped as the settings say.

        Raises:
            SettingsError: the settings do not go with so many paintings and masks, more is asked of
                a style file than it can give, or there is a painting for outside without a mask.
            ImageError: a part is too small.
        """
        weights = weights_of(settings, len(paintings), masks)
        inside = prepared(paintings, settings)
        if outside is not None:
            prepared([outside], replace(settings, style_crop=()))
            if not masks:
                raise SettingsError(OUTSIDE_NEEDS_MASK)
        return cls(inside, weights, outside, masks)

    def recoloured(self, photo: Image.Image, shown: Sequence[Image.Image | None]) -> "Paintings":
        """The same, each given the colours that the photo has where the painting's style is shown
        (`core.images.colours.recolour`).

        Args:
            photo: RGB.
            shown: where each area is shown, as `core.matching.places_shown` gives them.
        """
        places = shown if self.masks > 1 else [shown[0]] * len(self.inside)
        inside = [
            _recoloured(painting, with_alpha(photo, place))
            for painting, place in zip(self.inside, places, strict=False)  # one more: outside
        ]
        outside = self.outside and _recoloured(self.outside, with_alpha(photo, shown[-1]))
        return replace(self, inside=inside, outside=outside)

    def styles(
        self, encoder: Backend, style_side: int, emphasis: float
    ) -> list[tuple[Painting, Style]]:
        """The style inside each of several masks, or the mix of all paintings; then that outside,
        if any. With each a painting that it is of; of a mix, the first that counts.

        Args:
            encoder: makes the styles.
            style_side, emphasis: as for `core.inference.stylizer.Stylizer.encode_style`.
        """
        alone = list(self.inside) if self.masks > 1 else []
        alone += [self.outside] if self.outside else []
        styles = [(each, encoder.encode_style(each, style_side, emphasis)) for each in alone]
        if self.masks > 1:
            return styles
        mix = encoder.mix(self.inside, self.weights, style_side, emphasis)
        first = next(p for p, weight in zip(self.inside, self.weights, strict=True) if weight)
        return [(first, mix), *styles]

    def colours(self) -> list[ColourSample | None]:
        """The colours of the painting, or of the mix, behind each of `styles`; None where a style
        file holds none.
        """
        if self.masks > 1:
            inside = [_colours(painting) for painting in self.inside]
        else:
            inside = [colours_of_mix(self.inside, self.weights)]
        return inside + ([_colours(self.outside)] if self.outside else [])


def colours_of_mix(paintings: Sequence[Painting], weights: Sequence[float]) -> ColourSample | None:
    """The colours between several paintings, by their weights; None where a style file among them
    holds none.
    """
    counted = [
        (_colours(each), weight) for each, weight in zip(paintings, weights, strict=True) if weight
    ]
    known = [(colours, weight) for colours, weight in counted if colours is not None]
    if len(known) < len(counted):
        return None
    return ColourSample.between(*zip(*known, strict=True))
