"""Which files are meant: pictures named one by one or by their folder, and the photographs that styles are refined on."""

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


def refining_contents(folder: Path | None = None) -> list[Path]:
    """The pictures of a folder, or the gallery's photographs, which styles are refined on where no others are given."""
    if folder is not None:
        return find_pictures([folder])
    from gallery.pictures import CONTENTS

    return [picture.path() for picture in CONTENTS]
