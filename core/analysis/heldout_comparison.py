"""Does growth make the model better? Held-out losses of trained models, seeds together, against their freely grown twin.

    for row in summarise(find_heldout(CHECKPOINTS, CHECKPOINTS / SEEDS)):
        print(row.name, row.group, row.means["own_loss"], row.twin, row.against)

A model's twin is the one of its name without the cure (`fixed-norm`, `decay`): same seed, same steps, same pairs. Where that was
trained in bfloat16, its run in float32 (`-float32`), as the cured ones were, goes before it. Models whose names differ by
`-seed1`, `-seed2` alone are one row: means over the seeds, with their range.

Losses differ a hundredfold from painting to painting, so all means over pairs are geometric, and a change is one of their ratio.
The four photos painted after one painting are not independent: tests are over paintings, each with its mean over the photos.
"""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.analysis.curves import Floats, LogError
from core.analysis.growth_law import SCALE_FREE
from core.analysis.heldout import ASIDE, FIXED, HELDOUT, OUTSIDE, OWN
from core.analysis.training_logs import read_folder
from core.metrics.features import geometric_mean
from core.metrics.paired_test import HIGHER, LOWER, UNKNOWN, Comparison, compare
from core.training.weight_growth import GROWTH

SEEDS = "seeds"  # checkpoints/seeds: runs for comparison, of which only logs and held-out losses are kept
FLOAT32 = "-float32"  # at the end of the name of a run that was trained in bfloat16 before
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
class Change:
    """Of one run's own loss against its twin's: a share of it (-0.1 is 10 % lower), and a paired test over paintings."""

    change: float
    test: Comparison

    def __str__(self) -> str:
        return f"{100 * abs(self.change):.1f} % {self.way}"

    @property
    def way(self) -> str:
        return LOWER if self.change < 0 else HIGHER

    @property
    def clear(self) -> str:
        """`lower` or `higher`, by the test; empty where it cannot be told."""
        return "" if self.test.verdict == UNKNOWN else self.test.direction


@dataclass(frozen=True)
class Summary:
    """One model on one group of paintings.

    Attributes:
        name: without its seed.
        group: `outside` or `set aside`.
        seeds: how many runs.
        pairs: how many pairs of painting and photo, in each run.
        growth: last over first RMS of the first convolution's filters; None without a log.
        means: `SHOWN` -> geometric mean over pairs, and over the seeds the arithmetic one of those.
        twin: the name of the freely grown model that it is compared with; empty without one.
        found: its own loss (content and style) against its freely grown twin's, for each seed that both have.
    """

    name: str
    group: str
    seeds: int
    pairs: int
    growth: Mean | None
    means: dict[str, Mean]
    twin: str
    found: tuple[Change, ...]

    @property
    def against(self) -> str:
        """One line on what was `found`: painting by painting, or seed by seed; empty without a twin."""
        if not self.found:
            return ""
        if self.seeds == 1:
            test = self.found[0].test
            return (
                f"{self.found[0]}; lower for {test.lower} of {test.pairs} paintings, {test.p_value}"
            )
        lower = sum(each.way == LOWER for each in self.found)
        clear = [each.clear for each in self.found]
        return (
            f"{', '.join(map(str, self.found))}; lower in {lower} of {len(self.found)} seeds, clearly lower in "
            f"{clear.count(LOWER)}, clearly higher in {clear.count(HIGHER)}"
        )

    @property
    def changes(self) -> tuple[float, ...]:
        """Of the own loss against the twin's, a share of it for each seed (-0.1 is 10 % lower)."""
        return tuple(each.change for each in self.found)

    @property
    def cure(self) -> str:
        """By what its growth was stopped; empty where it was not."""
        return cure_of(self.name)


def find_heldout(*parents: Path) -> list[Path]:
    """The folders in each of `parents` that hold a heldout.csv, sorted by name."""
    return [path.parent for parent in parents for path in sorted(parent.glob(f"*/{HELDOUT}"))]


def read_pairs(path: Path) -> Pairs:
    """(group, style, content) -> its measures, with `own_loss` the sum of the two own ones.

    Raises:
        LogError: it is not what `core.analysis.heldout` writes.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        pairs = {
            (row["set"], row["style"], row["content"]): {
                name: float(row[name]) for name in (*OWN, *FIXED)
            }
            for row in rows
        }
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise LogError(f'"{path}" is not a table written by python -m core.heldout.') from error
    for values in pairs.values():
        values[TOTAL] = sum(values[name] for name in OWN)
    return pairs


def summarise(folders: Sequence[Path]) -> list[Summary]:
    """A row for each model and group of paintings, models in the order given; a folder has the name of its model.

    Raises:
        LogError: a table is broken.
    """
    models: dict[str, dict[str, Path]] = {}  # name without seed -> seed -> folder
    for folder in folders:
        base, seed = split_seed(folder.name)
        models.setdefault(base, {})[seed] = folder
    pairs = {
        base: {seed: read_pairs(run / HELDOUT) for seed, run in runs.items()}
        for base, runs in models.items()
    }
    rows = []
    for base, runs in pairs.items():
        growth = _growth(list(models[base].values()))
        free = free_twin(base)
        twin = next((name for name in (free + FLOAT32, free) if name in pairs), "") if free else ""
        for group in (OUTSIDE, ASIDE):
            parts = _of_group(runs, group)
            if not parts:
                continue
            found = tuple(compared(parts, _of_group(pairs.get(twin, {}), group)))
            means = {name: _mean([_average(name, run) for run in parts.values()]) for name in SHOWN}
            count = min(len(run) for run in parts.values())
            rows.append(Summary(base, group, len(parts), count, growth, means, twin, found))
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
    """By what a model's growth was stopped (one of `core.training.weight_growth.GROWTH`), as its name says; empty
    where it was not."""
    return next((cure for cure in GROWTH[1:] if f"-{cure}" in name), "")


def compared(ours: dict[str, Pairs], twins: dict[str, Pairs]) -> list[Change]:
    """One for each seed that both have, over the pairs that both have."""
    found = []
    for seed in (seed for seed in ours if seed in twins):
        shared = [
            key
            for key in ours[seed]
            if ours[seed][key][TOTAL] > 0 and twins[seed].get(key, {TOTAL: 0.0})[TOTAL] > 0
        ]
        if not shared:
            continue
        first, second = (
            _by_painting({key: pairs[seed][key] for key in shared}) for pairs in (ours, twins)
        )
        change = math.exp(float(np.mean(first - second))) - 1
        found.append(Change(change, compare(first, second, LOWER)))
    return found


def _by_painting(pairs: Pairs) -> Floats:
    """Logarithms of the own loss, in the order of the paintings' names, each the mean over its photos."""
    losses: dict[str, list[float]] = {}
    for (_, style, _), values in pairs.items():
        losses.setdefault(style, []).append(math.log(values[TOTAL]))
    return np.array([np.mean(losses[style]) for style in sorted(losses)])


def _of_group(runs: dict[str, Pairs], group: str) -> dict[str, Pairs]:
    """Seed -> its pairs in a group, without seeds that have none."""
    parts = {
        seed: {key: values for key, values in pairs.items() if key[0] == group}
        for seed, pairs in runs.items()
    }
    return {seed: pairs for seed, pairs in parts.items() if pairs}


def _average(name: str, pairs: Pairs) -> float:
    return geometric_mean(values[name] for values in pairs.values())


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
