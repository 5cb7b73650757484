"""A result in the page's address: `?photo=chelsea&style=hokusai_great_wave&strength=80`.

    query = address_of(recipe)           # "" where the photo or a painting is the visitor's own, which no address can hold
    values = values_of("photo=chelsea&style=hokusai_great_wave&strength=80")

Names are those of the gallery (`gallery.pictures`), numbers those of the page's controls; what is as the page opens is left out.
"""

from typing import Any
from urllib.parse import parse_qs, urlencode

from core.baselines.adapter import METHODS
from core.inference.model_store import model_store
from core.provenance import Provenance, Source
from demo.shared.controls import OWN
from demo.shared.picture_place import of_gallery
from demo.shared.requests import INSTANT, REFINED, RequestError
from demo.transfer.form import PAINTING_PLACES, TransferForm
from demo.transfer.known_pictures import known_picture
from gallery.pictures import find_content, find_style

NUMBERS = ("strength", "size", "style_size", "detail", "batches")


def address_of(recipe: Provenance) -> str:
    """The query that makes this result again, or "" where an address cannot hold it."""
    pictures = [_name(source) for source in (recipe.content, *recipe.styles)]
    if recipe.mask or None in pictures:
        return ""
    settings = recipe.settings
    refined = settings.refine and settings.model not in METHODS
    shown: dict[str, Any] = {
        "model": settings.model,
        "strength": round(settings.strength * 100, 6),
        "size": settings.size or OWN,
        "style_size": settings.style_size,
        "detail": settings.detail or OWN,
        "colours": settings.colours,
        "mode": REFINED if refined else INSTANT,
    }
    if refined:
        shown["batches"] = settings.refine
    usual = TransferForm(model=next(iter(model_store().names()), None))
    query = {"photo": pictures[0], "style": ",".join(map(str, pictures[1:]))}
    if len(recipe.styles) > 1:
        query["mix"] = ",".join(f"{weight:g}" for weight in settings.mix)
    if settings.style_crop:
        query["crop"] = ";".join(",".join(map(repr, box)) for box in settings.style_crop)
    changed = {name: value for name, value in shown.items() if value != getattr(usual, name)}
    return urlencode(query | {name: _text(value) for name, value in changed.items()}, safe=",;")


def _name(source: Source) -> str | None:
    picture = known_picture(source.sha256)
    return picture.name if picture else None


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def values_of(query: str) -> dict[str, Any]:
    """The form's values that an address asks for, {} where it asks for none.

    Raises:
        RequestError, PictureNotFoundError: one sentence for the visitor.
    """
    asked = {name: found[-1] for name, found in parse_qs(query).items()}
    values: dict[str, Any] = {}
    if "photo" in asked:
        values["content"] = of_gallery(find_content(asked["photo"]))
    if "style" in asked:
        names = asked["style"].split(",")
        if len(names) > len(PAINTING_PLACES):
            raise RequestError(f"The page mixes at most {len(PAINTING_PLACES)} paintings.")
        styles = map(of_gallery, map(find_style, names))
        values |= dict(zip(PAINTING_PLACES, styles, strict=False))
    if "mix" in asked:
        weights = [_number("mix", text) for text in asked["mix"].split(",")][: len(PAINTING_PLACES)]
        values |= {f"weight_{index}": weight for index, weight in enumerate(weights, 1)}
    if "crop" in asked:
        for place, box in zip(PAINTING_PLACES, asked["crop"].split(";"), strict=False):
            edges = [_number("crop", text) for text in box.split(",")]
            if place in values:  # else it is of a painting that the address cannot name
                values[place] |= {"crop": edges}
    values |= {name: _number(name, asked[name]) for name in NUMBERS if name in asked}
    return values | {name: asked[name] for name in ("model", "mode", "colours") if name in asked}


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RequestError(f"In the address, {name} must be a number.") from error
