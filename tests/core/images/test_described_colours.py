"""Colours that a file describes without an ICC profile. What is right was read off Chromium 146's canvas, unless it says so."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.images.colour_space import from_cicp, to_srgb
from core.images.decode import browsers_agree, load_image, load_with_alpha
from core.images.save import srgb_profile

SAMPLES = (16, 64, 128, 192, 255)
COLOUR = (200, 100, 50)
SIDE = 16
Chunk = tuple[bytes, bytes]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples: np.ndarray, chunks: tuple[Chunk, ...], bits: int = 8) -> bytes:
    """H x W or H x W x C samples of 8 bits as a PNG of 8 or 16, by hand."""
    height, width = samples.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[samples.reshape(height, width, -1).shape[2]]
    rows = samples.astype(np.uint8) if bits == 8 else (samples * 257).astype(">u2")
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    described = b"".join(chunk(*each) for each in chunks)
    data = chunk(b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + described + data + chunk(b"IEND", b"")


def patches() -> np.ndarray:
    """A patch 16 x 16 of each grey of `SAMPLES`, then one of `COLOUR`."""
    columns = [*((grey, grey, grey) for grey in SAMPLES), COLOUR]
    return np.repeat(np.tile(np.array(columns, dtype=np.int32), (SIDE, 1, 1)), SIDE, axis=1)


def shown(image: Image.Image) -> list[int]:
    """The greys of the patches and the three values of the coloured one."""
    rgb = image.convert("RGB")
    read = [rgb.getpixel((SIDE * index + 8, 8)) for index in range(len(SAMPLES) + 1)]
    assert all(grey[0] == pytest.approx(grey[2], abs=1) for grey in read[:-1])  # type: ignore[index]
    return [*(grey[0] for grey in read[:-1]), *read[-1]]  # type: ignore[index,misc]


def gama(value: float) -> Chunk:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def chrm(*values: float) -> Chunk:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> Chunk:
    return b"cICP", bytes((primaries, transfer, matrix, full))


def iccp() -> Chunk:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return b"iCCP", b"sRGB\0\0" + zlib.compress(profile)


SRGB_CHUNK = (b"sRGB", b"\0")
SRGB_CHRM = chrm(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3_CHRM = chrm(0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
PLAIN = [16, 64, 128, 192, 255, 200, 100, 50]
LINEAR = [71, 137, 188, 225, 255, 229, 168, 122]
P3 = [16, 64, 128, 192, 255, 215, 93, 31]
BT709 = [4, 54, 121, 189, 255, 197, 91, 39]
IN_CHROMIUM: dict[str, tuple[tuple[Chunk, ...], list[int]]] = {
    "nothing said": ((), PLAIN),
    "linear": ((gama(1),), LINEAR),
    "gamma 1.8": ((gama(0.55556),), [20, 81, 146, 203, 255, 210, 119, 65]),
    "sRGB's gamma alone is sRGB": ((gama(0.45455),), PLAIN),
    "gamma 2.2 with chromaticities": (
        (gama(0.45455), SRGB_CHRM),
        [7, 62, 129, 193, 255, 201, 100, 46],
    ),
    "gamma and P3's chromaticities": ((gama(1), P3_CHRM), [71, 137, 188, 225, 255, 240, 165, 114]),
    "chromaticities alone": ((P3_CHRM,), PLAIN),
    "impossible chromaticities": ((gama(1), chrm(0, 0, 0, 0, 0, 0, 0, 0)), PLAIN),
    "gamma 0": ((gama(0),), PLAIN),
    "sRGB beats gAMA": ((gama(1), SRGB_CHUNK), PLAIN),
    "iCCP beats gAMA": ((gama(1), iccp()), PLAIN),
    "cICP beats iCCP": ((cicp(12, 13), iccp()), P3),
    "Display P3": ((cicp(12, 13),), P3),
    "BT.709": ((cicp(1, 1),), BT709),
    "BT.601, PAL": ((cicp(5, 5),), [1, 40, 106, 179, 255, 192, 76, 27]),
    "BT.601, NTSC": ((cicp(6, 6),), [4, 54, 121, 189, 255, 192, 94, 37]),
    "SMPTE 240M": ((cicp(1, 7),), [34, 81, 141, 199, 255, 206, 115, 68]),
    "BT.2020": ((cicp(9, 14),), [4, 54, 121, 189, 255, 239, 63, 5]),
    "linear by cICP": ((cicp(1, 8),), LINEAR),
    "cinema P3": ((cicp(11, 17),), [3, 48, 118, 191, 255, 212, 78, 0]),
    "PQ": ((cicp(9, 16),), [1, 30, 132, 255, 255, 255, 0, 0]),
    "HLG": ((cicp(9, 18),), [3, 43, 99, 189, 255, 230, 48, 17]),
    "unspecified": ((cicp(2, 2),), PLAIN),
    "unspecified leaves the word to gAMA": ((cicp(2, 2), gama(1)), LINEAR),
    "a reserved code": ((cicp(1, 9),), PLAIN),
    "a narrow range": ((cicp(12, 13, full=0),), PLAIN),
}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("case", IN_CHROMIUM)
def test_a_png_is_read_as_chromium_shows_it(case: str, bits: int) -> None:
    chunks, expected = IN_CHROMIUM[case]
    assert shown(load_image(png(patches(), chunks, bits))) == pytest.approx(expected, abs=6)
    if "HLG" not in case:  # whose contrast by luminance Chromium rounds
        assert shown(load_image(png(patches(), chunks, bits))) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_and_transparent_pngs(bits: int) -> None:
    grey = patches()[:, :, 0]
    assert shown(load_image(png(grey, (gama(1),), bits)))[:5] == LINEAR[:5]
    alpha = np.full_like(grey, 255)
    alpha[:, :SIDE] = 0
    for samples in (np.dstack([grey, alpha]), np.dstack([patches(), alpha])):
        image = load_with_alpha(png(samples, (gama(1),), bits))
        assert image.mode == "RGBA"
        assert image.getpixel((8, 8)) == (255, 255, 255, 0)
        assert shown(image)[1:5] == LINEAR[1:5]


def test_dark_values_of_16_bits_are_not_lost() -> None:
    """Linear light needs more than 8 bits: 1/1024 is 3 of 255 in sRGB (IEC 61966-2-1), and 0 if cut to 8 bits."""
    samples = np.full((SIDE, SIDE, 3), 65535 / 1024 / 257)
    assert load_image(png(samples, (gama(1),), 16)).getpixel((0, 0)) == (3, 3, 3)


def test_the_order_of_the_corners_of_hdr() -> None:
    """BT.2408: reference white is 58 % of PQ and 75 % of HLG, 203 cd/m2; so both come out alike, half of white's light."""
    for transfer, signal in ((16, 0.5806), (18, 0.75)):
        space = from_cicp(9, transfer)
        assert space is not None
        white = to_srgb(np.full((1, 1, 3), round(signal * 65535), np.uint16), space)
        assert white.ravel().tolist() == pytest.approx([188, 188, 188], abs=2)


