"""PNG files in which one colour of all is the transparent one, and animated ones."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core.images.decode import load_image, load_with_alpha, opened_picture
from core.images.png_file import MAX_CHUNKS, SIGNATURE, read_chunks

SIDE = 32
CLEAR, OPAQUE = 0, 255


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(bits: int, colour_type: int, row: bytes, clear: bytes, extra: bytes = b"") -> bytes:
    """Rows that are all alike."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour_type, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + row) * SIDE))
    return SIGNATURE + header + extra + chunk(b"tRNS", clear) + pixels + chunk(b"IEND", b"")


def grey_halves(bits: int, left: int, right: int) -> bytes:
    samples = [left] * (SIDE // 2) + [right] * (SIDE // 2)
    digits = "".join(f"{sample:0{bits}b}" for sample in samples)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def opacity(data: bytes) -> tuple[int, int]:
    """Of the left half and of the right one."""
    image = load_with_alpha(data)
    assert image.mode == "RGBA"
    alpha = np.asarray(image.getchannel("A"))
    left, right = alpha[:, : SIDE // 2], alpha[:, SIDE // 2 :]
    assert left.min() == left.max() and right.min() == right.max()
    return int(left[0, 0]), int(right[0, 0])


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("extra", [b"", chunk(b"gAMA", struct.pack(">I", 100_000))])
def test_a_grey_of_any_depth_is_the_transparent_one(bits: int, extra: bytes) -> None:
    lightest = (1 << bits) - 1
    row = grey_halves(bits, 0, lightest)
    for clear, expected in [(0, (CLEAR, OPAQUE)), (lightest, (OPAQUE, CLEAR))]:
        assert opacity(png(bits, 0, row, struct.pack(">H", clear), extra)) == expected


@pytest.mark.parametrize("bits", [2, 4])
def test_a_grey_between_black_and_white_is_the_transparent_one(bits: int) -> None:
    assert opacity(png(bits, 0, grey_halves(bits, 1, 2), struct.pack(">H", 2))) == (OPAQUE, CLEAR)


@pytest.mark.parametrize("extra", [b"", chunk(b"gAMA", struct.pack(">I", 100_000))])
def test_all_16_bits_tell_the_transparent_colour_from_others(extra: bytes) -> None:
    """The two halves have the same upper 8 bits."""
    clear, other = (0x1234, 0x5678, 0x9ABC), (0x1235, 0x5678, 0x9ABC)
    half = SIDE // 2
    row = struct.pack(">HHH", *clear) * half + struct.pack(">HHH", *other) * half
    assert opacity(png(16, 2, row, struct.pack(">HHH", *clear), extra)) == (CLEAR, OPAQUE)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("colour_type", "samples", "clear"),
    [(0, 1, b"\0"), (0, 1, bytes(6)), (2, 3, b""), (2, 3, bytes(2)), (2, 3, bytes(7))],
)
def test_a_transparent_colour_of_a_wrong_length_is_none(
    bits: int, colour_type: int, samples: int, clear: bytes
) -> None:
    row = bytes(SIDE * samples * bits // 8)
    assert load_with_alpha(png(bits, colour_type, row, clear)).mode == "RGB"


@pytest.mark.parametrize(("clear", "mode"), [(b"\0", "RGBA"), (b"", "RGB"), (b"\0" * 3, "RGB")])
def test_a_palette_has_as_many_opacities_at_most_as_colours(clear: bytes, mode: str) -> None:
    colours = chunk(b"PLTE", bytes(6))
    assert load_with_alpha(png(8, 3, bytes(SIDE), clear, colours)).mode == mode


def test_more_chunks_than_any_file_has_are_not_all_taken_apart() -> None:
    data = png(8, 0, bytes(SIDE), b"\0\0", chunk(b"teXt", b"") * (MAX_CHUNKS + 1))
    with pytest.raises(ValueError, match="too many chunks"):
        read_chunks(data, 0)


def test_a_picture_is_opened_without_the_texts_that_pillow_refuses() -> None:
    long = chunk(b"zTXt", b"note\0\0" + zlib.compress(b"x" * (2 << 20)))
    with opened_picture(io.BytesIO(png(8, 0, bytes(SIDE), b"\0\7", long))) as image:
        assert (image.size, image.info["transparency"]) == ((SIDE, SIDE), 7)


@pytest.mark.parametrize("frames", [1, 2])
def test_of_an_animation_the_first_frame_is_read_not_the_picture_for_other_programs(
    frames: int,
) -> None:
    colours = ("red", "lime", "blue")[: frames + 1]
    apart, *shown = [Image.new("RGB", (SIDE, SIDE), colour) for colour in colours]
    file = io.BytesIO()
    apart.save(file, "PNG", save_all=True, append_images=shown, default_image=True)
    assert load_image(file.getvalue()).getpixel((5, 5)) == (0, 255, 0)
    file = io.BytesIO()
    apart.save(file, "PNG", save_all=True, append_images=shown)
    assert load_image(file.getvalue()).getpixel((5, 5)) == (255, 0, 0)


def test_a_first_frame_that_is_no_whole_picture_is_left_alone() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0))
    white = chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * SIDE) * SIDE))
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 16, 16, 8, 8, 1, 1, 0, 0))
    frame = chunk(b"fdAT", struct.pack(">I", 1) + zlib.compress((b"\0" + bytes(16)) * 16))
    animated = chunk(b"acTL", struct.pack(">II", 1, 0))
    data = SIGNATURE + header + animated + white + control + frame + chunk(b"IEND", b"")
    assert load_image(data).getextrema() == ((255, 255),) * 3
