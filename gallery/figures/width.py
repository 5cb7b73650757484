"""What a wider network paints: the refined cells of one model at two widths, beside each other.

    python -m gallery.figures.width NARROW      # the rendered cells of a model of base 8, as gallery/rendered holds them

To gallery/shown/width.jpg.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from core.commandline import run_command
from core.images.convert import center_crop
from core.images.decode import load_image
from core.program import command_parser, path_of
from gallery.figures.overview import CELL
from gallery.pictures import CONTENTS, FOLDER, STYLES

MODEL = "improved-500"
PAIRS = (
    ("hokusai_great_wave", "china"),
    ("kandinsky_composition_viii", "astronaut"),
    ("vangogh_cafe_terrace_at_night", "page"),
)


def strip(narrow: Path, wide: Path, pairs: Sequence[tuple[str, str]] = PAIRS) -> Image.Image:
    """A row for each pair of painting and photo: painting, photo, narrow model, wide model;
    cells of 256 px.

    Args:
        narrow, wide: folders of rendered cells, as `gallery/rendered`.

    Raises:
        ImageError: a cell is missing.
    """
    paintings = {picture.name: picture for picture in STYLES}
    photos = {picture.name: picture for picture in CONTENTS}
    sheet = Image.new("RGB", (4 * CELL, len(pairs) * CELL), "white")
    for row, (painting, photo) in enumerate(pairs):
        cells = [
            load_image(root / "refined" / painting / MODEL / f"{photo}.jpg")
            for root in (narrow, wide)
        ]
        given = [paintings[painting].image(), photos[photo].image()]
        for column, image in enumerate([*given, *cells]):
            sheet.paste(center_crop(image, CELL), (column * CELL, row * CELL))
    return sheet


def work(options: argparse.Namespace) -> int:
    """Write the picture that the options ask for; returns the exit code."""
    strip(options.narrow, options.wide).save(options.out, quality=88)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = command_parser("gallery.figures.width", __doc__)
    parser.add_argument("narrow", type=path_of, help="folder of the narrow model's cells")
    parser.add_argument("--wide", type=path_of, default=FOLDER / "rendered")
    parser.add_argument("--out", type=path_of, default=FOLDER / "shown" / "width.jpg")
    options = parser.parse_args(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
