"""Which files load, as what; which are refused, with what words; and what is written. Every file is made here."""

import io
import os
import random
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from core.images.convert import resize_longest, resize_smaller, to_image, to_tensor
from core.images.decode import ImageError, list_images, load_image
from core.images.save import png_bytes, save_png, srgb_profile

WIDTH, HEIGHT = 40, 24
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (128, 128, 128)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
COLOURS = {"R": RED, "G": GREEN, "B": BLUE, "W": WHITE}


# ---- making files ----


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def flat(mode: str, value: object, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    return Image.new(mode, size, value)  # type: ignore[arg-type]


def halves(mode: str, left: float, right: float) -> Image.Image:
    """Left half one value, right half another."""
    image = flat(mode, left)
    image.paste(right, (WIDTH // 2, 0, WIDTH, HEIGHT))
    return image


def corners(letters: str) -> Image.Image:
    """Four flat quarters: top left, top right, bottom left, bottom right."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for index, letter in enumerate(letters):
        left, top = index % 2 * WIDTH // 2, index // 2 * HEIGHT // 2
        image.paste(COLOURS[letter], (left, top, left + WIDTH // 2, top + HEIGHT // 2))
    return image


def noise(seed: int = 0) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    )


def palette(**options: object) -> bytes:
    """Index 0 is red, index 1 blue; the left half is red."""
    image = halves("P", 0, 1)
    image.putpalette([*RED, *BLUE])
    return encode(image, "PNG", **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, depth: int, colour: int, rows: bytes = b"", extra: bytes = b""
) -> bytes:
    """A PNG by hand. `colour`: 0 grey, 2 RGB. `rows`: the raw samples, without filter bytes."""
    stride = len(rows) // height if height else 0
    data = (
        b"".join(b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height))
        if rows
        else b""
    )
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = (
        chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 9), (1, 89_000_000)])
def test_a_cut_png_of_no_size_or_endless_lines_is_refused_before_it_is_unpacked(
    width: int, height: int
) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    bomb = chunk(b"IDAT", zlib.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(ImageError):
            load_image(io.BytesIO(b"\x89PNG\r\n\x1a\n" + header + bomb))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def tiff(
    bits: int, sample_format: int, rows: bytes, width: int = WIDTH, height: int = HEIGHT
) -> bytes:
    """An RGB TIFF by hand, little-endian, one strip. `sample_format`: 1 unsigned integer, 3 floating point."""
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 200),
        (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(rows)), (339, 3, 3, 14),
    ]  # fmt: skip
    shorts = struct.pack("<6H", bits, bits, bits, sample_format, sample_format, sample_format)
    head = b"II*\0" + struct.pack("<I", 20) + shorts  # the lists at 8 and 14, the directory at 20
    directory = (
        struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + bytes(4)
    )
    return (head + directory).ljust(200, b"\0") + rows


def bomb(kind: bytes, start: bytes) -> bytes:
    """A PNG chunk of 100 kB whose data have 100 MB."""
    return chunk(kind, start + zlib.compress(bytes(10**8), 1))


def grey_tiff(kind: str, order: Any, black: int, alpha: bool = False, **options: Any) -> bytes:
    """A grey ramp of samples from 0 to the largest, written by tifffile. `black`: 1 where 0 means black, 0 where white."""
    top = 1.0 if kind == "f4" else float(np.iinfo(kind).max)
    samples = np.tile(np.linspace(0, top, WIDTH), (HEIGHT, 1)).astype(kind)
    if alpha:
        samples = np.stack([samples, np.full_like(samples, top)], axis=-1)
        options["extrasamples"] = ["unassalpha"]
    file = io.BytesIO()
    meaning = "minisblack" if black else "miniswhite"
    tifffile.imwrite(file, samples, photometric=meaning, byteorder=order, **options)
    return file.getvalue()


def exif(orientation: int, *more: tuple[int, int, int, bytes]) -> bytes:
    """EXIF with an orientation and further (tag, type, count, value) entries."""
    entries = [(0x112, 3, 1, struct.pack("<I", orientation)), *more]
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHI4s", *entry) for entry in entries
    ) + bytes(4)  # fmt: skip


def swapped_profile() -> bytes:
    """An RGB colour profile in which the first channel means blue and the third red."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def animation(format: str) -> bytes:
    return encode(
        flat("RGB", RED), format, save_all=True, append_images=[flat("RGB", BLUE)], lossless=True
    )


def changed(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def cut(data: bytes, keep: float = 0.5) -> bytes:
    return data[: int(len(data) * keep)]


# ---- what loads, and as what ----

Pixels = dict[tuple[int, int], tuple[int, int, int]]
EDGE = WIDTH - 1
ALL_CORNERS = {(2, 2): RED, (EDGE, 2): GREEN, (2, HEIGHT - 2): BLUE, (EDGE, HEIGHT - 2): WHITE}
RAMP_UP = {(0, 5): BLACK, (13, 5): (85, 85, 85), (EDGE, 5): WHITE}
RAMP_DOWN = {(0, 5): WHITE, (13, 5): (170, 170, 170), (EDGE, 5): BLACK}
ALL_RED: Pixels = {(0, 0): RED, (EDGE, 23): RED}
LOADS: dict[str, tuple[str, Callable[[], bytes], Pixels]] = {
    "PNG": ("a.png", lambda: encode(flat("RGB", RED), "PNG"), ALL_RED),
    "JPEG": ("a.jpg", lambda: encode(flat("RGB", RED), "JPEG"), ALL_RED),
    "progressive JPEG": ("a.jpg", lambda: encode(flat("RGB", RED), "JPEG", progressive=True), ALL_RED),
    "JPEG with a second picture inside (MPO)": ("a.jpg", lambda: animation("MPO"), ALL_RED),
    "WebP": ("a.webp", lambda: encode(flat("RGB", RED), "WEBP", lossless=True), ALL_RED),
    "BMP": ("a.bmp", lambda: encode(flat("RGB", RED), "BMP"), ALL_RED),
    "GIF": ("a.gif", lambda: encode(flat("RGB", RED), "GIF"), ALL_RED),
    "TIFF": ("a.tif", lambda: encode(flat("RGB", RED), "TIFF"), ALL_RED),
    "TIFF, LZW": ("a.tiff", lambda: encode(flat("RGB", RED), "TIFF", compression="tiff_lzw"), ALL_RED),
    "AVIF": ("a.avif", lambda: encode(flat("RGB", GREY), "AVIF"), {(5, 5): GREY}),
    "HEIC": ("a.heic", lambda: encode(flat("RGB", GREY), "HEIF"), {(5, 5): GREY}),
    "wrong suffix, right content": ("a.gif", lambda: encode(flat("RGB", RED), "PNG"), ALL_RED),
    "no suffix": ("picture", lambda: encode(flat("RGB", RED), "PNG"), ALL_RED),
    "file name in Chinese, with a space": ("风格 迁移 🎨.png", lambda: encode(flat("RGB", RED), "PNG"), ALL_RED),
    "bytes after the end": ("a.jpg", lambda: encode(flat("RGB", RED), "JPEG") + b"appended", ALL_RED),
    "first frame of an animated GIF": ("a.gif", lambda: animation("GIF"), ALL_RED),
    "first frame of an animated WebP": ("a.webp", lambda: animation("WEBP"), ALL_RED),
    "first frame of an animated PNG": ("a.png", lambda: animation("PNG"), ALL_RED),
    "first page of a TIFF": ("a.tif", lambda: animation("TIFF"), ALL_RED),
    "black and white PNG": ("a.png", lambda: encode(halves("1", 0, 1), "PNG"), {(0, 0): BLACK, (EDGE, 0): WHITE}),
    "black and white TIFF": ("a.tif", lambda: encode(halves("1", 0, 1), "TIFF"), {(0, 0): BLACK, (EDGE, 0): WHITE}),
    "grey PNG": ("a.png", lambda: encode(flat("L", 128), "PNG"), {(0, 0): GREY}),
    "grey JPEG": ("a.jpg", lambda: encode(flat("L", 128), "JPEG"), {(0, 0): GREY}),
    "grey with alpha": ("a.png", lambda: encode(flat("LA", (0, 127)), "PNG"), {(0, 0): GREY}),
    "grey with a transparent value": (
        "a.png", lambda: encode(halves("L", 0, 128), "PNG", transparency=0), {(0, 0): WHITE, (EDGE, 0): GREY},
    ),
    "palette": ("a.png", palette, {(0, 0): RED, (EDGE, 0): BLUE}),
    "palette, one colour transparent": ("a.png", lambda: palette(transparency=0), {(0, 0): WHITE, (EDGE, 0): BLUE}),
    "palette, alpha for each colour": (
        "a.png", lambda: palette(transparency=bytes([127, 255])), {(0, 0): (255, 128, 128), (EDGE, 0): BLUE},
    ),
    "GIF, one colour transparent": (
        "a.gif", lambda: encode(halves("L", 0, 128), "GIF", transparency=0), {(0, 0): WHITE, (EDGE, 0): GREY},
    ),
    "RGBA, half transparent": ("a.png", lambda: encode(flat("RGBA", (*RED, 127)), "PNG"), {(0, 0): (255, 128, 128)}),
    "RGBA, wholly transparent": ("a.webp", lambda: encode(flat("RGBA", (*RED, 0)), "WEBP"), {(0, 0): WHITE}),
    "RGB with a transparent colour": (
        "a.png", lambda: encode(corners("RGBW"), "PNG", transparency=RED), {(0, 0): WHITE, (EDGE, 0): GREEN},
    ),
    "palette and alpha TIFF": (
        "a.tif", lambda: encode(corners("RRRR").convert("P").convert("PA"), "TIFF"), {(0, 0): RED},
    ),
    "CMYK JPEG": ("a.jpg", lambda: encode(flat("CMYK", (0, 255, 255, 0)), "JPEG"), ALL_RED),
    "CMYK TIFF": ("a.tif", lambda: encode(flat("CMYK", (255, 255, 0, 0)), "TIFF"), {(0, 0): BLUE}),
    "TIFF with JPEG inside": ("a.tif", lambda: encode(flat("RGB", RED), "TIFF", compression="jpeg"), ALL_RED),
    "Lab TIFF": ("a.tif", lambda: encode(flat("LAB", (137, 128, 128)), "TIFF"), {(0, 0): GREY}),
    "16-bit grey PNG": (
        "a.png", lambda: encode(halves("I;16", 32896, 65535), "PNG"), {(0, 0): GREY, (EDGE, 0): WHITE},
    ),
    "16-bit grey PNG with a transparent value": (
        "a.png", lambda: png(16, 16, 16, 0, b"\x12\x34" * 256, chunk(b"tRNS", b"\x12\x34")), {(0, 0): WHITE},
    ),
    "16-bit grey TIFF, big-endian": ("a.tif", lambda: encode(flat("I;16B", 32896), "TIFF"), {(0, 0): GREY}),
    "16-bit RGB PNG": ("a.png", lambda: png(16, 16, 16, 2, b"\xff\xff\x80\x80\0\0" * 256), {(0, 0): (255, 128, 0)}),
    "16-bit RGB TIFF": (
        "a.tif", lambda: tiff(16, 1, struct.pack("<3H", 65535, 32896, 0) * WIDTH * HEIGHT), {(0, 0): (255, 128, 0)},
    ),
    "32-bit integers, 8-bit values": ("a.tif", lambda: encode(flat("I", 128), "TIFF"), {(0, 0): GREY}),
    "32-bit integers, 16-bit values": (
        "a.tif", lambda: encode(halves("I", 0, 32896), "TIFF"), {(0, 0): BLACK, (EDGE, 0): GREY},
    ),
    "32-bit integers, beyond 16 bits": (
        "a.tif", lambda: encode(halves("I", -70000, 70000), "TIFF"), {(0, 0): BLACK, (EDGE, 0): WHITE},
    ),
    "floating point in 0..1": (
        "a.tif", lambda: encode(halves("F", 0.25, 0.5), "TIFF"), {(0, 0): (64, 64, 64), (EDGE, 0): GREY},
    ),
    "floating point, any range": (
        "a.tif", lambda: encode(halves("F", -3e38, 3e38), "TIFF"), {(0, 0): BLACK, (EDGE, 0): WHITE},
    ),
    "floating point, one value": ("a.tif", lambda: encode(flat("F", 7.5), "TIFF"), {(0, 0): BLACK}),
    "another colour space": (
        "a.png", lambda: encode(flat("RGB", RED), "PNG", icc_profile=swapped_profile()), {(0, 0): BLUE},
    ),
    "grey with a profile for colour": (
        "a.jpg", lambda: encode(flat("L", 128), "JPEG", icc_profile=swapped_profile()), {(0, 0): GREY},
    ),
    "a profile that does not fit": (
        "a.jpg", lambda: encode(flat("CMYK", (0, 255, 255, 0)), "JPEG", icc_profile=swapped_profile()), ALL_RED,
    ),
    "a broken profile": ("a.jpg", lambda: encode(flat("RGB", RED), "JPEG", icc_profile=b"not a profile"), ALL_RED),
    "broken EXIF": ("a.jpg", lambda: encode(flat("RGB", RED), "JPEG", exif=b"Exif\0\0II*\0\xff\xff"), ALL_RED),
    "PNG without its last chunk": ("a.png", lambda: encode(corners("RGBW"), "PNG")[:-12], ALL_CORNERS),
    "PNG whose last data has lost its end": ("a.png", lambda: encode(corners("RGBW"), "PNG")[:-17], ALL_CORNERS),
    "JPEG without its end marker": ("a.jpg", lambda: encode(flat("RGB", RED), "JPEG")[:-2], ALL_RED),
    "JPEG without half of its end marker": ("a.jpg", lambda: encode(flat("RGB", RED), "JPEG")[:-1], ALL_RED),
    "progressive JPEG without its end marker": (
        "a.jpg", lambda: encode(flat("RGB", RED), "JPEG", progressive=True)[:-2], ALL_RED,
    ),
    "wrong checksum in a PNG text": (
        "a.png", lambda: png(16, 16, 8, 0, bytes(256), changed(chunk(b"tEXt", b"Title\0x"), 16)), {(0, 0): BLACK},
    ),
    "PNG texts that unpack to 100 MB": (
        "a.png", lambda: png(16, 16, 8, 0, bytes(256), bomb(b"zTXt", b"a\0\0") + bomb(b"iTXt", b"a\0\1\0\0\0")
                             + bomb(b"zTXt", b"Raw profile type exif\0\0") + bomb(b"iCCP", b"a\0\0")), {(0, 0): BLACK},
    ),
    "white is zero, 16 bits": ("a.tif", lambda: grey_tiff("u2", "<", 0), RAMP_DOWN),
    "white is zero, 16 bits, big-endian": ("a.tif", lambda: grey_tiff("u2", ">", 0), RAMP_DOWN),
    "white is zero, 16 bits, BigTIFF": ("a.tif", lambda: grey_tiff("u2", "<", 0, bigtiff=True), RAMP_DOWN),
    "white is zero, 16 bits, compressed": ("a.tif", lambda: grey_tiff("u2", "<", 0, compression="zlib"), RAMP_DOWN),
    "white is zero, 8 bits": ("a.tif", lambda: grey_tiff("u1", "<", 0), RAMP_DOWN),
    "white is zero, 8 bits and alpha": ("a.tif", lambda: grey_tiff("u1", "<", 0, alpha=True), RAMP_DOWN),
    "white is zero, 32 bits": ("a.tif", lambda: grey_tiff("u4", "<", 0), RAMP_DOWN),
    "white is zero, floating point": ("a.tif", lambda: grey_tiff("f4", ">", 0), RAMP_DOWN),
    "black is zero, 32 bits": ("a.tif", lambda: grey_tiff("u4", "<", 1), RAMP_UP),
    "black is zero, 16 bits, big-endian": ("a.tif", lambda: grey_tiff("u2", ">", 1), RAMP_UP),
    "smallest": ("a.png", lambda: encode(flat("RGB", RED, (16, 16)), "PNG"), {(15, 15): RED}),
    "longest for its width": ("a.png", lambda: encode(flat("RGB", RED, (320, 16)), "PNG"), {(319, 15): RED}),
}  # fmt: skip


@pytest.mark.parametrize("case", LOADS)
@pytest.mark.filterwarnings("ignore:Truncated File Read", "ignore:Corrupt EXIF data")
def test_loads(case: str, tmp_path: Path) -> None:
    name, contents, pixels = LOADS[case]
    (tmp_path / name).write_bytes(contents())
    image = load_image(tmp_path / name)
    assert image.mode == "RGB"
    for position, colour in pixels.items():
        assert image.getpixel(position) == pytest.approx(colour, abs=2), position


# ---- what is refused, and with what words ----

DAMAGED = "is damaged, incomplete or of a rare variant"
BLANK_PNG = encode(Image.new("L", (WIDTH, HEIGHT)), "PNG")
REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "zero bytes": ("a.png", lambda: b"", "is empty"),
    "text": ("a.jpg", lambda: b"Dear Vincent,\n", "is a text file"),
    "random bytes": ("a.jpg", lambda: random.Random(1).randbytes(2000), "is not a picture"),
    "zeros": ("a.png", lambda: bytes(2000), "is not a picture"),
    "web page": ("a.png", lambda: b"<!DOCTYPE html><html><body>404</body></html>", "is a web page"),
    "SVG": ("a.svg", lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
    "PDF": ("a.png", lambda: encode(noise(), "PDF"), "is a PDF document"),
    "EPS": ("a.eps", lambda: encode(noise(), "EPS"), "is a PostScript file"),
    "EPS with a preview": ("a.eps", lambda: b"\xc5\xd0\xd3\xc6" + bytes(28), "is an EPS file"),
    "icon": ("a.ico", lambda: encode(noise(), "ICO", sizes=[(16, 16)]), "is a Windows icon"),
    "Photoshop": ("a.psd", lambda: b"8BPS\0\1" + bytes(40), "is a Photoshop file"),
    "ZIP": ("a.zip", lambda: b"PK\3\4" + bytes(40), "is a ZIP archive"),
    "video": ("a.jpg", lambda: b"\0\0\0\x18ftypisom" + bytes(40), "is a video"),
    "JPEG 2000": ("a.jpg", lambda: encode(noise(), "JPEG2000"), "is a JPEG 2000 picture, which cannot be used"),
    "TGA": ("a.tga", lambda: encode(noise(), "TGA"), "is not a picture that can be read"),
    "PPM": ("a.ppm", lambda: encode(flat("RGB", (250, 1, 200)), "PPM"), "is not a picture that can be read"),
    "half a PNG": ("a.png", lambda: cut(encode(noise(), "PNG")), DAMAGED),
    "half a JPEG": ("a.jpg", lambda: cut(encode(noise(), "JPEG"), 0.7), DAMAGED),
    "half a progressive JPEG": ("a.jpg", lambda: cut(encode(noise(), "JPEG", progressive=True), 0.7), DAMAGED),
    "half a WebP": ("a.webp", lambda: cut(encode(noise(), "WEBP")), DAMAGED),
    "half a BMP": ("a.bmp", lambda: cut(encode(noise(), "BMP")), DAMAGED),
    "half a GIF": ("a.gif", lambda: cut(encode(noise(), "GIF")), DAMAGED),
    "half a TIFF": ("a.tif", lambda: cut(encode(noise(), "TIFF")), DAMAGED),
    "half a TIFF, LZW": ("a.tif", lambda: cut(encode(noise(), "TIFF", compression="tiff_lzw")), DAMAGED),
    "half a HEIC": ("a.heic", lambda: cut(encode(noise(), "HEIF"), 0.7), DAMAGED),
    "nothing but a PNG signature": ("a.png", lambda: BLANK_PNG[:8], DAMAGED),
    "nothing but a JPEG start": ("a.jpg", lambda: b"\xff\xd8\xff\xe0", DAMAGED),
    "nothing but a GIF header": ("a.gif", lambda: b"GIF89a", DAMAGED),
    "nothing but a WebP header": ("a.webp", lambda: b"RIFF\x10\0\0\0WEBPVP8 ", DAMAGED),
    "wrong checksum in the PNG header": ("a.png", lambda: changed(BLANK_PNG, 29), DAMAGED),
    "wrong checksum in the PNG data": ("a.png", lambda: changed(BLANK_PNG, len(BLANK_PNG) - 13), DAMAGED),
    "PNG without pixels": ("a.png", lambda: png(WIDTH, HEIGHT, 8, 0), DAMAGED),
    "PNG without width": ("a.png", lambda: png(0, HEIGHT, 8, 0), DAMAGED),
    "PNG of depth 3": ("a.png", lambda: png(16, 16, 3, 0, bytes(256)), DAMAGED),
    "second, broken PNG header": ("a.png", lambda: BLANK_PNG[:-12] + chunk(b"IHDR", b"") + BLANK_PNG[-12:], DAMAGED),
    "TIFF directory past the end": ("a.tif", lambda: b"II*\0\xff\xff\xff\x7f" + bytes(20), DAMAGED),
    "BigTIFF with an impossible offset": (
        "a.tif", lambda: b"II+\0\x08\0\0\0" + struct.pack("<QQHHQQ", 16, 1, 256, 16, 99, 2**64 - 9), DAMAGED,
    ),
    "floating point colour TIFF": ("a.tif", lambda: tiff(32, 3, bytes(WIDTH * HEIGHT * 12)), DAMAGED),
    "NaN": ("a.tif", lambda: encode(halves("F", 0.5, float("nan")), "TIFF"), "not numbers (NaN or infinity)"),
    "infinity": ("a.tif", lambda: encode(halves("F", 0.5, float("inf")), "TIFF"), "not numbers (NaN or infinity)"),
    "over 89 million pixels": ("a.png", lambda: png(9450, 9450, 8, 2), "is 9450 × 9450 pixels, which is too many"),
    "PNG bomb": ("a.png", lambda: png(2**31 - 1, 2**31 - 1, 8, 2), "has too many pixels"),
    "GIF bomb": (
        "a.gif",
        lambda: b"GIF89a" + b"\xff" * 4 + bytes(3) + b"," + bytes(4) + b"\xff" * 4 + b"\0\x08\0",
        "has too many pixels",
    ),
    "BMP bomb": (
        "a.bmp",
        lambda: b"BM" + struct.pack("<IIIIiiHH6I", 54, 0, 54, 40, 50000, 50000, 1, 24, *[0] * 6),
        "has too many pixels",
    ),
    "TIFF bomb": ("a.tif", lambda: tiff(8, 1, b"", 100000, 100000), "has too many pixels"),
    "1 × 1": ("a.png", lambda: encode(flat("RGB", RED, (1, 1)), "PNG"), "is 1 × 1 pixels, which is too small"),
    "15 × 100": ("a.png", lambda: encode(flat("RGB", RED, (15, 100)), "PNG"), "of at least 16 pixels a side"),
    "1 × 5000": ("a.png", lambda: encode(flat("RGB", RED, (1, 5000)), "PNG"), "is 1 × 5000 pixels, which is too small"),
    "5000 × 1": ("a.jpg", lambda: encode(flat("L", 0, (5000, 1)), "JPEG"), "is 5000 × 1 pixels, which is too small"),
    "5000 × 20": ("a.jpg", lambda: encode(flat("RGB", RED, (5000, 20)), "JPEG"), "at most 20 times the shorter"),
    "20 × 5000": ("a.gif", lambda: encode(flat("L", 0, (20, 5000)), "GIF"), "is 20 × 5000 pixels, which is too long"),
}  # fmt: skip


def assert_one_clear_sentence(message: str, phrase: str, folder: Path) -> None:
    assert phrase in message
    assert "; accepted are " in message
    assert message.endswith(".")
    assert "\n" not in message
    assert str(folder) not in message


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_refuses(case: str, tmp_path: Path) -> None:
    name, contents, phrase = REFUSED[case]
    (tmp_path / name).write_bytes(contents())
    with pytest.raises(ImageError) as refusal:
        load_image(tmp_path / name)
    assert str(refusal.value).startswith(f'"{name}" ')
    assert_one_clear_sentence(str(refusal.value), phrase, tmp_path)


def test_a_picture_that_git_lfs_has_not_fetched_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("version https://git-lfs.github.com/spec/v1\nsize 1\n")
    with pytest.raises(ImageError, match=r'^"a.jpg" is a Git LFS pointer, [^;]*; run `git lfs'):
        load_image(tmp_path / "a.jpg")


def test_refuses_what_is_not_a_readable_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    cases = {
        tmp_path / "missing.png": "does not exist",
        tmp_path: "is a folder",
        tmp_path / "pipe.png": "is not an ordinary file",
        tmp_path / ("long" * 100): "cannot be opened (File name too long)",
        tmp_path / "two\nlines.png": '"two?lines.png" does not exist',
    }
    for path, phrase in cases.items():
        with pytest.raises(ImageError) as refusal:
            load_image(str(path))
        message = str(refusal.value)
        assert phrase in message
        assert message.endswith(
            "; accepted are PNG, JPEG, WebP, AVIF, BMP, GIF, TIFF and HEIC pictures."
        )


def outcome_of(data: bytes) -> str:
    """The mode of the picture, or the message of the ImageError."""
    try:
        return load_image(data).mode
    except ImageError as refusal:
        return str(refusal)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "HEIF"])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_damage_anywhere_gives_a_picture_or_an_image_error(format: str) -> None:
    original = encode(noise(), format)
    rng = random.Random(format)
    for _ in range(80):
        data = bytearray(original)
        for _ in range(rng.choice([1, 1, 4, 30])):
            # Half of the damage in the first bytes, where the structure is.
            data[rng.randrange(min(len(data), rng.choice([100, len(data)])))] = rng.randrange(256)
        outcome = outcome_of(bytes(data))
        assert outcome == "RGB" or outcome.startswith("The picture ")


# ---- limits ----


def test_8192_by_8192_passes() -> None:
    assert load_image(encode(Image.new("1", (8192, 8192)), "PNG")).size == (8192, 8192)


def test_limits_can_be_moved() -> None:
    data = encode(flat("RGB", RED, (320, 16)), "PNG")
    for limit in ({"min_side": 17}, {"max_pixels": 320 * 16 - 1}, {"max_aspect": 19.9}):
        with pytest.raises(ImageError, match="is 320 × 16 pixels"):
            load_image(data, **limit)  # type: ignore[arg-type]
    assert load_image(encode(flat("RGB", RED, (30, 2)), "PNG"), min_side=2).size == (30, 2)


def test_a_bomb_is_refused_where_warnings_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            ImageError, match="too many pixels; accepted are pictures of up to 89 million pixels"
        ):
            load_image(png(9500, 9500, 8, 2))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_loading_in_threads_leaves_the_process_settings_alone() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    files = [
        encode(flat("RGB", RED), "PNG"),
        cut(encode(noise(), "JPEG")),
        png(2**31 - 1, 2**31 - 1, 8, 2),
    ] * 20
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(outcome_of, files))
    assert outcomes == [outcome_of(data) for data in files]
    assert outcomes[0] == "RGB"
    assert DAMAGED in outcomes[1]
    assert "has too many pixels" in outcomes[2]
    assert (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        list(warnings.filters),
    ) == before


