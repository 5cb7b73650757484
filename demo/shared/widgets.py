"""Places for pictures on the page, with the gallery to click under them, and how the page's events run.

image, note = photo_input("many")               # its value goes through `demo.shared.uploads.uploaded`
image, note = painting_input("many")
gallery(STYLES, "painting-gallery", columns=4).select(...)
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from demo.server.job_queue import AT_ONCE, LONG
from demo.shared import messages
from demo.shared.picture_place import QUIET, Placed, bring, chosen, image_input
from demo.shared.uploads import label_of, thumbnails
from gallery.pictures import Picture, paintings, photographs

# Events that run a model wait in one of two lines, whatever their tab (`demo.server.job_queue`).
MODEL_WORK: dict[str, Any] = {"concurrency_id": AT_ONCE, "concurrency_limit": 1}
LONG_WORK: dict[str, Any] = {"concurrency_id": LONG, "concurrency_limit": 1}
# How an event runs that waits in a line: pictures unopened, progress in words of our own; and one that paints for a visitor.
SILENT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
UNOPENED = {"preprocess": False} | SILENT
PAINTING = UNOPENED | MODEL_WORK
# How an event runs that looks at what was chosen: at the latest choice, at once.
LIGHT: dict[str, Any] = UNOPENED | QUIET | {"trigger_mode": "always_last"}
Upload = Mapping[str, object] | None
# After an event has put a file into a File component: the browser takes it.
DOWNLOAD = """(file) => {
  if (!file?.url) return;
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


def gallery(
    pictures: Sequence[Picture],
    elem_id: str,
    columns: int,
    strip: bool = False,
    in_use: gr.HTML | None = None,
) -> gr.Gallery:
    """Pictures to click.

    Args:
        strip: small ones, in a row that scrolls.
        in_use: the note that names the picture in use, which is then the one with a frame.
    """
    classes = ["thumbnails"]
    if strip:
        classes.append("strip")
    if in_use:
        classes.append(f"in-{in_use.elem_id}")
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
        elem_classes=classes,
    )


def random_button(name: str) -> gr.Button:
    """The button that chooses any painting of the gallery for a place; `another` does it."""
    words, name = "A random painting", f"{name}-random"
    return gr.Button(words, size="sm", variant="secondary", elem_id=name, elem_classes="random")


def another(note: str) -> tuple[Placed, str]:
    """A painting of the gallery by chance, never the one that this note names, and its own note."""
    offered = [each for each in paintings() if messages.caption(label_of(each)) != note]
    return chosen(random.choice(offered or paintings()))


def strip_for(
    place: gr.HTML, note: gr.HTML, pictures: Sequence[Picture], elem_id: str, columns: int = 8
) -> None:
    """Pictures in a row: the one that is clicked comes into the place, and its name into the note."""

    def pick(event: gr.SelectData) -> tuple[Placed, str]:
        return chosen(pictures[event.index])

    strip = gallery(pictures, elem_id, columns, strip=True, in_use=note)
    strip.select(pick, None, [place, note], trigger_mode="multiple", **QUIET)


def painting_input(tab: str) -> tuple[gr.HTML, gr.HTML]:
    """The place, filled with the gallery's first painting, and the line that names what it holds.

    Args:
        tab: goes before the ids of the elements.
    """
    image, note = _filled("Painting", f"{tab}-painting", paintings(), cropped=True)
    by_chance = random_button(f"{tab}-painting")
    by_chance.click(another, note, [image, note], **QUIET)
    bring(image, note, styles=True)
    return image, note


def photo_input(tab: str) -> tuple[gr.HTML, gr.HTML]:
    """`painting_input` for a photo, which can be taken with the camera too."""
    image, note = _filled("Photo", f"{tab}-photo", photographs(), camera=True)
    bring(image, note)
    return image, note


def _filled(
    label: str, elem_id: str, pictures: Sequence[Picture], **own: Any
) -> tuple[gr.HTML, gr.HTML]:
    """A place with the first of the pictures, its note, and all of them to click."""
    choose = f"Your {label.lower()}"
    image = image_input(label, elem_id, pictures[0], height=220, choose=choose, **own)
    note = gr.HTML(messages.caption(label_of(pictures[0])), elem_id=f"{elem_id}-note")
    strip_for(image, note, pictures, f"{elem_id}s")
    return image, note
