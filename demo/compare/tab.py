"""The tab Compare (对比): the same photos and paintings through several models, side by side, with what was measured.

    with gr.Blocks() as blocks, gr.Tab("Compare"):
        build()

It opens on a grid of the gallery and computes nothing until asked to; a click on a cell shows it large, between any two
models. What can be taken away, and the endpoints for programs, are in `demo.compare.export`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.events import Dependency

from core.images.formats import IMAGE_SUFFIXES
from demo.compare import cell, export, painting, plots
from demo.compare import grid_html as compare_html
from demo.compare.selection import (
    MOST,
    OWN,
    Choice,
    accept_upload,
    chosen,
    offered_rows,
    opening,
)
from demo.shared import messages
from demo.shared.controls import MODE_CHOICES
from demo.shared.events import Answer, connect
from demo.shared.uploads import label_of
from demo.shared.widgets import LIGHT, LONG_WORK, QUIET, UNOPENED
from gallery.grids import paths
from gallery.grids.backends import REFERENCE_PAINTERS
from gallery.grids.results import title_of
from gallery.pictures import Picture, paintings, photographs

LOOK_AT_CELL = """() => setTimeout(
  () => document.getElementById("cell")?.scrollIntoView({ behavior: "smooth", block: "start" }), 80)"""


# ---- choosing ----


def look(request: gr.Request, shown: int, measure: str, **selection: Any) -> Answer:
    """Another appendix, mode or selection: the view, choice and style shown, the large cell closed, the charts.

    What cannot be shown is said, and all stays as it was.

    Args:
        selection: as `chosen` takes it.
    """
    try:
        choice = chosen(**selection)
        shown = min(shown, len(choice.styles) - 1)
        view, charts = painting.view(choice, shown), plots.charts(choice, measure)
    except Exception as error:
        return {"status": messages.problem(error)}
    if job := painting.RUNNING.of(request):
        job.left = True
        job.set()
    closed = gr.Column(visible=False)
    return {**view, **charts, "choice": choice, "shown": shown, "panel": closed}


def pick_style(event: gr.EventData, request: gr.Request, choice: Choice) -> Answer:
    """Another painting of the same choice: the view, the style shown; one that is being worked on goes on meanwhile."""
    index: int = getattr(event, "style", -1)
    job = painting.RUNNING.of(request)
    if index not in range(len(choice.styles)):
        return {}
    if job is None:
        return {**painting.view(choice, index), "shown": index}
    job.shown = index
    return {**painting.grid_of(choice, index), "shown": index}


def adder(offered: Sequence[tuple[str, str]]) -> Callable[..., Answer]:
    """The handler of an upload button: its pictures join what can be chosen, first of all, and are chosen.

    What is wrong with one stands under the button until the next upload.
    """

    def add(
        values: Sequence[Mapping[str, object]] | None,
        known: list[tuple[str, str]],
        picked: list[str],
    ) -> Answer:
        problems = ""
        for value in values or ():
            try:
                entry = accept_upload(value)
            except Exception as error:
                problems += messages.problem(error)
                continue
            known = [*known, entry] if entry not in known else known
            picked = [entry[1], *picked] if entry[1] not in picked else picked
        dropdown = gr.Dropdown(choices=[*known, *offered], value=picked[:MOST])
        return {"picked": dropdown, "known": known, "problem": problems}

    return add


# ---- looking closely ----


def open_cell(event: gr.EventData, choice: Choice, shown: int, left: str) -> Answer:
    """The cell that was clicked, large, and its place; a sentence where there is none."""
    place = (shown, getattr(event, "content", -1))
    try:
        opened = cell.opened(choice, place, left, str(getattr(event, "row", "")))
    except Exception as error:
        return {"status": messages.problem(error)}
    return {**opened, "place": place, "status": ""}


def change_sides(choice: Choice, place: cell.GridIndex, left: str, right: str) -> Answer:
    """The slider between two other models, and their numbers."""
    try:
        return {**cell.shown_sides(choice, place, left, right), "status": ""}
    except Exception as error:
        return {"status": messages.problem(error)}


# ---- layout ----


def build() -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`."""
    gr.set_static_paths([paths.RENDERED])
    first = opening()
    now = painting.view(first, 0)
    selection, own, uploads = _selection(first)
    title = gr.HTML(now["title"], elem_id="compare-title")
    clicks = compare_html.CLICKS
    grid = gr.HTML(now["grid"], js_on_load=clicks, elem_id="grid", apply_default_css=False)
    with gr.Row(elem_id="compare-actions"):
        shape: dict[str, Any] = {"size": "md", "min_width": 200}
        words = now["paint"].value
        paint = gr.Button(words, variant="primary", visible=now["paint"].visible, **shape)
        stop = gr.Button("Stop", variant="stop", visible=False, **shape)
        exports = export.build()
    status = gr.HTML(elem_id="compare-status")
    panel = cell.build()
    measure, charts = plots.build(first)
    choice, shown, place = gr.State(first), gr.State(0), gr.State((0, 0))

    view = {"title": title, "grid": grid, "status": status, "paint": paint, "stop": stop}
    at = {"choice": choice, "shown": shown}
    looked: dict[str, Any] = {
        "inputs": {**selection, "shown": shown, "measure": measure},
        "outputs": {**view, **charts, **at, "panel": panel["panel"]},
    } | LIGHT
    _connect_choosing(selection, own, uploads, looked)
    # "always_last" would look at the first of two quick clicks once more.
    each = LIGHT | {"trigger_mode": "multiple"}
    connect(grid.input, pick_style, {"choice": choice}, {**view, "shown": shown}, **each)
    _connect_cell(grid, panel, at, place, status)
    painted: dict[str, Any] = {"inputs": {**at, "measure": measure}, "outputs": {**view, **charts}}
    painted |= UNOPENED | LONG_WORK | {"show_progress_on": status, "show_progress": "minimal"}
    connect(paint.click, painting.paint_missing, **painted)
    stop.click(painting.RUNNING.stop, None, stop, **QUIET)
    connect(measure.input, plots.charts, {"choice": choice, "measure": measure}, charts, **LIGHT)
    export.connect(exports, choice, shown, status)


