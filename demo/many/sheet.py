"""Every painting at once: a photo in all paintings of the gallery, small, and any of them enlarged on a click.

    for cell in painted_cells("photo.jpg", "improved-500", 192):
        print(cell.done, cell.of, cell.picture.title, cell.image.size)
    sheet_file("photo.jpg", photo, cells)                   # the whole sheet as one PNG

The command line's `--sheet` makes the same sheet (`core.images.contact_sheet`). The endpoint /sheet offers it to programs.
"""

import base64
import html
import io
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from core.files import write_atomic
from core.images.contact_sheet import sheet, sheet_bytes
from core.images.convert import resize_longest
from core.images.decode import load_image
from core.pipeline import stylize_image
from core.settings import Settings
from demo.compare.grid_html import url
from demo.compare.render import thumbnail
from demo.shared import messages
from demo.shared.controls import DEFAULT_SIZE, SIZES
from demo.shared.requests import RequestError, StylizeRequest, checked, file_name, repaint
from demo.shared.uploads import displayable, label_of, new_file, saved, uploaded
from demo.shared.widgets import (
    MODEL_WORK,
    QUIET,
    Upload,
    accept,
    before_after,
    gallery,
    image_input,
)
from gallery.pictures import Picture, paintings, photographs

SMALL_SIZES = (128, 192, 256, 384)
SMALL = 192
ABOUT = "One click shows the photo in every painting of the gallery, small. A click on one of them paints it large."
MODEL_INFO = "The report's models need refining to take up a painting, which the tab Transfer does; here they paint at once."
GRID = '<div class="paintings"></div>'
SHOW_LARGE = """() => {
  const large = document.getElementById("many-large");
  requestAnimationFrame(() => large?.scrollIntoView({ behavior: "smooth", block: "start" }));
}"""

_painting: dict[str, threading.Event] = {}  # session -> what stops its sheet


@dataclass(frozen=True)
class Cell:
    """A small picture of a sheet: number `done` of `of`, after so many seconds.

    Attributes:
        before: the photo at the same size.
    """

    picture: Picture
    image: Image.Image
    before: Image.Image
    done: int
    of: int
    seconds: float


@dataclass(frozen=True)
class Shown:
    """What a sheet on the page was painted from, so that one of its pictures can be painted again, large."""

    content: str
    model: str
    pictures: tuple[Picture, ...]


def painted_cells(
    content: str | None, model: str | None, size: float
) -> Generator[Cell, None, None]:
    """Paint a photo in every painting of the gallery, `size` px on the longest side; close the iterator to cancel.

    Raises:
        OrderError, ImageError, WeightsError, EncoderError: one sentence for the visitor.
    """
    if size not in range(min(SMALL_SIZES), max(SMALL_SIZES) + 1):
        raise RequestError(
            f"The pictures of a sheet can have {min(SMALL_SIZES)} to {max(SMALL_SIZES)} px."
        )
    pictures, settings = paintings(), Settings(model=model or "", size=int(size))
    path, _ = checked(StylizeRequest(content, [str(pictures[0].path())], settings))
    started, photo = time.perf_counter(), resize_longest(load_image(path), int(size))
    for done, picture in enumerate(pictures, 1):
        painted = stylize_image(photo, picture.image(), settings)
        yield Cell(
            picture,
            painted.image,
            painted.before,
            done,
            len(pictures),
            time.perf_counter() - started,
        )


def sheet_file(content: str, cells: Sequence[Cell], model: str) -> str:
    """The photo and the cells on one labelled sheet, a PNG file that the page may serve."""
    path = new_file(file_name(content, "sheet", model))
    labelled = [("Photo", cells[0].before), *((cell.picture.title, cell.image) for cell in cells)]
    write_atomic(Path(path), sheet_bytes(sheet(labelled)))
    return path


# ---- events of the page ----


def stop_painting(request: gr.Request) -> Any:
    """Let this visitor's sheet end after the picture it is at; returns the stop button as it then looks."""
    if stop := _painting.get(str(request.session_hash)):
        stop.set()
    return gr.Button("Stopping…", interactive=False)


