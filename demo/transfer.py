"""The tab Transfer (风格迁移): a photo and a painting in, the photo repainted out, before and after side by side.

    with gr.Blocks() as blocks, gr.Tab("Transfer"):
        build()

A click on a painting, or on a photo, repaints at once; the button does the same for pictures that were brought along.
The endpoints /stylize, /refine and /models offer the same to programs (`gradio_client`).
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from core.images import ImageError, load_image, save_png
from demo import jobs, sentences
from demo.jobs import INSTANT, REFINED, repaint
from demo.pictures import displayable, label_of, new_file, thumbnails, uploaded
from gallery.pictures import CONTENTS, MORE_STYLES, STYLES, Picture, my_contents, my_styles

# All events that run a model, in every tab, share one place in the queue: two at once only make both slow.
MODEL_WORK: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
PAINTING: dict[str, Any] = {"preprocess": False, "show_progress": "minimal", "api_visibility": "private"} | MODEL_WORK
LOOK_AT_RESULT = """() => {
  const slider = document.getElementById("slider"), top = slider?.getBoundingClientRect().top;
  if (top < 0 || top > 0.6 * innerHeight) slider.scrollIntoView({ behavior: "smooth" });
}"""

MODE_INFO = "The report's models need refining (about a minute) to take up a painting."

Upload = Mapping[str, object] | None
_refining: dict[str, threading.Event] = {}  # session -> what stops its refining


# ---- events of the page ----


def accept(value: Upload) -> tuple[Any, str]:
    """Look at a picture that was dropped, pasted or taken: keep it, with its name and size, or say what is wrong."""
    try:
        path = uploaded(value)
        if path is None:
            return gr.skip(), ""
        size = load_image(path).size
        shown = displayable(path)
    except ImageError as error:
        return None, sentences.problem(error)
    name = (value or {}).get("orig_name") or "picture"
    return gr.skip() if shown == path else shown, sentences.caption(f"{name}, {sentences.px(size)}")


def picker(pictures: Sequence[Picture]) -> Callable[..., tuple[str, str]]:
    """The handler of a gallery of these pictures: the one that was clicked takes its place above."""

    def pick(event: gr.SelectData, request: gr.Request) -> tuple[str, str]:
        stop_refining(request)
        picture = pictures[event.index]
        return displayable(str(picture.path())), sentences.caption(label_of(picture))

    return pick


def stop_refining(request: gr.Request) -> Any:
    """Let this visitor's refining end after the batch it is at; returns the stop button as it then looks."""
    if stop := _refining.get(str(request.session_hash)):
        stop.set()
    return gr.Button("Stopping after this batch…", interactive=False)


def paint(
    content: Upload,
    style: Upload,
    model: str,
    mode: str,
    batches: float,
    size: float,
    style_side: float,
    request: gr.Request,
) -> Iterator[tuple[Any, ...]]:
    """Yield (slider, download, status, button, stop button): drafts while refining, then the result, or a sentence."""
    session, stop = str(request.session_hash), threading.Event()
    idle = (gr.Button(visible=True), gr.Button(visible=False))
    if mode == REFINED:
        _refining[session] = stop
        stop_button = gr.Button("Stop refining", interactive=True, visible=True)
        yield gr.skip(), gr.skip(), sentences.STARTING, gr.Button(visible=False), stop_button
    try:
        before: tuple[Image.Image | None, str] = (None, "")
        for painting in repaint(uploaded(content), uploaded(style), model, mode, batches, size, style_side, stop):
            if before[0] is not painting.before:
                before = (painting.before, _saved(painting.before, "before.png"))
            after = _saved(painting.after, painting.file_name)
            if painting.draft:
                yield (before[1], after), gr.skip(), sentences.progress(painting), gr.skip(), gr.skip()
            else:
                download = gr.DownloadButton(value=after, interactive=True)
                yield (before[1], after), download, sentences.facts(painting), *idle
    except Exception as error:  # the page keeps the previous result, whatever happened
        yield gr.skip(), gr.skip(), sentences.problem(error), *idle
    finally:
        stop.set()
        if _refining.get(session) is stop:
            del _refining[session]


