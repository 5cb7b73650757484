"""Places for pictures on the page, with the gallery to click under them, and how the page's events run.

image = place("Photo", "photo", first)          # its value goes through `demo.shared.uploads.uploaded`
image.input(accept, image, [image, note], preprocess=False, **QUIET)
gallery(STYLES, "painting-gallery", columns=4).select(...)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from core.images.decode import ImageError, load_image
from demo.shared import messages
from demo.shared.uploads import displayable, label_of, thumbnails, uploaded
from gallery.pictures import Picture, paintings

# All events that run a model, in every tab, share one place in the queue: two at once only make both slow.
MODEL_WORK: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
# How an event runs that paints for a visitor: pictures unopened, progress in words of our own.
PAINTING: dict[str, Any] = {
    "preprocess": False,
    "show_progress": "hidden",
    "api_visibility": "private",
} | MODEL_WORK
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
Upload = Mapping[str, object] | None
# After an event has put a file into a File component: the browser takes it.
DOWNLOAD = """(file) => {
  if (!file?.url) return;
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


def accept(value: Upload) -> tuple[Any, str]:
    """Look at a picture that was dropped, pasted or taken: keep it, with its name and size, or say what is wrong."""
    try:
        path = uploaded(value)
        if path is None:
            return gr.skip(), ""
        size = load_image(path).size
        shown = displayable(path)
    except ImageError as error:
        return None, messages.problem(error)
    name = (value or {}).get("orig_name") or "picture"
    return gr.skip() if shown == path else shown, messages.caption(f"{name}, {messages.px(size)}")


def image_input(
    label: str,
    elem_id: str,
    picture: Picture | None = None,
    height: int = 270,
    webcam: bool = False,
) -> gr.Image:
    """A place for a picture, filled with one of the gallery or empty."""
    return gr.Image(
        displayable(str(picture.path())) if picture else None,
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"] if webcam else ["upload", "clipboard"],
        buttons=[],
        height=height,
        elem_id=elem_id,
        elem_classes="droppable",
    )


def gallery(
    pictures: Sequence[Picture], elem_id: str, columns: int, strip: bool = False
) -> gr.Gallery:
    """Pictures to click; `strip`: small ones in a row that scrolls."""
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
        elem_classes=["thumbnails", *(["strip"] if strip else [])],
    )


def before_after(
    elem_id: str, pair: tuple[str, str] | None = None, label: str | None = "Before / after"
) -> gr.ImageSlider:
    """A slider between two pictures, paths of PNG files, or empty; without a label over it where that is None."""
    return gr.ImageSlider(
        pair,
        format="png",
        type="filepath",
        label=label,
        show_label=label is not None,
        interactive=False,
        buttons=["fullscreen"],
        max_height=640,
        elem_id=elem_id,
    )


def painting_input(tab: str) -> tuple[gr.Image, gr.HTML]:
    """The place, filled with the gallery's first painting, and the line that names what it holds.

    Args:
        tab: goes before the ids of the elements.
    """
    offered = paintings()
    image = image_input("Painting", f"{tab}-painting", offered[0], height=220)
    note = gr.HTML(messages.caption(label_of(offered[0])), elem_id=f"{tab}-painting-note")

    def pick(event: gr.SelectData) -> tuple[str, str]:
        picture = offered[event.index]
        return displayable(str(picture.path())), messages.caption(label_of(picture))

    thumbnails = gallery(offered, f"{tab}-paintings", columns=8, strip=True)
    thumbnails.select(pick, None, [image, note], trigger_mode="multiple", **QUIET)
    image.input(accept, image, [image, note], preprocess=False, **QUIET)
    return image, note
