"""The cells that the gallery does not have, painted and measured row by row, as `gallery.build` does it.

    for step in paint(grids, threading.Event()):
        print(step.text, step.done, step.total)
    grid = completed(grid)                      # with what was painted

They lie in a folder of the gallery's form, `demo.shared.thumbnails.folder`, and are gone when the page stops. Rows are painted by
`gallery.grids.backends`, refined ones in the background, which can stop.
"""

import dataclasses
import shutil
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from core.images.convert import resize_smaller
from core.inference.stylizer import Cancelled
from demo.server.turns import TURNS, Job
from demo.shared.background import in_background
from demo.shared.requests import REFINED
from demo.shared.thumbnails import folder
from gallery.grids import render
from gallery.grids.backends import REFERENCE_PAINTERS, Backend, prepare
from gallery.grids.paths import CELL_SIDE, mode_of
from gallery.grids.results import Grid, Row, read_grid
from gallery.pictures import Picture

KEPT = 256  # rows


@dataclass(frozen=True)
class Step:
    """How far painting is: cells done of all, in words, and whether the grid has changed."""

    done: int
    total: int
    text: str
    changed: bool = False


def completed(grid: Grid) -> Grid:
    """The grid with painted cells in its gaps."""
    painted = read_grid(
        grid.mode, grid.style, [row.name for row in grid.rows], grid.contents, folder()
    )
    rows = tuple(
        Row(
            row.name,
            tuple(
                cell if cell.picture else own
                for cell, own in zip(row.cells, mine.cells, strict=True)
            ),
        )
        for row, mine in zip(grid.rows, painted.rows, strict=True)
    )
    return dataclasses.replace(grid, rows=rows)


def gaps(row: Row) -> list[int]:
    """Columns without a picture."""
    return [column for column, cell in enumerate(row.cells) if not cell.picture]


def paint(grids: Sequence[Grid], stop: threading.Event) -> Iterator[Step]:
    """Paint and measure every gap of the grids, in rows that can be painted.

    Once `stop` is set it ends; what was painted stays.

    Raises:
        ImageError, WeightsError, EncoderError: one sentence for the visitor.
    """
    rows = [(grid, row) for grid in map(completed, grids) for row in grid.rows if gaps(row)]
    total = sum(len(gaps(row)) for _, row in rows)
    done = 0
    for grid, row in rows:
        step = Step(done, total, f"{row.title}: {grid.style.title}")
        yield dataclasses.replace(step, text=f"{step.text}, getting ready")
        try:
            painter = yield from _prepared(grid, row, step, stop)
        except Cancelled:
            return
        place = render.Row(mode_of(row.name, grid.mode), row.name, grid.style)
        for column in gaps(row):
            if stop.is_set():
                return
            with TURNS:
                render.render(place, grid.contents[column], painter, folder())
            done += 1
            yield dataclasses.replace(step, done=done, changed=True)
        _forget_the_oldest()


def _prepared(
    grid: Grid, row: Row, step: Step, stop: threading.Event
) -> Generator[Step, None, Backend]:
    """What paints the row's cells. Raises Cancelled where `stop` was set while it was refined."""
    style = grid.style.image()
    if grid.mode != REFINED or row.name in REFERENCE_PAINTERS:
        with TURNS:
            return prepare(row.name, grid.mode, style)

    def work(give: Callable[[Step | Backend], None], job: Job, stopped: Callable[[], bool]) -> None:
        def progress(done: int, of: int) -> None:
            text = f"{step.text}, refined with {done} of {of} batches"
            give(dataclasses.replace(step, text=text))

        give(prepare(row.name, grid.mode, style, progress=progress, stop=stopped))

    for given in in_background(work, stop):
        if not isinstance(given, Step):
            return given
        yield given
    raise AssertionError("the last that is given paints")


def _forget_the_oldest() -> None:
    rows = sorted(folder().glob("*/*/*/"), key=lambda row: row.stat().st_mtime)
    for row in rows[:-KEPT]:
        shutil.rmtree(row, ignore_errors=True)


def content_image(content: Picture) -> Image.Image:
    """A content at the size of a cell."""
    return resize_smaller(content.image(), CELL_SIDE)
