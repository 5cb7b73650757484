"""Grids as data, read from a gallery of drawn cells."""

import math
from pathlib import Path

import pytest

from core.inference.model_store import ModelStore, model_store
from core.models.model_card import write_card
from gallery.grids.paths import APPENDICES, cell_file, row_folder
from gallery.grids.results import read_grid, title_of
from gallery.pictures import CONTENTS, STYLES
from tests.rendered import render

A = APPENDICES["A"].rows


@pytest.fixture
def root(tmp_path: Path) -> Path:
    render(tmp_path)
    return tmp_path


def test_a_grid_has_a_cell_for_each_row_and_content(root: Path) -> None:
    grid = read_grid("instant", STYLES[0], A, CONTENTS, root)
    assert [row.name for row in grid.rows] == list(A)
    assert [len(row.cells) for row in grid.rows] == [8] * 4
    cell = grid.rows[2].cells[1]
    folder = row_folder("instant", STYLES[0].name, "improved-500", root)
    assert cell.picture == cell_file(folder, "chelsea")
    assert cell.numbers["specks"] == 2.01
    assert math.isnan(cell.numbers["whites_lightness"])


def test_what_was_not_rendered_is_empty(root: Path) -> None:
    grid = read_grid("instant", STYLES[0], A, CONTENTS, root)
    assert grid.pictures == 16
    assert {cell.picture for cell in grid.rows[1].cells} == {None}
    refined = read_grid("refined", STYLES[0], A, CONTENTS, root)
    assert (refined.pictures, refined.is_measured) == (0, False)


def test_numbers_without_their_picture_do_not_count(root: Path) -> None:
    folder = row_folder("instant", STYLES[0].name, "original-500", root)
    cell_file(folder, "china").unlink()
    row = read_grid("instant", STYLES[0], A, CONTENTS, root).rows[0]
    assert (row.cells[2].picture, row.cells[2].numbers) == (None, {})
    assert row.cells[3].numbers["specks"] == 1.03


def test_references_are_the_same_in_both_modes(tmp_path: Path) -> None:
    render(tmp_path, "reference", rows=("gatys",))
    grids = [
        read_grid(mode, STYLES[0], ["gatys"], CONTENTS, tmp_path) for mode in ("instant", "refined")
    ]
    assert grids[0].rows == grids[1].rows
    assert grids[0].pictures == 8


def test_a_line_that_was_cut_off_counts_for_what_it_has(root: Path) -> None:
    file = row_folder("instant", STYLES[0].name, "original-500", root) / "measures.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], "chelsea,0.5"]))
    cells = read_grid("instant", STYLES[0], A, CONTENTS, root).rows[0].cells
    assert (len(cells[0].numbers) > 20, cells[1].numbers, cells[2].numbers) == (
        True,
        {"content_loss": 0.5},
        {},
    )


def test_rows_have_the_titles_of_their_models(
    tmp_path: Path,
) -> None:
    card = model_store().card("improved-500")
    variant = card.variant.model_copy(update={"title": "Improved, decay"})
    (tmp_path / "mine").mkdir()
    write_card(tmp_path / "mine", card.model_copy(update={"variant": variant}))
    with ModelStore(tmp_path).in_use():
        assert title_of("mine") == "Improved, decay"
        assert title_of("improved-500") == "Improved, 500 images (改进模型)"
    assert title_of("gatys") == "Gatys: pixels optimised"
    assert title_of("something-else") == "something-else"
