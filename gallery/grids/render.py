"""Rows of cells: which are missing or stale, how they are painted, measured and filed.

    rows = plan(["original-500"], ["instant"], STYLES)
    builder = Builder(CONTENTS, RENDERED, "cpu", print, show=True)
    builder.run(rows, total=64)

A cell is a JPEG and a line of its row's measures, each written whole or not at all, where
`gallery.grids.paths` says; a row also notes what it was made from.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from core.commandline import UserError
from core.files import read_json, write_atomic
from core.images.convert import resize_smaller
from core.images.decode import ImageError, load_image
from core.inference.stylizer import STYLE_SIDE
from core.metrics.features import MEASURES, Analysis, measure
from gallery.grids.backends import (
    REFERENCE_PAINTERS,
    Paint,
    RowError,
    fingerprint,
    prepare,
    vgg19,
)
from gallery.grids.paths import CELL_SIDE, MEASURES_FILE, cell_file, mode_of, row_folder
from gallery.grids.results import read_grid
from gallery.pictures import Picture

QUALITY = 80  # of the JPEG cells: the whole gallery stays under 30 MB
ORIGIN_FILE = "origin.json"  # beside the cells of a row: what they were made from


@dataclass(frozen=True)
class Row:
    """Up to as many cells as there are contents, of one style: what a process takes at a time."""

    mode: str
    row: str
    style: Picture

    def folder(self, root: Path) -> Path:
        return row_folder(self.mode, self.style.name, self.row, root)

    def __str__(self) -> str:
        return f"{self.row}, {self.mode}, {self.style.name}"


def plan(rows: Sequence[str], modes: Sequence[str], styles: Sequence[Picture]) -> list[Row]:
    """Every row of every style, model by model; references, which take longest, come last and once."""
    pairs = dict.fromkeys((mode_of(row, mode), row) for mode in modes for row in rows)
    ordered = sorted(pairs, key=lambda pair: pair[1] in REFERENCE_PAINTERS)
    return [Row(mode, row, style) for mode, row in ordered for style in styles]


def _file_hash(path: Path) -> str:
    return _hash_of(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash_of(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def settle(row: Row, contents: Sequence[Picture], root: Path) -> list[Picture]:
    """Delete a row's stale cells and note what new ones are made from.

    Returns:
        The contents whose cells are missing; a cell is there once it has been measured.

    Raises:
        RowError: see `fingerprint`.
    """
    folder = row.folder(root)
    known = read_json(folder / ORIGIN_FILE)
    old: dict[str, Any] = known.pop("contents", {})
    now = {
        "made with": fingerprint(row.row, row.mode),
        "side": CELL_SIDE,
        "quality": QUALITY,
        "style": _file_hash(row.style.path()),
    }
    if known != now:
        shutil.rmtree(folder, ignore_errors=True)
        old = {}
    hashes = {content.name: _file_hash(content.path()) for content in contents}
    for content in contents:
        if old.get(content.name) != hashes[content.name]:
            cell_file(folder, content.name).unlink(missing_ok=True)
    if known != now or not hashes.items() <= old.items():
        text = json.dumps({**now, "contents": old | hashes}, indent=1)
        write_atomic(folder / ORIGIN_FILE, text.encode())
    cells = read_grid(row.mode, row.style, [row.row], contents, root).rows[0].cells
    return [content for content, cell in zip(contents, cells, strict=True) if not cell.numbers]


@lru_cache(maxsize=16)
def _analysed(path: Path, side: int, content_hash: str) -> Analysis:
    """A content or a style as the models read it."""
    return Analysis(resize_smaller(load_image(path), side), vgg19())


def render(row: Row, content: Picture, paint: Paint, root: Path) -> None:
    """Write one cell, then its line of the row's measures: of the picture before JPEG.

    Raises:
        ImageError: the content cannot be painted.
    """
    painted = paint(resize_smaller(content.image(), CELL_SIDE))
    file = io.BytesIO()
    painted.save(file, "JPEG", quality=QUALITY, optimize=True)
    write_atomic(cell_file(row.folder(root), content.name), file.getvalue())
    photo = _analysed(content.path(), CELL_SIDE, _file_hash(content.path()))
    style = _analysed(row.style.path(), STYLE_SIDE, _file_hash(row.style.path()))
    numbers = measure(photo, style, Analysis(painted, vgg19()))
    _add_measures(row.folder(root) / MEASURES_FILE, content.name, numbers)


def _add_measures(path: Path, content: str, numbers: Mapping[str, float]) -> None:
    """Lines sorted by content; four digits, empty where a measure had nothing to look at."""
    lines = pd.DataFrame(index=pd.Index([], name="content"))
    if path.is_file():
        lines = pd.read_csv(path, dtype={"content": str}, keep_default_na=False, na_values="")
        lines = lines.set_index("content")
    lines = lines.reindex(columns=list(MEASURES)).astype(float)
    lines.loc[content] = pd.Series(numbers)
    text = lines.sort_index().to_csv(float_format="%.4g", lineterminator="\n")
    write_atomic(path, text.encode())


@dataclass
class Builder:
    """Renders rows with a progress bar; what cannot be rendered is left out, with a sentence.

    Attributes:
        contents: columns.
        root: where the cells go.
        device: where the models compute.
        report: takes the sentences.
        show: whether there is a bar.
        done, skipped: how many cells were rendered, and how many could not be.
    """

    contents: Sequence[Picture]
    root: Path
    device: str
    report: Callable[[str], None]
    show: bool
    done: int = 0
    skipped: int = 0

    def missing(self, rows: Sequence[Row]) -> list[tuple[int, int]]:
        """(index of the row, how many cells it lacks) of every row that lacks some."""
        found = []
        for index, row in enumerate(rows):
            try:
                if lacks := len(settle(row, self.contents, self.root)):
                    found.append((index, lacks))
            except (RowError, OSError) as error:
                self._skip(row, error, len(self.contents))
        return found

    def run(self, rows: Sequence[Row], total: int) -> None:
        """Render what these rows lack, `total` cells in all."""
        with tqdm(
            total=total, desc="Rendering", unit="cell", disable=not self.show, smoothing=0.1
        ) as bar:
            for row in rows:
                bar.set_postfix_str(str(row))
                self._run_row(row, bar)

    def _run_row(self, row: Row, bar: Any) -> None:
        left: list[Picture] = []
        try:
            left = settle(row, self.contents, self.root)
            if not left:
                return

            def progress(done: int, of: int) -> None:
                bar.set_postfix_str(f"{row}: {done} of {of}")

            paint = prepare(row.row, row.mode, row.style.image(), self.device, progress)
        except (UserError, OSError) as error:
            self._skip(row, error, len(left))
            bar.update(len(left))
            return
        for content in left:
            try:
                render(row, content, paint, self.root)
                self.done += 1
            except (ImageError, OSError) as error:
                self._skip(row, error, 1)
            bar.update()

    def _skip(self, row: Row, error: Exception, cells: int) -> None:
        self.skipped += cells
        self.report(f"skipped: {row}: {error}")
