"""A PNG file's chunks: what it says of its colours, and the chunks that its pixels need.

    parts = read_chunks(data)
    parts.colours                                       # by the precedence of the PNG specification
    Image.open(io.BytesIO(parts.pixels))                # the same picture without texts, and whole

Pillow refuses a picture for a text chunk of more than a megabyte, which editors write, and knows no
cICP (W3C PNG, third edition). Texts are therefore left out before Pillow sees the file, and a
colour profile is read here, up to a bound. A picture whose end is missing is completed where at
most a hundredth of its rows is.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, islice, takewhile
from math import ceil

import av
import numpy as np
from numpy.typing import NDArray

from core.images.colour_space import SRGB, ColourSpace, from_cicp, gamma, is_colour_triangle
from core.images.colour_tags import Colours

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE = 16 << 20  # bytes
# Bytes, of the one text that is needed: orientation as ImageMagick once wrote it.
MAX_TEXT = 1 << 20
MAX_MISSING = 0.01  # of a picture's rows
MAX_LINES = 1 << 20  # of a picture that is completed
MAX_CHUNKS = 500_000  # each takes twelve bytes of the file and twenty times as many of the memory
SRGB_GAMMA = 45455  # 1 / 2.2, which writers put in place of sRGB's own curve
_LIKE_ABOVE = 2  # the filter "Up": with zeros, a line is as the one above it
_EXIF_TEXT = b"Raw profile type exif\0"
GREY, RGB, PALETTE = 0, 2, 3  # colour types whose transparent colours are said apart
# By colour type: grey, RGB, palette, grey and alpha, RGB and alpha.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = (  # of each pass of an interlaced picture: left, top, step to the right, step down
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


@dataclass(frozen=True)
class PngParts:
    """What `read_chunks` found.

    Attributes:
        pixels: a PNG file of the chunks that the pixels need.
        colours: by the chunk that counts; None where the file says nothing of them,
            and so has those of sRGB.
        is_deep: whether it is RGB, with or without alpha, of 16 bits a sample.
        has_clear_colour: whether it is RGB, and one colour of it is transparent.
    """

    pixels: bytes
    colours: Colours | None
    is_deep: bool
    has_clear_colour: bool


def read_chunks(data: bytes, max_pixels: int) -> PngParts:
    """Take a PNG file apart.

    Args:
        max_pixels: no picture with more of them is completed, whatever it lacks.

    Raises:
        ValueError: it has no header, too many chunks, or more than a hundredth of its rows is
            missing.
    """
    chunks, header = _chunks_and_header(data)
    chunks = _of_first_frame(chunks, header)
    kept = _needed(chunks, header)
    if all(chunk.kind != b"IEND" for chunk in chunks):
        kept = _completed(kept, header, max_pixels)
    elif not all(chunk.intact for chunk in kept):
        raise ValueError("A checksum is wrong.")
    intact: dict[bytes, bytes] = {}
    for chunk in chunks:
        if chunk.intact:
            intact.setdefault(chunk.kind, chunk.body)
    has_clear_colour = header[9] == RGB and any(chunk.kind == b"tRNS" for chunk in kept)
    is_deep = header[8] == 16 and bool(header[9] & 2)
    return PngParts(_joined(kept), _colours(intact), is_deep, has_clear_colour)


def without_pixels(data: bytes) -> bytes:
    """A PNG file of the chunks before the pixels that bear on them,
    to learn of a picture all but its pixels.

    Raises:
        ValueError: it has no header, or too many chunks.
    """
    chunks, header = _chunks_and_header(data)
    kept = _needed(chunks, header)
    return _joined([*(each for each in kept if each.kind != b"IDAT"), _new_chunk(b"IDAT", b"")])


def decode_16_bits(data: bytes) -> NDArray[np.uint16]:
    """The samples of a PNG of 16 bits, RGB or RGBA, H x W x 3 or H x W x 4;
    Pillow gives only their upper 8.

    Raises:
        av.FFmpegError: it cannot be decoded.
    """
    with av.open(io.BytesIO(data), "r", format="png_pipe") as file:
        frame = next(file.decode(video=0))
    deep = "rgba64le" if len(frame.format.components) in (2, 4) else "rgb48le"
    samples = frame.reformat(format=deep).to_ndarray()
    return samples.astype(np.uint16, copy=False)


@dataclass(frozen=True)
class _Chunk:
    """One chunk: its type, what is in it, the whole of its bytes,
    and whether its checksum is right.
    """

    kind: bytes
    body: bytes
    raw: bytes
    intact: bool


def _chunks_and_header(data: bytes) -> tuple[list[_Chunk], bytes]:
    """All chunks, and what is in the first of them. Raises ValueError: see `read_chunks`."""
    chunks = list(islice(_chunks(data), MAX_CHUNKS + 1))
    header = chunks[0].body if chunks and chunks[0].kind == b"IHDR" else b""
    if len(header) != 13:
        raise ValueError("The file has no header.")
    if len(chunks) > MAX_CHUNKS:
        raise ValueError("The file has too many chunks.")
    return chunks, header


def _joined(chunks: list[_Chunk]) -> bytes:
    """A file of these chunks and an end."""
    return SIGNATURE + b"".join(chunk.raw for chunk in chunks) + _new_chunk(b"IEND", b"").raw


def _of_first_frame(chunks: list[_Chunk], header: bytes) -> list[_Chunk]:
    """The chunks with the pixels of an animation's first frame, as browsers show it, in place of a
    picture that is for programs without animations. A frame smaller than the picture counts for
    nothing.
    """
    kinds = [chunk.kind for chunk in chunks]
    before = kinds[: kinds.index(b"IDAT")] if b"IDAT" in kinds else []
    if b"acTL" not in before or b"fcTL" in before or b"fcTL" not in kinds:
        return chunks
    at = kinds.index(b"fcTL")  # the number of the chunk, width and height, left and top
    later = takewhile(lambda chunk: chunk.kind != b"fcTL", chunks[at + 1 :])
    frame = [chunk for chunk in later if chunk.kind == b"fdAT"]
    is_whole = chunks[at].body[4:20] == header[:8] + bytes(8)
    if not frame or not is_whole or not all(chunk.intact for chunk in (chunks[at], *frame)):
        return chunks
    first = [chunk for chunk in chunks[:at] if chunk.kind != b"IDAT"]
    return [*first, *(_new_chunk(b"IDAT", chunk.body[4:]) for chunk in frame), *chunks[at:]]


def _needed(chunks: list[_Chunk], header: bytes) -> list[_Chunk]:
    """The chunks that bear on the pixels; a transparent colour of a wrong length does not, as in
    browsers.
    """
    colours = next((len(chunk.body) // 3 for chunk in chunks if chunk.kind == b"PLTE"), 0)
    lengths = {GREY: range(2, 3), RGB: range(6, 7), PALETTE: range(1, colours + 1)}
    kept = []
    for chunk in filter(_is_needed, chunks):
        if chunk.kind != b"tRNS":
            kept.append(chunk)
        elif len(chunk.body) in lengths.get(header[9], ()):
            kept.append(_scaled(chunk, header))
    return kept


def _scaled(chunk: _Chunk, header: bytes) -> _Chunk:
    """The chunk of a transparent colour, of a grey picture of up to 8 bits as the 8-bit grey that
    Pillow compares it with: of 2 and 4 bits it stretches the samples, and not this one.
    """
    bits = header[8]
    if header[9] != GREY or bits not in (2, 4, 8):
        return chunk
    (grey,) = struct.unpack_from(">H", chunk.body)
    largest = (1 << bits) - 1  # the higher bits do not count (PNG specification, 11.3.1.1)
    return _new_chunk(b"tRNS", struct.pack(">H", (grey & largest) * 255 // largest))


def _new_chunk(kind: bytes, body: bytes) -> _Chunk:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return _Chunk(kind, body, struct.pack(">I", len(body)) + kind + body + checksum, True)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """The chunks up to the end of the picture or of the file, where the last may be cut."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        checksum = data[at + 8 + length : at + 12 + length]
        intact = checksum == struct.pack(">I", zlib.crc32(kind + body))
        yield _Chunk(kind, body, data[at : at + 12 + length], intact)
        if kind == b"IEND":
            return
        at += 12 + length