def _saved(image: Image.Image, name: str) -> str:
    path = new_file(name)
    save_png(image, path)
    return path


# ---- endpoints for programs ----

Answer = tuple[str, dict[str, object]]


def stylize(
    content: Upload, style: Upload, model: str, mode: str, batches: float, size: float, style_side: float
) -> Answer:
    """Repaint a photo in the style of a painting. Returns the picture, a PNG without loss, named
    CONTENT__STYLE__MODEL.png, and what there is to say about it: model, times in seconds, sizes in px.

    Args:
        content: the photo.
        style: the painting.
        model: one of /models.
        mode: "instant" or "refined".
        batches: of refining, 1 to 100.
        size: longest side of the result in px, 256 to 2048, or 0 for the photo's own.
        style_side: smaller side in px at which the painting is read, 128, 256 or 512.
    """
    *_, result = _answers(content, style, model, mode, batches, size, style_side)
    return result


def refine(
    content: Upload, style: Upload, model: str, batches: float, size: float, style_side: float
) -> Iterator[Answer]:
    """Repaint a photo with a model refined on the painting, the report's way. Yields, every two batches, a draft of at
    most 512 px with what there is to say about it, and at the end the result; cancel the job to stop early.

    Args:
        content: the photo.
        style: the painting.
        model: one of /models.
        batches: of refining, 1 to 100.
        size: longest side of the result in px, 256 to 2048, or 0 for the photo's own.
        style_side: smaller side in px at which the painting is read, 128, 256 or 512.
    """
    yield from _answers(content, style, model, REFINED, batches, size, style_side)


def _answers(content: Upload, style: Upload, *order: Any) -> Iterator[Answer]:
    try:
        for painting in repaint(uploaded(content), uploaded(style), *order):
            yield _saved(painting.after, painting.file_name), painting.to_json()
    except Exception as error:
        raise gr.Error(sentences.sentence(error), print_exception=False) from error


def models() -> dict[str, str]:
    """The trained models: name -> title. The first is the one the page offers."""
    return jobs.model_titles()


# ---- layout ----


