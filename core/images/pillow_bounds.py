"""Bounds on what Pillow does to open a picture. Whoever sends a file chooses how much of it is metadata,
and Pillow has no bounds for most kinds of it: a file of two megabytes could take minutes, or gigabytes.

`core.images.formats` puts them in place with `hold_bounds`, so that they hold wherever a picture is
opened. A file beyond them is refused as a damaged one is; no camera or editor writes such files.

| what | why |
|---|---|
| parts of a GIF's comments, and of all before its pixels | each part of a comment copies those before it |
| segments of a JPEG before its pixels, and its scans | each scan of a progressive JPEG visits every pixel |
| EXIF | its first bytes, repeated, are each taken off by a copy of the rest |
| a directory of TIFF or EXIF | any number of its entries may claim the same bytes, each as a copy of its own |
"""

import re
import struct
from typing import IO, Any

from PIL import GifImagePlugin, Image, ImageFile, JpegImagePlugin, TiffImagePlugin

MAX_SEGMENTS = 5000  # of a JPEG before its pixels, of up to 64 KB each
MAX_COMMENTS = 5000  # parts of a GIF's comments, of up to 255 bytes each
MAX_PARTS = 500_000  # of a GIF before its pixels; XMP in it looks like thousands
MAX_SCANS = 100  # usual are ten, and at most about thirty
MAX_EXIF = 4 << 20  # bytes
MAX_NUMBERS = 16 << 20  # bytes of numbers in a directory, of which Pillow makes objects
MAX_COPIES = 2  # of a file's bytes, in what the entries of a directory hold together
_EXIF_BEGINS = b"Exif\0\0"
_TEXTS = (1, 2, 6, 7)  # types of TIFF's values that stay bytes: byte, ASCII, signed byte, undefined
_PALETTE, _PALETTE_SIZE = 0x80, 7  # bits of a GIF's flags
_COMMENT = b"\xfe"  # a kind of a GIF's extensions
_SOS, _EOI = 0xDA, 0xD9
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)  # of JPEG's frame headers
_NO_SEGMENTS = (0x01, *range(0xD0, 0xD9))  # markers without a length
# A marker between pixels: no stuffed 255, no filler, no restart.
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_load_exif = Image.Exif.load
_load_directory = TiffImagePlugin.ImageFileDirectory_v2.load


def hold_bounds() -> None:
    """Have Pillow keep the bounds from here on, in all of the process."""
    setattr(Image.Exif, "load", _bounded_exif)  # noqa: B010, which mypy does not take
    setattr(TiffImagePlugin.ImageFileDirectory_v2, "load", _bounded_directory)  # noqa: B010
    _, gif_accepts = Image.OPEN["GIF"]
    _, jpeg_accepts = Image.OPEN["JPEG"]
    Image.register_open("GIF", _bounded_gif, gif_accepts)
    Image.register_open("JPEG", _bounded_jpeg, jpeg_accepts)


def _bounded_exif(exif: Image.Exif, data: bytes) -> None:
    start = 0
    while data.startswith(_EXIF_BEGINS, start):
        start += len(_EXIF_BEGINS)
    _load_exif(exif, data[start:] if len(data) - start <= MAX_EXIF else b"")


def _bounded_directory(directory: Any, file: IO[bytes]) -> None:
    at = file.tell()
    whole = file.seek(0, 2)
    file.seek(at)
    texts, numbers = _claimed(directory, file, whole)
    file.seek(at)
    if numbers > MAX_NUMBERS or texts + numbers > MAX_COPIES * whole:
        raise SyntaxError("The entries of a directory hold more than the file does.")
    _load_directory(directory, file)


def _claimed(directory: Any, file: IO[bytes], whole: int) -> tuple[int, int]:
    """How many bytes the entries of a directory at the file's place hold outside of it,
    as texts and as numbers, up to the first that points beyond the file, at which Pillow ends.
    """
    order = directory._endian
    count, entry, inside = ("Q", "HHQQ", 8) if directory._bigtiff else ("H", "HHLL", 4)
    head = file.read(struct.calcsize(order + count))
    if len(head) < struct.calcsize(order + count):
        return 0, 0
    width = struct.calcsize(order + entry)
    (entries,) = struct.unpack(order + count, head)
    table = file.read(min(entries * width, whole))
    texts = numbers = 0
    for _, kind, values, place in struct.iter_unpack(
        order + entry, table[: len(table) // width * width]
    ):
        size = values * directory._load_dispatch.get(kind, (0, None))[0]
        if size <= inside:
            continue
        if place + size > whole:
            break
        if kind in _TEXTS:
            texts += size
        else:
            numbers += size
    return texts, numbers


def _bounded_gif(file: IO[bytes], name: str | bytes) -> ImageFile.ImageFile:
    at = file.tell()
    _check_gif(file)
    file.seek(at)
    return GifImagePlugin.GifImageFile(file, name)


def _check_gif(file: IO[bytes]) -> None:
    """Raises SyntaxError where too many parts of extensions, or bytes of no meaning,
    come before the first picture of a GIF.
    """
    head = file.read(13)
    if len(head) == 13 and head[10] & _PALETTE:
        file.read(3 << ((head[10] & _PALETTE_SIZE) + 1))
    parts = comments = 0
    while (byte := file.read(1)) not in (b"", b",", b";"):
        parts += 1
        if byte == b"!":
            is_comment = file.read(1) == _COMMENT
            blocks = _sub_blocks(file)
            parts += blocks
            comments += is_comment * (1 + blocks)
        if comments > MAX_COMMENTS or parts > MAX_PARTS:
            raise SyntaxError("There are too many parts before the pixels.")


def _sub_blocks(file: IO[bytes]) -> int:
    """Pass over the parts of a GIF's extension; how many there are, or one more than are allowed."""
    for count in range(MAX_PARTS + 1):
        length = file.read(1)
        if length in (b"", b"\0"):
            return count
        file.read(length[0])
    return MAX_PARTS + 1


def _bounded_jpeg(file: IO[bytes], name: str | bytes) -> ImageFile.ImageFile:
    at = file.tell()
    if _is_progressive(file):
        file.seek(at)
        if _scans(file.read()) > MAX_SCANS:
            raise SyntaxError("There are too many scans.")
    file.seek(at)
    return JpegImagePlugin.jpeg_factory(file, name)


def _is_progressive(file: IO[bytes]) -> bool:
    """Whether a JPEG's pixels come in scans of which each refines all of them.

    Raises:
        SyntaxError: there are too many segments before the pixels.
    """
    file.read(2)
    found = False
    for _ in range(MAX_SEGMENTS):
        # Pillow passes over what lies between segments, and over fillers.
        byte = file.read(1)
        while byte not in (b"", b"\xff"):
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if not byte or byte[0] in (_SOS, _EOI):
            return found
        found = found or byte[0] in _PROGRESSIVE
        if byte[0] not in (0, *_NO_SEGMENTS):
            length = file.read(2)
            file.seek(max(0, int.from_bytes(length, "big") - 2), 1)
    raise SyntaxError("There are too many segments before the pixels.")


def _scans(data: bytes) -> int:
    """How many scans a JPEG has; one more than are allowed where there are more."""
    at, scans = 2, 0
    while scans <= MAX_SCANS and (marker := _MARKER.search(data, at)):
        kind = marker[0][1]
        if kind == _EOI:
            break
        scans += kind == _SOS
        at = marker.end() + max(2, int.from_bytes(data[marker.end() : marker.end() + 2], "big"))
    return scans