def _connect_choosing(
    selection: Mapping[str, Any],
    own: gr.Column,
    uploads: Sequence[Dependency],
    looked: dict[str, Any],
) -> None:
    """Show what is chosen as soon as it is; `looked` is how `look` is connected."""
    kind = selection["kind"]
    kind.input(lambda chosen: gr.Column(visible=chosen == OWN), kind, own, **LIGHT)
    for component in selection.values():
        connect(component.input, look, **looked)
    for upload in uploads:
        connect(upload.success, look, **looked)


def _connect_cell(
    grid: gr.HTML, panel: dict[str, Any], at: dict[str, Any], place: gr.State, status: gr.HTML
) -> None:
    """Show a cell that is clicked large, between two models that can be changed."""
    opened = {**panel, "place": place, "status": status}
    each = LIGHT | {"trigger_mode": "multiple"}
    clicked = connect(grid.select, open_cell, {**at, "left": panel["left"]}, opened, **each)
    clicked.then(None, js=LOOK_AT_CELL)
    sides = {"left": panel["left"], "right": panel["right"]}
    asked = {"choice": at["choice"], "place": place, **sides}
    compared = {"slider": panel["slider"], "numbers": panel["numbers"], "status": status}
    for side in sides.values():
        connect(side.input, change_sides, asked, compared, **LIGHT)


def _selection(choice: Choice) -> tuple[dict[str, Any], gr.Column, list[Dependency]]:
    """What is chosen with, by the names that `chosen` takes; the part for own choices; the events after which a
    visitor's own pictures have joined it.
    """
    with gr.Row():
        kinds = [*((f"Appendix {name}", name) for name in paths.APPENDICES), ("Own selection", OWN)]
        kind = gr.Radio(kinds, value=choice.kind, label="Grid", min_width=300, elem_id="grid-kind")
        mode = gr.Radio(
            MODE_CHOICES, value=choice.mode, label="Mode", min_width=200, elem_id="grid-mode"
        )
    offered = offered_rows()
    with gr.Column(visible=False, elem_id="own") as own:
        first = [row for row in offered if row not in REFERENCE_PAINTERS][:4]  # those take minutes
        choices = [(title_of(row), row) for row in offered]
        rows = gr.CheckboxGroup(choices, value=first, label="Models")
        with gr.Row():
            styles, styles_added = _places("Paintings", paintings(), 2)
            contents, contents_added = _places("Photos", photographs(), 4)
    selection = {"kind": kind, "mode": mode, "rows": rows, "styles": styles, "contents": contents}
    return selection, own, [styles_added, contents_added]


def _places(label: str, offered: Sequence[Picture], first: int) -> tuple[gr.Dropdown, Dependency]:
    """What is chosen from, with the first few chosen, and what `adder` does with a visitor's own pictures."""
    choices = [(label_of(picture), picture.name) for picture in offered]
    with gr.Column(min_width=300):
        picked = [name for _, name in choices[:first]]
        dropdown = gr.Dropdown(
            choices, value=picked, label=label, multiselect=True, max_choices=MOST
        )
        add, kinds = f"Add {label.lower()} of your own", list(IMAGE_SUFFIXES)
        button = gr.UploadButton(add, file_count="multiple", file_types=kinds, size="sm")
        problem = gr.HTML("", elem_id=f"own-{label.lower()}-problem")
        kept = {"known": gr.State([]), "picked": dropdown}
        given, filled = {"values": button} | kept, kept | {"problem": problem}
        return dropdown, connect(button.upload, adder(choices), given, filled, **LIGHT)
