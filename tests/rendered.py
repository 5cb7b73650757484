"""A gallery of drawn cells and given numbers, in the form of `gallery.grids.paths`, for what only reads them."""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from PIL import Image

from core.metrics.features import MEASURES
from gallery.grids.paths import MEASURES_FILE, row_folder
from gallery.pictures import CONTENTS, STYLES, Picture

ROWS = ("original-500", "improved-500")
HEIGHT = 40  # px
RED, BLUE = (200, 60, 40), (40, 60, 200)
Colour = tuple[int, int, int]


@cache
def size_of(content: Picture) -> tuple[int, int]:
    """That of its cells: the content's shape, 40 px high."""
    width, height = content.image().size
    return round(HEIGHT * width / height), HEIGHT


def write_row(folder: Path, colour: Colour, measures: Sequence[Mapping[str, float | str]]) -> None:
    """A row's cells, all of one colour, and their measures, those of each content; what is not given is left empty."""
    folder.mkdir(parents=True)
    with (folder / MEASURES_FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["content", *MEASURES], restval="")
        writer.writeheader()
        for content, found in zip(CONTENTS, measures, strict=True):
            writer.writerow({"content": content.name, **found})
            Image.new("RGB", size_of(content), colour).save(folder / f"{content.name}.jpg")


def render(root: Path, mode: str = "instant", styles: int = 2, rows: Sequence[str] = ROWS) -> None:
    """One-coloured cells, red in the first row and blue in the others, of the contents' shapes.

    Every measure is 1 in the first row and 2 in the second, plus a hundredth for each content before; there are no whites.
    """
    measured = [name for name in MEASURES if name != "whites_lightness"]
    for style in STYLES[:styles]:
        for index, row in enumerate(rows):
            values = [f"{index + 1 + column / 100:.4g}" for column in range(len(CONTENTS))]
            measures = [dict.fromkeys(measured, value) for value in values]
            folder = row_folder(mode, style.name, row, root)
            write_row(folder, BLUE if index else RED, measures)