def paint_sheet(
    content: Upload, model: str, size: float, request: gr.Request
) -> Iterator[tuple[Any, ...]]:
    """Yield (grid, what it shows, download, status, button, stop button): picture by picture, or a sentence."""
    session, stop = str(request.session_hash), threading.Event()
    _painting[session] = stop
    idle, same = (gr.Button(visible=True), gr.Button(visible=False)), (gr.skip(),) * 3
    yield (
        *(*same, messages.progress_line("Reading the photo…")),
        *(gr.Button(visible=False), gr.Button("Stop", interactive=True, visible=True)),
    )
    try:
        path, cells = uploaded(content), []
        grid = empty_grid()
        work = painted_cells(path, model, size)
        for cell in work:
            cells.append(cell)
            grid = filled(grid, cell)
            shown = Shown(path or "", model, tuple(cell.picture for cell in cells))
            yield grid, shown, gr.skip(), progress(cell), gr.skip(), gr.skip()
            if stop.is_set():
                work.close()
        file = sheet_file(path or "", cells, model)
        yield (
            gr.skip(),
            gr.skip(),
            gr.DownloadButton(value=file, interactive=True),
            facts(cells, model),
            *idle,
        )
    except Exception as error:  # the page keeps what it shows, whatever happened
        yield *same, messages.problem(error), *idle
    finally:
        stop.set()
        if _painting.get(session) is stop:
            del _painting[session]


def wait(request: gr.Request) -> str:
    """What is said at once after a click on a picture of the sheet."""
    busy = str(request.session_hash) in _painting
    return messages.caption(
        "It is painted large as soon as the sheet is done." if busy else "Painting it large…"
    )


def enlarge(shown: Shown | None, size: float, event: gr.EventData) -> tuple[Any, ...]:
    """(panel, title, slider, download, status) after a click on a picture of the sheet: it is painted large."""
    skipped = (gr.skip(),) * 4
    try:
        index: int = getattr(event, "index", -1)
        if shown is None or index not in range(len(shown.pictures)):
            return *skipped, messages.caption("This one is not painted yet.")
        picture = shown.pictures[index]
        order = StylizeRequest(
            shown.content,
            [str(picture.path())],
            Settings(model=shown.model, size=int(size) or None),
        )
        painting = next(repaint(order))
        before, after = new_file("before.png"), saved(painting)
        write_atomic(Path(before), sheet_bytes(painting.before))
        said = messages.facts(painting)
        return (
            gr.Column(visible=True),
            messages.heading(label_of(picture)),
            (before, after),
            gr.DownloadButton(value=after, interactive=True),
            said,
        )
    except Exception as error:
        return *skipped, messages.problem(error)


# ---- what the page shows ----


def empty_grid() -> dict[str, Any]:
    """The sheet before it is painted: every painting itself, small and pale. `many_sheet.js` draws it."""
    cells = [
        {
            "title": picture.title,
            "by": picture.artist,
            "src": html.unescape(url(thumbnail(picture)[0])),
            "done": False,
        }
        for picture in paintings()
    ]
    return {"shape": 4 / 3, "cells": cells}


def filled(grid: Mapping[str, Any], cell: Cell) -> dict[str, Any]:
    """The sheet with one more cell painted."""
    cells = [*grid["cells"]]
    cells[cell.done - 1] = cells[cell.done - 1] | {"src": _data_url(cell.image), "done": True}
    return {"shape": cell.image.width / cell.image.height, "cells": cells}


def _data_url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def progress(cell: Cell) -> str:
    """How far a sheet is."""
    left = cell.seconds / cell.done * (cell.of - cell.done)
    text = f"{cell.done} of {cell.of} paintings · {cell.picture.title} · about {left:.0f} s left"
    return messages.progress_line(text, cell.done, cell.of)


def facts(cells: Sequence[Cell], model: str) -> str:
    """The line under a sheet."""
    last = cells[-1]
    count = (
        f"{last.done} paintings"
        if last.done == last.of
        else f"stopped after {last.done} of {last.of} paintings"
    )
    parts = [model, count, f"total {last.seconds:.1f} s", f"each {messages.px(last.image.size)}"]
    return f'<p class="facts">{"".join(f"<span>{html.escape(part)}</span>" for part in parts)}</p>'


# ---- endpoint for programs ----


