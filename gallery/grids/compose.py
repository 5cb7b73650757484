"""One grid as one picture, as in the report: style and contents on top, a row for each model.

    compose([("Original", [cell, None]), ("Improved", [cell, cell])], style, contents)

    python -m gallery.grids.compose A stained_glass instant                        # to out/appendix-A__stained_glass__instant.png
    python -m gallery.grids.compose B stained_glass refined --also gatys --out sheet.jpg

All cells are of one height and as wide as their content, so none is cut off. A missing one says so.
"""

import argparse
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from core.commandline import run_command
from core.files import check_output, write_atomic
from core.images.decode import load_image
from core.images.save import FORMATS, encode_picture
from core.program import command_parser, path_of
from gallery.grids.paths import APPENDICES, CELL_SIDE, MODES
from gallery.grids.results import Grid, read_grid
from gallery.pictures import CONTENTS, find_style

Row = tuple[str, Sequence[Image.Image | None]]
# left, top, right, bottom; right and bottom are the first pixels outside
Box = tuple[int, int, int, int]

PAPER, INK, FAINT, PANEL = "#ffffff", "#24211f", "#6b604f", "#ece9e4"
NOT_RENDERED = "not rendered"
WIDEST = 2.5  # times its height: a content that is longer is shown smaller


@dataclass(frozen=True)
class Layout:
    """Where everything lies on a sheet, in pixels.

    Attributes:
        widths: of the columns of contents.
        rows: how many there are below the headers.
        height: of every cell; also the width of the labels.
        top: height of the title, 0 without one.
    """

    widths: tuple[int, ...]
    rows: int
    height: int
    top: int = 0

    @property
    def gap(self) -> int:
        return max(2, self.height // 42)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        right, bottom = self.box(self.rows, len(self.widths))[2:]
        return right + 2 * self.gap, bottom + 2 * self.gap

    def box(self, row: int, column: int) -> Box:
        """Of a cell, (1, 1) the first; row 0 are the headers, column 0 the style and the labels."""
        edges = (self.height, *self.widths)
        left = 2 * self.gap + sum(edges[:column]) + column * self.gap
        top = 2 * self.gap + self.top + row * (self.height + self.gap) + (self.gap if row else 0)
        return left, top, left + edges[column], top + self.height


def layout(
    contents: Sequence[Image.Image], rows: int, height: int = CELL_SIDE, title: bool = False
) -> Layout:
    """The layout that `compose` uses for these contents and so many rows."""
    widths = tuple(round(min(image.width / image.height, WIDEST) * height) for image in contents)
    return Layout(widths, rows, height, height // 5 if title else 0)


def compose(
    rows: Sequence[Row],
    style: Image.Image,
    contents: Sequence[Image.Image],
    *,
    title: str = "",
    height: int = CELL_SIDE,
) -> Image.Image:
    """The sheet of one style.

    Args:
        rows: label and cells of each row, a cell for each content, None where there is none.
        style: shown at the upper left.
        contents: shown along the top; a column is as wide as its content is at `height`.
        title: above everything; none by default.
        height: of a cell, in pixels, 32 upwards.

    Returns:
        RGB. Letters that the bundled font lacks, accents and Chinese ones, are left out of labels.

    Raises:
        ValueError: a row has more or fewer cells than there are contents.
    """
    for label, cells in rows:
        if len(cells) != len(contents):
            count = f"{len(cells)} cells for {len(contents)} contents"
            raise ValueError(f"The row {label!r} has {count}.")
    plan = layout(contents, len(rows), height, bool(title))
    sheet = Image.new("RGB", plan.size, PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        above = (2 * plan.gap, 2 * plan.gap, plan.size[0], plan.top)
        _write(draw, above, latin(title), height // 9, middle=False)
    _paste(sheet, style, plan.box(0, 0))
    for row, pictures in enumerate([contents, *(cells for _, cells in rows)]):
        for column, image in enumerate(pictures, 1):
            box = plan.box(row, column)
            if image:
                _paste(sheet, image, box)
            else:
                draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), PANEL)
                _write(draw, box, NOT_RENDERED, height // 14, FAINT)
    for row, (label, _) in enumerate(rows, 1):
        _write(draw, plan.box(row, 0), latin(label), height // 8)
    return sheet


def _paste(sheet: Image.Image, image: Image.Image, box: Box) -> None:
    """The whole picture in the middle of the box, as large as it fits."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    sheet.paste(image, (box[0] + (width - size[0]) // 2, box[1] + (height - size[1]) // 2))


def _write(
    draw: ImageDraw.ImageDraw, box: Box, text: str, size: int, ink: str = INK, middle: bool = True
) -> None:
    """Text in the box, broken into lines that fit its width; in its middle, or at its upper left."""
    font = ImageFont.load_default(max(8, size))
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and draw.textlength(longer, font) > box[2] - box[0]:
            lines.append(word)
        else:
            lines[-1] = longer
    wrapped = "\n".join(lines)
    if middle:
        place = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        draw.multiline_text(place, wrapped, ink, font, "mm", align="center")
    else:
        draw.multiline_text(box[:2], wrapped, ink, font, "la")


def latin(text: str) -> str:
    """The part of a text that the bundled font can show: "Café (原模型)" becomes "Cafe"."""
    apart = unicodedata.normalize("NFKD", text.replace("–", "-"))
    plain = "".join(char for char in apart if char.isascii() or char == "·")
    return re.sub(r"\s+", " ", re.sub(r"\([\s,;]*\)", "", plain)).strip()


def sheet(grid: Grid) -> Image.Image:
    """The sheet of what was rendered of a grid, titled with its painting and mode.

    Raises:
        ImageError: a picture is broken.
    """
    rows = []
    for row in grid.rows:
        pictures = [load_image(cell.picture) if cell.picture else None for cell in row.cells]
        rows.append((row.title, pictures))
    title = " · ".join(part for part in (grid.style.title, grid.style.artist, grid.mode) if part)
    contents = [content.image() for content in grid.contents]
    return compose(rows, grid.style.image(), contents, title=title)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser("gallery.grids.compose", __doc__)
    parser.add_argument("appendix", choices=list(APPENDICES))
    parser.add_argument("style", help="name of one of the gallery's styles")
    parser.add_argument("mode", choices=MODES)
    also = "further rows: gatys, johnson, flagship ..."
    parser.add_argument("--also", nargs="+", default=[], metavar="ROW", help=also)
    parser.add_argument("--out", type=path_of, help="a .png, .jpg or .webp file (default: in out/)")
    options = parser.parse_args(arguments)
    if options.out and options.out.suffix.lower() not in FORMATS:
        parser.error(f"--out must end in {', '.join(FORMATS)}")
    return options


def work(options: argparse.Namespace) -> int:
    """Compose the grid that the options name; returns the exit code."""
    name = f"appendix-{options.appendix}__{options.style}__{options.mode}.png"
    path = options.out or Path("out") / name
    check_output(path)
    rows = (*APPENDICES[options.appendix].rows, *options.also)
    grid = read_grid(options.mode, find_style(options.style), rows, CONTENTS)
    write_atomic(path, encode_picture(sheet(grid), path.suffix))
    print(path)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = parse(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
