"""The HTML of the tab Compare: the grid with its headers, the measurements of a cell, the progress of painting.

A grid is plain <img> in <button>: Gradio's own components, one for each of 64 cells, would take seconds to appear. A
click is told to Python by `CLICKS`, as the event `select` for a cell and `input` for a painting.
"""

import html
import math
from collections.abc import Mapping, Sequence

from core.metrics.features import MEASURES
from demo.compare.render import GridStep
from demo.compare.selection import Choice
from demo.shared.pace import duration
from demo.shared.requests import REFINED
from demo.shared.thumbnails import small_copy
from demo.shared.uploads import file_url, label_of
from gallery.grids.backends import why_not
from gallery.grids.charts import from_ideal
from gallery.grids.paths import APPENDICES
from gallery.grids.results import Entry, Grid, Row
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


def grid_html(choice: Choice, grid: Grid) -> str:
    """The choice's paintings to click, and below them the grid of one of them."""
    styles = "".join(
        _style_button(index, style, grid.style) for index, style in enumerate(choice.styles)
    )
    heads = "".join(_head(content) for content in grid.contents)
    rows = "".join(_row(grid, row) for row in grid.rows)
    name = _name(grid.style)
    style = f'<figure class="style"><img src="{_small(grid.style)}" alt=""><figcaption>{name}</figcaption></figure>'
    shapes = [small_copy(content)[1] for content in grid.contents]
    wide = " ".join(f"minmax(0, {shape:.3f}fr)" for shape in shapes)
    narrow = " ".join(f"{shape * NARROW_HEIGHT:.0f}px" for shape in shapes)
    return (
        f'<div class="styles" role="group" aria-label="Paintings">{styles}</div>'
        f'<div class="scroll"><div class="sheet" style="--wide: {wide}; --narrow: {narrow}">{style}{heads}{rows}</div></div>'
        f"{_credits(grid)}"
    )


def title_html(choice: Choice, grid: Grid) -> str:
    """The lines above a grid: what it is, and how much of it there is."""
    about = (
        f" <span>{html.escape(APPENDICES[choice.kind].title)}</span>"
        if choice.kind in APPENDICES
        else ""
    )
    how = (
        "Each model refined with 20 batches on the painting"
        if choice.mode == REFINED
        else "Painted at once"
    )
    there, all_of_it = grid.pictures, len(grid.rows) * len(grid.contents)
    count = "" if there == all_of_it else f" · {there} of {all_of_it} pictures so far"
    return f'<h2 class="section">{choice.title}{about}</h2><p class="caption">{how}{count}. Click a picture to look closely.</p>'


def heading(text: str) -> str:
    """The line above a cell that is shown large."""
    return f'<h2 class="section">{html.escape(text)}</h2>'


def _style_button(index: int, style: Picture, shown: Picture) -> str:
    pressed = str(style == shown).lower()
    return (
        f'<button type="button" data-style="{index}" aria-pressed="{pressed}" title="{_label(style)}" '
        f'aria-label="{_label(style)}"><img src="{_small(style)}" alt=""></button>'
    )


def _head(content: Picture) -> str:
    return (
        f'<figure class="content"><img src="{_small(content)}" alt="" title="{_label(content)}">'
        f"<figcaption>{html.escape(content.title)}</figcaption></figure>"
    )


def _row(grid: Grid, row: Row) -> str:
    title, _, chinese = row.title.partition(" (")
    zh = f'<span lang="zh">{html.escape(chinese.rstrip(")"))}</span>' if chinese else ""
    head = f'<h3 class="model"><span>{html.escape(title)}{zh}</span></h3>'
    if not any(cell.picture for cell in row.cells):
        return f'{head}<p class="blank wide">{html.escape(why_not(row.name).capitalize()) or "Not painted yet"}</p>'
    return head + "".join(
        _cell(row, index, content, cell)
        for index, (content, cell) in enumerate(zip(grid.contents, row.cells, strict=True))
    )


def _cell(row: Row, index: int, content: Picture, cell: Entry) -> str:
    if not cell.picture:
        return '<p class="blank">not painted yet</p>'
    label = html.escape(f"{row.title}: {content.title}", quote=True)
    address = html.escape(file_url(cell.picture), quote=True)
    return (
        f'<button type="button" class="cell" data-row="{html.escape(row.name, quote=True)}" data-content="{index}" '
        f'aria-label="{label}" title="{label}"><img src="{address}" alt="" loading="lazy"></button>'
    )


def _credits(grid: Grid) -> str:
    names = dict.fromkeys(content.artist for content in grid.contents if content.artist)
    return f'<p class="credits">Photographs: {html.escape(", ".join(names))}.</p>' if names else ""


def _name(picture: Picture) -> str:
    by = ", ".join(part for part in (picture.artist, picture.year) if part)
    return f"<b>{html.escape(picture.title)}</b>{f'<span>{html.escape(by)}</span>' if by else ''}"


def _label(picture: Picture) -> str:
    return html.escape(label_of(picture), quote=True)


def _small(picture: Picture) -> str:
    return html.escape(file_url(small_copy(picture)[0]), quote=True)


# ---- the cell that is looked at closely ----


def measures_html(columns: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """A table: a line for each measure that one of the columns has, the value nearest to the ideal set apart.

    Args:
        columns: (head, numbers by measure).
    """
    names = [
        name
        for name in MEASURES
        if not name.startswith(PARTS) and any(name in numbers for _, numbers in columns)
    ]
    if not names:
        return '<p class="caption">Not measured yet.</p>'
    heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head, _ in columns)
    lines = "".join(
        _measure_line(name, [numbers.get(name, math.nan) for _, numbers in columns])
        for name in names
    )
    return (
        f'<table class="numbers"><thead><tr><th scope="col">Measure</th>{heads}<th scope="col">Ideal</th></tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


def _measure_line(name: str, values: Sequence[float]) -> str:
    about = MEASURES[name]
    far = [from_ideal(value, name) for value in values]
    known = {distance for distance in far if not math.isnan(distance)}
    best = min(known) if len(known) > 1 else None
    cells = "".join(
        f"<td{' class=best' if distance == best else ''}>{_number(value)}</td>"
        for value, distance in zip(values, far, strict=True)
    )
    unit = f" <span>{html.escape(about.unit)}</span>" if about.unit else ""
    return f'<tr><th scope="row">{html.escape(about.title)}{unit}</th>{cells}<td>{about.ideal:g}</td></tr>'


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def progress_html(step: GridStep, seconds: float) -> str:
    """A bar, what is being done, the time left; `seconds` have passed since the first cell was begun."""
    left = (
        f" · about {duration(seconds / step.done * (step.total - step.done))} left"
        if step.done
        else ""
    )
    return (
        f'<div class="refining"><progress max="{step.total}" value="{step.done}"></progress>'
        f"<p>{step.done} of {step.total} pictures · {html.escape(step.text)}{left}</p></div>"
    )
