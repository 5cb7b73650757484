"""Several photos at once: each painted in the same painting, shown one after another, and one zip back.

    for step in painted_photos(["a.jpg", "b.jpg"], "painting.jpg", Settings(model="improved-500", size=512), "out"):
        print(step.done, step.of, step.files, step.skipped)
    zip_file(step.files, "out/painted.zip")

A photo that cannot be used is named and skipped. The command line does the same with folders (`core.stylize`); the endpoint
/stylize_many offers it to programs.
"""

import html
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from core.files import write_atomic
from core.images.decode import MIN_SIDE, ImageError, load_image
from core.settings import Settings
from demo.shared import messages
from demo.shared.controls import DEFAULT_SIZE, SIZES
from demo.shared.requests import LARGEST, RequestError, StylizeRequest, checked, file_name, repaint
from demo.shared.uploads import MAX_UPLOAD, new_file, uploaded
from demo.shared.widgets import MODEL_WORK, QUIET, Upload, painting_input
from demo.shared.zips import unlike, zip_file

MAX_PHOTOS = 20
MAX_BYTES = 200_000_000
ABOUT = "Drop photos, choose one painting, take them all back in a zip."
LIMITS_SAID = (
    f"Up to {MAX_PHOTOS} photos of {MAX_UPLOAD[:-2]} MB each, {MAX_BYTES // 1_000_000} MB together, painted with up to "
    f"{max(SIZES)} px on the longest side. One that cannot be read is named and left out. "
    "More and larger ones: `python -m core.stylize` on your own computer, which takes folders."
)

Uploads = Sequence[Upload] | None
_painting: dict[str, threading.Event] = {}  # session -> what stops its photos


@dataclass(frozen=True)
class Step:
    """How far it is: photos `done` of `of`, painted or skipped, after so many seconds.

    Attributes:
        files: painted so far, CONTENT__STYLE__MODEL.png, each name only once.
        skipped: a sentence about each photo that could not be used.
    """

    done: int
    of: int
    files: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float


def painted_photos(
    photos: Sequence[str], style: str | None, settings: Settings, folder: str | Path
) -> Generator[Step, None, None]:
    """Paint each photo into a PNG file with its recipe in `folder`; close the iterator to cancel.

    Raises:
        OrderError, ImageError, WeightsError, EncoderError: one sentence for the visitor, before the first photo.
    """
    check(photos)
    _, styles = checked(StylizeRequest(photos[0], [style], settings))
    load_image(styles[0])  # what is wrong with the painting is wrong with all of them
    started, names = time.perf_counter(), set[str]()
    files: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    for done, photo in enumerate(photos, 1):
        try:
            painting = next(repaint(StylizeRequest(photo, styles, settings)))
        except ImageError as error:
            skipped = (*skipped, str(error))
        else:
            path = Path(folder) / unlike(painting.file_name, names)
            write_atomic(path, painting.png())
            files = (*files, str(path))
        yield Step(done, len(photos), files, skipped, time.perf_counter() - started)


def check(photos: Sequence[str]) -> None:
    """Raises OrderError where there are none, too many, or too much of them."""
    if not photos:
        raise RequestError("Choose photos first: drop some in, or click to look for them.")
    if len(photos) > MAX_PHOTOS:
        raise RequestError(
            f"These are {len(photos)} photos; at most {MAX_PHOTOS} can be painted at once."
        )
    size = sum(Path(photo).stat().st_size for photo in photos)
    if size > MAX_BYTES:
        raise RequestError(
            f"The photos have {_bytes(size)} together; at most {_bytes(MAX_BYTES)} are accepted at once."
        )


def zipped(step: Step, style: str, model: str) -> str:
    """The zip of what is painted, a file that the page may serve."""
    path = Path(new_file(Path(file_name("photos", style, model)).with_suffix(".zip").name))
    zip_file(step.files, path)
    return str(path)


# ---- events of the page ----


def files_of(values: Uploads) -> list[str]:
    """The files behind the raw value of a File component. Raises ImageError for what is no upload of this page."""
    raw = [value if isinstance(value, dict) and value else {"path": None} for value in values or ()]
    return [uploaded(value, "photo") or "" for value in raw]


def accept(values: Uploads) -> str:
    """The line under the photos: how many, how large, or what is wrong."""
    try:
        photos = files_of(values)
        if not photos:
            return ""
        check(photos)
    except Exception as error:
        return messages.problem(error)
    count = "1 photo" if len(photos) == 1 else f"{len(photos)} photos"
    return messages.caption(
        f"{count}, {_bytes(sum(Path(photo).stat().st_size for photo in photos))}"
    )


def stop_painting(request: gr.Request) -> Any:
    """Let this visitor's photos end after the one that is being painted; returns the stop button as it then looks."""
    if stop := _painting.get(str(request.session_hash)):
        stop.set()
    return gr.Button("Stopping…", interactive=False)


def paint(
    values: Uploads, style: Upload, model: str, size: float, request: gr.Request
) -> Iterator[tuple[Any, ...]]:
    """Yield (results, download, status, button, stop button): photo by photo, then the zip, or a sentence."""
    session, stop = str(request.session_hash), threading.Event()
    _painting[session] = stop
    idle = (gr.Button(visible=True), gr.Button(visible=False))
    yield (
        *(gr.skip(), gr.skip(), messages.progress_line("Reading the photos…")),
        *(gr.Button(visible=False), gr.Button("Stop", interactive=True, visible=True)),
    )
    try:
        style_path = uploaded(style)
        folder = Path(new_file("result.png")).parent
        work = painted_photos(
            files_of(values), style_path, Settings(model=model or "", size=int(size)), folder
        )
        step: Step | None = None
        for step in work:
            yield (
                [(file, Path(file).name) for file in step.files],
                gr.skip(),
                progress(step),
                gr.skip(),
                gr.skip(),
            )
            if stop.is_set():
                work.close()
        if step and step.files:
            download = gr.DownloadButton(
                value=zipped(step, style_path or "", model), interactive=True
            )
            yield gr.skip(), download, facts(step, model), *idle
        elif step:
            yield gr.skip(), gr.skip(), facts(step, model), *idle
    except Exception as error:  # the page keeps the previous results, whatever happened
        yield gr.skip(), gr.skip(), messages.problem(error), *idle
    finally:
        stop.set()
        if _painting.get(session) is stop:
            del _painting[session]


