"""The pictures of the gallery: eight contents, eight styles, more styles, the user's own; and where they come from.

    from gallery.pictures import CONTENTS, STYLES, find_style
    find_style("hokusai_great_wave").image()        # RGB, as core.images.decode.load_image gives it

    python -m gallery.pictures > gallery/CREDITS.md # writes the credits again from the tables below

As in the report's 8 x 8 test set, the first four contents and the first four styles belong to every training set and
the last four to none; two contents are black-and-white. The photographs come with scikit-image and scikit-learn and are
read from there. The user's own pictures are those in ``gallery/my/content`` and ``gallery/my/style``.
"""

import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from core.images.decode import ImageError, list_images, load_image
from core.paths import WORK

FOLDER = Path(__file__).parent
MY_CONTENT = WORK / "gallery" / "my" / "content"
MY_STYLE = WORK / "gallery" / "my" / "style"
CHECK_SIDE = (
    64  # pixels: a user's JPEG is test-read at a reduced size, which is fast and still finds damage
)

VAN_GOGH, HOKUSAI, HIROSHIGE = "Vincent van Gogh", "Katsushika Hokusai", "Utagawa Hiroshige"
PAINTING, PRINT = "painting", "woodblock print"
CC0, CC_BY, PUBLIC_DOMAIN = "CC0 1.0", "CC BY 2.0", "Public domain"
FLICKR = "https://www.flickr.com/photos"
DONATED = "given to scikit-image by the photographer"

# Where a reproduction of a painting comes from, and its terms.
PD = ("GCompris 3.1", "Painting out of copyright; reproduction declared public domain")
WM = (
    "WebMuseum, by way of GCompris 3.1",
    "Painting out of copyright; reproduction GPL-3.0-or-later",
)


class PictureNotFoundError(ValueError):
    """No picture has this name; the message lists the names there are."""


@dataclass(frozen=True)
class Picture:
    """A content or a style of the gallery.

    Attributes:
        name: short and unique among contents or among styles, usable as a file name.
        artist: who made it; empty where that is not known, as is ``year``.
        kind: what it shows (contents) or how it was made (styles).
        in_training: whether it belongs to every training set.
        source, licence: where the file comes from and under what terms.
        file: the file, relative to the installed ``package``, or to this folder where ``package`` is empty.
        grey: whether it is black-and-white.
    """

    name: str
    title: str
    artist: str
    year: str
    kind: str
    in_training: bool
    source: str
    licence: str
    file: str
    package: str = ""
    grey: bool = False

    def path(self) -> Path:
        """The file on this computer. Raises FileNotFoundError when the package it comes with is not installed."""
        return (_package_folder(self.package) if self.package else FOLDER) / self.file

    def image(self) -> Image.Image:
        """The picture, RGB, 8 bits a channel. Raises as ``path`` does, and core.images.decode.ImageError for a damaged file."""
        return load_image(self.path())


def _package_folder(package: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            f'The gallery reads photographs from the package "{package}", which is not installed; '
            "run: pip install -r requirements.txt"
        )
    return Path(found.submodule_search_locations[0])


def _photo(
    name: str,
    title: str,
    artist: str,
    kind: str,
    training: bool,
    where: str,
    licence: str,
    source: str,
) -> Picture:
    package, file = where.split("/", 1)
    grey = "black-and-white" in kind
    return Picture(name, title, artist, "", kind, training, source, licence, file, package, grey)


def _painting(
    name: str,
    artist: str,
    title: str,
    year: str,
    kind: str,
    origin: tuple[str, str],
    training: bool = False,
) -> Picture:
    return Picture(name, title, artist, year, kind, training, *origin, f"style/{name}.jpg")


