"""The tab Compare (对比): the same photos and paintings through several models, side by side, with what was measured.

    with gr.Blocks() as blocks, gr.Tab("Compare"):
        build()

It opens on a grid of the gallery and computes nothing until asked to; a click on a cell shows it large, between any two
models. What can be taken away, and the endpoints for programs, are in `demo.compare.export`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.images.decode import IMAGE_SUFFIXES
from demo.compare import cell, export, plots, render
from demo.compare import grid_html as compare_html
from demo.compare.selection import (
    MOST,
    OWN,
    Choice,
    accept_upload,
    chosen,
    offered_rows,
    opening,
    read,
)
from demo.shared import messages
from demo.shared.requests import INSTANT, REFINED
from demo.shared.uploads import label_of
from demo.shared.widgets import LONG_WORK, QUIET
from gallery.grids import paths
from gallery.grids.backends import REFERENCE_PAINTERS, why_not
from gallery.grids.results import Grid, title_of
from gallery.pictures import Picture, paintings, photographs

LIGHT: dict[str, Any] = {"preprocess": False, "trigger_mode": "always_last"} | QUIET
PAINTING: dict[str, Any] = {
    "preprocess": False,
    "show_progress": "minimal",
    "api_visibility": "private",
} | LONG_WORK
LOOK_AT_CELL = """() => setTimeout(
  () => document.getElementById("cell")?.scrollIntoView({ behavior: "smooth", block: "start" }), 80)"""


@dataclass
class Job:
    """A visitor's painting.

    Attributes:
        shown: which of the styles that visitor looks at.
        stop: ends the painting.
        left: whether another grid was chosen meanwhile, which then is not to be painted over.
    """

    shown: int
    stop: threading.Event = field(default_factory=threading.Event)
    left: bool = False


_jobs: dict[str, Job] = {}  # by session


# ---- choosing ----


def look(
    kind: str,
    mode: str,
    rows: list[str],
    styles: list[str],
    contents: list[str],
    shown: int,
    measure: str,
    request: gr.Request,
) -> tuple[Any, ...]:
    """Another appendix, mode or selection: the view, choice and style shown, the large cell closed, the charts.

    What cannot be shown is said, and all stays as it was.
    """
    try:
        choice = chosen(kind, mode, rows, styles, contents)
        shown = min(shown, len(choice.styles) - 1)
        found = (
            *_view(choice, shown),
            choice,
            shown,
            gr.Column(visible=False),
            *plots.charts(choice, measure),
        )
    except Exception as error:
        return *[gr.skip()] * 2, messages.problem(error), *[gr.skip()] * 9
    if job := _jobs.get(str(request.session_hash)):
        job.left = True
        job.stop.set()
    return found


def pick_style(
    choice: Choice, shown: int, event: gr.EventData, request: gr.Request
) -> tuple[Any, ...]:
    """Another painting of the same choice: the view, the style shown; one that is being worked on goes on meanwhile."""
    index: int = getattr(event, "style", -1)
    job = _jobs.get(str(request.session_hash))
    if index not in range(len(choice.styles)):
        return (gr.skip(),) * 6
    if job is None:
        return *_view(choice, index), index
    job.shown = index
    return *_grid(choice, index), *[gr.skip()] * 3, index


def pick_kind(kind: str) -> Any:
    """The visitor's own choices appear where they count."""
    return gr.Column(visible=kind == OWN)


def adder(
    offered: Sequence[tuple[str, str]],
) -> Callable[..., tuple[Any, list[tuple[str, str]], str]]:
    """The handler of an upload button: its pictures join what can be chosen, first of all, and are chosen.

    What is wrong with one stands under the button until the next upload.
    """

    def add(
        values: Sequence[Mapping[str, object]] | None,
        known: list[tuple[str, str]],
        picked: list[str],
    ) -> tuple[Any, list[tuple[str, str]], str]:
        problems = ""
        for value in values or ():
            try:
                entry = accept_upload(value)
            except Exception as error:
                problems += messages.problem(error)
                continue
            known = [*known, entry] if entry not in known else known
            picked = [entry[1], *picked] if entry[1] not in picked else picked
        return gr.Dropdown(choices=[*known, *offered], value=picked[:MOST]), known, problems

    return add


