"""The HTML of the tab Compare: the grid with its headers, the measurements of a cell, the progress of painting.

A grid is plain <img> in <button>: Gradio's own components, one for each of 64 cells, would take seconds to appear. A
click is told to Python by `CLICKS`, as the event `select` for a cell and `input` for a painting.
"""

import math
from collections.abc import Mapping, Sequence

from core.metrics.features import MEASURES
from demo.compare.render import GridStep
from demo.compare.selection import Choice
from demo.shared import messages
from demo.shared.pace import duration
from demo.shared.requests import REFINED
from demo.shared.templates import macros
from demo.shared.thumbnails import small_copy
from demo.shared.uploads import file_url, label_of
from gallery.grids.backends import why_not
from gallery.grids.charts import from_ideal
from gallery.grids.paths import APPENDICES
from gallery.grids.results import Grid
from gallery.pictures import Picture

NARROW_HEIGHT = 104  # px, of a cell on a phone, where a grid is scrolled sideways
PARTS = ("gram_share_", "mean_std_share_")  # tap by tap: in the charts and in the CSV
CLICKS = """
element.addEventListener("click", (event) => {
  const cell = event.target.closest("button[data-row]"), style = event.target.closest("button[data-style]");
  if (cell) trigger("select", { row: cell.dataset.row, content: Number(cell.dataset.content) });
  if (style) trigger("input", { style: Number(style.dataset.style) });
});
"""
_HTML = macros("compare/grid.html")


def grid_html(choice: Choice, grid: Grid) -> str:
    """The choice's paintings to click, and below them the grid of one of them."""
    shapes = [small_copy(content)[1] for content in grid.contents]
    wide = " ".join(f"minmax(0, {shape:.3f}fr)" for shape in shapes)
    narrow = " ".join(f"{shape * NARROW_HEIGHT:.0f}px" for shape in shapes)
    columns = f"--wide: {wide}; --narrow: {narrow}"
    return str(_HTML.grid(choice.styles, grid, columns, _small, label_of, file_url, why_not))


def _small(picture: Picture) -> str:
    return file_url(small_copy(picture)[0])


def title_html(choice: Choice, grid: Grid) -> str:
    """The lines above a grid: what it is, and how much of it there is."""
    about = APPENDICES[choice.kind].title if choice.kind in APPENDICES else ""
    refined = "Each model refined with 20 batches on the painting"
    how = refined if choice.mode == REFINED else "Painted at once"
    there, all_of_it = grid.pictures, len(grid.rows) * len(grid.contents)
    count = "" if there == all_of_it else f" · {there} of {all_of_it} pictures so far"
    return str(_HTML.title(choice.title, about, how, count))


# ---- the cell that is looked at closely ----


def measures_html(columns: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """A table: a line for each measure that one of the columns has, the value nearest to the ideal set apart.

    Args:
        columns: (head, numbers by measure).
    """
    lines = []
    for name, about in MEASURES.items():
        if any(name in numbers for _, numbers in columns) and not name.startswith(PARTS):
            values = [numbers.get(name, math.nan) for _, numbers in columns]
            lines.append((about, _cells(name, values)))
    if not lines:
        return messages.caption("Not measured yet.")
    return str(_HTML.measures([head for head, _ in columns], lines))


def _cells(name: str, values: Sequence[float]) -> list[tuple[str, bool]]:
    """Each value in words, and whether it is the one of several that is nearest to the ideal."""
    far = [from_ideal(value, name) for value in values]
    known = {distance for distance in far if not math.isnan(distance)}
    best = min(known) if len(known) > 1 else None
    words = ["–" if math.isnan(value) else f"{value:.3g}" for value in values]
    return [(word, distance == best) for word, distance in zip(words, far, strict=True)]


def progress_html(step: GridStep, seconds: float) -> str:
    """A bar, what is being done, the time left; `seconds` have passed since the first cell was begun."""
    text = f"{step.done} of {step.total} pictures · {step.text}"
    if step.done:
        text += f" · about {duration(seconds / step.done * (step.total - step.done))} left"
    return messages.progress_line(text, step.done, step.total)
