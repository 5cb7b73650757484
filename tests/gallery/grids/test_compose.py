"""A grid on one sheet: everything in its place, nothing cut off, gaps named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.grids import compose as grid
from gallery.grids import paths
from gallery.grids.compose import PANEL, compose, latin, layout, sheet
from gallery.grids.results import read_grid
from gallery.pictures import CONTENTS, STYLES
from tests.rendered import BLUE, RED, render

STYLE = Image.new("RGB", (60, 40), "green")
CONTENT = [Image.new("RGB", (60, 40), "orange"), Image.new("RGB", (30, 60), "purple")]


def shown(
    picture: Image.Image, row: int, column: int, rows: int, height: int = 64
) -> set[tuple[int, ...]]:
    """The colours of one place of a sheet."""
    box = layout(CONTENT, rows, height).box(row, column)
    return {tuple(pixel) for pixel in np.asarray(picture.crop(box)).reshape(-1, 3)}


def test_columns_have_their_contents_shape_and_one_height() -> None:
    plan = layout(CONTENT, rows=2, height=64)
    assert plan.widths == (96, 32)
    assert {
        plan.box(row, column)[3] - plan.box(row, column)[1]
        for row in range(3)
        for column in range(3)
    } == {64}
    assert compose([("A", [None, None])] * 2, STYLE, CONTENT, height=64).size == plan.size


def test_every_picture_is_in_its_place() -> None:
    colors = {"red": (255, 0, 0), "blue": (0, 0, 255)}
    red, blue = (Image.new("RGB", (60, 40), color) for color in colors)
    picture = compose(
        [("A", [red, None]), ("B", [None, blue.resize((30, 60))])], STYLE, CONTENT, height=64
    )
    assert shown(picture, 0, 1, rows=2) == {(255, 165, 0)}, "a content along the top"
    assert shown(picture, 1, 1, rows=2) == {colors["red"]}
    assert shown(picture, 2, 2, rows=2) == {colors["blue"]}
    assert (0, 128, 0) in shown(picture, 0, 0, rows=2), "the style at the upper left"


def test_a_missing_cell_says_so() -> None:
    picture = compose([("A", [None, CONTENT[1]])], STYLE, CONTENT, height=256)
    panel = tuple(bytes.fromhex(PANEL[1:]))
    found = shown(picture, 1, 1, rows=1, height=256)
    assert panel in found and len(found) > 2, "a panel with letters on it"


def test_a_picture_of_another_shape_is_shown_whole() -> None:
    """Its left edge is red and its right edge blue; both are on the sheet."""
    tall = Image.new("RGB", (20, 80), "red")
    tall.paste("blue", (10, 0, 20, 80))
    found = shown(compose([("A", [tall, None])], STYLE, CONTENT, height=64), 1, 1, rows=1)
    assert {(255, 0, 0), (0, 0, 255)} <= found


def test_labels_and_title_are_written() -> None:
    bare = compose([("", [None, None])], STYLE, CONTENT)
    labelled = compose([("Original", [None, None])], STYLE, CONTENT)
    assert shown(bare, 1, 0, rows=1, height=256) == {(255, 255, 255)}
    assert len(shown(labelled, 1, 0, rows=1, height=256)) > 2
    assert compose([("", [None, None])], STYLE, CONTENT, title="Wave").height > bare.height


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Original, 500 images (原模型)", "Original, 500 images"),
        ("Original and improved (原模型, 改进模型)", "Original and improved"),
        ("Café Terrace at Night · instant", "Cafe Terrace at Night · instant"),
        ("Ryōgoku (bridge)", "Ryogoku (bridge)"),
    ],
)
def test_the_bundled_font_is_not_asked_for_letters_it_lacks(text: str, wanted: str) -> None:
    assert latin(text) == wanted


def test_a_row_needs_a_cell_for_each_content() -> None:
    with pytest.raises(ValueError, match="has 1 cells for 2 contents"):
        compose([("A", [None])], STYLE, CONTENT)


def test_a_rendered_grid_as_a_sheet(tmp_path: Path) -> None:
    render(tmp_path, styles=1)
    rows = ["original-500", "improved-500"]
    pixels = np.asarray(sheet(read_grid("instant", STYLES[0], rows, CONTENTS[:2], tmp_path)), int)
    for color in (RED, BLUE):
        assert (np.abs(pixels - color).max(axis=2) < 8).mean() > 0.15


@pytest.mark.parametrize(("name", "format"), [("sheet.png", "PNG"), ("sheet.jpg", "JPEG")])
def test_the_command_line_writes_png_or_jpeg(
    name: str,
    format: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(paths, "RENDERED", tmp_path)
    out = tmp_path / "new" / name
    assert grid.main(["A", STYLES[0].name, "instant", "--also", "gatys", "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.format == format
        assert picture.height > 6 * 256, "headers, four models, a reference"
    assert str(out) in capsys.readouterr().out


def test_the_command_line_names_the_styles_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert grid.main(["A", "monet", "instant"]) == 1
    assert (
        'There is no style called "monet"; there are: hokusai_great_wave' in capsys.readouterr().err
    )
