"""Which files are meant: pictures named one by one, or by their folder."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from core.files import printable
from core.images.decode import ImageError, list_images
from core.images.formats import formats_said, kind_of_file
from core.images.library import library

RAW_SUFFIXES = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef")
OTHER_FORMATS = ("TGA", "PCX", "PPM", "PGM", "PBM", "PNM", "QOI")
OTHER_SUFFIXES = {  # of pictures that are not read
    ".jxl": "a JPEG XL picture",
    ".jp2": "a JPEG 2000 picture",
    ".j2k": "a JPEG 2000 picture",
    ".psd": "a Photoshop file",
    ".xcf": "a GIMP file",
    ".svg": "an SVG drawing",
    ".eps": "an EPS file",
    ".ai": "an Illustrator file",
    ".ico": "a Windows icon",
    ".icns": "a macOS icon",
    **{f".{name.lower()}": f"a {name} picture" for name in OTHER_FORMATS},
    ".exr": "an OpenEXR picture",
    ".hdr": "a Radiance picture",
    ".dds": "a DDS texture",
    **dict.fromkeys(RAW_SUFFIXES, "a camera's raw file"),
    ".pdf": "a PDF document",
}
Unread = tuple[Path, str]


def find_pictures(
    given: Iterable[Path], also: str | None = None
) -> tuple[list[Path], list[Unread]]:
    """Files as they are, folders replaced by the pictures in them.

    Args:
        also: how the names of other files end that are taken from folders too, after the pictures.

    Returns:
        The files; and the pictures in the folders that cannot be read or are not called as pictures
        are, each with a sentence that says so. What is no picture (texts, films,
        folders) is passed over.

    Raises:
        ImageError: a folder without pictures.
    """
    found: list[Path] = []
    unread: list[Unread] = []
    for path in given:
        if not os.path.isdir(path):
            found.append(path)
            continue
        inside = list_images(path)
        if also:
            named = (file for file in path.iterdir() if file.name.lower().endswith(also))
            inside += sorted(file for file in named if not file.name.startswith("."))
        unread += _others(path, inside)
        if not inside:
            raise ImageError(f'There is no picture in the folder "{printable(path)}".')
        found += inside
    return found, unread


def tell_unread(unread: Iterable[Unread]) -> None:
    """Say of each picture of `find_pictures` that it is skipped, on standard error."""
    for _, sentence in unread:
        print(printable(f"skipped: {sentence}"), file=sys.stderr)


def training_photos(given: Iterable[Path]) -> list[Path]:
    """The photographs in files and folders that are given; the gallery's where none is.
    Raises ImageError, see `find_pictures`.
    """
    found, unread = find_pictures(given)
    tell_unread(unread)
    return found or library().refining_contents


def _others(folder: Path, pictures: list[Path]) -> list[Unread]:
    """The files of a folder that are pictures but not among those that are read."""
    taken = set(pictures)
    result = []
    for file in sorted(folder.iterdir()):
        if file in taken or file.name.startswith(".") or not file.is_file():
            continue
        named = f'"{printable(file.name)}" is'
        if kind := OTHER_SUFFIXES.get(file.suffix.lower()):
            result.append((file, f"{named} {kind}, which cannot be used; {formats_said()}."))
        elif kind := kind_of_file(file):
            said = f"{named} {kind} picture without the name of one; rename it to use it."
            result.append((file, said))
    return result
