"""A place for a painting, with the gallery under it to click: what the tabs Video and Live share.

painting, note = place("video")        # an Image whose value an event with preprocess=False passes through `uploaded`
"""

from collections.abc import Sequence

import gradio as gr

from demo import sentences
from demo.pictures import displayable, label_of, thumbnails
from demo.transfer import QUIET, accept
from gallery.pictures import MORE_STYLES, STYLES, Picture, my_styles


def place(tab: str) -> tuple[gr.Image, gr.HTML]:
    """The place, filled with the gallery's first painting, and the line that names what it holds.

    Args:
        tab: goes before the ids of the elements.
    """
    offered: Sequence[Picture] = (*STYLES, *my_styles(), *MORE_STYLES)
    image = gr.Image(
        displayable(str(offered[0].path())),
        label="Painting",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        buttons=[],
        height=220,
        elem_id=f"{tab}-painting",
        elem_classes="droppable",
    )
    note = gr.HTML(sentences.caption(label_of(offered[0])), elem_id=f"{tab}-painting-note")
    gallery = gr.Gallery(
        thumbnails(offered),  # type: ignore[arg-type]
        format="jpeg",
        columns=8,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        show_label=False,
        container=False,
        interactive=False,
        buttons=[],
        elem_id=f"{tab}-paintings",
        elem_classes=["thumbnails", "strip"],
    )

    def pick(event: gr.SelectData) -> tuple[str, str]:
        picture = offered[event.index]
        return displayable(str(picture.path())), sentences.caption(label_of(picture))

    gallery.select(pick, None, [image, note], trigger_mode="multiple", **QUIET)
    image.input(accept, image, [image, note], preprocess=False, **QUIET)
    return image, note