def build() -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`."""
    titles = jobs.model_titles()
    contents, styles, more = (*CONTENTS, *my_contents()), STYLES, (*my_styles(), *MORE_STYLES)
    if not titles:
        gr.HTML(sentences.notice(jobs.TRAIN_FIRST))
    with gr.Row():
        with gr.Column(scale=6, min_width=340):
            with gr.Row(elem_classes="inputs"):
                content, content_note, content_gallery = _input("Photo", contents)
                style, style_note, style_gallery = _input("Painting", styles)
            settings = _settings(titles)
            go = gr.Button("Stylize", variant="primary", elem_id="go", interactive=bool(titles))
            stop = gr.Button("Stop refining", variant="stop", elem_id="stop", visible=False)
        with gr.Column(scale=7, min_width=340, visible=bool(titles)):
            result = _result(*_opening(contents[0], styles[0], next(iter(titles), None)))
    with gr.Accordion("More paintings", open=True):
        more_gallery = _gallery(more, "more", columns=7)

    order, outputs = [content, style, *settings], [*result, go, stop]
    go.click(None, js=LOOK_AT_RESULT)
    go.click(paint, order, outputs, **PAINTING)
    for gallery, pictures, place, note in (
        (content_gallery, contents, content, content_note),
        (style_gallery, styles, style, style_note),
        (more_gallery, more, style, style_note),
    ):
        gallery.select(None, js=LOOK_AT_RESULT)
        picked = gallery.select(picker(pictures), None, [place, note], trigger_mode="multiple", **QUIET)
        picked.then(paint, order, outputs, trigger_mode="multiple", **PAINTING)
    for place, note in ((content, content_note), (style, style_note)):
        place.input(accept, place, [place, note], preprocess=False, **QUIET)
    stop.click(stop_refining, None, stop, **QUIET)
    _endpoints(*settings[:2])


def _opening(content: Picture, style: Picture, model: str | None) -> tuple[tuple[str, str] | None, str]:
    """The result that the page opens with: (before and after, the line under it), so that it is never empty."""
    if model is None:
        return None, ""
    try:
        painting = next(repaint(str(content.path()), str(style.path()), model))
    except Exception as error:
        return None, sentences.problem(error)
    pair = (_saved(painting.before, "before.png"), _saved(painting.after, painting.file_name))
    return pair, sentences.facts(painting)


def _input(label: str, pictures: Sequence[Picture]) -> tuple[gr.Image, gr.HTML, gr.Gallery]:
    """One of the two places for a picture, filled with the first of the gallery under it."""
    with gr.Column(min_width=150):
        image = gr.Image(
            displayable(str(pictures[0].path())),
            label=label,
            type="filepath",
            image_mode=None,
            sources=["upload", "webcam", "clipboard"],
            buttons=[],
            height=270,
            elem_id=label.lower(),
            elem_classes="droppable",
        )
        note = gr.HTML(sentences.caption(label_of(pictures[0])), elem_id=f"{label.lower()}-note")
        return image, note, _gallery(pictures, f"{label.lower()}-gallery", columns=4)


def _gallery(pictures: Sequence[Picture], elem_id: str, columns: int) -> gr.Gallery:
    return gr.Gallery(
        thumbnails(pictures),  # type: ignore[arg-type]
        format="jpeg",
        columns=columns,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        show_label=False,
        container=False,
        interactive=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes="thumbnails",
    )


def _settings(titles: Mapping[str, str]) -> list[Any]:
    """Model, mode, batches, longest side, brushwork: as `repaint` takes them."""
    model = gr.Dropdown([(title, name) for name, title in titles.items()], label="Model", filterable=False)
    sizes = [*((f"{side} px", side) for side in jobs.SIZES), ("photo's own", jobs.ORIGINAL)]
    brushes = list(zip(("coarse", "as trained", "fine"), jobs.STYLE_SIDES, strict=True))
    narrow: dict[str, Any] = {"min_width": 110, "filterable": False}
    with gr.Row():
        mode = gr.Radio(
            [("Instant", INSTANT), ("Refined", REFINED)], value=INSTANT, label="Mode", info=MODE_INFO, min_width=270
        )
        size = gr.Dropdown(sizes, value=jobs.DEFAULT_SIZE, label="Longest side", **narrow)
        style_side = gr.Dropdown(brushes, value=jobs.STYLE_SIDE, label="Brushwork", **narrow)
    batches = gr.Slider(1, jobs.MOST_BATCHES, value=jobs.REFINE_BATCHES, step=1, label="Batches", visible=False)
    mode.change(lambda chosen: gr.Slider(visible=chosen == REFINED), mode, batches, **QUIET)
    return [model, mode, batches, size, style_side]


def _result(pair: tuple[str, str] | None, said: str) -> list[Any]:
    """Slider, download button, and the line that says how it went."""
    slider = gr.ImageSlider(
        pair,
        format="png",
        type="filepath",
        label="Before / after",
        interactive=False,
        buttons=["fullscreen"],
        max_height=640,
        elem_id="slider",
    )
    status = gr.HTML(said, elem_id="status")
    download = gr.DownloadButton("Download PNG", pair and pair[1], interactive=bool(pair), elem_id="download")
    return [slider, download, status]


def _endpoints(model: gr.Dropdown, mode: gr.Radio) -> None:
    """/stylize, /refine and /models, on components that are never shown."""
    with gr.Column(visible=False):
        content, style = (gr.Image(label=label, type="filepath", image_mode=None) for label in ("photo", "painting"))
        batches = gr.Number(jobs.REFINE_BATCHES, label="batches of refining, 1 to 100", precision=0)
        size = gr.Number(jobs.DEFAULT_SIZE, label="longest side, 256 to 2048 px; 0 for the photo's own", precision=0)
        style_side = gr.Number(jobs.STYLE_SIDE, label="the painting is read at 128, 256 or 512 px", precision=0)
        answer = [gr.File(label="picture"), gr.JSON(label="info")]
        never = gr.Button()
    order = [content, style, model, batches, size, style_side]
    never.click(refine, order, answer, api_name="refine", preprocess=False, **MODEL_WORK)
    order.insert(3, mode)
    never.click(stylize, order, answer, api_name="stylize", preprocess=False, **MODEL_WORK)
    gr.api(models, api_name="models", queue=False)
