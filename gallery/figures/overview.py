"""The README's picture of a model's own output: styles down the side, contents along the top.

python -m gallery.figures.overview flagship                     # gallery/shown/flagship.jpg
python -m gallery.figures.overview original-500 --refine 20     # the report's way
"""

import argparse
from collections.abc import Sequence

from PIL import Image
from tqdm import tqdm

from core.commandline import run_command
from core.images.convert import center_crop
from core.images.library import library
from core.inference.model_store import model_store
from core.inference.stylizer import StyledModel, Stylizer
from core.program import command_parser
from core.training.refine import refine
from gallery.pictures import CONTENTS, FOLDER, STYLES, Picture

CELL = 256
SHOWN_CONTENTS = ("astronaut", "china", "camera", "flower")
SHOWN_STYLES = (
    "hokusai_great_wave",
    "stained_glass",
    "kandinsky_composition_viii",
    "vangogh_cafe_terrace_at_night",
)


def encode_style(stylizer: Stylizer, style: Picture, batches: int) -> StyledModel:
    """A painting taken up at once, or refined by so many batches, with a bar."""
    if not batches:
        return stylizer.encode_style(style.image())
    with tqdm(total=batches, desc=style.name) as bar:
        contents = library().refining_contents
        return refine(stylizer, style.image(), contents, batches, on_step=lambda _: bar.update())


def strip(
    stylizer: Stylizer, contents: Sequence[Picture], styles: Sequence[Picture], batches: int
) -> Image.Image:
    """The sheet: (len(contents) + 1) x (len(styles) + 1) cells of 256 px,
    the first row and column the pictures given.
    """
    sheet = Image.new("RGB", ((len(contents) + 1) * CELL, (len(styles) + 1) * CELL), "white")
    for column, content in enumerate(contents, 1):
        sheet.paste(center_crop(content.image(), CELL), (column * CELL, 0))
    for row, style in enumerate(styles, 1):
        sheet.paste(center_crop(style.image(), CELL), (0, row * CELL))
        styled = encode_style(stylizer, style, batches)
        for column, content in enumerate(contents, 1):
            sheet.paste(
                styled(center_crop(content.image(), 2 * CELL)).resize((CELL, CELL)),
                (column * CELL, row * CELL),
            )
    return sheet


def work(options: argparse.Namespace) -> int:
    """Write the picture that the options ask for; returns the exit code."""
    contents = [picture for picture in CONTENTS if picture.name in SHOWN_CONTENTS]
    styles = [picture for picture in STYLES if picture.name in SHOWN_STYLES]
    sheet = strip(model_store().stylizer(options.model), contents, styles, options.refine)
    path = FOLDER / "shown" / f"{options.model}{'-refined' if options.refine else ''}.jpg"
    sheet.save(path, quality=88)
    print(path)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = command_parser("gallery.figures.overview", __doc__)
    parser.add_argument("model")
    parser.add_argument("--refine", type=int, default=0, metavar="BATCHES")
    options = parser.parse_args(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
