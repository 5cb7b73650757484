"""What a saved picture says of itself in EXIF: when its photo was taken, and a comment.
Where it was taken is never kept.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image

from core.images.decode import opened_picture

COMMENT_CODE = b"ASCII\0\0\0"  # of EXIF's UserComment
_DATE = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")


def date_taken(source: str | Path | bytes | BinaryIO) -> str:
    """When a photo was taken, as EXIF's DateTimeOriginal "2026:05:17 14:03:59";
    empty where it does not say.
    """
    with suppress(Exception):  # EXIF of any kind may be damaged, and then says nothing
        with opened_picture(source) as image:
            tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
        text = str(tags.get(ExifTags.Base.DateTimeOriginal, "")).strip("\0 ")
        return text if _DATE.fullmatch(text) else ""
    return ""


def exif(taken: str = "", comment: str = "") -> bytes:
    """EXIF with a date and a comment in ASCII; nothing for what is empty."""
    block = Image.Exif()
    inner = block.get_ifd(ExifTags.IFD.Exif)
    if taken:
        inner[ExifTags.Base.DateTimeOriginal] = taken
    if comment:
        inner[ExifTags.Base.UserComment] = COMMENT_CODE + comment.encode("ascii")
    return block.tobytes() if inner else b""


def user_comment(image: Image.Image) -> str:
    """The comment that `exif` wrote; empty where there is none in ASCII."""
    value = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    if isinstance(value, str):
        value = value.encode("ascii", "replace")
    return value.removeprefix(COMMENT_CODE).decode("ascii", "replace")
