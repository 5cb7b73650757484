"""The formats of pictures that are read, and what a file is that is of none of them.

IMAGE_SUFFIXES, FORMATS_SAID              # for a file dialog, and for a sentence
kind_of_file(Path("photo"))               # "a JPEG"
diagnosis(head)                           # "is a PDF document, which cannot be used"
"""

from pathlib import Path

import pillow_heif
from PIL import Image

from core.images.pillow_bounds import hold_bounds

Image.init()  # else Pillow knows its formats only once it has opened a picture
pillow_heif.register_heif_opener()
hold_bounds()
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "HEIF")
IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
)
_FORMAT_NAMES = {"WEBP": "WebP", "HEIF": "HEIC"}
RARE = "is damaged, incomplete or of a rare variant that cannot be read"
_OTHER_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "an EPS file"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"qoif", "a QOI picture"),
    (b"\x1a\x45\xdf\xa3", "a video"),  # Matroska and WebM
)
_OTHER_BRANDS = {b"crx ": "a camera's raw file"}  # of what else begins as an MP4 does


def formats_said() -> str:
    """What is accepted, for the end of a sentence."""
    names = [_FORMAT_NAMES.get(name, name) for name in FORMATS]
    return f"accepted are {', '.join(names[:-1])} and {names[-1]} pictures"


def kind_of_file(path: Path) -> str | None:
    """ "a JPEG" or another accepted format, by a file's first bytes; None for any other file."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    name = _format_of(head)
    if name is None:
        return None
    return f"{'an' if name == 'AVIF' else 'a'} {_FORMAT_NAMES.get(name, name)}"


def _format_of(head: bytes) -> str | None:
    """Which of `FORMATS` a file is of that begins so."""
    for name in FORMATS:
        _, accept = Image.OPEN[name]
        if accept is not None and accept(head[:16]) is True:
            return name
    return None


def diagnosis(head: bytes) -> str:
    """What is wrong with a file that did not decode, from its first bytes."""
    if not head:
        return "is empty"
    if _format_of(head):
        return RARE
    kind = next((kind for start, kind in _OTHER_KINDS if head.startswith(start)), None)
    lowered = head.lower()
    if head[4:8] == b"ftyp":
        kind = _OTHER_BRANDS.get(head[8:12], "a video")
    elif b"<svg" in lowered:
        kind = "an SVG drawing"
    elif b"<html" in lowered or b"<!doctype html" in lowered:
        kind = "a web page"
    elif kind is None and head.isascii() and b"\0" not in head:
        kind = "a text file"
    return f"is {kind}, which cannot be used" if kind else "is not a picture that can be read"