def _is_needed(chunk: _Chunk) -> bool:
    """Whether a chunk bears on the pixels; what is not essential and damaged is left out,
    as browsers do.
    """
    essential = not chunk.kind[:1].islower()
    if chunk.kind == b"zTXt" and chunk.body.startswith(_EXIF_TEXT):
        return chunk.intact and _inflated(chunk.body[len(_EXIF_TEXT) + 1 :], MAX_TEXT) is not None
    if essential:
        return chunk.kind != b"IEND"
    return chunk.intact and chunk.kind in (b"tRNS", b"eXIf")


def _completed(chunks: list[_Chunk], header: bytes, max_pixels: int) -> list[_Chunk]:
    """The chunks with the rest of the rows, where nearly all of them are there.

    Raises:
        ValueError: too much is missing.
    """
    pieces = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    others = [chunk for chunk in chunks if chunk.kind != b"IDAT"]
    width, height = struct.unpack_from(">II", header)
    is_sound = all(chunk.intact for chunk in (*others, *pieces[:-1]))
    # Of no lines, decompressing would know no end; and each line is an item of a list.
    if not is_sound or not 0 < width * height <= max_pixels or height > MAX_LINES:
        raise ValueError("The file breaks off.")
    lines = _lines(header)
    size = sum(lines)
    samples = bytearray()
    with suppress(zlib.error):
        samples += zlib.decompressobj().decompress(b"".join(piece.body for piece in pieces), size)
    there = len(samples)
    if size - there > MAX_MISSING * size or not there:
        raise ValueError("The file breaks off.")
    samples += bytes(size - there)
    for start in accumulate(lines[:-1], initial=0):  # of each line
        if start >= there:
            samples[start] = _LIKE_ABOVE
    return [*others, _new_chunk(b"IDAT", zlib.compress(samples, 1))]


