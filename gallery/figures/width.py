"""What a wider network paints: the refined cells of one model at two widths, beside each other.

    python -m gallery.figures.width NARROW      # the rendered cells of a model of base 8, as gallery/rendered holds them

To gallery/shown/width.jpg.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from core.commandline import run_command
from core.images.decode import load_image
from core.program import command_parser, path_of
from gallery.figures.overview import pasted
from gallery.grids.paths import REFINED, RENDERED, cell_file, row_folder
from gallery.pictures import FOLDER, find_content, find_style

MODEL = "improved-500"
PAIRS = (
    ("hokusai_great_wave", "china"),
    ("kandinsky_composition_viii", "astronaut"),
    ("vangogh_cafe_terrace_at_night", "page"),
)


def strip(narrow: Path, wide: Path, pairs: Sequence[tuple[str, str]] = PAIRS) -> Image.Image:
    """A row for each pair: painting, photo, narrow model, wide model; cells of 256 px.

    Args:
        narrow, wide: folders of rendered cells, as `gallery/rendered`.

    Raises:
        ImageError: a cell is missing.
    """
    rows = []
    for painting, photo in pairs:
        folders = (row_folder(REFINED, painting, MODEL, root) for root in (narrow, wide))
        painted = [load_image(cell_file(folder, photo)) for folder in folders]
        rows.append([find_style(painting).image(), find_content(photo).image(), *painted])
    return pasted(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = command_parser("gallery.figures.width", __doc__)
    parser.add_argument("narrow", type=path_of, help="folder of the narrow model's cells")
    parser.add_argument("--wide", type=path_of, default=RENDERED)
    parser.add_argument("--out", type=path_of, default=FOLDER / "shown" / "width.jpg")
    options = parser.parse_args(arguments)

    def work() -> int:
        strip(options.narrow, options.wide).save(options.out, quality=88)
        return 0

    return run_command(work)


if __name__ == "__main__":
    raise SystemExit(main())
