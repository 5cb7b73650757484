"""The tab Transfer (风格迁移): a photo and a painting in, the photo repainted out, before and after side by side.

    with gr.Blocks() as blocks, gr.Tab("Transfer"):
        build()

A click on a painting, or on a photo, repaints at once; the button does the same for pictures that were brought along.
Everything else that can be set is folded away (`demo.shared.controls`, `demo.shared.mixing`,
`demo.shared.mask`), and so is the recipe of the
result (`demo.transfer.provenance`). The endpoints of `demo.transfer.endpoints` offer the same to programs.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from core.baselines.adapter import METHODS
from core.images.library import Picture, my_styles, photographs
from core.images.save import save_png
from core.settings import Settings
from demo.shared import controls, mask, messages, mixing, requests
from demo.shared.before_after import before_after, side_by_side
from demo.shared.picture_place import Placed, bring, chosen, image_input
from demo.shared.requests import REFINED, JobResult, StylizeRequest, repaint
from demo.shared.uploads import label_of, new_file, saved
from demo.shared.widgets import MODEL_WORK, QUIET, gallery
from demo.transfer import endpoints, provenance
from demo.transfer.form import Controls
from gallery.pictures import MORE_STYLES, STYLES

PAINTING: dict[str, Any] = {
    "preprocess": False,
    "show_progress": "minimal",
    "api_visibility": "private",
} | MODEL_WORK
LOOK_AT_RESULT = """() => {
  const slider = document.getElementById("slider"), top = slider?.getBoundingClientRect().top;
  if (top < 0 || top > 0.6 * innerHeight) slider.scrollIntoView({ behavior: "smooth" });
}"""

_refining: dict[str, threading.Event] = {}  # session -> what stops its refining


# ---- events of the page ----


def picker(pictures: Sequence[Picture]) -> Callable[..., tuple[Placed, str]]:
    """The handler of a gallery of these pictures: the one that was clicked takes its place above."""

    def pick(event: gr.SelectData, request: gr.Request) -> tuple[Placed, str]:
        stop_refining(request)
        return chosen(pictures[event.index])

    return pick


def stop_refining(request: gr.Request) -> Any:
    """Let this visitor's refining end after the batch it is at; returns the stop button as it then looks."""
    if stop := _refining.get(str(request.session_hash)):
        stop.set()
    return gr.Button("Stopping after this batch…", interactive=False)