def _lines(header: bytes) -> list[int]:
    """The bytes of each line of samples as they are compressed, a filter's number before each."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits_per_pixel = bits * _CHANNELS.get(colour, 4)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    lines: list[int] = []
    for left, top, step_x, step_y in passes:
        columns = ceil((width - left) / step_x)
        rows = ceil((height - top) / step_y)
        if columns > 0 and rows > 0:
            lines += [1 + ceil(columns * bits_per_pixel / 8)] * rows
    return lines


def _colours(chunks: dict[bytes, bytes]) -> Colours | None:
    """What is said of the colours, None where nothing is: cICP before iCCP before sRGB before
    gAMA, as in the specification.

    As in browsers, a cICP of a reserved code or of a narrow range counts for nothing, and so does
    cHRM without gAMA.
    """
    if len(code := chunks.get(b"cICP", b"")) == 4 and code[2:] == b"\0\1":
        space = from_cicp(code[0], code[1])
        if space is not None:
            return Colours(space=space)
    _, _, profile = chunks.get(b"iCCP", b"").partition(b"\0")
    # After the number of the method, of which there is one.
    icc_profile = _inflated(profile[1:], MAX_PROFILE)
    if icc_profile:
        return Colours(icc_profile)
    if b"sRGB" in chunks:
        return Colours()
    if len(chunks.get(b"gAMA", b"")) == 4:
        return Colours(space=_from_gamma(chunks[b"gAMA"], chunks.get(b"cHRM", b"")))
    return None


def _from_gamma(body: bytes, chromaticities: bytes) -> ColourSpace | None:
    """The colour space of gAMA and, where it is there, cHRM."""
    (value,) = struct.unpack(">I", body)
    if value == 0 or (value == SRGB_GAMMA and not chromaticities):
        return None
    if len(chromaticities) != 32:
        return ColourSpace(SRGB, gamma(100_000 / value))
    values = [number / 100_000 for number in struct.unpack(">8I", chromaticities)]
    white_x, white_y, red_x, red_y, green_x, green_y, blue_x, blue_y = values
    corners = (red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y)
    return ColourSpace(corners, gamma(100_000 / value)) if is_colour_triangle(corners) else None


def _inflated(data: bytes, bound: int) -> bytes | None:
    """What was compressed with zlib; None where it is broken or larger than the bound in bytes."""
    try:
        machine = zlib.decompressobj()
        found = machine.decompress(data, bound)
    except zlib.error:
        return None
    return found if machine.eof else None
