"""The pictures that the project works with, read from `gallery/pictures.json`: contents,
styles and where they come from.

    library().styles[0].image()          # RGB, as core.images.decode.load_image gives it
    library().refining_contents          # the files that styles are refined on where no others are given

As in the report's 8 x 8 test set, the first four contents and the first four styles belong to every
training set and the last four to none. The user's own pictures are those in `gallery/my/content`
and `gallery/my/style`. The list is data, so that whoever takes `core/` elsewhere brings a list of
his own, or none.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from core.images.decode import ImageError, list_images, load_image
from core.paths import GALLERY, WORK

MY_CONTENT = WORK / "gallery" / "my" / "content"
MY_STYLE = WORK / "gallery" / "my" / "style"
# px: an own JPEG is test-read at a reduced size, which is fast and still finds damage.
CHECK_SIDE = 64


@dataclass(frozen=True)
class Picture:
    """A content or a style of the gallery.

    Attributes:
        name: short and unique among contents or among styles, usable as a file name.
        artist: who made it; empty where that is not known, as is ``year``.
        kind: what it shows (contents) or how it was made (styles).
        source, licence: where the file comes from and under what terms.
        file: the file, relative to the installed ``package``,
            or to the gallery's folder where ``package`` is empty.
        in_training: whether it belongs to every training set.
        grey: whether it is black-and-white.
    """

    name: str
    title: str
    kind: str
    source: str
    licence: str
    file: str
    artist: str = ""
    year: str = ""
    package: str = ""
    in_training: bool = False
    grey: bool = False

    @classmethod
    def own(cls, name: str, path: Path) -> "Picture":
        """A picture that the user brought, titled as its file is named."""
        return cls(
            name=name,
            title=path.stem.replace("_", " "),
            kind="own picture",
            source="your own file",
            licence="yours",
            file=str(path.resolve()),
        )

    def path(self) -> Path:
        """The file on this computer. Raises FileNotFoundError when the package it
        comes with is not installed.
        """
        return (_package_folder(self.package) if self.package else GALLERY) / self.file

    def image(self) -> Image.Image:
        """The picture, RGB, 8 bits a channel. Raises as ``path`` does,
        and ImageError for a damaged file.
        """
        return load_image(self.path())


@dataclass(frozen=True)
class Library:
    """The gallery's eight contents, its eight styles, and more styles;
    all empty where there is no gallery.
    """

    contents: tuple[Picture, ...] = ()
    styles: tuple[Picture, ...] = ()
    more_styles: tuple[Picture, ...] = ()

    @cached_property
    def files(self) -> list[Path]:
        """The files of all pictures: nothing like them is drawn from a data folder."""
        return [picture.path() for picture in (*self.contents, *self.styles, *self.more_styles)]

    @cached_property
    def refining_contents(self) -> list[Path]:
        """The files of the contents, which styles are refined on where no other
        photographs are given.
        """
        return [picture.path() for picture in self.contents]


def unseen(pictures: Iterable[Picture]) -> list[Picture]:
    """Those that belong to no training set."""
    return [picture for picture in pictures if not picture.in_training]


@lru_cache(maxsize=1)
def library() -> Library:
    """The pictures of `gallery/pictures.json`; an empty library where there is no such file."""
    file = GALLERY / "pictures.json"
    if not file.is_file():
        return Library()
    rows = json.loads(file.read_text("utf-8"))
    return Library(**{kind: tuple(Picture(**row) for row in rows[kind]) for kind in rows})


def my_styles() -> tuple[Picture, ...]:
    """The user's own styles, by file name;
    a file that cannot be read is left out with a warning in the log.
    """
    return _own_pictures(MY_STYLE)


def photographs() -> tuple[Picture, ...]:
    """All contents that are offered: the gallery's and the user's own."""
    return (*library().contents, *_own_pictures(MY_CONTENT))


def paintings() -> tuple[Picture, ...]:
    """All styles that are offered: the eight, the user's own, the other paintings."""
    return (*library().styles, *my_styles(), *library().more_styles)


def _own_pictures(folder: Path) -> tuple[Picture, ...]:
    try:
        files = list_images(folder)
    except ImageError:  # no such folder: the user has no pictures here
        return ()
    return tuple(
        Picture.own(f"my-{file.name}", file)
        for file in files
        if _is_readable(file, file.stat().st_mtime_ns)
    )


@lru_cache(maxsize=1024)
def _is_readable(file: Path, changed: int) -> bool:
    try:
        load_image(file, at_least=CHECK_SIDE)
    except ImageError as error:
        logging.getLogger(__name__).warning("Left out of the gallery: %s", error)
        return False
    return True


def _package_folder(package: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            f'The gallery reads photographs from the package "{package}", which is not installed; '
            "run: pip install -r requirements.txt"
        )
    return Path(found.submodule_search_locations[0])