# ---- upright ----

# Upright, the corners are RGBW: red top left, green top right, blue bottom left, white bottom right.
# For each EXIF orientation: how such a picture is stored.
STORED = {1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "GWRB", 7: "WGBR", 8: "BRWG"}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied(orientation: int, format: str) -> None:
    options = {"quality": 100, "lossless": True} if format in ("JPEG", "WEBP") else {}
    image = load_image(
        encode(corners(STORED[orientation]), format, exif=exif(orientation), **options)
    )
    assert image.size == ((WIDTH, HEIGHT) if orientation <= 4 else (HEIGHT, WIDTH))
    right, bottom = image.width - 3, image.height - 3
    for position, letter in zip(
        [(2, 2), (right, 2), (2, bottom), (right, bottom)], "RGBW", strict=True
    ):
        assert image.getpixel(position) == pytest.approx(COLOURS[letter], abs=4)
    assert not image.getexif()
    assert not image.info


def test_exif_orientation_survives_another_odd_tag() -> None:
    resolution_as_text = (0x11A, 2, 4, b"300\0")
    image = load_image(encode(corners(STORED[6]), "PNG", exif=exif(6, resolution_as_text)))
    assert image.size == (HEIGHT, WIDTH)
    assert image.getpixel((0, 0)) == RED


