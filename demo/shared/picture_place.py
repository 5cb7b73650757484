"""A place for a picture: chosen from a dialog, dropped, pasted, or taken with the camera; it never loses the one it has.

    place = image_input("Photo", "photo", first, choose="Your photo")
    note = gr.HTML(elem_id="photo-note")
    bring(place, note)                     # a file has come: in with it, or a sentence in the note
    place.input(paint, ...)                # the visitor's picture is in its place

Its value is None or `placed(path)`, a mapping that handlers read with `demo.shared.uploads.uploaded`; where a part was chosen
in the browser, "crop" in it has its edges (`crop_of`). The browser's part is `picture_place.js` and `picture_crop.js`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from core.images.decode import ImageError
from core.images.save import png_bytes
from core.inference.style_file import is_style_file, load_style
from demo.server.limits import MAX_UPLOAD_BYTES
from demo.shared import messages
from demo.shared.templates import component
from demo.shared.thumbnails import whole_copy
from demo.shared.uploads import checked_size, displayable, file_of, file_url, label_of, uploaded
from gallery.pictures import Picture

Placed = dict[str, Any]
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def image_input(
    label: str,
    elem_id: str,
    picture: Picture | None = None,
    height: int = 270,
    camera: bool = False,
    choose: str = "Choose a file",
    removable: bool = False,
    cropped: bool = False,
) -> gr.HTML:
    """A place for one picture; `bring` connects it.

    Args:
        label: what it is for.
        picture: of the gallery, that it starts with.
        height: of the picture, in px.
        camera: whether a picture can be taken.
        choose: the words on its button.
        removable: whether it can be emptied.
        cropped: whether a part of the picture can be chosen, the one that counts.
    """
    own = {"height": height, "camera": camera, "removable": removable, "cropped": cropped}
    own["max_bytes"] = MAX_UPLOAD_BYTES
    return component(
        "shared/picture_place",
        of_gallery(picture) if picture else None,
        words={"name": label, "choose": choose, "cropped": cropped, "own": json.dumps(own)},
        label=label,
        elem_id=elem_id,
        elem_classes="picture-place",
    )


def placed(path: str, name: str | None = None, brought: str | None = None) -> Placed:
    """A picture file as the value of a place; one that lies elsewhere is copied to where uploads are.

    Args:
        path: of a file that browsers show.
        name: what it is called.
        brought: the path of the upload that this answers.
    """
    if not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        path = save_file_to_cache(path, get_upload_folder())
    name = name or Path(path).name
    return {"path": path, "url": file_url(path), "orig_name": name, "brought": brought}


def of_gallery(picture: Picture) -> Placed:
    """A picture of the gallery as the value of a place; a PNG is shown by a light copy, over lines that may be slow."""
    value = placed(displayable(str(picture.path())))
    if picture.path().suffix.lower() == ".png":
        value["url"] = file_url(str(whole_copy(picture)))
    return value


def bring(place: gr.HTML, note: gr.HTML, styles: bool = False) -> None:
    """Let files come into a place, with a note of their names, or of what is wrong with them, in `note`.

    Args:
        styles: whether style files may come too.
    """

    def accept(event: gr.EventData) -> tuple[Any, str]:
        return accepted(event._data, styles)

    place.upload(accept, None, [place, note], trigger_mode="multiple", **QUIET)
    place.clear(lambda: "", None, note, **QUIET)


def accepted(file: Mapping[str, Any], styles: bool = False) -> tuple[Any, str]:
    """A file `{"path": ..., "orig_name": ...}` has come: the place with it and a note of what it is, or the place as it was
    and what is wrong.

    Args:
        styles: as `bring` takes it.
    """
    name = str(file.get("orig_name") or "picture")
    is_style = styles and is_style_file(name)
    try:
        path = uploaded(file, "style file" if is_style else "picture")
        if path is None:
            return gr.skip(), ""
        if is_style:
            said = f"{name}, a style for {load_style(path).model}"
            return placed_style(path, name, brought=path), messages.caption(said)
        said = f"{name}, {messages.px(checked_size(path))}"
        return placed(displayable(path), name, brought=path), messages.caption(said)
    except ImageError as error:
        return gr.skip(), messages.problem(error)


def placed_style(path: str, name: str | None = None, brought: str | None = None) -> Placed:
    """A style file as the value of a place, shown by its thumbnail. Raises ImageError."""
    shown = file_of("thumbnail.png", png_bytes(load_style(path).thumbnail))
    return placed(path, name, brought) | {"url": file_url(shown), "style": True}


def chosen(picture: Picture) -> tuple[Placed, str]:
    """A picture of the gallery for a place, and the note that names it."""
    return of_gallery(picture), messages.caption(label_of(picture))