def _view(choice: Choice, shown: int) -> tuple[Any, ...]:
    """Title, grid, status, the button that paints, the one that stops."""
    missing = sum(len(render.gaps(row)) for part in _paintable(choice, shown) for row in part.rows)
    name = "picture" if missing == 1 else f"{missing} pictures"
    paint = gr.Button(f"Paint the missing {name}", visible=missing > 0)
    return *_grid(choice, shown), "", paint, gr.Button(visible=False)


def _grid(choice: Choice, shown: int) -> tuple[str, str]:
    grid = read(choice, choice.styles[shown])
    return compare_html.title_html(choice, grid), compare_html.grid_html(choice, grid)


def _paintable(choice: Choice, shown: int) -> list[Grid]:
    """What the button paints: the rows that can be, of the style shown, or in a choice of one's own of all, it first."""
    styles = [choice.styles[shown]]
    if choice.kind == OWN:
        styles += [style for style in choice.styles if style != styles[0]]
    grids = [read(choice, style) for style in styles]
    return [
        Grid(g.mode, g.style, g.contents, tuple(row for row in g.rows if not why_not(row.name)))
        for g in grids
    ]


# ---- painting what is missing ----


def paint_missing(
    choice: Choice, shown: int, measure: str, request: gr.Request
) -> Iterator[tuple[Any, ...]]:
    """The view and the charts, as the rows come; a sentence where something is wrong, with what was painted before."""
    session, job, said = str(request.session_hash), Job(shown), ""
    charts = [gr.skip()] * (1 + len(plots.CHARTS))
    buttons = gr.Button(visible=False), gr.Button("Stop", interactive=True, visible=True)
    _jobs[session] = job
    try:
        started = time.perf_counter()
        for step in render.paint(_paintable(choice, shown), job.stop):
            if job.left:
                break
            view = _grid(choice, job.shown) if step.changed else (gr.skip(), gr.skip())
            yield (
                *view,
                compare_html.progress_html(step, time.perf_counter() - started),
                *buttons,
                *charts,
            )
    except Exception as error:
        said = messages.problem(error)
    finally:
        job.stop.set()
        if _jobs.get(session) is job:
            del _jobs[session]
    if job.left:
        yield *[gr.skip()] * 4, gr.Button(visible=False), *charts
    else:
        title, grid, _, *buttons_now = _view(choice, job.shown)
        yield title, grid, said, *buttons_now, *plots.charts(choice, measure)


def stop_painting(request: gr.Request) -> Any:
    """Let this visitor's painting end after the picture, or the batch, it is at; what was painted stays."""
    if job := _jobs.get(str(request.session_hash)):
        job.stop.set()
    return gr.Button("Stopping…", interactive=False)


# ---- looking closely ----


def open_cell(choice: Choice, shown: int, left: str, event: gr.EventData) -> tuple[Any, ...]:
    """The cell that was clicked, large, and its place; a sentence where there is none."""
    place = (shown, getattr(event, "content", -1))
    try:
        return *cell.opened(choice, place, left, str(getattr(event, "row", ""))), place, ""
    except Exception as error:
        return *[gr.skip()] * 7, messages.problem(error)


def change_sides(choice: Choice, place: cell.GridIndex, left: str, right: str) -> tuple[Any, ...]:
    """The slider between two other models, and their numbers."""
    try:
        return *cell.shown_sides(choice, place, left, right), ""
    except Exception as error:
        return gr.skip(), gr.skip(), messages.problem(error)


# ---- layout ----