def paint(request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
    """Yield (slider, download, status, button, stop button, command, Python, settings): drafts while refining, then the
    result, or a sentence. Values are those of `Controls`."""
    session, stop = str(request.session_hash), threading.Event()
    idle, same = (gr.Button(visible=True), gr.Button(visible=False)), (gr.skip(),) * 3
    asked = Controls(*values)
    if asked.mode == REFINED or asked.model in METHODS:
        _refining[session] = stop
        stop_button = gr.Button("Stop refining", interactive=True, visible=True)
        yield gr.skip(), gr.skip(), messages.STARTING, gr.Button(visible=False), stop_button, *same
    try:
        before: tuple[tuple[int, int] | None, str] = (None, "")
        for painting in repaint(asked.order(), stop):
            if before[0] != painting.before.size:
                before = (painting.before.size, _saved(painting.before, "before.png"))
            pair = (before[1], saved(painting))
            if painting.recipe is None:
                yield (
                    side_by_side(*pair),
                    gr.skip(),
                    messages.progress(painting),
                    gr.skip(),
                    gr.skip(),
                    *same,
                )
            else:
                download = gr.DownloadButton(value=pair[1], interactive=True)
                said = (
                    messages.facts(painting),
                    *idle,
                    *provenance.texts(painting.recipe, painting.file_name),
                )
                yield side_by_side(*pair), download, *said
    except Exception as error:  # the page keeps the previous result, whatever happened
        yield gr.skip(), gr.skip(), messages.problem(error), *idle, *same
    finally:
        stop.set()
        if _refining.get(session) is stop:
            del _refining[session]


def _saved(image: Image.Image, name: str) -> str:
    path = new_file(name)
    save_png(image, path)
    return path


# ---- layout ----


def build() -> tuple[gr.HTML, gr.HTML]:
    """Lay the tab out and connect it; call inside `gr.Blocks`. Returns the photo's place and note."""
    titles = requests.model_titles()
    contents, styles, more = photographs(), STYLES, (*my_styles(), *MORE_STYLES)
    if not titles:
        gr.HTML(messages.notice(requests.TRAIN_FIRST))
    with gr.Row(elem_id="transfer"):
        with gr.Column(scale=6, min_width=340, elem_id="order"):
            with gr.Row(elem_classes="inputs"):
                content, content_note, content_gallery = _input("Photo", contents)
                style, style_note, style_gallery = _input("Painting", styles)
            settings = controls.build(titles)
            mix, mixed = mixing.build(style)
            part = mask.build()
            go = gr.Button("Stylize", variant="primary", elem_id="go", interactive=bool(titles))
            stop = gr.Button("Stop refining", variant="stop", elem_id="stop", visible=False)
        with gr.Column(scale=7, min_width=340, visible=bool(titles), elem_id="result"):
            result, (codes, load_button, loaded) = _result(
                _opening(contents[0], styles[0], next(iter(titles), None))
            )
    with gr.Accordion("More paintings", open=True):
        more_gallery = gallery(more, "more", columns=7, in_use=style_note)

    order = [content, style, *settings, *mix, *part]
    painted: dict[str, Any] = {
        "fn": paint,
        "inputs": order,
        "outputs": [*result, go, stop, *codes],
    } | PAINTING
    go.click(None, js=LOOK_AT_RESULT)
    go.click(**painted)
    for shown, pictures, image, note in (
        (content_gallery, contents, content, content_note),
        (style_gallery, styles, style, style_note),
        (more_gallery, more, style, style_note),
    ):
        shown.select(None, js=LOOK_AT_RESULT)
        picked = shown.select(
            picker(pictures), None, [image, note], trigger_mode="multiple", **QUIET
        )
        picked.then(trigger_mode="multiple", **painted)
    for changed in mixed:
        changed.then(trigger_mode="multiple", **painted)
    for image, note in ((content, content_note), (style, style_note)):
        bring(image, note)
        image.input(None, js=LOOK_AT_RESULT)
        image.input(trigger_mode="multiple", **painted)
    load_button.upload(
        provenance.load,
        [load_button, *order],
        [*order, content_note, style_note, loaded],
        preprocess=False,
        **QUIET,
    )
    stop.click(stop_refining, None, stop, **QUIET)
    endpoints.build(*settings[:2])
    return content, content_note


def _opening(content: Picture, style: Picture, model: str | None) -> JobResult | Exception | None:
    """The result that the page opens with, so that it is never empty; or why there is none."""
    if model is None:
        return None
    try:
        settings = Settings(model=model, size=controls.DEFAULT_SIZE)
        return next(repaint(StylizeRequest(str(content.path()), [str(style.path())], settings)))
    except Exception as error:
        return error


def _input(label: str, pictures: Sequence[Picture]) -> tuple[gr.HTML, gr.HTML, gr.Gallery]:
    """One of the two places for a picture, filled with the first of the gallery under it."""
    name = label.lower()
    with gr.Column(min_width=150):
        image = image_input(label, name, pictures[0], camera=True, choose=f"Your {name}")
        note = gr.HTML(messages.caption(label_of(pictures[0])), elem_id=f"{name}-note")
        return image, note, gallery(pictures, f"{name}-gallery", columns=4, in_use=note)


def _result(opening: JobResult | Exception | None) -> tuple[list[Any], Any]:
    """Slider, download button, and the line that says how it went; the parts of the recipe below them."""
    pair, said, texts = None, "", ("", "", "")
    if isinstance(opening, Exception):
        said = messages.problem(opening)
    elif opening and opening.recipe:
        pair, said = (_saved(opening.before, "before.png"), saved(opening)), messages.facts(opening)
        texts = provenance.texts(opening.recipe, opening.file_name)
    slider = before_after("slider", pair)
    status = gr.HTML(said, elem_id="status")
    download = gr.DownloadButton(
        "Download PNG", pair and pair[1], interactive=bool(pair), elem_id="download"
    )
    return [slider, download, status], provenance.build(texts)