def adobe_exif(space: int = 65535, index: bytes = b"R03\0") -> bytes:
    """EXIF as a camera set to Adobe RGB writes it, by hand, little-endian."""
    main = struct.pack("<HHHIII", 1, 0x8769, 4, 1, 26, 0)
    colour = struct.pack("<HHHII", 2, 0xA001, 3, 1, space) + struct.pack(
        "<HHIII", 0xA005, 4, 1, 56, 0
    )
    interop = struct.pack("<HHHI4sI", 1, 1, 2, 4, index, 0)
    return b"Exif\0\0II*\0\x08\0\0\0" + main + colour + interop


def camera(format: str, exif: bytes, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(patches().astype(np.uint8)).save(file, format, exif=exif, **options)
    return file.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "PNG"])
def test_adobe_rgb_by_exif(format: str) -> None:
    options = (
        {"quality": 100} if format == "JPEG" else {"lossless": True} if format == "WEBP" else {}
    )
    expected = adobe_by_lcms()
    if format != "TIFF":  # in which Pillow writes the place of the interoperability index wrongly
        read = shown(load_image(camera(format, adobe_exif(), **options)))
        assert read == pytest.approx(expected, abs=3)
    assert shown(load_image(camera(format, adobe_exif(2), **options))) == pytest.approx(
        expected, abs=3
    )
    for other in (adobe_exif(1), adobe_exif(index=b"R98\0")):
        assert shown(load_image(camera(format, other, **options))) == pytest.approx(PLAIN, abs=2)


def adobe_by_lcms() -> list[int]:
    """What Little CMS makes of the patches with a matrix profile of Adobe RGB (1998), whose curve is gamma 563/256."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563) + b"\0\0"
    tags = {  # colorants adapted to D50, from the specification Adobe RGB (1998), 4.3.5
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"wtpt": xyz(0.95045, 1.0, 1.08905),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    offset, table, data = 132 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        table += struct.pack(">4sII", name, offset + len(data), len(body))
        data += body
    head = struct.pack(
        ">I4sI4s4s4s", offset + len(data), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    profile = head + struct.pack(">I", len(tags)) + table + data
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    image = Image.fromarray(patches().astype(np.uint8))
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    assert converted is not None
    return shown(converted)


def test_chunks_beat_exif() -> None:
    tagged = camera("PNG", adobe_exif())
    header = tagged[:33]
    assert shown(load_image(header + chunk(*SRGB_CHUNK) + tagged[33:])) == PLAIN


def test_where_browsers_show_something_else(tmp_path: Path) -> None:
    for name, data, agree in (
        ("a.png", png(patches(), (gama(1),)), True),
        ("b.jpg", camera("JPEG", adobe_exif()), False),
        ("c.tif", camera("TIFF", adobe_exif(1)), False),
        ("d.png", camera("PNG", adobe_exif()), False),
        ("e.jpg", camera("JPEG", adobe_exif(1)), True),
        ("f.jpg", camera("JPEG", adobe_exif(), icc_profile=srgb_profile()), True),
    ):
        (tmp_path / name).write_bytes(data)
        assert browsers_agree(tmp_path / name) is agree, name
