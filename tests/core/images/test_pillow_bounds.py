"""Small files that would have Pillow work for minutes, or take gigabytes, before it sees a pixel."""

import io
import struct
import subprocess
import sys
import time
import tracemalloc

import pytest
from PIL import Image

from core.images.decode import ImageError, load_image
from core.images.pillow_bounds import MAX_COMMENTS, MAX_PARTS, MAX_SCANS, MAX_SEGMENTS

SIZE = (64, 48)
MANY = 20_000
MEGABYTE = 1 << 20
PHOTO = Image.linear_gradient("L").resize(SIZE).convert("RGB")


def encode(form: str, image: Image.Image = PHOTO, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def gif(extra: bytes) -> bytes:
    """A GIF with something before its pixels."""
    data = encode("GIF")
    colours = 3 << ((data[10] & 7) + 1)
    return data[: 13 + colours] + extra + data[13 + colours :]


def comment(text: bytes) -> bytes:
    return b"!\xfe" + bytes([len(text)]) + text + b"\0"


def jpeg(extra: bytes, progressive: bool = False) -> bytes:
    """A JPEG with something before its pixels."""
    data = encode("JPEG", progressive=progressive)
    return data[:2] + extra + data[2:]


def scanned(times: int) -> bytes:
    """A progressive JPEG whose last scan is there so many times more."""
    data = encode("JPEG", Image.new("L", SIZE, 128), progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[last:end] * times + data[end:]


def directory(entries: int, held: int, kind: int = 1, place: int = 0) -> bytes:
    """A directory of TIFF whose entries all hold the same bytes."""
    each = (struct.pack("<HHLL", 40_000 + index, kind, held, place) for index in range(entries))
    return struct.pack("<H", entries) + b"".join(each) + struct.pack("<L", 0)


def exif_of(entries: int, held: int) -> bytes:
    return b"II*\0" + struct.pack("<L", 8) + directory(entries, held) + bytes(held)


def tiff(entries: int, held: int) -> bytes:
    """A TIFF whose directory lies at its end and has more entries, which all hold the same bytes."""
    data = encode("TIFF")
    (at,) = struct.unpack_from("<L", data, 4)
    (usual,) = struct.unpack_from("<H", data, at)
    more = directory(entries, held)[2:]
    moved = struct.pack("<H", usual + entries) + data[at + 2 : at + 2 + 12 * usual] + more
    return data[:4] + struct.pack("<L", len(data) + held) + data[8:] + bytes(held) + moved


@pytest.mark.parametrize(
    "data",
    [
        gif(comment(b"x") * MANY),
        gif(b"!\xfe" + b"\1x" * MANY + b"\0"),
        gif(b"\1" * (MAX_PARTS + 1)),
        jpeg(b"\xff\xe5\0\2" * MANY),
        scanned(MANY),
        tiff(200, MEGABYTE),
    ],
    ids=["gif comments", "gif comment", "gif junk", "jpeg segments", "jpeg scans", "tiff"],
)
def test_refuses_what_has_more_than_any_camera_or_editor_writes(data: bytes) -> None:
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(ImageError, match="damaged, incomplete or of a rare variant"):
            load_image(data)
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE + len(data)
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "data",
    [
        gif(comment(b"words" * 50) * (MAX_COMMENTS // 4)),
        gif(b"!\xff" + b"\1x" * 2 * MAX_COMMENTS + b"\0"),
        jpeg(b"\xff\xe5\0\2" * (MAX_SEGMENTS // 2)),
        jpeg(b"\xff\xfe\0\6\xff\xda\xff\xda" * MAX_SCANS, progressive=True),
        scanned(MAX_SCANS // 2),
        tiff(1, MEGABYTE),
    ],
    ids=["gif comments", "gif xmp", "jpeg segments", "jpeg words", "jpeg scans", "tiff"],
)
def test_reads_what_has_much_of_it(data: bytes) -> None:
    assert load_image(data).size == SIZE


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif", [exif_of(200, MEGABYTE), b"Exif\0\0" * (MEGABYTE // 6)], ids=["entries", "beginnings"]
)
def test_endless_exif_is_left_out_and_the_picture_is_read(form: str, exif: bytes) -> None:
    head = b"" if form == "PNG" else b"Exif\0\0"
    data = encode(form, exif=head + exif)
    tracemalloc.start()
    begun = time.process_time()
    try:
        assert load_image(data).size == SIZE
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 2


def test_a_folder_is_looked_at_before_any_picture_was_opened() -> None:
    """Pillow learns of its formats with the first picture that it opens."""
    code = (
        "import pathlib, sys; from core.images.formats import kind_of_file;"
        "print(kind_of_file(pathlib.Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, __file__], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("None", "")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\x0a", "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"qoif", "a QOI picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0", "a camera's raw file"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"\x1a\x45\xdf\xa3", "a video"),
    ],
)
def test_says_what_a_file_is_whatever_its_name(head: bytes, kind: str) -> None:
    with pytest.raises(ImageError, match=f"is {kind}, which cannot be used"):
        load_image(head + b"\0" * 40)
