"""Pictures to files."""

import io
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageCms, PngImagePlugin

from core.files import write_atomic

PNG = {
    "compress_level": 1,
    "compress_type": zlib.Z_RLE,
}  # of a painted picture the default's size, in a third of its time


def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same bytes each time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # the time at which it was made
    return bytes(profile)


def png_bytes(
    image: Image.Image, *, text: dict[str, str] | None = None, icc_profile: bytes | None = None
) -> bytes:
    """Encode as PNG, without loss. `text` becomes the file's text entries (keyword: value, any Unicode value)."""
    entries = PngImagePlugin.PngInfo()
    for keyword, value in (text or {}).items():
        entries.add_text(keyword, value)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=entries, icc_profile=icc_profile, **PNG)
    return buffer.getvalue()


def save_png(
    image: Image.Image,
    path: str | Path,
    *,
    text: dict[str, str] | None = None,
    icc_profile: bytes | None = None,
) -> None:
    """Write a PNG (see `png_bytes`) whole or not at all: a file already at `path` stays until the new one is complete.

    Raises:
        OSError: the folder does not exist, is not writable or is full.
    """
    write_atomic(Path(path), png_bytes(image, text=text, icc_profile=icc_profile))
