"""Pictures to files: PNG without loss, JPEG and WebP, told by the file's name.

save_png(image, "out.png")
data = encode_picture(image, ".webp", note=recipe, taken=date_taken("photo.jpg"), quality=85)
"""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

from core.files import write_atomic
from core.images.decode import ImageError
from core.images.metadata import exif, user_comment
from core.images.normalise import on_white

# Of a painted picture the default's size, in a third of its time.
PNG = {"compress_level": 1, "compress_type": zlib.Z_RLE}
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}  # by suffix
QUALITY = 90  # 1 to 100, of JPEG and WebP
MAX_QUALITY = 100
NOTE = "MetaStyle"  # the keyword of a PNG's text, and the first word of the others' comment


def encode_picture(
    image: Image.Image,
    suffix: str = ".png",
    *,
    note: str = "",
    taken: str = "",
    quality: int = QUALITY,
) -> bytes:
    """A picture as a file with an sRGB profile. Of its metadata only what is given here is in it.

    Args:
        image: RGB or RGBA; a JPEG has no transparency, so that it is laid on white.
        suffix: one of `FORMATS`, in any case.
        note: a text for programs: in PNG an international text with the keyword `NOTE`, in the
            others, as ASCII, EXIF's UserComment.
        taken: when its photo was taken, as `core.images.metadata.date_taken` gives it.
        quality: 1 to 100, of JPEG and WebP.

    Raises:
        ImageError: the note is too long for a JPEG file, which holds 64 KB.
        KeyError: another suffix.
    """
    kind = FORMATS[suffix.lower()]
    profile = srgb_profile()
    if kind == "PNG":
        text: dict[str, str] = {NOTE: PngImagePlugin.iTXt(note)} if note else {}
        return png_bytes(image, text=text, icc_profile=profile, exif=exif(taken))
    comment = f"{NOTE} {note}" if note else ""
    options: dict[str, Any] = {"quality": quality, "icc_profile": profile}
    if described := exif(taken, comment):
        options["exif"] = described
    if kind == "JPEG":
        image = on_white(image)
        options["subsampling"] = 0  # painted edges are often of one lightness and two colours
    buffer = io.BytesIO()
    try:
        image.save(buffer, kind, **options)
    except ValueError as error:
        if "EXIF" not in str(error):
            raise
        raise ImageError(
            "The recipe of this picture is too long for a JPEG file; save it as PNG or WebP."
        ) from error
    return buffer.getvalue()


def read_note(image: Image.Image) -> str | None:
    """The note that `encode_picture` put into a file, opened by Pillow; None where there is none."""
    if image.format == "PNG":
        note = image.info.get(NOTE)  # it lies before the pixels, which need not be decoded
        return str(note) if note is not None else None
    word, _, note = user_comment(image).partition(" ")
    return note if word == NOTE else None


def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same bytes each time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # the time at which it was made
    return bytes(profile)


def png_bytes(
    image: Image.Image,
    *,
    text: dict[str, str] | None = None,
    icc_profile: bytes | None = None,
    exif: bytes = b"",
) -> bytes:
    """Encode as PNG, without loss. `text` becomes the file's text entries (keyword: value,
    any Unicode value).
    """
    entries = PngImagePlugin.PngInfo()
    for keyword, value in (text or {}).items():
        entries.add_text(keyword, value)
    buffer = io.BytesIO()
    more = {"exif": exif} if exif else {}
    image.save(buffer, "PNG", pnginfo=entries, icc_profile=icc_profile, **PNG, **more)
    return buffer.getvalue()


def save_png(image: Image.Image, path: str | Path) -> None:
    """Write a PNG (see `png_bytes`) whole or not at all:
    a file already at `path` stays until the new one is complete.

    Raises:
        OSError: the folder does not exist, is not writable or is full.
    """
    write_atomic(Path(path), png_bytes(image))
