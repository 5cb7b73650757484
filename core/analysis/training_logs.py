"""Training logs as curves: those of `core.training.log_writer` (log.csv, weights.csv),
or TensorBoard's event files.

    log = read_folder(Path("checkpoints/original-500"))
    log.layers["transform_net.downsampling.1.weight"].rms       # T values, one for each logged iteration
    log.losses["content_loss"].values
    own = read_files([Path("weights.csv")], "my run")

A log may be read while it is written: a cut last line is left out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.analysis.curves import LOSSES, Curves, Distribution, Floats, LogError, Series, TrainingLog
from core.analysis.tables import as_numbers, read_table
from core.analysis.tensorboard import EVENTS, loss_of, read_events
from core.models.model_card import RunCard, read_run
from core.models.style_net import BLOCKS
from core.training.log_writer import PERCENT, WEIGHT_FIELDS
from core.training.weight_growth import FALLING

MAX_BYTES = 16 << 20
MAX_LAYERS = 10_000  # of each of which a choice is made and arrays are kept
FILES = ("log.csv", "weights.csv")
SCALARS = ("Wall time", "Step", "Value")  # the columns of TensorBoard's own download
QUANTILES = tuple(f"p{p}" for p in PERCENT)
NEITHER = (
    "is no training log: log.csv has a column iteration and one or more of {losses}; weights.csv has "
    "the columns {weights}, or iteration and rms at least; TensorBoard's CSV has {scalars}."
)


def find_logs(parent: Path) -> list[str]:
    """Names of the folders in `parent` that hold a training log, sorted;
    none where there is no such folder.
    """
    if not parent.is_dir():
        return []
    return sorted(
        path.name for path in parent.iterdir() if any((path / name).is_file() for name in FILES)
    )


def read_folder(folder: Path) -> TrainingLog:
    """The log of a run's or a model's folder;
    what is known of the learning rate is in its model.json or run.json.

    Raises:
        LogError: it holds neither log.csv nor weights.csv, or one that is broken.
    """
    paths = [folder / name for name in FILES if (folder / name).is_file()]
    if not paths:
        raise LogError(f"There is no training log in {folder.name}.")
    log = read_files(paths, folder.name)
    card = read_run(folder)
    return replace(log, lr=card.training.lr, falls=_falls(card)) if card else log


def _falls(card: RunCard) -> int | None:
    """Over how many iterations the learning rate falls: 0 where it stays,
    None where its course is another or not known.
    """
    if card.variant.block not in BLOCKS:
        return None  # the flagship's rate has a course of its own
    return card.training.of_iterations if card.training.growth == FALLING else 0


def read_files(paths: Sequence[Path], name: str) -> TrainingLog:
    """One run's log from its files: log.csv, weights.csv, event files,
    in any order and under any name; parts are joined.

    Raises:
        LogError: one of them is something else, empty, broken, or larger than 16 MiB, or they have
            too many layers.
    """
    layers: dict[str, list[Floats]] = defaultdict(list)
    losses: dict[str, list[Floats]] = defaultdict(list)
    for path in paths:
        if path.stat().st_size > MAX_BYTES:
            raise LogError(
                f'"{path.name}" is larger than {MAX_BYTES >> 20} MiB, the most that is read of a log.'
            )
        read = read_events if path.name.startswith(EVENTS) else read_csv
        for parts, found in zip((layers, losses), read(path), strict=True):
            for key, rows in found.items():
                parts[key].append(rows)
        check_layers(path, len(layers))
    # Of an iteration that several parts have, the last one's row counts.
    return TrainingLog(
        name,
        {key: Distribution.of(np.concatenate(parts)) for key, parts in layers.items()},
        {key: Series.of(np.concatenate(parts)) for key, parts in losses.items()},
    )


def check_layers(path: Path, count: int) -> None:
    """Raises LogError where a log has too many layers."""
    if count > MAX_LAYERS:
        raise LogError(
            f'"{path.name}" has weights of more than {MAX_LAYERS} layers, the most that is read of a log.'
        )


def read_csv(path: Path) -> Curves:
    """Layers of a weights.csv or losses of a log.csv, told apart by their columns;
    of a file that has both kinds, both. Of weights, iteration and rms are enough. TensorBoard's
    own download of a scalar is the loss that the file's name tells, by default `loss`.

    Raises:
        LogError: it is neither, or a row is broken.
    """
    table = read_table(path)
    models = table["model"].nunique() if "model" in table else 1
    if models > 1:
        raise LogError(f'"{path.name}" has the rows of {models} models; leave those of one in it.')
    if set(SCALARS) <= set(table):
        table = table.rename(columns={"Step": "iteration", "Value": loss_of(path.stem) or "loss"})
    has_weights = {"iteration", "rms"} <= set(table)
    has_losses = "iteration" in table and not set(LOSSES).isdisjoint(table)
    if not (has_weights or has_losses):
        expected = NEITHER.format(
            losses=", ".join(LOSSES), weights=", ".join(WEIGHT_FIELDS), scalars=", ".join(SCALARS)
        )
        raise LogError(f'"{path.name}" {expected}')
    layers = _layers(table, path) if has_weights else {}
    losses = _losses(table, path.name) if has_losses else {}
    return layers, losses


def _layers(table: pd.DataFrame, path: Path) -> dict[str, Floats]:
    """The rows of each layer, with NaN for quantiles that the file lacks.

    The layer of a file that names none is called as the file is.
    """
    if "layer" not in table:
        table = table.assign(layer=path.stem)
    rows = table[table["layer"] != ""]  # the page's own export has rows of losses alone
    check_layers(path, rows["layer"].nunique())
    present = [name for name in ("iteration", *QUANTILES, "rms") if name in rows]
    numbers = _numbers(rows, present, path.name)
    numbers = numbers.reindex(columns=["iteration", *QUANTILES, "rms"])
    by_layer = numbers.groupby(rows["layer"], sort=False)
    return {str(layer): part.to_numpy() for layer, part in by_layer}


def _losses(table: pd.DataFrame, file: str) -> dict[str, Floats]:
    names = [name for name in LOSSES if name in table]
    numbers = _numbers(table, ["iteration", *names], file)
    if "skipped" in table:
        numbers.loc[table["skipped"] != "", names] = np.nan
    return {name: numbers[["iteration", name]].to_numpy() for name in names}


def _numbers(table: pd.DataFrame, columns: list[str], file: str) -> pd.DataFrame:
    """As `as_numbers`. Raises LogError for an iteration that is none, too."""
    numbers = as_numbers(table, columns, file)
    without = numbers.index[~np.isfinite(numbers["iteration"])]
    if len(without):
        raise LogError(f'"{file}" has no iteration in line {without[0]}.')
    return numbers