# fmt: off
CONTENTS: tuple[Picture, ...] = (
    _photo("astronaut", "Eileen Collins, astronaut", "NASA", "portrait", True,
           "skimage/data/astronaut.png", PUBLIC_DOMAIN, "NASA Great Images database, https://flic.kr/p/r9qvLn"),
    _photo("chelsea", "Chelsea the cat", "Stéfan van der Walt", "animal", True,
           "skimage/data/chelsea.png", CC0, DONATED),
    _photo("china", "Pavilion in China", "danielbuechele", "building", True,
           "sklearn/datasets/images/china.jpg", CC_BY, f"{FLICKR}/danielbuechele/6061409035/"),
    _photo("page", "Scanned page", "", "text, black-and-white", True,
           "skimage/data/page.png", "BSD-3-Clause, as scikit-image; none of its own is stated", "scikit-image"),
    _photo("camera", "Photographer with a camera", "Lav Varshney", "portrait, black-and-white", False,
           "skimage/data/camera.png", CC0, DONATED),
    _photo("rocket", "Launch of DSCOVR on Falcon 9", "SpaceX", "scenery", False,
           "skimage/data/rocket.jpg", PUBLIC_DOMAIN, f"{FLICKR}/spacexphotos/16511594820/"),
    _photo("flower", "Dahlia", "vultilion", "flower", False,
           "sklearn/datasets/images/flower.jpg", CC_BY, f"{FLICKR}/vultilion/6056698931/"),
    _photo("coffee", "Coffee cup", "Rachel Michetti", "still life", False,
           "skimage/data/coffee.png", CC0, f"{DONATED}, courtesy of Pikolo Espresso Bar"),
)

STYLES: tuple[Picture, ...] = (
    _painting("hokusai_great_wave", HOKUSAI, "The Great Wave off Kanagawa", "c. 1831", PRINT, WM, True),
    _painting("renoir_moulin_de_la_galette", "Pierre-Auguste Renoir", "Bal du moulin de la Galette", "1876", PAINTING, WM, True),
    _painting("cassatt_summertime", "Mary Cassatt", "Summertime", "1894", PAINTING, WM, True),
    _painting("vangogh_church_at_auvers", VAN_GOGH, "The Church at Auvers", "1890", PAINTING, PD, True),
    Picture("stained_glass", "Heron before the Sun", "MetaStyle", "", "stained glass", False,
            "drawn by gallery/artwork/mosaic.py", "Part of this project, under its licence", "style/stained_glass.jpg"),
    _painting("hokusai_woman_with_fan", HOKUSAI, "Woman Holding a Fan", "", PAINTING, WM),
    _painting("kandinsky_composition_viii", "Wassily Kandinsky", "Composition VIII", "1923", PAINTING, WM),
    _painting("vangogh_cafe_terrace_at_night", VAN_GOGH, "Café Terrace at Night", "1888", PAINTING, PD),
)

MORE_STYLES: tuple[Picture, ...] = tuple(_painting(*row) for row in (
    ("arcimboldo_librarian", "Giuseppe Arcimboldo", "The Librarian", "1566", PAINTING, WM),
    ("arcimboldo_spring", "Giuseppe Arcimboldo", "Spring", "1573", PAINTING, WM),
    ("bazille_ramparts_aigues_mortes", "Frédéric Bazille", "The Ramparts at Aigues-Mortes", "1867", PAINTING, WM),
    ("bellini_pesaro", "Giovanni Bellini", "Pesaro Altarpiece (landscape detail)", "1475–1485", PAINTING, WM),
    ("bruegel_harvesters", "Pieter Bruegel the Elder", "The Harvesters", "1565", PAINTING, WM),
    ("duerer_lion", "Albrecht Dürer", "Lion", "1494", PAINTING, WM),
    ("hiroshige_horse_mackerel_prawns", HIROSHIGE, "Horse Mackerel and Prawns", "c. 1840", PRINT, WM),
    ("hiroshige_inokashira_snow", HIROSHIGE, "The Benzaiten Shrine at Inokashira in Snow", "c. 1840", PRINT, WM),
    ("hokusai_ejiri", HOKUSAI, "Ejiri in Suruga Province", "1830–1833", PRINT, WM),
    ("hokusai_kazusa_sea_route", HOKUSAI, "Kazusa Sea Route", "c. 1830", PRINT, WM),
    ("hokusai_poppies", HOKUSAI, "Poppies", "1833–1834", PRINT, WM),
    ("hokusai_ryogoku_bridge", HOKUSAI, "Sunset over Ryōgoku Bridge", "c. 1830", PRINT, WM),
    ("leonardo_mona_lisa", "Leonardo da Vinci", "Mona Lisa", "c. 1503–1519", PAINTING, WM),
    ("renoir_girls_at_the_piano", "Pierre-Auguste Renoir", "Girls at the Piano", "1892", PAINTING, WM),
    ("vangogh_harvest_la_crau", VAN_GOGH, "The Harvest (La Crau)", "1888", PAINTING, PD),
    ("vangogh_hospital_corridor", VAN_GOGH, "Corridor in the Asylum (entrance hall)", "1889", PAINTING, PD),
    ("vangogh_langlois_bridge", VAN_GOGH, "The Langlois Bridge", "1888", PAINTING, PD),
    ("vangogh_night_cafe", VAN_GOGH, "The Night Café", "1888", PAINTING, PD),
    ("vangogh_painter_on_the_road", VAN_GOGH, "The Painter on the Road to Tarascon", "1888", PAINTING, PD),
    ("vangogh_pere_tanguy", VAN_GOGH, "Portrait of Père Tanguy", "1887", PAINTING, PD),
    ("vangogh_village_street_auvers", VAN_GOGH, "Village Street in Auvers", "1890", PAINTING, WM),
))
# fmt: on


