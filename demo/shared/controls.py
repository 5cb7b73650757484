"""What can be set about one picture: model, size, strength, colours and strokes as controls, and as `core.settings.Settings`.

controls = build(trained_models()) | build_look("")      # components by name
settings_of(model="improved-500", mode="instant", batches=20, size=512, style_size=256, strength=0.8)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from core.baselines.adapter import METHODS
from core.files import short
from core.images.convert import Box
from core.images.decode import MIN_SIDE
from core.inference.model_store import model_store
from core.inference.stylizer import STYLE_SIDE
from core.settings import AUTO, MATCH, MAX_STRENGTH, PHOTO, RECOLOUR, STYLE, Settings
from core.training.refine import REFINE_BATCHES
from demo.shared import messages
from demo.shared.requests import (
    INSTANT,
    LARGEST,
    MAX_BATCHES,
    MAX_STYLE_SIZE,
    MIN_STYLE_SIZE,
    REFINED,
    TRAIN_FIRST,
    RequestError,
)
from demo.shared.widgets import QUIET


def in_px(sizes: Sequence[int]) -> list[tuple[str, int]]:
    """Sizes as choices."""
    return [(f"{side} px", side) for side in sizes]


SIZES = (256, 384, 512, 768, 1024)
DEFAULT_SIZE = 512
OWN = 0  # as a size: the photo's own, up to LARGEST; as a detail: the result's
MODE_CHOICES = [("Instant", INSTANT), ("Refined", REFINED)]
SIZE_CHOICES = [*in_px(SIZES), ("photo's own", OWN)]
DETAIL_CHOICES = [("the result's", OWN), *in_px(SIZES)]
COLOUR_CHOICES = [
    ("painting's", AUTO),
    ("as the network paints them", STYLE),
    ("painting's, matched", MATCH),
    ("photo's", PHOTO),
    ("painting recoloured", RECOLOUR),
]
MODEL_INFO = "The two methods that need no trained model take minutes."
MODE_INFO = (
    "The report's models need refining to take up a painting: some minutes on two cores, told after the first batch. "
    "Further photos in the same painting take only a moment."
)
STRENGTH_INFO = (
    "0 % is the photo, 100 % the painting's style in full, more keeps less of the photo."
)
COLOURS_INFO = (
    "The painting's: matched with the flagship, as the network paints them with the report's models. "
    "Or match any result to them; keep the photo's and paint its light only; or give them to the painting first."
)
STYLE_SIZE_INFO = "How large the painting is read, in px of its shorter side: the larger, the finer the strokes that count."
BATCHES_SAID = f"The number of batches must be a whole number from 1 to {MAX_BATCHES}."
SIZE_SAID = f"The longest side must be {MIN_SIDE} to {LARGEST} px, or 0 for the photo's own."
DETAIL_SAID = f"The detail must be {MIN_SIDE} to {LARGEST} px, or 0 for the result's."
STYLE_SIZE_SAID = f"The painting can be read at {MIN_STYLE_SIZE} to {MAX_STYLE_SIZE} px."
DETAIL_INFO = (
    "Size at which the photo is painted before it is resized: the smaller, the broader the strokes."
)


def settings_of(
    *,
    model: str | None,
    mode: str,
    batches: float,
    size: float,
    style_size: float,
    strength: float = 1.0,
    colours: str = AUTO,
    detail: float = OWN,
    mix: Sequence[float] = (),
    softness: float | None = None,
    invert: bool = False,
    alpha: bool = False,
    crops: Sequence[Box] = (),
) -> Settings:
    """Settings from what controls hold; 0 stands for the photo's own size and for the result's detail.

    Raises:
        RequestError, SettingsError: one sentence for the visitor.
    """
    if mode not in (INSTANT, REFINED):
        raise RequestError(f"There is no mode named {short(mode)}; choose {INSTANT} or {REFINED}.")
    refine = METHODS[model].steps if model in METHODS else 0
    if model not in METHODS and mode == REFINED:
        refine = _whole(batches, 1, MAX_BATCHES, BATCHES_SAID)
    return Settings(
        model=model or "",
        mix=tuple(mix),
        strength=strength,
        colours=colours,
        size=None if size == OWN else _whole(size, MIN_SIDE, LARGEST, SIZE_SAID),
        detail=None if detail == OWN else _whole(detail, MIN_SIDE, LARGEST, DETAIL_SAID),
        style_size=_whole(style_size, MIN_STYLE_SIZE, MAX_STYLE_SIZE, STYLE_SIZE_SAID),
        style_crop=tuple(crops),
        refine=refine,
        mask_softness=softness,
        mask_invert=bool(invert),
        mask_alpha=bool(alpha),
    )


def _whole(number: float, least: int, most: int, message: str) -> int:
    if number not in range(least, most + 1):  # nor is what is no number, which a caller may send
        raise RequestError(message)
    return int(number)


def percent(value: float) -> float:
    """80 -> 0.8, for the strength; what is no number as it is, to be refused with the settings."""
    return value / 100 if isinstance(value, int | float) else value


def values_of(settings: Settings) -> dict[str, Any]:
    """The components as they show these settings, by the names that `build` gives them; all but the model."""
    size, detail = settings.size or OWN, settings.detail or OWN
    refine = 0 if settings.model in METHODS else settings.refine
    return {
        "mode": REFINED if refine else INSTANT,
        "batches": gr.Slider(value=refine or REFINE_BATCHES, visible=refine > 0),
        "size": gr.Dropdown(value=size, choices=with_choice(SIZE_CHOICES, size)),
        "style_size": settings.style_size,
        "strength": round(settings.strength * 100, 6),
        "colours": settings.colours,
        "detail": gr.Dropdown(value=detail, choices=with_choice(DETAIL_CHOICES, detail)),
    }


def with_choice(choices: Sequence[tuple[str, Any]], value: float) -> list[tuple[str, Any]]:
    """The choices, with one of so many px added where it is not among them."""
    if value in [known for _, known in choices]:
        return [*choices]
    return [*choices, (f"{value:g} px", value)]


# ---- layout ----


def named(tab: str, name: str) -> str:
    """The id of an element that several tabs have; Transfer's have no tab before them."""
    return f"{tab}-{name}" if tab else name


