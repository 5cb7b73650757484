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
from core.inference.styled_model import StyledModel
from core.inference.stylizer import Stylizer
from core.matching import in_usual_colours
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


def pasted(rows: Sequence[Sequence[Image.Image | None]]) -> Image.Image:
    """Rows of pictures, the middle of each in a cell of 256 px; None leaves its cell white."""
    sheet = Image.new("RGB", (len(rows[0]) * CELL, len(rows) * CELL), "white")
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            if image:
                sheet.paste(center_crop(image, CELL), (column * CELL, row * CELL))
    return sheet


def strip(
    stylizer: Stylizer, contents: Sequence[Picture], styles: Sequence[Picture], batches: int
) -> Image.Image:
    """A row for each style, a column for each content, the given pictures before them."""
    photos = [content.image() for content in contents]
    rows: list[list[Image.Image | None]] = [[None, *photos]]
    for style in styles:
        styled = encode_style(stylizer, style, batches)
        paint = in_usual_colours(styled, style.image(), stylizer)
        painted = [paint(center_crop(photo, 2 * CELL)).resize((CELL, CELL)) for photo in photos]
        rows.append([style.image(), *painted])
    return pasted(rows)


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
    parser.add_argument("model", help="name of a shipped model")
    batches = "train on each painting first"
    parser.add_argument("--refine", type=int, default=0, metavar="BATCHES", help=batches)
    options = parser.parse_args(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
