"""Every painting at once: a photo in all paintings of the gallery, small, and any of them enlarged on a click.

    build(titles)                                   # inside `gr.Blocks`

`demo.many.cells` paints. The command line's `--sheet` makes the same sheet (`core.images.contact_sheet`), and the endpoint
/sheet offers it to programs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from demo.many.cells import SMALL_SIZES, Cell, painted_cells, sheet_file
from demo.server.newest import newest_only
from demo.server.turns import in_turns
from demo.shared import messages, style_form
from demo.shared.before_after import before_after, side_by_side
from demo.shared.controls import SIZES, in_px, model_input, size_input
from demo.shared.endpoint_look import LOOK, MASK, EndpointLook, offer, picture, takes
from demo.shared.events import Answer, connect
from demo.shared.requests import repaint
from demo.shared.sessions import IDLE, WORKING, RunningJobs
from demo.shared.style_form import StyleForm
from demo.shared.templates import component
from demo.shared.thumbnails import small_copy
from demo.shared.uploads import (
    BEFORE,
    data_url,
    file_url,
    label_of,
    light_copy,
    result_shown,
    saved,
    uploaded,
)
from demo.shared.widgets import LONG_WORK, PAINTING, QUIET, Upload, photo_input
from gallery.pictures import Picture, paintings

SMALL = 192
ABOUT = "One click shows the photo in every painting of the gallery, small. A click on one of them paints it large."
MODEL_INFO = "The report's models need refining to take up a painting, which the tab Transfer does; here they paint at once."
NO_MIXING = "No mixing here: each painting stands for itself; the tab Transfer mixes them."
SHOW_LARGE = """() => {
  const large = document.getElementById("many-large");
  requestAnimationFrame(() => large?.scrollIntoView({ behavior: "smooth", block: "start" }));
}"""

_painting = RunningJobs()


@dataclass(frozen=True)
class Shown:
    """What a sheet on the page was painted from, so that one of its pictures can be painted again, large."""

    content: str
    model: str
    pictures: tuple[Picture, ...]
    form: StyleForm = field(default_factory=StyleForm)


# ---- events of the page ----


def paint_sheet(
    request: gr.Request, content: Upload, model: str, size: float, **look: Any
) -> Iterator[Answer]:
    """Picture by picture, then the sheet as a file, or a sentence; `look` are the values of a `StyleForm`."""
    with _painting.job(request) as stop:
        yield {"status": messages.progress_line("Reading the photo…")} | WORKING
        try:
            path, form, grid, cells = uploaded(content), StyleForm(**look), empty_grid(), []
            work = in_turns(painted_cells(path, model, size, form))
            for cell in work:
                cells.append(cell)
                grid = filled(grid, cell)
                shown = Shown(path or "", model, tuple(cell.picture for cell in cells), form)
                yield {"grid": grid, "shown": shown, "status": progress(cell)}
                if stop.is_set():
                    work.close()
            file = sheet_file(path or "", cells, model)
            download = gr.DownloadButton(value=file, interactive=True)
            # The grid once more: of two answers in one frame the browser may have kept the later alone.
            yield {"grid": grid, "download": download, "status": facts(cells, model)} | IDLE
        except Exception as error:  # the page keeps what it shows, whatever happened
            yield {"status": messages.problem(error)} | IDLE


def wait() -> str:
    """What is said at once after a click on a picture of the sheet."""
    return messages.caption("Painting it large…")


@newest_only
def enlarge(event: gr.EventData, shown: Shown | None, size: float) -> Answer:
    """A picture of the sheet was clicked: it is painted large and opened over the sheet; of several the last one."""
    try:
        index: int = getattr(event, "index", -1)
        if shown is None or index not in range(len(shown.pictures)):
            return {"large_status": messages.caption("This one is not painted yet.")}
        picture, form = shown.pictures[index], shown.form
        order = form.request(shown.content, str(picture.path()), shown.model, size)
        painting = next(repaint(order))
        before, after = light_copy(painting.before, BEFORE), saved(painting)
        slider = side_by_side(before, result_shown(painting, after))
    except Exception as error:
        return {"large_status": messages.problem(error)}
    return {
        "panel": gr.Column(visible=True),
        "title": messages.heading(label_of(picture)),
        "slider": slider,
        "large_download": gr.DownloadButton(value=after, interactive=True),
        "large_status": messages.facts(painting),
    }


# ---- what the page shows ----


def empty_grid() -> dict[str, Any]:
    """The sheet before it is painted: every painting itself, small and pale. `sheet.js` draws it."""
    cells = []
    for each in paintings():
        small = file_url(small_copy(each)[0])
        cells.append({"title": each.title, "by": each.artist, "src": small, "done": False})
    return {"shape": 4 / 3, "cells": cells}


def filled(grid: Mapping[str, Any], cell: Cell) -> dict[str, Any]:
    """The sheet with one more cell painted."""
    cells = [*grid["cells"]]
    cells[cell.done - 1] = cells[cell.done - 1] | {"src": data_url(cell.image), "done": True}
    return {"shape": cell.image.width / cell.image.height, "cells": cells}


def progress(cell: Cell) -> str:
    """How far a sheet is."""
    left = cell.seconds / cell.done * (cell.of - cell.done)
    text = f"{cell.done} of {cell.of} paintings · {cell.picture.title} · about {left:.0f} s left"
    return messages.progress_line(text, cell.done, cell.of)


def facts(cells: Sequence[Cell], model: str) -> str:
    """The line under a sheet."""
    last = cells[-1]
    count = f"{last.done} paintings"
    if last.done < last.of:
        count = f"stopped after {last.done} of {last.of} paintings"
    parts = [model, count, f"total {last.seconds:.1f} s", f"each {messages.px(last.image.size)}"]
    return messages.facts_line(parts)


# ---- endpoint for programs ----


@takes(LOOK, MASK)
def sheet_of(
    content: Upload, model: str, size: float, *look: Any
) -> Iterator[tuple[str | None, dict[str, object]]]:
    """Paint a photo in every painting of the gallery and put the pictures on one labelled sheet, a PNG. While it is painted,
    yields after each painting how far it is, without a file; cancel the job to stop. At the end yields the sheet, and the
    paintings on it by name, the size of each picture in px and the seconds it took.

    Args:
        content: the photo.
        model: one of /models.
        size: longest side in px of each picture on the sheet, 128 to 384.
    """
    path, cells = uploaded(content), []
    chosen = EndpointLook.of(sheet_of, look)
    for cell in in_turns(painted_cells(path, model, size, chosen)):
        cells.append(cell)
        names, seconds = [each.picture.name for each in cells], round(cell.seconds, 3)
        said = {"paintings": names, "of": cell.of, "size": cell.image.size, "seconds": seconds}
        yield None, said
    yield sheet_file(path or "", cells, model), said


# ---- layout ----


def build(titles: Mapping[str, str]) -> tuple[gr.HTML, gr.HTML]:
    """Lay the section out and connect it; returns the photo's place and note. `titles` are the models' by name."""
    gr.HTML(messages.heading("Every painting at once", ABOUT), elem_classes="many-head")
    with gr.Row():
        with gr.Column(scale=4, min_width=300, elem_classes="many-order"):
            content, note = photo_input("many")
            model = model_input(titles, MODEL_INFO)
            with gr.Row():
                small = size_input(in_px(SMALL_SIZES), SMALL, "Size on the sheet")
                large = size_input(in_px(SIZES), label="Size of one enlarged")
            look, _ = style_form.build("sheet", photo=content, masked=True, remark=NO_MIXING)
            buttons = _painting.buttons("Show every painting", "sheet", bool(titles))
            status = gr.HTML("", elem_id="sheet-status")
            words, name = "Download the sheet as PNG", "sheet-download"
            download = gr.DownloadButton(words, interactive=False, elem_id=name)
        with gr.Column(scale=9, min_width=340):
            large_status = gr.HTML("", elem_id="many-large-status")
            with gr.Column(visible=False, elem_id="many-large", elem_classes="opened") as panel:
                title = gr.HTML("")
                slider = before_after("many-slider")
                name = "many-large-download"
                taken = gr.DownloadButton("Download PNG", interactive=False, elem_id=name)
            grid = component("many/sheet", empty_grid(), elem_id="sheet")
    shown = gr.State(None)

    asked = {"content": content, "model": model, "size": small} | look
    answered = {"grid": grid, "shown": shown, "status": status, "download": download, **buttons}
    connect(buttons["go"].click, paint_sheet, asked, answered, **(PAINTING | LONG_WORK))
    grid.select(wait, None, large_status, **QUIET)
    opened = {"panel": panel, "title": title, "slider": slider, "large_download": taken}
    opened["large_status"] = large_status
    each = PAINTING | {"trigger_mode": "multiple"}
    clicked = connect(grid.select, enlarge, {"shown": shown, "size": large}, opened, **each)
    clicked.success(None, js=SHOW_LARGE)
    with gr.Column(visible=False):
        size = gr.Number(SMALL, label="longest side in px of each picture, 128 to 384", precision=0)
        offer(sheet_of, [picture("photo"), model, size], "sheet", api_name="sheet", **LONG_WORK)
    return content, note
