"""The tab Video (视频): a video and a painting in, the video repainted out, with its sound.

    with gr.Blocks() as blocks, gr.Tab("Video"):
        build()

`core.inference.video` paints; here it is fed, watched and stopped. The endpoint /stylize_video offers the same to programs.
"""

import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from core.frames import FrameStylizer
from core.images.decode import ImageError, load_mask
from core.images.video_file import Limits, VideoError, probe
from core.inference.style_file import load_painting
from core.inference.video import Progress, painted_frames
from demo.server.turns import in_turns
from demo.shared import messages, requests, style_form
from demo.shared.controls import in_px, model_input, size_input, trained_models
from demo.shared.endpoint_look import (
    CROP,
    LOOK,
    MIX,
    OPAQUE_MASK,
    EndpointLook,
    offer,
    picture,
    takes,
)
from demo.shared.events import Answer, connect
from demo.shared.requests import RequestError, file_name
from demo.shared.sessions import IDLE, WORKING, RunningJobs
from demo.shared.style_form import StyleForm
from demo.shared.uploads import MAX_UPLOAD, crop_of, new_file, uploaded
from demo.shared.widgets import LONG_WORK, PAINTING, QUIET, Upload, painting_input

LIMITS = Limits(seconds=20, frames=1200)
SIZES = (256, 384, 512, 640)
DEFAULT_SIZE = 384
SMOOTH = 0.5
SAY_EVERY = 0.5  # s
LIMITS_SAID = (
    f"Up to {LIMITS.seconds:g} seconds, {LIMITS.frames:,} frames and {MAX_UPLOAD[:-2]} MB; the result has up to "
    f"{max(SIZES)} px on its longest side, and the sound of the original. "
    "Longer, larger and refined ones: `python -m core.video` on your own computer."
)
SMOOTH_INFO = "0 paints each frame for itself; 1 keeps what it can of the frame before."
NOT_REFINED = "Each frame is painted at once: refining the painting first would take minutes."

_painting = RunningJobs()


def painted_video(
    clip: str | None,
    style: str | None,
    model: str | None,
    size: float,
    smooth: float,
    out: str,
    look: StyleForm | EndpointLook,
) -> Generator[Progress, None, None]:
    """Repaint a video within the page's limits to the file `out`; close the iterator to cancel.

    Raises:
        RequestError, SettingsError, ImageError, VideoError, WeightsError, EncoderError: one sentence for the visitor.
    """
    requests.check_trained(model)
    if not clip:
        raise RequestError("Choose a video first: drop one in, or click to look for one.")
    if not style:
        raise RequestError(requests.CHOOSE_PAINTING)
    if size not in range(min(SIZES), max(SIZES) + 1):
        raise RequestError(f"The longest side must be {min(SIZES)} to {max(SIZES)} px.")
    if not (isinstance(smooth, int | float) and 0 <= smooth <= 1):
        raise RequestError("Smoothing must be between 0 and 1.")
    order = look.request(clip, style, model, size)
    probe(clip, LIMITS)  # before the model is loaded
    paintings = [load_painting(file) for file in order.styles if file]
    masks = [load_mask(mask) for mask in order.masks]
    outside = load_painting(order.outside) if order.outside else None
    requests.give_back([*paintings, *masks, outside])
    paint = FrameStylizer(paintings, order.settings, masks, outside)
    yield from painted_frames(clip, out, paint, int(size), smooth, LIMITS)


# ---- events of the page ----


def accept(value: Upload) -> tuple[Any, str]:
    """Look at a video that was dropped or chosen: keep it and say what it is, or say what is wrong."""
    try:
        path = uploaded(value, "video")
        if path is None:
            return gr.skip(), ""
        info = probe(path, LIMITS)
    except (VideoError, ImageError) as error:
        return None, messages.problem(error)
    name = (value or {}).get("orig_name") or "video"
    lasts = f", {info.seconds:.1f} s" if info.seconds else ""
    sound = "with sound" if info.sound else "without sound"
    return gr.skip(), messages.caption(f"{name}, {messages.px(info.size)}{lasts}, {sound}")


def result_file(clip: str | None, style: str | None, model: str | None) -> str:
    """Where a result goes, VIDEO__STYLE__MODEL.mp4, which the page may serve."""
    name = file_name(clip or "", style or "", model or "")
    return new_file(Path(name).with_suffix(".mp4").name)


def paint(
    request: gr.Request,
    clip: Upload,
    style: Upload,
    model: str,
    size: float,
    smooth: float,
    **look: Any,
) -> Iterator[Answer]:
    """How far it is, then the result, or a sentence; `look` are the values of a `StyleForm`."""
    with _painting.job(request) as stop:
        yield {"status": messages.progress_line("Reading the video…")} | WORKING
        try:
            path, style_path = uploaded(clip, "video"), uploaded(style)
            out = result_file(path, style_path, model)
            look_form = StyleForm(**look, crop=crop_of(style))
            work = in_turns(painted_video(path, style_path, model, size, smooth, out, look_form))
            for progress in _now_and_then(work, stop):
                yield {"status": progress_line(progress)}
            if not stop.is_set():
                download = gr.DownloadButton(value=out, interactive=True)
                yield {"result": out, "download": download, "status": facts(progress, model)} | IDLE
            else:
                said = messages.caption("Stopped; nothing was kept of this video.")
                yield {"status": said} | IDLE
        except Exception as error:  # the page keeps the previous result, whatever happened
            yield {"status": messages.problem(error)} | IDLE


