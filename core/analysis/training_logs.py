"""Training logs as curves: those of `core.training.log_writer` (log.csv, weights.csv), or TensorBoard's event files.

    log = read_folder(Path("checkpoints/original-500"))
    log.layers["transform_net.downsampling.1.weight"].rms       # T values, one for each logged iteration
    log.losses["content_loss"].values
    own = read_files([Path("weights.csv")], "my run")

A log may be read while it is written: a cut last line is left out.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core.analysis.curves import (
    LOSSES,
    Curves,
    Distribution,
    Floats,
    LogError,
    Series,
    TrainingLog,
    in_order,
)
from core.analysis.tensorboard import EVENTS, read_events
from core.models.style_net import BLOCKS
from core.training.log_writer import PERCENT, WEIGHT_FIELDS
from core.training.weight_growth import FALLING

MAX_BYTES = 16 << 20
FILES = ("log.csv", "weights.csv")
ABOUT = ("model.json", "run.json")  # what tells of a log's training: of a finished model, of a run
NEITHER = "is no training log: log.csv has a column iteration and one or more of {losses}; weights.csv has the columns {weights}."

Curve = TypeVar("Curve", Series, Distribution)


def find_logs(parent: Path) -> list[str]:
    """Names of the folders in `parent` that hold a training log, sorted; none where there is no such folder."""
    if not parent.is_dir():
        return []
    return sorted(
        path.name for path in parent.iterdir() if any((path / name).is_file() for name in FILES)
    )


def read_folder(folder: Path) -> TrainingLog:
    """The log of a run's or a model's folder; what is known of the learning rate is in its model.json or run.json.

    Raises:
        LogError: it holds neither log.csv nor weights.csv, or one that is broken.
    """
    paths = [folder / name for name in FILES if (folder / name).is_file()]
    if not paths:
        raise LogError(f"There is no training log in {folder.name}.")
    log = read_files(paths, folder.name)
    for name in ABOUT:
        try:
            info = json.loads((folder / name).read_text(encoding="utf-8"))
            return replace(log, lr=float(info["training"]["lr"]), falls=_falls(info))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return log


def _falls(info: dict[str, Any]) -> int | None:
    if info["variant"]["block"] not in BLOCKS:
        return None  # the flagship's rate has a course of its own
    training = info["training"]
    return int(training["of_iterations"]) if training["growth"] == FALLING else 0


def read_files(paths: Sequence[Path], name: str) -> TrainingLog:
    """One run's log from its files: log.csv, weights.csv, event files, in any order and under any name; parts are joined.

    Raises:
        LogError: one of them is something else, empty, broken, or larger than 16 MiB.
    """
    layers: dict[str, Distribution] = {}
    losses: dict[str, Series] = {}
    for path in paths:
        if path.stat().st_size > MAX_BYTES:
            raise LogError(
                f'"{path.name}" is larger than {MAX_BYTES >> 20} MiB, the most that is read of a log.'
            )
        read = read_events if path.name.startswith(EVENTS) else read_csv
        found_layers, found_losses = read(path)
        layers |= {key: _joined(layers.get(key), found) for key, found in found_layers.items()}
        losses |= {key: _joined(losses.get(key), found) for key, found in found_losses.items()}
    return TrainingLog(name, layers, losses)


def _joined(first: Curve | None, second: Curve) -> Curve:
    """Two parts of one curve; where both have an iteration, the second's."""
    if first is None:
        return second
    columns = [
        np.concatenate([getattr(part, f.name) for part in (first, second)]) for f in fields(second)
    ]
    _, last = np.unique(columns[0][::-1], return_index=True)
    return type(second)(*(column[::-1][last] for column in columns))


def read_csv(path: Path) -> Curves:
    """Layers of a weights.csv or losses of a log.csv, told apart by their columns.

    Raises:
        LogError: it is neither, or a row is broken.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LogError(f'"{path.name}" is not a table of comma-separated values.') from error
    columns = rows[0] if rows else []
    whole = [(number, row) for number, row in enumerate(rows[1:], start=2) if row]
    if whole and len(whole[-1][1]) != len(columns):
        whole.pop()  # the line that was being written
    for number, row in whole:
        if len(row) != len(columns):
            raise LogError(
                f'"{path.name}" has {len(row)} values in line {number}, where {len(columns)} belong.'
            )
    if "model" in columns and len(models := {row[columns.index("model")] for _, row in whole}) > 1:
        raise LogError(
            f'"{path.name}" has the rows of {len(models)} models; leave those of one in it.'
        )
    has_weights, has_losses = (
        set(WEIGHT_FIELDS) <= set(columns),
        "iteration" in columns and set(LOSSES) & set(columns),
    )
    if has_weights or has_losses:
        return _layers(path, columns, whole) if has_weights else {}, _losses(
            path, columns, whole
        ) if has_losses else {}
    expected = NEITHER.format(losses=", ".join(LOSSES), weights=", ".join(WEIGHT_FIELDS))
    raise LogError(f'"{path.name}" {expected}')


Rows = list[tuple[int, list[str]]]


def _layers(path: Path, columns: list[str], rows: Rows) -> dict[str, Distribution]:
    layer = columns.index("layer")
    rows = [
        (number, row) for number, row in rows if row[layer]
    ]  # the page's own export has rows of losses alone
    wanted = ["iteration", *(f"p{p}" for p in PERCENT), "rms"]
    table = _numbers(path, columns, rows, wanted)
    names = np.array([row[layer] for _, row in rows])
    found = {}
    for name in dict.fromkeys(names.tolist()):
        part = in_order(table[names == name])
        found[name] = Distribution(part[:, 0], part[:, 1:-1], part[:, -1])
    return found


def _losses(path: Path, columns: list[str], rows: Rows) -> dict[str, Series]:
    names = [name for name in LOSSES if name in columns]
    table = _numbers(path, columns, rows, ["iteration", *names])
    if "skipped" in columns:
        index = columns.index("skipped")
        table[[bool(row[index]) for _, row in rows], 1:] = np.nan
    table = in_order(table)
    return {name: Series(table[:, 0], table[:, i]) for i, name in enumerate(names, start=1)}


def _numbers(path: Path, columns: list[str], rows: Rows, wanted: list[str]) -> Floats:
    """Rows x wanted columns; NaN where a cell is empty. Raises LogError for an iteration that is none."""
    indices = [columns.index(name) for name in wanted]
    table = np.empty((len(rows), len(indices)))
    for place, (number, row) in enumerate(rows):
        try:
            table[place] = [float(row[i] or "nan") for i in indices]
        except ValueError as error:
            wrong = next(row[i] for i in indices if row[i] and not _is_number(row[i]))
            raise LogError(
                f'"{path.name}" has {wrong[:40]!r} in line {number}, where a number belongs.'
            ) from error
        if not np.isfinite(table[place, 0]):
            raise LogError(f'"{path.name}" has no iteration in line {number}.')
    return table


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
