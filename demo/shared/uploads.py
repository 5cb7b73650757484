"""Pictures on their way to and from the browser: thumbnails to click, uploads, and files to show or download.

    gr.Gallery(thumbnails(STYLES), format="jpeg")
    path = uploaded(value)              # of an Image component whose event has preprocess=False
    shown = displayable(path)            # the same picture, as a browser can show it

Gradio opens an uploaded picture before the handler runs, so that a broken one ends in "Error" and no words (and a
path in a hand-made request is opened unchecked). Events that take pictures therefore have `preprocess=False` and pass
what they get through `uploaded`; `core.images.decode.load_image` is the only reader.
"""

import base64
import io
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gradio.processing_utils import hash_file
from gradio.utils import get_upload_folder
from PIL import Image

from core.files import write_atomic
from core.images.convert import WHOLE, Box, resize_longest, resize_smaller
from core.images.decode import (
    ImageError,
    browsers_agree,
    load_image,
    load_with_alpha,
    opened_picture,
)
from core.images.metadata import date_taken
from core.images.normalise import orientation_of
from core.images.save import encode_picture, png_bytes
from demo.server.limits import MAX_UPLOAD_BYTES
from demo.shared.requests import JobResult, give_back
from gallery.pictures import Picture, paintings, photographs

MAX_UPLOAD = f"{MAX_UPLOAD_BYTES >> 20}mb"
QUALITY = 90  # JPEG
THUMBNAIL_SIDE = 256  # px, the smaller side
SHOWN_SIDE = 2048  # px
BEFORE = "before"  # the name of the light copy of a photo, left of its result
LIGHT_SIDE = 1600  # px, of that copy
CHECKED_SIDE = 256  # px, the smaller side at which a JPEG is read in order to see whether it can be
REDUCED_FORMATS = ("JPEG", "MPO")  # those which `load_image` reads at a smaller size
LYING = (5, 6, 7, 8)  # EXIF orientations whose width and height are exchanged
# Uploads are looked at outside the queue: a few at a time, for each may have 89 million pixels.
DECODING = threading.BoundedSemaphore(2)


def thumbnails(pictures: Iterable[Picture]) -> list[tuple[Image.Image, str]]:
    """A small copy of each picture (smaller side 256 px) with its label."""
    found = [(picture.path(), label_of(picture)) for picture in pictures]
    return [(_thumbnail(path, path.stat().st_mtime_ns), label) for path, label in found]


@lru_cache(maxsize=128)
def _thumbnail(path: Path, changed: int) -> Image.Image:
    return resize_smaller(load_image(path, at_least=THUMBNAIL_SIDE), THUMBNAIL_SIDE)


def label_of(picture: Picture) -> str:
    """Title, artist, year, as far as they are known."""
    return ", ".join(part for part in (picture.title, picture.artist, picture.year) if part)


def uploaded(value: Mapping[str, object] | None, what: str = "picture") -> str | None:
    """The file behind the raw value of an Image component, None where it is empty.

    Args:
        what: what a message calls it.

    Raises:
        ImageError: it is not a file that was uploaded to this page.
    """
    if not value:
        return None
    path = value.get("path") if isinstance(value, Mapping) else None
    if not isinstance(path, str) or not _is_upload(path):
        raise ImageError(f"The {what} did not arrive as a file; upload it again.")
    if not os.path.isfile(path):  # no name is too long for it
        raise ImageError(
            f"The {what} is no longer kept here: uploads are deleted after an hour. Upload it again."
        )
    return path


def crop_of(value: Mapping[str, object] | None) -> Box:
    """The part of the picture in a place that counts; `core.settings` refuses what is none."""
    crop = value.get("crop") if isinstance(value, Mapping) else None
    return WHOLE if crop is None else crop  # type: ignore[return-value]


def _is_upload(path: str) -> bool:
    try:
        return Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())
    except (OSError, ValueError):  # longer than any, or with a character that no path has
        return False


def gallery_copies() -> list[str]:
    """Where Gradio puts its copies of the gallery's pictures: no visitor's, and as old as their originals."""
    copies = Path(get_upload_folder())
    return [str(copies / hash_file(file)) for file in gallery_files()]


def checked_size(path: str) -> tuple[int, int]:
    """Width and height in px of an upload that can be used, read with no more of its pixels than that needs.

    Raises:
        ImageError: it cannot be used.
    """
    image = _read(load_image, path, at_least=CHECKED_SIDE)
    with opened_picture(path) as file:
        if file.format not in REDUCED_FORMATS:
            return image.size
        is_turned = orientation_of(file) in LYING
        return (file.height, file.width) if is_turned else file.size


def _read(read: Callable[..., Image.Image], path: str, **options: Any) -> Image.Image:
    """A picture as `read` gives it, with others in their turn; what a large one took is given back."""
    with DECODING:
        image = read(path, **options)
        give_back([image])
    return image


def is_transparent(path: str | None) -> bool:
    """Whether a file is a picture that can be read and has a transparent pixel."""
    if path is None:
        return False
    with suppress(Exception):  # of a file that Pillow cannot open, nearly any
        with opened_picture(path) as image:  # most have none, which their head says
            if not image.has_transparency_data:
                return False
        return _read(load_with_alpha, path).mode == "RGBA"
    return False


def displayable(path: str) -> str:
    """The file itself, or for one that browsers do not show, or in other colours, a PNG of it, at most 2048 px a side,
    with its transparency and its date.

    Raises:
        ImageError: it had to be read and cannot be.
    """
    if browsers_agree(path):
        return path
    image = _read(load_with_alpha, path, at_least=SHOWN_SIDE)
    if max(image.size) > SHOWN_SIDE:
        image = resize_longest(image, SHOWN_SIDE)
    return file_of(f"{Path(path).stem}.png", encode_picture(image, taken=date_taken(path)))


def saved(painting: JobResult) -> str:
    """A painting in a file that the page may serve: the result with its recipe, a draft as it is."""
    data = png_bytes(painting.after) if painting.draft else painting.png()
    return file_of(painting.file_name, data)


def light_copy(image: Image.Image, name: str) -> str:
    """What the page shows, over lines that may be slow, of a photo, a draft or a large picture: a JPEG, or a WebP where
    it is transparent, of at most 1600 px a side; its name without ending is that of the picture.
    """
    suffix = ".webp" if image.mode == "RGBA" else ".jpg"
    small = resize_longest(image, LIGHT_SIDE) if max(image.size) > LIGHT_SIDE else image
    return file_of(Path(name).with_suffix(suffix).name, encode_picture(small, suffix))


def result_shown(result: JobResult, file: str) -> str:
    """What the page shows of a result that is in this file: of a large one a light copy."""
    return light_copy(result.after, file) if result.is_large else file


def gallery_files() -> list[str]:
    """The gallery's picture files, which the page may hand to a browser."""
    pictures = (*photographs(), *paintings())
    return [str(picture.path().resolve()) for picture in pictures]


def new_file(name: str) -> str:
    """A path of that name for a file that the page may serve; it is deleted when it has aged (`demo.server.cleaner`)."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return str(folder / name)


def file_of(name: str, data: bytes) -> str:
    """The path of a file of that name that the page may serve, with this in it. Raises OSError where it cannot be written."""
    path = new_file(name)
    write_atomic(Path(path), data)
    return path


def data_url(image: Image.Image) -> str:
    """A picture, as a JPEG, in an address of its own: no file is written."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def file_url(path: str | Path) -> str:
    """Where the page's server has a file that it may serve; relative, so that it holds behind a proxy too."""
    return f"gradio_api/file={quote(str(path))}"