def _now_and_then(
    frames: Generator[Progress, None, None], stop: threading.Event | None = None
) -> Iterator[Progress]:
    """The first frame's progress, one every half second, and the last; ends early once `stop` is set."""
    said = 0.0
    progress: Progress | None = None
    try:
        for progress in frames:
            if stop and stop.is_set():
                return
            if time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                yield progress
        if progress:
            yield progress
    finally:
        frames.close()


def progress_line(progress: Progress) -> str:
    """A bar, the frames, their rate, the time left."""
    of = f" of {progress.frames}" if progress.frames else ""
    said = f"{progress.done}{of} frames · {progress.fps:.1f} frames/s"
    if progress.seconds_left is not None:
        said += f" · about {progress.seconds_left:.0f} s left"
    return messages.progress_line(
        said, progress.done if progress.frames else 0, progress.frames or 0
    )


def facts(progress: Progress, model: str) -> str:
    """The line under a result."""
    parts = [
        model,
        f"{progress.done} frames",
        f"{progress.fps:.1f} frames/s",
        f"total {progress.seconds:.1f} s",
        f"result {messages.px(progress.size)}",
    ]
    return messages.facts_line(parts)


# ---- endpoint for programs ----


@takes(LOOK, MIX, OPAQUE_MASK, CROP)
def stylize_video(
    clip: Upload, style: Upload, model: str, size: float, smooth: float, *look: Any
) -> Iterator[tuple[str | None, dict[str, object]]]:
    """Repaint a video of up to 20 seconds in the style of a painting. While it is painted, yields how far it is about every
    half second, without a file; cancel the job to stop. At the end yields the result: an MP4 (H.264, sound kept), and its
    number of frames, its size in px, the seconds it took, and the frames painted per second.

    Args:
        clip: the video.
        style: the painting, a picture.
        model: one of /models.
        size: longest side of the result in px, 256 to 640.
        smooth: 0 to 1, how much of the previous frame is kept where nothing but the camera moved, which lowers flicker.
    """
    path, style_path = uploaded(clip, "video"), uploaded(style)
    out = result_file(path, style_path, model)
    said: dict[str, object] = {}
    chosen = EndpointLook.of(stylize_video, look)
    work = in_turns(painted_video(path, style_path, model, size, smooth, out, chosen))
    for progress in _now_and_then(work):
        said = {
            "frames": progress.done,
            "of": progress.frames,
            "size": progress.size,
            "seconds": round(progress.seconds, 3),
            "frames_per_second": round(progress.fps, 2),
        }
        yield None, said
    yield out, said


# ---- layout ----


def build() -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`."""
    titles = trained_models()
    with gr.Row():
        with gr.Column(scale=6, min_width=340):
            clip = gr.Video(
                label="Video", sources=["upload"], buttons=[], height=270, elem_id="clip"
            )
            clip_note = gr.HTML(messages.caption(""), elem_id="clip-note")
            style, _ = painting_input("video")
            look, _ = style_form.build("video", style=style, masked=True, remark=NOT_REFINED)
        with gr.Column(scale=7, min_width=340):
            with gr.Row(elem_classes="model-row"):
                model, size = model_input(titles), size_input(in_px(SIZES), DEFAULT_SIZE)
            smooth = gr.Slider(0, 1, value=SMOOTH, step=0.05, label="Smoothing", info=SMOOTH_INFO)
            buttons = _painting.buttons("Stylize video", "video", bool(titles))
            status = gr.HTML("", elem_id="video-status")
            gr.HTML(messages.notice(LIMITS_SAID), elem_id="video-limits")
            result = gr.Video(
                label="Result",
                interactive=False,
                buttons=[],
                height=360,
                loop=True,
                elem_id="video-result",
            )
            download = gr.DownloadButton(
                "Download MP4", interactive=False, elem_id="video-download"
            )

    clip.upload(accept, clip, [clip, clip_note], preprocess=False, **QUIET)
    clip.clear(lambda: "", None, clip_note, **QUIET)
    asked = {"clip": clip, "style": style, "model": model, "size": size, "smooth": smooth} | look
    shown = {"result": result, "download": download, "status": status} | buttons
    connect(buttons["go"].click, paint, asked, shown, **(PAINTING | LONG_WORK))
    with gr.Column(visible=False):
        label = f"longest side, {min(SIZES)} to {max(SIZES)} px"
        side = gr.Number(DEFAULT_SIZE, label=label, precision=0)
        smoothing = gr.Number(SMOOTH, label="smoothing, 0 to 1")
        own = [gr.Video(label="video"), picture("painting"), model, side, smoothing]
        offer(stylize_video, own, "video", api_name="stylize_video", **LONG_WORK)