def build() -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`."""
    gr.set_static_paths([paths.RENDERED])
    first = opening()
    title_html, grid_html, _, paint_now, _ = _view(first, 0)
    order, own, uploads = _order(first)
    title = gr.HTML(title_html, elem_id="compare-title")
    grid = gr.HTML(
        grid_html, js_on_load=compare_html.CLICKS, elem_id="grid", apply_default_css=False
    )
    with gr.Row(elem_id="compare-actions"):
        paint = gr.Button(
            paint_now.value, variant="primary", visible=paint_now.visible, size="md", min_width=200
        )
        stop = gr.Button("Stop", variant="stop", visible=False, size="md", min_width=200)
        exports = export.build()
    status = gr.HTML(elem_id="compare-status")
    panel, parts = cell.build()
    measure, charts = plots.build(first)
    choice, shown, place = gr.State(first), gr.State(0), gr.State((0, 0))

    view, (_, left, right, *compared) = [title, grid, status, paint, stop], parts
    looked = {
        "fn": look,
        "inputs": [*order, shown, measure],
        "outputs": [*view, choice, shown, panel, *charts],
    } | LIGHT
    order[0].input(pick_kind, order[0], own, **LIGHT)
    for component in order:
        component.input(**looked)
    for add, button, known, dropdown, problem in uploads:
        added = button.upload(add, [button, known, dropdown], [dropdown, known, problem], **LIGHT)
        added.success(**looked)
    grid.input(pick_style, [choice, shown], [*view, shown], **LIGHT)
    clicked = grid.select(open_cell, [choice, shown, left], [panel, *parts, place, status], **LIGHT)
    clicked.then(None, js=LOOK_AT_CELL)
    for side in (left, right):
        side.input(change_sides, [choice, place, left, right], [*compared, status], **LIGHT)
    paint.click(
        paint_missing,
        [choice, shown, measure],
        [*view, *charts],
        show_progress_on=status,
        **PAINTING,
    )
    stop.click(stop_painting, None, stop, **QUIET)
    measure.input(plots.charts, [choice, measure], charts, **LIGHT)
    export.connect(exports, choice, shown, status)


def _order(choice: Choice) -> tuple[list[Any], gr.Column, list[Any]]:
    """What is chosen with, as `chosen` takes it; the part for own choices; its places for uploads."""
    with gr.Row():
        kinds = [*((f"Appendix {name}", name) for name in paths.APPENDICES), ("Own selection", OWN)]
        kind = gr.Radio(kinds, value=choice.kind, label="Grid", min_width=300, elem_id="grid-kind")
        modes = [("Instant", INSTANT), ("Refined", REFINED)]
        mode = gr.Radio(modes, value=choice.mode, label="Mode", min_width=200, elem_id="grid-mode")
    offered = offered_rows()
    with gr.Column(visible=False, elem_id="own") as own:
        models = [
            row for row in offered if row not in REFERENCE_PAINTERS
        ]  # references take minutes
        rows = gr.CheckboxGroup(
            [(title_of(row), row) for row in offered], value=models[:4], label="Models"
        )
        with gr.Row():
            styles, upload_styles = _places("Paintings", paintings(), 2)
            contents, upload_contents = _places("Photos", photographs(), 4)
    return [kind, mode, rows, styles, contents], own, [upload_styles, upload_contents]


def _places(label: str, offered: Sequence[Picture], first: int) -> tuple[gr.Dropdown, Any]:
    """What is chosen from, with the first few chosen; what is needed for uploads to join it."""
    choices = [(label_of(picture), picture.name) for picture in offered]
    with gr.Column(min_width=300):
        dropdown = gr.Dropdown(
            choices,
            value=[name for _, name in choices[:first]],
            label=label,
            multiselect=True,
            max_choices=MOST,
        )
        button = gr.UploadButton(
            f"Add {label.lower()} of your own",
            file_count="multiple",
            file_types=list(IMAGE_SUFFIXES),
            size="sm",
        )
        problem = gr.HTML("", elem_id=f"own-{label.lower()}-problem")
        return dropdown, (adder(choices), button, gr.State([]), dropdown, problem)