def trained_models() -> dict[str, str]:
    """The trained models' titles by name; where there are none, the tab says how to train one."""
    titles = model_store().titles()
    if not titles:
        gr.HTML(messages.notice(TRAIN_FIRST))
    return titles


def model_input(titles: Mapping[str, str], info: str | None = None) -> gr.Dropdown:
    """One of the models, `titles` by name."""
    choices = [(title, name) for name, title in titles.items()]
    return gr.Dropdown(choices, label="Model", info=info, filterable=False, min_width=200)


def size_input(
    choices: Sequence[tuple[str, int]], value: int = DEFAULT_SIZE, label: str = "Longest side"
) -> gr.Dropdown:
    """One of several sizes, with their words."""
    return gr.Dropdown(choices, value=value, label=label, min_width=110, filterable=False)


def mode_input() -> gr.Radio:
    """At once, or refined."""
    return gr.Radio(MODE_CHOICES, value=INSTANT, label="Mode", info=MODE_INFO, min_width=270)


def batches_input(mode: gr.Radio) -> gr.Slider:
    """By how many batches, there while that mode is refined."""
    most, usual = MAX_BATCHES, REFINE_BATCHES
    batches = gr.Slider(1, most, value=usual, step=1, label="Batches", visible=False)
    mode.change(lambda chosen: gr.Slider(visible=chosen == REFINED), mode, batches, **QUIET)
    return batches


def build(titles: Mapping[str, str]) -> dict[str, Any]:
    """Model, mode, batches and size, by name, to be seen at once. `settings_of` says what they mean."""
    methods = {name: method.title for name, method in METHODS.items()}
    model = model_input({**titles, **methods}, MODEL_INFO)
    with gr.Row():
        mode = mode_input()
        size = size_input(SIZE_CHOICES)
    batches = batches_input(mode)
    # The methods without a trained model have no choice of a mode.
    model.change(lambda name: gr.Radio(visible=name not in METHODS), model, mode, **QUIET)
    return {"model": model, "mode": mode, "batches": batches, "size": size}


def build_look(tab: str) -> dict[str, Any]:
    """Strength, colours, style size and detail, folded away, by name.

    Args:
        tab: goes before the ids of the elements.
    """
    title = "Strength, colours, strokes"
    with gr.Accordion(title, open=False, elem_id=named(tab, "style-controls")):
        strength = gr.Slider(
            0,
            100 * MAX_STRENGTH,
            value=100,
            step=1,
            label="Strength, %",
            info=STRENGTH_INFO,
            elem_id=named(tab, "strength"),
        )
        colours = gr.Radio(
            COLOUR_CHOICES,
            value=AUTO,
            label="Colours",
            info=COLOURS_INFO,
            elem_id=named(tab, "colours"),
        )
        style_size = gr.Slider(
            MIN_STYLE_SIZE,
            MAX_STYLE_SIZE,
            value=STYLE_SIDE,
            step=16,
            label="Style size, px",
            info=STYLE_SIZE_INFO,
            elem_id=named(tab, "style-size"),
        )
        detail = gr.Dropdown(
            DETAIL_CHOICES,
            value=OWN,
            label="Detail",
            info=DETAIL_INFO,
            filterable=False,
            elem_id=named(tab, "detail"),
        )
    return {"strength": strength, "colours": colours, "style_size": style_size, "detail": detail}