def my_contents() -> tuple[Picture, ...]:
    """The user's own contents, by file name; a file that cannot be read is left out with a warning in the log."""
    return _own_pictures(MY_CONTENT)


def my_styles() -> tuple[Picture, ...]:
    """The user's own styles, by file name; a file that cannot be read is left out with a warning in the log."""
    return _own_pictures(MY_STYLE)


def photographs() -> tuple[Picture, ...]:
    """All contents that are offered: the gallery's and the user's own."""
    return (*CONTENTS, *my_contents())


def paintings() -> tuple[Picture, ...]:
    """All styles that are offered: the eight, the user's own, the other paintings."""
    return (*STYLES, *my_styles(), *MORE_STYLES)


def find_content(name: str) -> Picture:
    """The content called ``name``. Raises PictureNotFoundError, which lists the names there are."""
    return _find("content", name, photographs())


def find_style(name: str) -> Picture:
    """The style called ``name``, of the eight or of the others. Raises PictureNotFoundError, which lists the names."""
    return _find("style", name, paintings())


def _own_pictures(folder: Path) -> tuple[Picture, ...]:
    try:
        files = list_images(folder)
    except ImageError:  # no such folder: the user has no pictures here
        return ()
    return tuple(
        _own_picture(file) for file in files if _is_readable(file, file.stat().st_mtime_ns)
    )


def _own_picture(file: Path) -> Picture:
    title = file.stem.replace("_", " ")
    return Picture(
        f"my-{file.name}", title, "", "", "own picture", False, "your own file", "yours", str(file)
    )


@lru_cache(maxsize=1024)
def _is_readable(file: Path, changed: int) -> bool:
    try:
        load_image(file, at_least=CHECK_SIDE)
    except ImageError as error:
        logging.getLogger(__name__).warning("Left out of the gallery: %s", error)
        return False
    return True


def _find(what: str, name: str, pictures: Iterable[Picture]) -> Picture:
    by_name = {picture.name: picture for picture in pictures}
    if name not in by_name:
        raise PictureNotFoundError(
            f'There is no {what} called "{name}"; there are: {", ".join(by_name)}.'
        )
    return by_name[name]


def credits_text() -> str:
    """The text of CREDITS.md: every picture with its artist, source and terms."""
    lines = [
        "# Credits",
        "",
        "The pictures of the gallery, generated by `python -m gallery.pictures > gallery/CREDITS.md`.",
        "",
        "The photographs are not in this repository: they are read from the installed packages scikit-image",
        "(`skimage/data`; terms in the docstrings of `skimage/data/_fetchers.py`) and scikit-learn",
        "(`sklearn/datasets/images`; terms in its `README.txt`, which names danielbuechele for both photographs",
        "while its link for the flower leads to vultilion). A stylized version of a picture under CC BY 2.0",
        "(https://creativecommons.org/licenses/by/2.0/) must name its photographer too.",
        "",
        "The paintings are out of copyright. Their reproductions come with the educational suite GCompris 3.1,",
        "packaged by Debian as `gcompris-qt-data`. GCompris declares most of the van Gogh pictures public domain. The",
        "others are its puzzle pictures, put together from their pieces; GCompris took them from the WebMuseum and",
        "distributes them under GPL-3.0-or-later.",
    ]
    sections = (("Contents", CONTENTS), ("Styles", STYLES), ("More styles", MORE_STYLES))
    for heading, pictures in sections:
        lines += [
            "",
            f"## {heading}",
            "",
            "| picture | title | by | year | kind | in training sets | source | terms |",
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for p in pictures:
            place = f"{p.package}/{p.file}" if p.package else p.file
            trained = "yes" if p.in_training else "no"
            cells = (
                f"`{place}`",
                p.title,
                p.artist or "unknown",
                p.year or "–",
                p.kind,
                trained,
                p.source,
                p.licence,
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(credits_text().encode())
