"""A grid as data: of one style a row for each model, whose cells have a picture and numbers.

    grid = read_grid("refined", find_style("stained_glass"), APPENDICES["A"].rows, CONTENTS)
    grid.rows[0].cells[2].picture            # gallery/rendered/refined/stained_glass/original-500/china.jpg, or None
    grid.rows[0].cells[2].numbers["specks"]  # as `core.metrics.features.measure` found it

What `gallery.grids.paths` says lies there is read, nothing is computed; missing cells are empty.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.inference.model_store import model_store
from core.metrics.features import MEASURES
from gallery.grids import paths as cells
from gallery.pictures import Picture


@dataclass(frozen=True)
class Entry:
    """What there is of one cell.

    Attributes:
        picture: the stylised photo; None where it was not rendered.
        numbers: those of `core.metrics.features.MEASURES` that were measured;
            NaN where a measure had nothing to look at.
    """

    picture: Path | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A model's, or a reference's, pictures of one style; a cell for each content, in order."""

    name: str
    cells: tuple[Entry, ...]

    @property
    def title(self) -> str:
        return title_of(self.name)


@dataclass(frozen=True)
class Grid:
    """One style through several models.

    Attributes:
        mode: `instant` or `refined`; rows of reference methods are the same in both.
    """

    mode: str
    style: Picture
    contents: tuple[Picture, ...]
    rows: tuple[Row, ...]

    @property
    def pictures(self) -> int:
        """How many cells have a picture."""
        return sum(cell.picture is not None for row in self.rows for cell in row.cells)

    @property
    def is_measured(self) -> bool:
        """Whether there are numbers for any cell."""
        return any(cell.numbers for row in self.rows for cell in row.cells)


def title_of(row: str) -> str:
    """What a reader sees of a row: the model's or the reference's title, its name without one."""
    return cells.REFERENCES.get(row) or model_store().title(row)


def title_of_measure(name: str) -> str:
    """The title of a measure, with its unit."""
    measure = MEASURES[name]
    return f"{measure.title}, {measure.unit}" if measure.unit else measure.title


def read_grid(
    mode: str,
    style: Picture,
    rows: Sequence[str],
    contents: Sequence[Picture],
    root: Path | None = None,
) -> Grid:
    """What was rendered of a grid.

    Args:
        mode: `instant` or `refined`.
        style, contents: of the gallery; of others nothing was rendered.
        rows: names of models or references, top to bottom.
        root: as in `gallery.grids.paths`, by default `gallery/rendered`.
    """
    root = root or cells.RENDERED
    found = []
    for row in rows:
        folder = cells.row_folder(mode, style.name, row, root)
        numbers = _read_numbers(folder / cells.MEASURES_FILE)
        files = {content.name: cells.cell_file(folder, content.name) for content in contents}
        entries = (
            Entry(file, numbers.get(name, {})) if file.is_file() else Entry()
            for name, file in files.items()
        )
        found.append(Row(row, (*entries,)))
    return Grid(mode, style, tuple(contents), tuple(found))


def _read_numbers(file: Path) -> dict[str, dict[str, float]]:
    """Content -> measure -> value, of one row; a line that was cut off counts for what it has."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {
        line["content"]: {
            name: _number(line[name]) for name in MEASURES if line.get(name) is not None
        }
        for line in csv.DictReader(text.splitlines())
        if line.get("content")
    }


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # empty where a measure had nothing to look at
        return math.nan
