"""Everything a visitor can set about one picture, as one value that the page,
the command line and code share.

    settings = Settings(strength=0.8, colours="photo", detail=512)
    settings == Settings.from_json(json.dumps(settings.to_json()))

What each setting does to the picture is in `core.pipeline`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from core.commandline import UserError
from core.files import short
from core.images.convert import WHOLE, Box
from core.images.decode import MIN_SIDE
from core.inference.styled_model import MAX_SIDE
from core.inference.stylizer import STYLE_SIDE

AUTO, STYLE, MATCH, PHOTO, RECOLOUR = "auto", "style", "match", "photo", "recolour"
COLOURS = (AUTO, STYLE, MATCH, PHOTO, RECOLOUR)
MAX_PAINTINGS = 4
MAX_STRENGTH = 1.5
MAX_BATCHES = 10_000
MAX_SOFTNESS = 1000.0
MAX_STYLE_SIZE = 2048
MAX_JSON = 100_000  # bytes of a file of settings
NEITHER = "This is neither a picture made here nor a JSON file of settings."


class SettingsError(UserError):
    """A setting is unknown, outside its limits or does not go with another."""


@dataclass(frozen=True)
class Settings:
    """How a photo is painted; the defaults are one painting, at once, at full strength,
    at the photo's own size.

    Attributes:
        model: name of a trained model, a checkpoint folder, or a method without a model, `gatys` or
            `johnson`; empty for the best model that is shipped.
        mix: a weight for each painting, not negative, in their order;
            they are divided by their sum. Empty: equal weights.
        strength: 0 to 1.5; 0 is the photo, 1 the painting's style in full, more keeps less of the photo.
        colours: `style` (the painting's, as the network takes them up), `match` (the result's are moved
            most of the way to the painting's, so that each occurs nearly as often as there: in all
            that is seen of the photo, whatever a mask shows of it), `auto` (`match` with the
            flagship, `style` with all other models and methods), `photo` (the photo's, with the
            result's lightness), `recolour` (the painting is given the photo's colours before its
            style is read).
        size: longest side of the result in px, 16 to 8192; None for the photo's own.
        detail: longest side in px at which the photo is painted before it is resized to `size`: the
            smaller, the broader the strokes and the less detail; None for the result's.
        style_size: smaller side in px, 16 to 2048, at which the painting is read: the larger, the
            finer the strokes that count.
        style_crop: the part of each painting that counts, as left, top, right, bottom in shares of
            its width and height, in the paintings' order; empty for all of each.
        refine: batches of training on the painting, 0 for instant,
            or for the usual number of a method's steps.
        mask_softness: width of the mask's soft edge in px of the result, 0 to 1000; None for a
            fiftieth of the longest side.
        mask_invert: style where the mask is black instead of white.
        mask_alpha: the photo's own transparency is the mask, white where it is opaque; the result
            is opaque then.
        tiles: work in overlapping tiles, slower, in little memory;
            pictures above 4096 px a side always are.

    Raises:
        SettingsError: a value is of another kind or outside its limits.
    """

    model: str = ""
    mix: tuple[float, ...] = ()
    strength: float = 1.0
    colours: str = AUTO
    size: int | None = None
    detail: int | None = None
    style_size: int = STYLE_SIDE
    style_crop: tuple[Box, ...] = ()
    refine: int = 0
    mask_softness: float | None = None
    mask_invert: bool = False
    mask_alpha: bool = False
    tiles: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.model, str):
            raise SettingsError("The model must be the name of one.")
        object.__setattr__(self, "mix", _weights(self.mix))
        object.__setattr__(self, "style_crop", _boxes(self.style_crop))
        object.__setattr__(self, "strength", _number("strength", self.strength, 0, MAX_STRENGTH))
        if self.colours not in COLOURS:
            raise SettingsError(
                f"There is no way '{short(self.colours)}' to colour; choose {', '.join(COLOURS)}."
            )
        for name, limits in _WHOLE.items():
            _whole(name, getattr(self, name), *limits)
        if self.mask_softness is not None:
            softness = _number("mask_softness", self.mask_softness, 0, MAX_SOFTNESS)
            object.__setattr__(self, "mask_softness", softness)
        for name in ("mask_invert", "mask_alpha", "tiles"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"The setting {name} must be true or false.")
        if self.refine and sum(weight > 0 for weight in self.mix) > 1:
            raise SettingsError(REFINED_MIX)

    def to_json(self) -> dict[str, Any]:
        """Name -> value, fit for `json.dumps`."""
        crops = [list(box) for box in self.style_crop]
        return asdict(self) | {"mix": list(self.mix), "style_crop": crops}

    def changed(self) -> dict[str, Any]:
        """Name -> value of those that are not as by default."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in values.items() if value != defaults[name]}

    @classmethod
    def from_json(cls, data: str | bytes | Mapping[str, Any]) -> "Settings":
        """From the text of a JSON object, or from the object; what it leaves out is as by default.

        Raises:
            SettingsError: it is no such object, has a setting that there is not,
                or a value outside its limits.
        """
        if isinstance(data, str | bytes):
            try:
                data = json.loads(data)
            except (ValueError, RecursionError) as error:
                raise SettingsError("The settings cannot be read: they are not JSON.") from error
        if not isinstance(data, Mapping):
            raise SettingsError("The settings must be a JSON object of names and values.")
        known = [field.name for field in fields(cls)]
        unknown = [str(name) for name in data if name not in known]
        if unknown:
            raise SettingsError(
                f"There is no setting '{short(unknown[0])}'; there are {', '.join(known)}."
            )
        return cls(**data)

    def weights(self, paintings: int) -> list[float]:
        """The weight of each of so many paintings; they sum to 1.

        Raises:
            SettingsError: 1 to 4 are possible, refined only 1,
                and `mix` must have one weight for each.
        """
        if not 1 <= paintings <= MAX_PAINTINGS:
            raise SettingsError(f"A picture takes 1 to {MAX_PAINTINGS} paintings, not {paintings}.")
        if self.mix and len(self.mix) != paintings:
            raise SettingsError(
                f"The mix has {len(self.mix)} weight{'s' if len(self.mix) > 1 else ''} for {paintings} "
                f"painting{'s' if paintings > 1 else ''}; give one for each."
            )
        mix = self.mix or (1.0,) * paintings
        total = math.fsum(mix)
        weights = [weight / total for weight in mix]
        if self.refine and sum(weight > 0 for weight in weights) > 1:
            raise SettingsError(REFINED_MIX)
        return weights

    def crops(self, paintings: int) -> list[Box]:
        """The part of each of so many paintings.

        Raises:
            SettingsError: there are parts of more.
        """
        if len(self.style_crop) > paintings:
            raise SettingsError(
                f"There are {len(self.style_crop)} crops for {paintings} "
                f"painting{'s' if paintings > 1 else ''}; give one for each."
            )
        return [*self.style_crop, *[WHOLE] * (paintings - len(self.style_crop))]


