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

from core.baselines.adapter import METHODS
from core.inference.stylizer import Cancelled
from demo.server.turns import TURNS, Job, in_turns
from demo.shared.background import in_background
from demo.shared.requests import REFINED
from demo.shared.thumbnails import folder
from gallery.grids import render
from gallery.grids.backends import Paint, prepare
from gallery.grids.paths import mode_of
from gallery.grids.results import Grid, Row, read_grid

KEPT = 256  # rows


@dataclass(frozen=True)
class GridStep:
    """How far painting is: cells done of all, in words, and whether the grid has changed."""

    done: int
    total: int
    text: str
    changed: bool = False


def completed(grid: Grid) -> Grid:
    """The grid with painted cells in its gaps."""
    names = [row.name for row in grid.rows]
    painted = read_grid(grid.mode, grid.style, names, grid.contents, folder())
    rows = []
    for row, mine in zip(grid.rows, painted.rows, strict=True):
        cells = zip(row.cells, mine.cells, strict=True)
        rows.append(Row(row.name, tuple(cell if cell.picture else own for cell, own in cells)))
    return dataclasses.replace(grid, rows=tuple(rows))


def gaps(row: Row) -> list[int]:
    """Columns without a picture."""
    return [column for column, cell in enumerate(row.cells) if not cell.picture]


def paint(grids: Sequence[Grid], stop: threading.Event) -> Iterator[GridStep]:
    """Paint and measure every gap of the grids, in rows that can be painted.

    Once `stop` is set it ends; what was painted stays.

    Raises:
        ImageError, WeightsError, EncoderError: one sentence for the visitor.
    """
    rows = [(grid, row) for grid in map(completed, grids) for row in grid.rows if gaps(row)]
    total = sum(len(gaps(row)) for _, row in rows)
    done = 0
    for grid, row in rows:
        first = GridStep(done, total, f"{row.title}: {grid.style.title}")
        yield dataclasses.replace(first, text=f"{first.text}, getting ready")
        try:
            if grid.mode != REFINED and row.name not in METHODS:  # seconds; others take minutes
                with TURNS:
                    painter = prepare(row.name, grid.mode, grid.style.image())
                yield from in_turns(_cells(grid, row, first, painter, stop.is_set))
            else:
                yield from _painted_slowly(grid, row, first, stop)
        except Cancelled:
            return
        if stop.is_set():
            return
        done += len(gaps(row))
        there = sorted(folder().glob("*/*/*/"), key=lambda row: row.stat().st_mtime)
        for oldest in there[:-KEPT]:
            shutil.rmtree(oldest, ignore_errors=True)


def _cells(
    grid: Grid, row: Row, first: GridStep, painter: Paint, stopped: Callable[[], bool]
) -> Generator[GridStep, None, None]:
    """Paint the gaps of a row one after the other, until it is stopped."""
    place = render.Row(mode_of(row.name, grid.mode), row.name, grid.style)
    for done, column in enumerate(gaps(row), first.done + 1):
        if stopped():
            return
        render.render(place, grid.contents[column], painter, folder())
        yield dataclasses.replace(first, done=done, changed=True)


def _painted_slowly(
    grid: Grid, row: Row, first: GridStep, stop: threading.Event
) -> Iterator[GridStep]:
    """The gaps of a row that is refined or optimised; others have their turn between two batches or steps.

    Raises:
        Cancelled: `stop` was set meanwhile.
    """

    def work(give: Callable[[GridStep], None], job: Job, stopped: Callable[[], bool]) -> None:
        def progress(done: int, of: int) -> None:
            unit = "steps" if row.name in METHODS else "batches"
            text = f"{first.text}, refined with {done} of {of} {unit}"
            give(dataclasses.replace(first, done=reached, text=text))
            if stopped():
                raise Cancelled

        reached = first.done
        painter = prepare(row.name, grid.mode, grid.style.image(), progress=progress)
        for step in _cells(grid, row, first, painter, stopped):
            reached = step.done
            give(step)

    yield from in_background(work, stop)
