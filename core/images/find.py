"""Which files are meant: pictures named one by one, or by their folder."""

from collections.abc import Iterable
from pathlib import Path

from core.images.decode import ImageError, list_images


def find_pictures(given: Iterable[Path]) -> list[Path]:
    """Files as they are, folders replaced by the pictures in them.

    Raises:
        ImageError: a folder without pictures.
    """
    found: list[Path] = []
    for path in given:
        inside = list_images(path) if path.is_dir() else [path]
        if not inside:
            raise ImageError(f'There is no picture in the folder "{path}".')
        found += inside
    return found
