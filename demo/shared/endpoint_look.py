"""How a picture is painted, as the endpoints for programs take it, beside photo, painting, model and size.

    @takes(LOOK, MASK)                                  # its parameters and their description follow the function's own
    def sheet_of(content, model, size, *look):
        order = EndpointLook.of(sheet_of, look).request(content, style, model, size)

    with gr.Column(visible=False):
        offer(sheet_of, [picture("photo"), model, size], "sheet", api_name="sheet")

Gradio reads an endpoint's parameters from the function's signature, and a tool's description from its docstring: so both are
written here once for all endpoints. What an endpoint raises, `demo.page` answers as a sentence.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import gradio as gr

from core.images.convert import WHOLE, Box
from core.inference.stylizer import STYLE_SIDE
from core.settings import AUTO, BOX, COLOURS, MAX_PAINTINGS, SettingsError
from core.training.refine import REFINE_BATCHES
from demo.shared.controls import DEFAULT_SIZE, OWN, settings_of
from demo.shared.requests import INSTANT, MAX_BATCHES, REFINED, StylizeRequest, paintings_in_masks
from demo.shared.uploads import uploaded
from demo.shared.widgets import Upload

LOOK = ("style_side", "strength", "colours", "detail")
MORE = ("style_2", "style_3", "style_4")
MIX = (*MORE, "mix")
MASK = ("mask", "outside", "mask_softness", "mask_invert", "mask_alpha")
OPAQUE_MASK = MASK[:-1]  # for what has no transparency
MASKS = ("mask_2", "mask_3", "mask_4")  # beside MASK and MIX, or MORE where paintings are not mixed
MODE = ("mode", "batches")
CROP = ("style_crop",)
SAID = {
    "style_side": "smaller side in px at which the painting is read, 64 to 512: the larger, the finer the strokes.",
    "strength": "0 to 1.5; 0 is the photo, 1 the painting's style in full.",
    "colours": '"style" for the painting\'s as the network takes them up, "match" to match the result to them, '
    '"auto" to match with the flagship alone, "photo" for the photo\'s, "recolour" to give the painting the photo\'s first.',
    "detail": "longest side in px at which the photo is painted before it is resized, or 0 for the result's.",
    "style_2": "a second painting, to be mixed in, or for a mask of its own.",
    "style_3": "a third painting.",
    "style_4": "a fourth painting.",
    "mix": 'weights of the paintings in their order, as in "0.7 0.3"; empty for equal ones.',
    "mask": "a picture, white where the style goes; none for everywhere.",
    "outside": "with a mask, the painting for outside it; none for the photo itself.",
    "mask_softness": "width in px of the mask's soft edge; none for a fiftieth of the longest side.",
    "mask_invert": "style where the mask is black instead.",
    "mask_alpha": "the photo's own transparency is the mask: style where it is opaque.",
    "mask_2": "where the second painting goes; each painting then has a mask of its own, and there is no mix.",
    "mask_3": "where the third painting goes.",
    "mask_4": "where the fourth painting goes.",
    "mode": '"instant" or "refined".',
    "batches": f"of refining, 1 to {MAX_BATCHES}.",
    "style_crop": "the part of each painting that counts, as left, top, right, bottom in shares of its width and height, as in "
    '"0.1,0.1,0.9,0.9" for one without its frame; those of further paintings after ";"; empty for all of each.',
}
MASK_ALONE = "There is a mask {0}, but no painting {0}."
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class EndpointLook:
    """What the caller of an endpoint chose; `SAID` describes each. Pictures are as Gradio passes them."""

    style_side: float = STYLE_SIDE
    strength: float = 1.0
    colours: str = AUTO
    detail: float = OWN
    style_2: Upload = None
    style_3: Upload = None
    style_4: Upload = None
    mix: str = ""
    mask: Upload = None
    outside: Upload = None
    mask_softness: float | None = None
    mask_invert: bool = False
    mask_alpha: bool = False
    mask_2: Upload = None
    mask_3: Upload = None
    mask_4: Upload = None
    mode: str = INSTANT
    batches: float = REFINE_BATCHES
    style_crop: str = ""

    @classmethod
    def of(cls, endpoint: Callable[..., Any], values: Sequence[Any], **own: Any) -> "EndpointLook":
        """Of the values after the own parameters of an endpoint that `takes` it; `own` are those among its own."""
        return cls(**dict(zip(_taken(endpoint), values, strict=True)), **own)

    def request(
        self,
        content: str | None,
        style: str | None,
        model: str | None,
        size: float,
    ) -> StylizeRequest:
        """What is asked for, with this photo, first painting, model and longest side in px, 0 for the photo's own.

        Raises:
            RequestError, SettingsError, ImageError: one sentence for the caller.
        """
        settings = settings_of(
            model=model,
            mode=self.mode,
            batches=self.batches,
            size=size,
            style_size=self.style_side,
            strength=self.strength,
            colours=self.colours,
            detail=self.detail,
            mix=weights(self.mix),
            softness=self.mask_softness,
            invert=self.mask_invert,
            alpha=self.mask_alpha,
        )
        styles = [style, *map(uploaded, (self.style_2, self.style_3, self.style_4))]
        given = map(uploaded, (self.mask, self.mask_2, self.mask_3, self.mask_4))
        masks = {place: file for place, file in enumerate(given) if file}
        if set(masks) - {0}:
            settings, places = replace(settings, mix=()), [*masks]
            styles = paintings_in_masks(styles, masks, MASK_ALONE)
        else:
            places = [place for place, more in enumerate(styles) if more or place == 0]
            styles = [styles[place] for place in places]
        settings = replace(settings, style_crop=crops(self.style_crop, places))
        outside = uploaded(self.outside)
        return StylizeRequest(content, styles, settings, [*masks.values()], outside)


def weights(text: str | None) -> list[float]:
    """The numbers of "0.7 0.3" or "0.7, 0.3".

    Raises:
        SettingsError: there is something else in it.
    """
    try:
        return [float(word) for word in re.split(r"[\s,;]+", text or "") if word]
    except (TypeError, ValueError) as error:
        raise SettingsError('The weights of a mix must be numbers, as in "0.7 0.3".') from error


def crops(text: str | None, places: Sequence[int]) -> tuple[Box, ...]:
    """The boxes of "0.1,0.1,0.9,0.9; 0,0,1,0.5", of the paintings in these places; all of each without a box of its own.

    Raises:
        SettingsError: there is something else in it.
    """
    try:
        given = [box.strip() for box in (text or "").split(";")]
        boxes = {place: tuple(map(float, box.split(","))) for place, box in enumerate(given) if box}
    except (AttributeError, ValueError) as error:
        raise SettingsError(BOX) from error
    if max(boxes, default=0) >= MAX_PAINTINGS:
        raise SettingsError(
            f"A picture takes at most {MAX_PAINTINGS} crops, one for each painting."
        )
    return tuple(boxes.get(place, WHOLE) for place in places)  # type: ignore[misc]  # Settings count their edges


def takes(*groups: Sequence[str]) -> Callable[[Endpoint], Endpoint]:
    """Let an endpoint take the parameters of these groups after its own; its docstring ends with its own, under `Args:`."""
    names = [name for group in groups for name in group]

    def described(endpoint: Endpoint) -> Endpoint:
        signature = inspect.signature(endpoint)
        own = [part for part in signature.parameters.values() if part.kind != part.VAR_POSITIONAL]
        look = inspect.signature(EndpointLook).parameters
        added = [look[name].replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        said = "".join(f"\n    {name}: {SAID[name]}" for name in names)
        endpoint.__doc__ = inspect.getdoc(endpoint) + said  # type: ignore[operator]
        endpoint.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        return endpoint

    return described


def _taken(endpoint: Callable[..., Any]) -> list[str]:
    """The parameters that an endpoint `takes`, in their order: those with a default, which its own have not."""
    parameters = inspect.signature(endpoint).parameters.values()
    return [part.name for part in parameters if part.default is not part.empty]


def offer(endpoint: Callable[..., Any], own: Sequence[Any], file: str, **options: Any) -> None:
    """Offer an endpoint to programs; to be called inside what is never shown.

    Args:
        endpoint: `takes` some groups, and answers with a file and what there is to say about it.
        own: the components behind the parameters before those of the groups.
        file: what the file is, in a word.
        options: of the event.
    """
    given = [*own, *map(_component, _taken(endpoint))]
    answer = [gr.File(label=file), gr.JSON(label="info")]
    gr.Button().click(endpoint, given, answer, preprocess=False, **options)


def picture(label: str) -> gr.Image:
    """A parameter that is a picture."""
    return gr.Image(label=label, type="filepath", image_mode=None)


def longest_side() -> gr.Number:
    """The parameter of a result's size."""
    label = "longest side, 16 to 2048 px; 0 for the photo's own"
    return gr.Number(DEFAULT_SIZE, label=label, precision=0)


def _component(name: str) -> Any:
    """The component of a parameter, whose value is the default."""
    label, default = name.replace("_", " "), getattr(EndpointLook(), name)
    if name == "colours":
        return gr.Radio(COLOURS, value=default, label=label)
    if name == "mode":
        return gr.Radio((INSTANT, REFINED), value=default, label=label)
    if name in ("mix", *CROP):
        return gr.Textbox(default, label=label)
    if name in ("mask_invert", "mask_alpha"):
        return gr.Checkbox(default, label=label)
    if name in (*LOOK, "mask_softness", "batches"):
        precision = 0 if name in ("style_side", "detail", "batches") else None
        return gr.Number(default, label=label, precision=precision)
    return picture(label)