REFINED_MIX = "Refining takes one painting; mix several instantly, or refine on one of them."
BOX = "A crop is left,top,right,bottom in shares of the painting, as in 0.1,0.1,0.9,0.9."
_WHOLE = {  # name -> least, most, whether it may be None
    "size": (MIN_SIDE, MAX_SIDE, True),
    "detail": (MIN_SIDE, MAX_SIDE, True),
    "style_size": (MIN_SIDE, MAX_STYLE_SIZE, False),
    "refine": (0, MAX_BATCHES, False),
}


def _number(name: str, value: object, least: float, most: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise SettingsError(f"The setting {name} must be a number from {least:g} to {most:g}.")
    return float(value)


def _whole(name: str, value: object, least: int, most: int, optional: bool) -> None:
    if optional and value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SettingsError(f"The setting {name} must be a whole number from {least} to {most}.")


def _weights(given: object) -> tuple[float, ...]:
    if not isinstance(given, list | tuple) or len(given) > MAX_PAINTINGS:
        raise SettingsError(f"The mix must be a list of up to {MAX_PAINTINGS} weights.")
    if given and not any(given):
        raise SettingsError("The weights of a mix must not all be 0.")
    return tuple(_number("mix", weight, 0, 1e6) for weight in given)


def _boxes(given: object) -> tuple[Box, ...]:
    """The parts of paintings, without those at the end that are the whole."""
    if not isinstance(given, list | tuple) or len(given) > MAX_PAINTINGS:
        raise SettingsError(
            f"The setting style_crop must be a list of up to {MAX_PAINTINGS} boxes."
        )
    boxes = [_box(box) for box in given]
    while boxes and boxes[-1] == WHOLE:
        boxes.pop()
    return tuple(boxes)


def _box(given: object) -> Box:
    if not isinstance(given, list | tuple) or len(given) != 4:
        raise SettingsError(BOX)
    left, top, right, bottom = (_number("style_crop", edge, 0, 1) for edge in given)
    if left >= right or top >= bottom:
        raise SettingsError(BOX)
    return left, top, right, bottom
