"""A gallery of drawn cells and given numbers, in the form of `gallery.grids.paths`, for what only reads them."""

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from core.metrics.features import MEASURES
from gallery.grids.paths import MEASURES_FILE, Cell
from gallery.pictures import CONTENTS, STYLES

ROWS = ("original-500", "improved-500")
HEIGHT = 40  # px
RED, BLUE = (200, 60, 40), (40, 60, 200)


def render(root: Path, mode: str = "instant", styles: int = 2, rows: Sequence[str] = ROWS) -> None:
    """One-coloured cells, red in the first row and blue in the others, of the contents' shapes.

    Every measure is 1 in the first row and 2 in the second, plus a hundredth for each content before; there are no whites.
    """
    sizes = [content.image().size for content in CONTENTS]
    for style in STYLES[:styles]:
        for index, row in enumerate(rows):
            folder = Cell(mode, style.name, row, "").path(root).parent
            folder.mkdir(parents=True)
            with (folder / MEASURES_FILE).open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, ["content", *MEASURES])
                writer.writeheader()
                for column, (content, (width, height)) in enumerate(
                    zip(CONTENTS, sizes, strict=True)
                ):
                    size = round(HEIGHT * width / height), HEIGHT
                    Image.new("RGB", size, BLUE if index else RED).save(
                        folder / f"{content.name}.jpg"
                    )
                    values = dict.fromkeys(MEASURES, f"{index + 1 + column / 100:.4g}") | {
                        "whites_lightness": ""
                    }
                    writer.writerow({"content": content.name} | values)
