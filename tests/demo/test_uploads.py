"""Looking at uploads: a few at a time, at no more pixels than that needs, and what is gone is said to be gone."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from core.images.decode import ImageError
from demo.shared import requests, uploads
from demo.shared.uploads import checked_size, displayable, is_transparent, uploaded


def huge_jpeg(path: Path, orientation: int = 1, size: tuple[int, int] = (6000, 4000)) -> str:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size, (90, 120, 60)).save(path, "JPEG", exif=exif)
    return str(path)


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (6000, 4000)), (3, (6000, 4000)), (6, (4000, 6000))]
)
def test_a_large_photo_is_looked_at_small_and_its_own_size_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int, size: tuple[int, int]
) -> None:
    read: list[int] = []
    load = uploads.load_image

    def measured(path: str, **options: Any) -> Image.Image:
        image = load(path, **options)
        read.append(image.width * image.height)
        return image

    monkeypatch.setattr(uploads, "load_image", measured)
    assert checked_size(huge_jpeg(tmp_path / "a.jpg", orientation)) == size
    assert read[0] <= 6000 * 4000 // 60


def test_the_colours_of_a_large_photo_are_converted_once_it_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its own size it would take seconds and a gigabyte, whoever sends it."""
    converted: list[int] = []
    convert = ImageCms.profileToProfile

    def measured(image: Image.Image, *rest: Any, **options: Any) -> Any:
        converted.append(image.width * image.height)
        return convert(image, *rest, **options)

    monkeypatch.setattr(ImageCms, "profileToProfile", measured)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "a.jpg"
    Image.new("RGB", (6000, 4000), "red").save(path, "JPEG", icc_profile=profile)
    assert checked_size(str(path)) == (6000, 4000)
    assert len(converted) == 1 and converted[0] <= 6000 * 4000 // 60


def test_a_png_with_long_texts_is_taken_as_it_is_painted(tmp_path: Path) -> None:
    texts = PngInfo()
    texts.add_text("XML:com.adobe.xmp", "x" * (2 << 20), zip=True)
    path = tmp_path / "a.png"
    Image.new("RGBA", (60, 40), (90, 120, 60, 0)).save(path, pnginfo=texts)
    assert checked_size(str(path)) == (60, 40)
    assert is_transparent(str(path))


def test_a_picture_of_too_many_pixels_has_no_transparency(tmp_path: Path) -> None:
    """Pillow's own error for it is none of the usual ones."""
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a" + b"\x60\xea" * 2 + bytes(3) + b"," + bytes(9))
    assert not is_transparent(str(path))


def test_a_broken_photo_is_still_found_out(tmp_path: Path) -> None:
    path = Path(huge_jpeg(tmp_path / "half.jpg"))
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(ImageError, match=r"half\.jpg"):
        checked_size(str(path))


@pytest.mark.parametrize("look", [checked_size, displayable])
def test_two_pictures_are_looked_at_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Any
) -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def slow(path: str, **_: Any) -> Image.Image:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        return Image.new("RGB", (20, 20))

    for reader in ("load_image", "load_with_alpha"):
        monkeypatch.setattr(uploads, reader, slow)
    monkeypatch.setattr(uploads, "browsers_agree", lambda path: False)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = tmp_path / "a.png"
    Image.new("RGB", (20, 20)).save(path)
    visitors = [threading.Thread(target=look, args=(str(path),)) for _ in range(10)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(60)
    assert most == 2


@pytest.mark.parametrize("look", [checked_size, displayable, is_transparent])
def test_memory_that_a_large_upload_took_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Any
) -> None:
    """Uploads do not wait in the queue, after whose work the page gives memory back."""
    given_back: list[str] = []
    monkeypatch.setattr(requests, "release_freed_memory", lambda: given_back.append("all"))
    monkeypatch.setattr(uploads, "browsers_agree", lambda path: False)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = tmp_path / "a.png"
    Image.new("RGBA", (20, 20), (200, 30, 40, 128)).save(path)
    look(str(path))
    assert given_back == []
    monkeypatch.setattr(requests, "GIVEN_BACK", 20 * 20 - 1)
    look(str(path))
    assert given_back == ["all"]


@pytest.mark.parametrize("path", ["/etc/passwd", "a\0b", "x" * 9999, 7, None])
def test_what_was_not_uploaded_here_is_refused(path: object) -> None:
    with pytest.raises(ImageError, match="did not arrive as a file"):
        uploaded({"path": path})


def test_what_was_deleted_since_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for name in ("gone.jpg", "n" * 3000):  # which no file can have
        with pytest.raises(ImageError, match="no longer kept here"):
            uploaded({"path": str(tmp_path / name)})
