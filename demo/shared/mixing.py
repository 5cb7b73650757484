"""Mixing paintings: places for three more, and a square with a painting at each corner in which a click chooses the mix.

    controls = build(style)                       # three places, then a weight for each of the four paintings
    styles, mix = mixture([first, *more], weights)

In the square, shares are bilinear: all of one painting in its corner, the same of each in the middle. Two paintings lie on a
line, and with three the fourth corner is empty. Sliders do the same, and reach every mix. Only the proportion of weights counts.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demo.shared import messages
from demo.shared.controls import named
from demo.shared.events import Answer, connect
from demo.shared.picture_place import bring, image_input, of_gallery
from demo.shared.templates import component
from demo.shared.uploads import label_of
from demo.shared.widgets import QUIET, Upload, gallery
from gallery.pictures import paintings

ABOUT = "Add up to three more paintings, then click or drag in the square: the nearer a corner, the more of its painting."
FULL = "All places are taken: remove a painting first."
EQUAL = 50  # the weight that a painting starts with

SHOW = """(first, second, third, fourth, ...weights) => (
  { pictures: [first, second, third, fourth].map((picture) => picture?.url ?? null), weights }
)"""


def mixture(
    styles: Sequence[str | None], weights: Sequence[float]
) -> tuple[list[str | None], tuple[float, ...]]:
    """The paintings that are there, the first always, with their weights; none where there is only one."""
    first, *more = zip(styles, weights, strict=True)
    kept = [first, *((style, weight) for style, weight in more if style)]
    mix = tuple(weight for _, weight in kept) if len(kept) > 1 else ()
    return [style for style, _ in kept], mix


def add(event: gr.SelectData, **places: Upload) -> Answer:
    """A painting of the gallery was clicked: it takes the first empty place, and the note says so."""
    picture = paintings()[event.index]
    for number, (name, value) in enumerate(places.items(), 2):
        if not value:
            said = messages.caption(f"Painting {number}: {label_of(picture)}")
            return {name: of_gallery(picture), "note": said}
    return {"note": messages.problem_line(FULL)}


def build(style: gr.HTML, tab: str = "") -> tuple[dict[str, Any], list[Any]]:
    """Lay it out; returns the places and weights by the names of `StyleForm`, and the events after which the mix is another.

    Args:
        style: the place of the first painting.
        tab: goes before the ids of the elements.
    """
    name, title = named(tab, "mixing"), "Mix paintings"
    with gr.Accordion(title, open=False, elem_id=name, elem_classes="mixing"):
        gr.HTML(messages.caption(ABOUT))
        with gr.Row(elem_classes="places"):
            more = [_place(number, tab) for number in (2, 3, 4)]
            places = dict(zip(("second", "third", "fourth"), more, strict=True))
        note = gr.HTML("", elem_id=named(tab, "mixing-note"))
        strip = gallery(paintings(), named(tab, "mixing-gallery"), columns=10, strip=True)
        with gr.Row(elem_classes="mix"):
            name, classes = named(tab, "square"), "mixing-square"
            square = component("shared/mixing", elem_id=name, elem_classes=classes, min_width=220)
            with gr.Column(min_width=200, elem_classes="weights"):
                weights = {f"weight_{number}": _weight(number, tab) for number in (1, 2, 3, 4)}
    mixed: list[Any] = [style, *more, *weights.values()]
    gr.on([part.change for part in mixed], None, mixed, square, js=SHOW, **QUIET)
    for image in more:
        bring(image, note, styles=True)
    each: dict[str, Any] = {"preprocess": False, "trigger_mode": "multiple"} | QUIET
    added = connect(strip.select, add, places, places | {"note": note}, **each)
    moved = square.input(None, square, [*weights.values()], js="(mix) => mix.weights", **QUIET)
    return places | weights, [added, moved]


def _place(number: int, tab: str) -> gr.HTML:
    """The place of a further painting."""
    name, element = f"Painting {number}", named(tab, f"painting-{number}")
    return image_input(name, element, height=116, choose=name, removable=True, cropped=True)


def _weight(number: int, tab: str) -> gr.Slider:
    """The weight of a painting, in parts of whatever all are together."""
    name, element = f"Weight {number}", named(tab, f"weight-{number}")
    return gr.Slider(0, 100, value=EQUAL, step=1, buttons=[], label=name, elem_id=element)
