"""What can be taken away opens elsewhere and holds what the grids hold."""

import csv
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.metrics.features import MEASURES
from gallery.grids import compose as sheets
from gallery.grids.export import cells_zip, grid_png, grids_pdf, numbers, numbers_csv
from gallery.grids.paths import APPENDICES
from gallery.grids.results import Grid, read_grid
from gallery.pictures import CONTENTS, STYLES
from tests.rendered import BLUE, RED, render


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> list[Grid]:
    """Appendix A of two styles, of which two rows were rendered."""
    root: Path = tmp_path_factory.mktemp("rendered")
    render(root)
    return [
        read_grid("instant", style, APPENDICES["A"].rows, CONTENTS, root) for style in STYLES[:2]
    ]


def test_the_png_has_every_cell_in_its_place(grids: list[Grid]) -> None:
    with Image.open(io.BytesIO(grid_png(grids[0]))) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB")).astype(int)
    plan = sheets.layout([content.image() for content in CONTENTS], 4, title=True)
    for row, expected in ((1, RED), (3, BLUE)):
        for column in (1, 8):
            left, top, right, bottom = plan.box(row, column)
            assert np.abs(pixels[(top + bottom) // 2, (left + right) // 2] - expected).max() < 8
    assert pixels.shape[:2] > plan.size[::-1], "the photographers are named below"


def test_the_pdf_has_a_page_for_each_style(grids: list[Grid]) -> None:
    data = grids_pdf(grids, "MetaStyle, Appendix A")
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b(?!s)", data)) == 2
    assert "MetaStyle, Appendix A".encode("utf-16-be") in data or b"(MetaStyle, Appendix A)" in data


def test_a_pdf_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one grid"):
        grids_pdf([], "empty")


def test_the_zip_has_the_cells_the_numbers_and_the_credits(grids: list[Grid]) -> None:
    with zipfile.ZipFile(io.BytesIO(cells_zip(grids))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == 2 * 2 * 8 + 2
        name = f"instant/{STYLES[0].name}/improved-500/china.jpg"
        with Image.open(io.BytesIO(archive.read(name))) as image:
            assert image.size == (60, 40)
        assert archive.read("measures.csv") == numbers_csv(grids)
        assert b"danielbuechele" in archive.read("CREDITS.md")


def test_the_csv_has_a_line_for_each_cell(grids: list[Grid]) -> None:
    text = numbers_csv(grids).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(lines[0]) == ["mode", "style", "row", "model", "content", *MEASURES]
    assert len(lines) == 2 * 2 * 8
    assert (lines[9]["row"], lines[9]["content"], lines[9]["specks"]) == (
        "improved-500",
        "chelsea",
        "2.01",
    )
    assert lines[9]["whites_lightness"] == ""


def test_numbers_for_programs_have_none_where_there_was_nothing_to_look_at(
    grids: list[Grid],
) -> None:
    [first, *others] = numbers(grids)
    assert len(others) == 31
    assert first["style"] == STYLES[0].name
    assert (first["specks"], first["whites_lightness"]) == (1.0, None)
