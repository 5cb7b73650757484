"""A place for a painting, with the gallery under it to click: what the tabs Video, Live and Many share.

painting, note = painting_place("video")        # an Image whose value an event with preprocess=False passes through `uploaded`
"""

import gradio as gr

from demo import sentences
from demo.inputs import QUIET, accept, gallery, place
from demo.pictures import displayable, label_of
from gallery.pictures import paintings


def painting_place(tab: str) -> tuple[gr.Image, gr.HTML]:
    """The place, filled with the gallery's first painting, and the line that names what it holds.

    Args:
        tab: goes before the ids of the elements.
    """
    offered = paintings()
    image = place("Painting", f"{tab}-painting", offered[0], height=220)
    note = gr.HTML(sentences.caption(label_of(offered[0])), elem_id=f"{tab}-painting-note")

    def pick(event: gr.SelectData) -> tuple[str, str]:
        picture = offered[event.index]
        return displayable(str(picture.path())), sentences.caption(label_of(picture))

    thumbnails = gallery(offered, f"{tab}-paintings", columns=8, strip=True)
    thumbnails.select(pick, None, [image, note], trigger_mode="multiple", **QUIET)
    image.input(accept, image, [image, note], preprocess=False, **QUIET)
    return image, note
