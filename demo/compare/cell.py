"""A cell of the tab Compare, large: before and after between any two models, or the photo, and the numbers of both."""

from pathlib import Path
from typing import Any

import gradio as gr

from core.images.convert import resize_smaller
from core.images.decode import load_image
from core.images.save import png_bytes
from demo.compare import grid_html
from demo.compare.selection import Choice, read
from demo.shared import messages
from demo.shared.before_after import before_after, side_by_side
from demo.shared.requests import RequestError
from demo.shared.uploads import file_of
from gallery.grids.paths import CELL_SIDE
from gallery.grids.results import Grid, title_of
from gallery.pictures import Picture

PHOTO = "photo"  # on a side of the slider, in place of a row's name
GridIndex = tuple[int, int]  # style and content, counted from 0


def opened(choice: Choice, place: GridIndex, left: str, right: str) -> dict[str, Any]:
    """The panel filled: a value for each component of `build`.

    Args:
        place: which style of the choice, which content.
        left, right: names of rows, or `photo`; one that has no picture there gives way to the photo.

    Raises:
        RequestError: there is no such cell, or it has no picture.
    """
    grid, column = _at(choice, place)
    there = _pictures(grid, column)
    left = left if left in there and left != right else PHOTO
    choices = [(title_of(name), name) for name in there]
    content = grid.contents[column]
    heading = f"{content.title} in the style of {grid.style.title}"
    return {
        "panel": gr.Column(visible=True),
        "heading": messages.heading(heading),
        "left": gr.Dropdown([("The photo", PHOTO), *choices], value=left),
        "right": gr.Dropdown(choices, value=right),
        **shown_sides(choice, place, left, right),
    }


def shown_sides(choice: Choice, place: GridIndex, left: str, right: str) -> dict[str, Any]:
    """`sides`, as the slider and the table show them."""
    pair, table = sides(choice, place, left, right)
    return {"slider": side_by_side(*pair), "numbers": table}


def sides(choice: Choice, place: GridIndex, left: str, right: str) -> tuple[tuple[str, str], str]:
    """The slider's two pictures, of one size, and the table of their numbers; see `opened`."""
    grid, column = _at(choice, place)
    there = _pictures(grid, column)
    if right not in there or left not in (PHOTO, *there):
        raise RequestError("This picture is not there (any more); paint it first.")
    after = there[right]
    before = _fitted(grid.contents[column], there.get(left), after)
    measured = {row.name: row.cells[column].numbers for row in grid.rows}
    numbers = [(name, measured[name]) for name in dict.fromkeys((left, right)) if name != PHOTO]
    return (before, str(after)), grid_html.measures_html(numbers)


def build() -> dict[str, Any]:
    """Lay the panel out, closed; its components by name."""
    with gr.Column(visible=False, elem_id="cell", elem_classes="opened") as panel:
        heading = gr.HTML()
        with gr.Row():
            with gr.Column(scale=6, min_width=320):
                with gr.Row():
                    side: dict[str, Any] = {"filterable": False, "min_width": 140}
                    left = gr.Dropdown([("The photo", PHOTO)], label="Before", **side)
                    right = gr.Dropdown([], label="After", **side)
                slider = before_after("cell-slider", before="Left picture", after="Right picture")
            with gr.Column(scale=5, min_width=320):
                numbers = gr.HTML(elem_id="cell-numbers", apply_default_css=False)
    names = {"panel": panel, "heading": heading, "left": left, "right": right}
    return names | {"slider": slider, "numbers": numbers}


def _at(choice: Choice, place: GridIndex) -> tuple[Grid, int]:
    style, column = place
    if style not in range(len(choice.styles)) or column not in range(len(choice.contents)):
        raise RequestError("There is no such cell.")
    return read(choice, choice.styles[style]), column


def _pictures(grid: Grid, column: int) -> dict[str, Path]:
    """The pictures of a column by their rows' names, where there are some."""
    found = {row.name: row.cells[column].picture for row in grid.rows}
    return {name: picture for name, picture in found.items() if picture}


def _fitted(content: Picture, before: Path | None, after: Path) -> str:
    """The left picture, or the photo, at the size of the right one."""
    size = load_image(after).size
    image = load_image(before) if before else resize_smaller(content.image(), CELL_SIDE)
    if before and image.size == size:
        return str(before)
    return file_of(f"{content.name}.png", png_bytes(image.resize(size)))
