"""Small copies of pictures as files that the page may serve: the gallery's until the page stops, visitors' for their hour.

path, shape = small_copy(picture)       # a JPEG, and its width / height
file_url(path)                          # of demo.shared.uploads
"""

import tempfile
from functools import lru_cache
from pathlib import Path

from gradio.utils import get_upload_folder

from core.images.convert import resize_smaller
from core.images.decode import load_image
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
    path = picture.path()
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    own = shipped_folder() if path.is_relative_to(FOLDER) else folder()
    made = _small_copy(path, changed, own)
    if not made[0].is_file():  # a cleaner took it: all that are remembered may be gone
        _small_copy.cache_clear()
        made = _small_copy(path, changed, own)
    return made


@lru_cache(maxsize=512)
def _small_copy(path: Path, changed: int, own: Path) -> tuple[Path, float]:
    image = resize_smaller(load_image(path, at_least=SMALL_SIDE), SMALL_SIDE)
    with tempfile.NamedTemporaryFile(suffix=".jpg", dir=own, delete=False) as file:
        image.save(file, "JPEG", quality=85)
    return Path(file.name), image.width / image.height
