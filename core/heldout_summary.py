"""Does growth make the model better? Held-out losses of trained models, seeds together, against their freely grown twin.

    for row in summarise(CHECKPOINTS, ["improved-500", "improved-500-fixed-norm"]):
        print(row.name, row.group, row.means["own_loss"], row.against)

A model's twin is the one of its name without the cure (`fixed-norm`, `decay`): same seed, same steps, same pairs. Models whose
names differ by `-seed1`, `-seed2` alone are one row: means over the seeds, with their range.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.claims import EQUAL, LOWER, Comparison, compare
from core.growth import GROWTH
from core.growthlaw import SCALE_FREE
from core.heldout import ASIDE, FIXED, HELDOUT, OUTSIDE, OWN
from core.logs import LogError, read_folder
from core.metrics import average

SEEDS = "seeds"  # checkpoints/seeds: shorter runs over several seeds, of which only logs and held-out losses are kept
TOTAL = "own_loss"
SHOWN = (*OWN, TOTAL, "content_share", "gram_share", "mean_std_share")
Pairs = dict[tuple[str, str, str], dict[str, float]]


@dataclass(frozen=True)
class Mean:
    """Over the seeds of one model; `low` and `high` are equal where there is one."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """One model on one group of paintings.

    Attributes:
        name: without its seed.
        group: `outside` or `set aside`.
        seeds: how many runs.
        pairs: how many pairs of painting and photo, in each run.
        growth: last over first RMS of the first convolution's filters; None without a log.
        means: `SHOWN` -> mean; shares are averaged geometrically over pairs (see `core.metrics.average`).
        against: one line on its own loss (content and style) against its freely grown twin; empty without one.
        changes: of that loss against the twin's, a share of it for each seed that both have (-0.1 is 10 % lower).
    """

    name: str
    group: str
    seeds: int
    pairs: int
    growth: Mean | None
    means: dict[str, Mean]
    against: str
    changes: tuple[float, ...]

    @property
    def cure(self) -> str:
        """By what its growth was stopped; empty where it was not."""
        return cure_of(self.name)


def find_heldout(parent: Path) -> list[str]:
    """Names of the folders in `parent` that hold a heldout.csv, sorted."""
    return sorted(path.parent.name for path in parent.glob(f"*/{HELDOUT}"))


def read_pairs(path: Path) -> Pairs:
    """(group, style, content) -> its measures, with `own_loss` the sum of the two own ones.

    Raises:
        LogError: it is not what `core.heldout` writes.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        pairs = {
            (row["set"], row["style"], row["content"]): {name: float(row[name]) for name in (*OWN, *FIXED)}
            for row in rows
        }
    except (KeyError, TypeError, ValueError) as error:
        raise LogError(f'"{path}" is not a table written by python -m core.heldout.') from error
    for values in pairs.values():
        values[TOTAL] = sum(values[name] for name in OWN)
    return pairs


def summarise(parent: Path, names: Sequence[str]) -> list[Summary]:
    """A row for each model and group of paintings, models in the order given.

    Raises:
        LogError: a table is broken.
    """
    models: dict[str, dict[str, Pairs]] = {}  # name without seed -> seed -> pairs
    for name in names:
        base, seed = split_seed(name)
        models.setdefault(base, {})[seed] = read_pairs(parent / name / HELDOUT)
    rows = []
    for base, runs in models.items():
        growth = _growth([parent / (base + seed) for seed in runs])
        for group in (OUTSIDE, ASIDE):
            parts = {seed: _only(pairs, group) for seed, pairs in runs.items()}
            if not all(parts.values()):
                continue
            twin = free_twin(base)
            twins = {seed: _only(pairs, group) for seed, pairs in models.get(twin, {}).items()} if twin else {}
            means = {name: _mean([_average(name, pairs) for pairs in parts.values()]) for name in SHOWN}
            count = min(len(pairs) for pairs in parts.values())
            totals = [(_average(TOTAL, parts[seed]), _average(TOTAL, twins[seed])) for seed in parts if seed in twins]
            changes = tuple(ours / theirs - 1 for ours, theirs in totals)
            rows.append(Summary(base, group, len(runs), count, growth, means, against(parts, twins), changes))
    return rows


def split_seed(name: str) -> tuple[str, str]:
    """`improved-500-crop128-seed2` -> (`improved-500-crop128`, `-seed2`)."""
    found = re.fullmatch(r"(.+?)(-seed\d+)?", name)
    assert found is not None
    return found[1], found[2] or ""


def free_twin(name: str) -> str | None:
    """The name of the model trained alike whose weights grew freely; None where this one's did."""
    cure = cure_of(name)
    return name.replace(f"-{cure}", "", 1) if cure else None


def cure_of(name: str) -> str:
    """By what a model's growth was stopped (one of `core.growth.GROWTH`), as its name says; empty where it was not."""
    return next((cure for cure in GROWTH[1:] if f"-{cure}" in name), "")


def against(ours: dict[str, Pairs], twins: dict[str, Pairs]) -> str:
    """One line: is the own loss lower than the twin's, over pairs of one run, or seed by seed."""
    found = [compared(ours[seed], twins[seed]) for seed in ours if seed in twins]
    if not found:
        return ""
    if len(found) == 1:
        return found[0].summary()
    counts = [sum(each.direction == way for each in found) for way in (LOWER, "higher", EQUAL)]
    clear = sum(each.verdict != "cannot be told" for each in found)
    return f"lower in {counts[0]}, higher in {counts[1]} of {len(found)} seeds, in {clear} of them clearly (p < 0.01)"


def compared(ours: Pairs, theirs: Pairs) -> Comparison:
    """Paired test over the pairs that both have."""
    shared = [key for key in ours if key in theirs]
    return compare([ours[key][TOTAL] for key in shared], [theirs[key][TOTAL] for key in shared], LOWER)


def _only(pairs: Pairs, group: str) -> Pairs:
    return {key: values for key, values in pairs.items() if key[0] == group}


def _average(name: str, pairs: Pairs) -> float:
    values = [found[name] for found in pairs.values()]
    return float(np.nanmean(values)) if name in (*OWN, TOTAL) else average(name, values)


def _mean(values: Sequence[float]) -> Mean:
    return Mean(float(np.mean(values)), min(values), max(values))


def _growth(folders: Sequence[Path]) -> Mean | None:
    factors = []
    for folder in folders:
        try:
            layer = read_folder(folder).layers[SCALE_FREE[0]]
            factors.append(float(layer.rms[-1] / layer.rms[0]))
        except (LogError, KeyError, IndexError):
            return None
    return _mean(factors)
