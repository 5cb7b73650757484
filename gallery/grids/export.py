"""Grids to take away, as bytes of files: sheets as PNG and PDF, cells as zip, numbers as CSV.

grids = [read_grid("refined", style, APPENDICES["A"].rows, CONTENTS) for style in STYLES]
write_atomic(Path("appendix-A.pdf"), grids_pdf(grids, "Appendix A"))
"""

import io
import math
import zipfile
from collections.abc import Sequence

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from core.images.save import png_bytes
from core.inference.model_store import model_store
from core.metrics.features import MEASURES
from gallery.grids.compose import FAINT, PAPER, latin, sheet
from gallery.grids.results import Grid
from gallery.pictures import FOLDER

PDF_QUALITY = 88
PDF_DPI = 150
CREDIT_SIZE = 18  # px
CREDITS = FOLDER / "CREDITS.md"


def signed_sheet(grid: Grid) -> Image.Image:
    """The grid as one picture, style and contents as headers, with the photographers' names.

    Raises:
        core.images.decode.ImageError: a picture cannot be read.
    """
    composed = sheet(grid)
    artists = dict.fromkeys(content.artist for content in grid.contents if content.artist)
    if not artists:
        return composed
    signed = Image.new("RGB", (composed.width, composed.height + 2 * CREDIT_SIZE), PAPER)
    signed.paste(composed)
    text = latin(f"Photographs: {', '.join(artists)}")
    font = ImageFont.load_default(CREDIT_SIZE)
    ImageDraw.Draw(signed).text((CREDIT_SIZE, composed.height), text, FAINT, font)
    return signed


def grid_png(grid: Grid) -> bytes:
    """The grid as a PNG file; raises as `signed_sheet` does."""
    return png_bytes(signed_sheet(grid))


def grids_pdf(grids: Sequence[Grid], title: str) -> bytes:
    """A PDF of one page for each grid.

    Args:
        title: of the document, as a viewer shows it.

    Raises:
        ValueError: there is no grid.
        core.images.decode.ImageError: a picture cannot be read.
    """
    if not grids:
        raise ValueError("a PDF needs at least one grid")
    sheets = [signed_sheet(grid) for grid in grids]
    file = io.BytesIO()
    sheets[0].save(
        file,
        "PDF",
        save_all=True,
        append_images=sheets[1:],
        title=title,
        author="MetaStyle",
        resolution=PDF_DPI,
        quality=PDF_QUALITY,
    )
    return file.getvalue()


def cells_zip(grids: Sequence[Grid]) -> bytes:
    """A zip of every cell there is as `MODE/STYLE/ROW/CONTENT.jpg`, the numbers and the credits."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # JPEG does not get smaller
        for grid in grids:
            for row in grid.rows:
                for content, cell in zip(grid.contents, row.cells, strict=True):
                    if cell.picture:
                        name = f"{grid.mode}/{grid.style.name}/{row.name}/{content.name}{cell.picture.suffix}"
                        archive.writestr(name, cell.picture.read_bytes())
        archive.writestr("measures.csv", numbers_csv(grids))
        archive.writestr("CREDITS.md", CREDITS.read_bytes())
    return file.getvalue()


def numbers_csv(grids: Sequence[Grid]) -> bytes:
    """A line for each cell that was measured, empty where a measure had nothing to look at;
    UTF-8 as Excel knows it.
    """
    table = pd.DataFrame(
        numbers(grids), columns=["mode", "style", "row", "model", "content", *MEASURES]
    )
    return table.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def numbers(grids: Sequence[Grid]) -> list[dict[str, str | float | None]]:
    """The lines of `numbers_csv`: mode, style, row, the row's label, content, then the measures, None for NaN."""
    return [
        {"mode": grid.mode, "style": grid.style.name, "row": row.name}
        | {"model": model_store().label(row.name), "content": content.name}
        | {name: None if math.isnan(value) else value for name, value in cell.numbers.items()}
        for grid in grids
        for row in grid.rows
        for content, cell in zip(grid.contents, row.cells, strict=True)
        if cell.numbers
    ]