def sheet_of(
    content: Upload, model: str, size: float
) -> Iterator[tuple[str | None, dict[str, object]]]:
    """Paint a photo in every painting of the gallery and put the pictures on one labelled sheet, a PNG. While it is painted,
    yields after each painting how far it is, without a file; cancel the job to stop. At the end yields the sheet, and the
    paintings on it by name, the size of each picture in px and the seconds it took.

    Args:
        content: the photo.
        model: one of /models.
        size: longest side in px of each picture on the sheet, 128 to 384.
    """
    try:
        path, cells = uploaded(content), []
        for cell in painted_cells(path, model, size):
            cells.append(cell)
            said = {
                "paintings": [each.picture.name for each in cells],
                "of": cell.of,
                "size": cell.image.size,
            }
            said["seconds"] = round(cell.seconds, 3)
            yield None, said
        yield sheet_file(path or "", cells, model), said
    except Exception as error:
        raise gr.Error(messages.sentence(error), print_exception=False) from error


# ---- layout ----


def build(titles: Mapping[str, str]) -> None:
    """Lay the section out and connect it; `titles` are the models' by name."""
    contents = photographs()
    gr.HTML(messages.heading("Every painting at once", ABOUT), elem_classes="many-head")
    with gr.Row():
        with gr.Column(scale=4, min_width=300, elem_classes="many-order"):
            content = image_input("Photo", "many-photo", contents[0], height=220, webcam=True)
            note = gr.HTML(messages.caption(label_of(contents[0])), elem_id="many-photo-note")
            thumbnails = gallery(contents, "many-photos-gallery", columns=8, strip=True)
            model = gr.Dropdown(
                [(title, name) for name, title in titles.items()],
                label="Model",
                info=MODEL_INFO,
                filterable=False,
            )
            with gr.Row():
                small, large = (
                    gr.Dropdown(
                        [(f"{side} px", side) for side in sides],
                        value=side,
                        label=label,
                        min_width=120,
                        filterable=False,
                    )
                    for sides, side, label in (
                        (SMALL_SIZES, SMALL, "On the sheet"),
                        (SIZES, DEFAULT_SIZE, "Enlarged"),
                    )
                )
            go = gr.Button(
                "Show every painting",
                variant="primary",
                elem_id="sheet-go",
                interactive=bool(titles),
            )
            stop = gr.Button("Stop", variant="stop", elem_id="sheet-stop", visible=False)
            status = gr.HTML("", elem_id="sheet-status")
            download = gr.DownloadButton(
                "Download the sheet as PNG", interactive=False, elem_id="sheet-download"
            )
        with gr.Column(scale=9, min_width=340):
            large_status = gr.HTML("", elem_id="many-large-status")
            with gr.Column(visible=False, elem_id="many-large") as panel:
                title = gr.HTML("")
                slider = before_after("many-slider")
                picture = gr.DownloadButton(
                    "Download PNG", interactive=False, elem_id="many-large-download"
                )
            grid = gr.HTML(
                empty_grid(),
                html_template=GRID,
                js_on_load=Path(__file__).with_suffix(".js").read_text("utf-8"),
                elem_id="sheet",
                apply_default_css=False,
            )
    shown = gr.State(None)

    def pick(event: gr.SelectData) -> tuple[str, str]:
        return displayable(str(contents[event.index].path())), messages.caption(
            label_of(contents[event.index])
        )

    work: dict[str, Any] = {
        "preprocess": False,
        "show_progress": "hidden",
        "api_visibility": "private",
    } | MODEL_WORK
    thumbnails.select(pick, None, [content, note], trigger_mode="multiple", **QUIET)
    content.input(accept, content, [content, note], preprocess=False, **QUIET)
    go.click(
        paint_sheet, [content, model, small], [grid, shown, download, status, go, stop], **work
    )
    stop.click(stop_painting, None, stop, **QUIET)
    grid.select(wait, None, large_status, **QUIET)
    clicked = grid.select(
        enlarge, [shown, large], [panel, title, slider, picture, large_status], **work
    )
    clicked.success(None, js=SHOW_LARGE)
    _endpoint(model)


def _endpoint(model: gr.Dropdown) -> None:
    """/sheet, on components that are never shown."""
    with gr.Column(visible=False):
        content = gr.Image(label="photo", type="filepath", image_mode=None)
        size = gr.Number(SMALL, label="longest side in px of each picture, 128 to 384", precision=0)
        answer = [gr.File(label="sheet"), gr.JSON(label="info")]
        never = gr.Button()
    never.click(
        sheet_of, [content, model, size], answer, api_name="sheet", preprocess=False, **MODEL_WORK
    )