def progress(step: Step) -> str:
    """How far it is, and what was skipped so far."""
    left = step.seconds / step.done * (step.of - step.done)
    text = f"{step.done} of {step.of} photos · about {left:.0f} s left"
    return messages.progress_line(text, step.done, step.of) + _skipped(step)


def facts(step: Step, model: str) -> str:
    """The line under the results, and what was skipped."""
    of = "" if step.done == step.of else f", stopped after {step.done} of {step.of}"
    parts = [model, f"{len(step.files)} painted{of}", f"total {step.seconds:.1f} s"]
    if step.skipped:
        parts.insert(2, f"{len(step.skipped)} skipped")
    return f'<p class="facts">{"".join(f"<span>{html.escape(part)}</span>" for part in parts)}</p>{_skipped(step)}'


def _skipped(step: Step) -> str:
    return "".join(
        f'<p class="problem" role="alert">Skipped: {html.escape(text)}</p>' for text in step.skipped
    )


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB".replace(".0 MB", " MB") if size >= 1e6 else f"{size / 1e3:.0f} KB"


# ---- endpoint for programs ----


def stylize_many(
    photos: Uploads, style: Upload, model: str, size: float
) -> Iterator[tuple[str | None, dict[str, object]]]:
    """Repaint up to 20 photos in the style of one painting. While they are painted, yields after each how far it is, without a
    file; cancel the job to stop. At the end yields a zip of the results, PNG files without loss, each with the recipe to make
    it again, and what came of each photo: the files in the zip, a sentence about each photo that could not be used, and the
    seconds it took. Without any result there is no zip.

    Args:
        photos: the photos, up to 20 and 200 MB together.
        style: the painting.
        model: one of /models.
        size: longest side of the results in px, 16 to 2048, or 0 for each photo's own.
    """
    try:
        if size != 0 and size not in range(MIN_SIDE, LARGEST + 1):
            raise RequestError(
                f"The longest side must be {MIN_SIDE} to {LARGEST} px, or 0 for the photo's own."
            )
        style_path, folder = uploaded(style), Path(new_file("result.png")).parent
        settings = Settings(model=model or "", size=int(size) or None)
        for step in painted_photos(files_of(photos), style_path, settings, folder):
            said = {
                "done": step.done,
                "of": step.of,
                "files": [Path(file).name for file in step.files],
                "skipped": step.skipped,
                "seconds": round(step.seconds, 3),
            }
            yield None, said
        yield zipped(step, style_path or "", model) if step.files else None, said
    except Exception as error:
        raise gr.Error(messages.sentence(error), print_exception=False) from error


# ---- layout ----


def build(titles: Mapping[str, str]) -> None:
    """Lay the section out and connect it; `titles` are the models' by name."""
    gr.HTML(messages.heading("Several photos at once", ABOUT), elem_classes="many-head")
    with gr.Row():
        with gr.Column(scale=4, min_width=300, elem_classes="many-order"):
            photos = gr.File(
                label="Photos", file_count="multiple", height=190, elem_id="many-files"
            )
            photos_note = gr.HTML("", elem_id="many-files-note")
            style, _ = painting_input("many")
            model = gr.Dropdown(
                [(title, name) for name, title in titles.items()], label="Model", filterable=False
            )
            sizes = [(f"{side} px", side) for side in SIZES]
            size = gr.Dropdown(sizes, value=DEFAULT_SIZE, label="Longest side", filterable=False)
            go = gr.Button(
                "Paint the photos", variant="primary", elem_id="many-go", interactive=bool(titles)
            )
            stop = gr.Button("Stop", variant="stop", elem_id="many-stop", visible=False)
        with gr.Column(scale=9, min_width=340):
            results = gr.Gallery(
                label="Results",
                format="png",
                columns=4,
                height="auto",
                object_fit="contain",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="many-results",
            )
            status = gr.HTML("", elem_id="many-status")
            download = gr.DownloadButton("Download zip", interactive=False, elem_id="many-download")
            gr.HTML(messages.notice(LIMITS_SAID), elem_id="many-limits")

    work: dict[str, Any] = {
        "preprocess": False,
        "show_progress": "hidden",
        "api_visibility": "private",
    } | MODEL_WORK
    photos.change(accept, photos, photos_note, preprocess=False, **QUIET)
    go.click(paint, [photos, style, model, size], [results, download, status, go, stop], **work)
    stop.click(stop_painting, None, stop, **QUIET)
    _endpoint(model)


def _endpoint(model: gr.Dropdown) -> None:
    """/stylize_many, on components that are never shown."""
    with gr.Column(visible=False):
        photos = gr.File(label="photos", file_count="multiple")
        style = gr.Image(label="painting", type="filepath", image_mode=None)
        size = gr.Number(
            DEFAULT_SIZE, label="longest side, 16 to 2048 px; 0 for the photo's own", precision=0
        )
        answer = [gr.File(label="zip"), gr.JSON(label="info")]
        never = gr.Button()
    order = [photos, style, model, size]
    never.click(
        stylize_many, order, answer, api_name="stylize_many", preprocess=False, **MODEL_WORK
    )
