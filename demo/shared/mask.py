"""Where the style goes: painted on the photo, or a file, white inside; outside it the photo or another painting.

controls = build()                              # components by the names of `StyleForm`
file = mask_file(painted, uploaded_mask)        # of the mask, or None for the whole picture
"""

import base64
import binascii
import json
from typing import Any

import gradio as gr

from core.images.decode import ImageError
from core.settings import MAX_PAINTINGS
from demo.shared import messages
from demo.shared.controls import in_px, named
from demo.shared.picture_place import bring, image_input
from demo.shared.requests import RequestError
from demo.shared.templates import component
from demo.shared.uploads import file_of, is_transparent, uploaded
from demo.shared.widgets import QUIET, Upload, strip_for
from gallery.pictures import paintings

PHOTO, PAINTING = "photo", "painting"
AUTO = -1  # as a softness: a fiftieth of the longest side
SOFTNESS_CHOICES = [("soft", AUTO), ("hard", 0), *in_px((4, 8, 16, 32, 64))]
ABOUT = "Paint over the photo where the style shall go. A mask file, white there and black elsewhere, takes its place."
ABOUT_SEVERAL = (
    "Each painting under Mix paintings may have a mask of its own; those that have are not mixed."
)
ABOUT_FILE = (
    "A mask file, white where the style shall go and black elsewhere, holds for every frame."
)
PNG_URL = "data:image/png;base64,"
NOT_ARRIVED = "The painted mask did not arrive; paint it again."
MAX_URL = 4_000_000  # characters; a painted mask has about 20,000


def mask_file(painted: str | None, given: Upload, name: str = "mask.png") -> str | None:
    """The file of the mask: the one that was given, or what was painted, written to one; None where there is none.

    Raises:
        ImageError: it did not arrive.
    """
    if given:
        return uploaded(given, "mask")
    if not painted:
        return None
    try:
        if not painted.startswith(PNG_URL) or len(painted) > MAX_URL:
            raise ValueError
        data = base64.b64decode(painted.removeprefix(PNG_URL), validate=True)
    except (ValueError, AttributeError, binascii.Error) as error:
        raise ImageError(NOT_ARRIVED) from error
    return file_of(name, data)


def mask_files(painted: str | None, given: Upload) -> dict[int, str]:
    """The file of each mask by the place of its painting, 0 to 3: that of `mask_file`, or those of several paintings.

    Args:
        painted: as for `mask_file`, or JSON of a list of such, null for a painting without a mask.

    Raises:
        ImageError: one did not arrive.
    """
    if given or not (isinstance(painted, str) and painted.startswith("[")):
        file = mask_file(painted, given)
        return {0: file} if file else {}
    try:
        urls = json.loads(painted)
    except (ValueError, RecursionError) as error:
        raise ImageError(NOT_ARRIVED) from error
    if len(urls) > MAX_PAINTINGS:
        raise ImageError(NOT_ARRIVED)
    files = {place: mask_file(url, None, f"mask-{place + 1}.png") for place, url in enumerate(urls)}
    return {place: file for place, file in files.items() if file}


def outside_file(kind: str, painting: Upload) -> str | None:
    """The painting for outside the mask, None for the photo. Raises RequestError, ImageError where it is missing."""
    if kind != PAINTING:
        return None
    file = uploaded(painting, "painting for outside the mask")
    if file is None:
        raise RequestError("Choose the painting for outside the mask, or let the photo stay there.")
    return file


def build(tab: str, photo: gr.HTML | None, several: bool) -> dict[str, Any]:
    """Lay it out; returns painted mask (with a photo), mask file, what is outside, the painting there, softness,
    inversion, and the choice of the photo's transparency, which is seen while it has some, by the names of `StyleForm`.

    Args:
        tab: goes before the ids of the elements.
        photo: the photo that is painted over; None where there is only a file.
        several: whether each of the paintings that can be mixed may have a mask of its own.
    """
    title, parts = "Only a part: mask", dict[str, Any]()
    with gr.Accordion(title, open=False, elem_id=named(tab, "masking"), elem_classes="masking"):
        said = f"{ABOUT} {ABOUT_SEVERAL}" if several else ABOUT
        gr.HTML(messages.caption(said if photo else ABOUT_FILE))
        if photo:
            words = {"photo": photo.elem_id, "several": several}
            parts["painted"] = component("shared/mask", words=words, elem_id=named(tab, "mask"))
        with gr.Row(elem_classes="places"):
            with gr.Column(min_width=120):
                name, choose = named(tab, "mask-file"), "Mask file"
                file = image_input("Mask file", name, height=116, choose=choose, removable=True)
                note = gr.HTML("", elem_id=named(tab, "mask-note"))
            with gr.Column(min_width=160, scale=2):
                softness = gr.Dropdown(SOFTNESS_CHOICES, value=AUTO, label="Edge", filterable=False)
                invert = gr.Checkbox(
                    label="Invert: style outside of what is white",
                    elem_id=named(tab, "mask-invert"),
                )
                alpha = gr.Checkbox(
                    label="The photo's transparency is the mask: style where it is opaque",
                    visible=False,
                    elem_id=named(tab, "mask-alpha"),
                )
        kinds = [("the photo stays", PHOTO), ("another painting", PAINTING)]
        kind = gr.Radio(kinds, value=PHOTO, label="Outside the mask")
        with gr.Column(visible=False) as other:
            name, choose = named(tab, "outside"), "Your painting"
            outside = image_input("Painting outside the mask", name, height=150, choose=choose)
            outside_note = gr.HTML("", elem_id=named(tab, "outside-note"))
            strip_for(outside, outside_note, paintings(), named(tab, "outside-gallery"), columns=10)
    kind.change(lambda chosen: gr.Column(visible=chosen == PAINTING), kind, other, **QUIET)
    bring(file, note)
    bring(outside, outside_note)
    if photo:
        photo.change(_alpha_for, photo, alpha, **QUIET)
    parts |= {"mask": file, "elsewhere": kind, "outside": outside}
    return parts | {"softness": softness, "invert": invert, "alpha": alpha}


def _alpha_for(photo: Upload) -> Any:
    try:
        if is_transparent(uploaded(photo)):
            return gr.Checkbox(visible=True)
    except ImageError:  # whoever paints it is told
        pass
    return gr.Checkbox(value=False, visible=False)
