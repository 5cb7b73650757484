"""Several photos at once: each painted in the same painting, shown one after another, and one zip back.

`demo.many.photo_steps` paints them. The endpoint /stylize_many offers the same to programs.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from core.training.refine import REFINE_BATCHES
from demo.many.photo_steps import (
    MAX_BYTES,
    MAX_PHOTOS,
    PhotosStep,
    check,
    in_bytes,
    painted_photos,
    size_of,
    zipped,
)
from demo.shared import messages, style_form
from demo.shared.controls import (
    SIZES,
    batches_input,
    in_px,
    mode_input,
    model_input,
    size_input,
)
from demo.shared.endpoint_look import (
    CROP,
    LOOK,
    MIX,
    MODE,
    EndpointLook,
    longest_side,
    offer,
    picture,
    takes,
)
from demo.shared.events import Answer, connect
from demo.shared.pace import duration
from demo.shared.requests import INSTANT, check_trained
from demo.shared.sessions import IDLE, WORKING, RunningJobs
from demo.shared.style_form import StyleForm
from demo.shared.uploads import MAX_UPLOAD, crop_of, new_file, uploaded
from demo.shared.widgets import LONG_WORK, PAINTING, QUIET, Upload, painting_input

ABOUT = "Drop photos, choose one painting, take them all back in a zip."
NO_MASK = "No mask here: it belongs to one photo; the tab Transfer has it."
LIMITS_SAID = (
    f"Up to {MAX_PHOTOS} photos of {MAX_UPLOAD[:-2]} MB each, {MAX_BYTES // 1_000_000} MB together, painted with up to "
    f"{max(SIZES)} px on the longest side. One that cannot be read is named and left out. "
    "More and larger ones: `python -m core.stylize` on your own computer, which takes folders."
)

Uploads = Sequence[Upload] | None
_painting = RunningJobs()


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
    return messages.caption(f"{count}, {in_bytes(size_of(photos))}")


def paint(
    request: gr.Request,
    photos: Uploads,
    style: Upload,
    model: str,
    size: float,
    mode: str = INSTANT,
    batches: float = REFINE_BATCHES,
    **look: Any,
) -> Iterator[Answer]:
    """Photo by photo, then the zip, or a sentence; `look` are the values of a `StyleForm`."""
    with _painting.job(request) as stop:
        yield {"status": messages.progress_line("Reading the photos…")} | WORKING
        try:
            form, style_path = StyleForm(**look, crop=crop_of(style)), uploaded(style)
            check_trained(model)
            order = form.request(None, style_path, model, size, mode, batches)
            if order.settings.refine:
                yield {"status": messages.starting(model, order.settings.refine)}
            folder = Path(new_file("result.png")).parent
            work = painted_photos(files_of(photos), order.styles, order.settings, folder, stop)
            for step in work:
                if step.draft:  # once stopped, the photo that is painted with it is still to come
                    yield {"status": progress(step)}
                    continue
                shown = [*zip(step.files, step.names, strict=True)]
                yield {"results": shown, "status": progress(step)}
                if stop.is_set():
                    work.close()
            answer: dict[str, Any] = {"status": facts(step, model)} | IDLE
            if step.files:
                file = zipped(step, style_path, model)
                # The results once more: of two answers in one frame the browser may have kept the later alone.
                answer |= {
                    "results": shown,
                    "download": gr.DownloadButton(value=file, interactive=True),
                }
            yield answer
        except Exception as error:  # the page keeps the previous results, whatever happened
            yield {"status": messages.problem(error)} | IDLE


def progress(step: PhotosStep) -> str:
    """How far it is, and what was skipped so far."""
    if step.draft:
        return messages.progress(step.draft) + _skipped(step)
    left = (step.seconds - step.refining) / step.done * (step.of - step.done)
    text = f"{step.done} of {step.of} photos · about {duration(left)} left"
    return messages.progress_line(text, step.done, step.of) + _skipped(step)


def facts(step: PhotosStep, model: str) -> str:
    """The line under the results, and what was skipped."""
    of = "" if step.done == step.of else f", stopped after {step.done} of {step.of}"
    parts = [model, f"{len(step.files)} painted{of}", f"total {step.seconds:.1f} s"]
    if step.skipped:
        parts.insert(2, f"{len(step.skipped)} skipped")
    if step.latest:
        parts[1:1] = messages.refined(step.latest)
    return messages.facts_line(parts) + _skipped(step)


def _skipped(step: PhotosStep) -> str:
    return "".join(messages.problem_line(f"Skipped: {text}") for text in step.skipped)


# ---- endpoint for programs ----


@takes(LOOK, MIX, MODE, CROP)
def stylize_many(
    photos: Uploads, style: Upload, model: str, size: float, *look: Any
) -> Iterator[tuple[str | None, dict[str, object]]]:
    """Repaint up to 20 photos in the style of one painting; refined, the painting is so once, for all of them. While they are
    painted, yields after each, and every two batches of refining, how far it is, without a file; cancel the job to stop. At
    the end yields a zip of the results, PNG files without loss, each with the recipe to make it again, and what came of each
    photo: the files in the zip, a sentence about each photo that could not be used, and the seconds it took. Without any
    result there is no zip.

    Args:
        photos: the photos, up to 20 and 200 MB together.
        style: the painting.
        model: one of /models.
        size: longest side of the results in px, 16 to 2048, or 0 for each photo's own.
    """
    check_trained(model)
    style_path, folder = uploaded(style), Path(new_file("result.png")).parent
    order = EndpointLook.of(stylize_many, look).request(None, style_path, model, size)
    for step in painted_photos(files_of(photos), order.styles, order.settings, folder):
        said = {
            "done": step.done,
            "of": step.of,
            "files": [Path(file).name for file in step.files],
            "skipped": step.skipped,
            "batches_done": step.latest.batches_done if step.latest else 0,
            "seconds": round(step.seconds, 3),
        }
        yield None, said
    yield zipped(step, style_path, model) if step.files else None, said


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
            model, mode, size = model_input(titles), mode_input(), size_input(in_px(SIZES))
            batches = batches_input(mode)
            look, _ = style_form.build("many", style=style, remark=NO_MASK)
            buttons = _painting.buttons("Paint the photos", "many", bool(titles))
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

    photos.change(accept, photos, photos_note, preprocess=False, **QUIET)
    asked = {"photos": photos, "style": style, "model": model, "mode": mode, "size": size}
    asked |= {"batches": batches} | look
    shown = {"results": results, "status": status, "download": download} | buttons
    connect(buttons["go"].click, paint, asked, shown, **(PAINTING | LONG_WORK))
    with gr.Column(visible=False):
        files = gr.File(label="photos", file_count="multiple")
        own = [files, picture("painting"), model, longest_side()]
        offer(stylize_many, own, "zip", api_name="stylize_many", **LONG_WORK)
