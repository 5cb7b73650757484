"""Light copies of pictures as files that the page may serve: the gallery's until the page stops, visitors' for their hour.

path, shape = small_copy(picture)       # a JPEG, and its width / height
path = whole_copy(picture)              # a JPEG of all its pixels
file_url(path)                          # of demo.shared.uploads
"""

import tempfile
from functools import lru_cache
from pathlib import Path

from gradio.utils import get_upload_folder

from core.images.convert import resize_smaller
from core.images.decode import load_image
from core.images.save import encode_picture
from gallery.pictures import FOLDER, Picture

SMALL_SIDE = 160  # px, the smaller side


@lru_cache(maxsize=1)
def _temporary(uploads: str) -> tempfile.TemporaryDirectory[str]:
    Path(uploads).mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="compare-", dir=uploads)


def folder() -> Path:
    """A folder that the page may serve, deleted when the page stops; made again where a cleaner took it."""
    path = Path(_temporary(get_upload_folder()).name)
    path.mkdir(parents=True, exist_ok=True)
    return path


def shipped_folder() -> Path:
    """The part of it that the cleaner leaves alone: copies of the gallery's pictures."""
    path = folder() / "shipped"
    path.mkdir(exist_ok=True)
    return path


def small_copy(picture: Picture) -> tuple[Path, float]:
    """A JPEG of a picture with 160 px on its smaller side, and its width / height.

    Raises:
        ImageError: the picture cannot be read.
    """
    own = shipped_folder() if picture.path().is_relative_to(FOLDER) else folder()
    return _copied(picture.path(), own, SMALL_SIDE)


def whole_copy(picture: Picture) -> Path:
    """A JPEG of a picture of the gallery in all its pixels: of a photograph in a PNG file an eighth of the bytes.

    Raises:
        ImageError: the picture cannot be read.
    """
    return _copied(picture.path(), shipped_folder(), None)[0]


def _copied(path: Path, own: Path, side: int | None) -> tuple[Path, float]:
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    made = _copy(path, changed, own, side)
    if not made[0].is_file():  # a cleaner took it: all that are remembered may be gone
        _copy.cache_clear()
        made = _copy(path, changed, own, side)
    return made


@lru_cache(maxsize=512)
def _copy(path: Path, changed: int, own: Path, side: int | None) -> tuple[Path, float]:
    image = load_image(path, at_least=side)
    with tempfile.NamedTemporaryFile(suffix=".jpg", dir=own, delete=False) as file:
        if side is None:
            file.write(encode_picture(image, ".jpg"))
        else:
            resize_smaller(image, side).save(file, "JPEG", quality=85)
    return Path(file.name), image.width / image.height