def test_a_tiff_of_signed_8_bits_is_no_other_picture() -> None:
    """Pillow takes its values for unsigned ones, of which -1 is the lightest."""
    buffer = io.BytesIO()
    values = np.tile(np.arange(-128, 128, dtype=np.int8), (HEIGHT, 1))
    tifffile.imwrite(buffer, values, photometric="minisblack")
    grey = np.asarray(load_image(buffer.getvalue()))[0, :, 0]
    assert grey.tolist() == list(range(256))


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_an_orientation_in_xmp_alone_turns_nothing_as_in_browsers(format: str) -> None:
    xmp = b'<rdf:Description tiff:Orientation="6"/>'
    assert load_image(encode(noise(), format, xmp=xmp)).size == (WIDTH, HEIGHT)
    image = load_image(encode(corners(STORED[6]), format, xmp=xmp, exif=exif(6)))
    assert image.size == (HEIGHT, WIDTH)


# ---- sources ----


class Pipe(io.RawIOBase):
    """A stream that can only be read onwards, like standard input."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def readable(self) -> bool:
        return True

    def readall(self) -> bytes:
        data, self.left = self.left, b""
        return data

    def read(self, size: int | None = -1) -> bytes:
        return self.readall()


def test_every_kind_of_source_gives_the_same_picture(tmp_path: Path) -> None:
    picture = noise()
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture, "PNG"))
    with path.open("rb") as stream:
        stream.read(50)
        for source in (
            path,
            str(path),
            path.read_bytes(),
            stream,
            Pipe(path.read_bytes()),
            Image.open(path),
        ):
            assert load_image(source) == picture  # type: ignore[arg-type]
        assert not stream.closed


def test_a_pillow_image_is_checked_and_left_unchanged() -> None:
    picture = corners("RGBW")
    loaded = load_image(picture)
    loaded.paste(WHITE, (0, 0, WIDTH, HEIGHT))
    assert picture == corners("RGBW")
    assert load_image(flat("HSV", (0, 255, 255))).getpixel((0, 0)) == RED
    with pytest.raises(ImageError, match="The picture is 8 × 8 pixels"):
        load_image(flat("RGB", RED, (8, 8)))
    closed = Image.open(io.BytesIO(encode(picture, "PNG")))
    closed.close()
    with pytest.raises(ImageError, match="The picture cannot be read"):
        load_image(closed)


def test_a_stream_with_a_name_is_called_by_it(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"miaow")
    with (
        (tmp_path / "cat.jpg").open("rb") as stream,
        pytest.raises(ImageError, match=r'^"cat\.jpg" is a text'),
    ):
        load_image(stream)


def test_at_least_decodes_a_jpeg_small_but_not_too_small() -> None:
    jpeg, lossless = (
        encode(flat("RGB", RED, (800, 600)), "JPEG"),
        encode(flat("RGB", RED, (800, 600)), "PNG"),
    )
    sizes = {
        at_least: load_image(jpeg, at_least=at_least).size
        for at_least in (1, 100, 150, 151, 600, 5000)
    }
    assert sizes == {
        1: (100, 75),
        100: (200, 150),
        150: (200, 150),
        151: (400, 300),
        600: (800, 600),
        5000: (800, 600),
    }
    assert load_image(lossless, at_least=100).size == (800, 600)
    assert load_image(encode(noise(), "JPEG"), at_least=1).size == (
        WIDTH,
        HEIGHT,
    )  # 1/2 would be under 16 pixels


def test_list_images_is_sorted_and_skips_hidden_files_folders_and_other_files(
    tmp_path: Path,
) -> None:
    for name in ("b.PNG", "a.jpeg", "c.heic", ".hidden.png", "._a.jpg", "notes.txt", "png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(str(tmp_path))] == ["a.jpeg", "b.PNG", "c.heic"]
    with pytest.raises(ImageError, match="is not a folder"):
        list_images(tmp_path / "missing")


# ---- sizes and tensors ----


@pytest.mark.parametrize(
    ("size", "longest", "smaller"),
    [
        ((400, 200), (100, 50), (200, 100)),
        ((200, 400), (50, 100), (100, 200)),
        ((30, 20), (100, 67), (150, 100)),  # enlarged
        ((301, 200), (100, 66), (150, 100)),  # 66.4 and 150.5 rounded (to even)
        ((320, 16), (320, 16), (2000, 100)),  # the shorter side would have 5 pixels
    ],
)
def test_resize_to_100(
    size: tuple[int, int], longest: tuple[int, int], smaller: tuple[int, int]
) -> None:
    assert resize_longest(flat("RGB", RED, size), 100).size == longest
    assert resize_smaller(flat("RGB", RED, size), 100).size == smaller


def test_resize_never_goes_below_16_pixels() -> None:
    assert resize_longest(flat("RGB", RED, (400, 200)), 1).size == (32, 16)
    assert resize_smaller(flat("RGB", RED, (400, 200)), 1).size == (32, 16)


def test_tensor_and_back_is_exact() -> None:
    picture = noise()
    tensor = to_tensor(picture)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (3, HEIGHT, WIDTH)
    assert tensor.is_contiguous()
    pixel = picture.getpixel((7, 5))
    assert isinstance(pixel, tuple)
    assert tensor[:, 5, 7].tolist() == pytest.approx([value / 255 for value in pixel])
    assert to_image(tensor) == to_image(tensor[None]) == picture
    with pytest.raises(ValueError, match="mode RGBA"):
        to_tensor(picture.convert("RGBA"))


def test_to_image_clamps_and_rounds() -> None:
    values = torch.tensor([-5.0, 9.0, 99.4 / 255, 99.6 / 255]).reshape(1, 1, 4).expand(3, 1, 4)
    row = [to_image(values).getpixel((x, 0)) for x in range(4)]
    assert row == [(0, 0, 0), (255, 255, 255), (99, 99, 99), (100, 100, 100)]
    assert (
        to_image(torch.full((3, 4, 5), 0.5, dtype=torch.bfloat16, requires_grad=True)).getpixel(
            (4, 3)
        )
        == GREY
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 3, 8, 8), (8, 8, 3), (3, 8)])
def test_to_image_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="3 x H x W"):
        to_image(torch.zeros(shape))


def test_to_image_refuses_nan() -> None:
    with pytest.raises(ImageError, match="is no picture"):
        to_image(torch.full((3, 8, 8), float("nan")))


# ---- writing ----


def test_a_png_keeps_pixels_text_and_profile(tmp_path: Path) -> None:
    text = {"Title": "Starry Night", "Description": "风格迁移 – “improved”"}
    data = png_bytes(noise(), text=text, icc_profile=swapped_profile())
    with Image.open(io.BytesIO(data)) as saved:
        assert isinstance(saved, PngImagePlugin.PngImageFile)
        assert saved.tobytes() == noise().tobytes()
        assert saved.text == text
        assert saved.info["icc_profile"] == swapped_profile()
    save_png(noise(), tmp_path / "a.png")
    assert os.listdir(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == png_bytes(noise())


def test_the_profile_of_results_is_srgb_and_always_the_same() -> None:
    profile = srgb_profile()
    assert profile == srgb_profile()
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    changed = load_image(png_bytes(noise(), icc_profile=profile))
    assert abs(np.asarray(changed, dtype=int) - np.asarray(noise(), dtype=int)).max() <= 1


def test_save_png_gives_the_usual_permissions(tmp_path: Path) -> None:
    save_png(noise(), tmp_path / "a.png")
    (tmp_path / "other").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_save_keeps_the_old_file_and_leaves_nothing_else(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_png(noise(1), tmp_path / "a.png")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="the disk is full"):
        save_png(noise(2), tmp_path / "a.png")
    assert os.listdir(tmp_path) == ["a.png"]
    assert load_image(tmp_path / "a.png") == noise(1)
