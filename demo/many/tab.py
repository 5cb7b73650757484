"""The tab Many: a photo in every painting of the gallery at once, and several photos in one painting.

    with gr.Blocks() as blocks, gr.Tab("Many") as tab:
        build(tab, photo, photo_note)

The two halves, each under a tab of its own, are `demo.many.sheet` and `demo.many.photos`.
"""

import gradio as gr

from core.images.decode import ImageError
from demo.many import photos, sheet
from demo.shared.controls import trained_models
from demo.shared.events import Answer, connect
from demo.shared.picture_place import placed
from demo.shared.uploads import displayable, uploaded
from demo.shared.widgets import QUIET, Upload


def take_along(photo: Upload, photo_note: str, taken: str | None) -> Answer:
    """The photo of another tab, once after each time that it became another; what was chosen here stays otherwise."""
    try:
        path = uploaded(photo)
        if path is None or path == taken:
            return {}
        return {"content": placed(displayable(path)), "note": photo_note, "taken": path}
    except ImageError:  # that tab says so
        return {}


def build(tab: gr.Tab, photo: gr.HTML, photo_note: gr.HTML) -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`.

    Args:
        tab: the tab itself.
        photo, photo_note: the place of another tab's photo, which is taken along when this one is opened.
    """
    titles = trained_models()
    with gr.Tabs():
        with gr.Tab("Every painting"):
            content, note = sheet.build(titles)
        with gr.Tab("Several photos"):
            photos.build(titles)
    taken = gr.State(None)
    given = {"photo": photo, "photo_note": photo_note, "taken": taken}
    changed = {"content": content, "note": note, "taken": taken}
    connect(tab.select, take_along, given, changed, preprocess=False, **QUIET)
