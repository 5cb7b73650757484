"""Does growth make the model better? Held-out losses of trained models, seeds together,
against free growth.

    for row in summarise(find_heldout(CHECKPOINTS, CHECKPOINTS / SEEDS)):
        print(row.label, row.group, row.means["own_loss"], row.baseline, row.against)

A model whose growth was stopped (the mitigations of `core.training.weight_growth`) is compared with
its baseline: free growth, trained alike in all else that the cards of the two tell. Where no
baseline was trained in the same number format, one in another takes its place. Runs that differ by
their seed alone are one row: means over the seeds, with their range.

Losses differ a hundredfold from painting to painting, so all means over pairs are geometric, and a
change is one of their ratio. The four photos painted after one painting are not independent: tests
are over paintings, each with its mean over the photos.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.analysis.curves import LogError
from core.analysis.growth_law import SCALE_FREE
from core.analysis.heldout_losses import DATA, FIXED, GALLERY, HELDOUT, OWN
from core.analysis.tables import as_numbers, read_table
from core.analysis.training_logs import read_folder
from core.metrics.features import geometric_mean
from core.metrics.paired_test import HIGHER, LOWER, UNKNOWN, Comparison, compare
from core.models.model_card import RunCard, read_run
from core.training.weight_growth import FREE

SEEDS = "seeds"  # checkpoints/seeds: runs for comparison, of which only logs and held-out losses are kept
TOTAL = "own_loss"
SHOWN = (*OWN, TOTAL, "content_share", "gram_share", "mean_std_share")
PAIR = ("set", "style", "content")


@dataclass(frozen=True)
class Mean:
    """Over the seeds of one model; `low` and `high` are equal where there is one."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """Of one run's own loss against its baseline's: a share of it (-0.1 is 10 % lower),
    and a paired test over paintings.
    """

    change: float
    test: Comparison

    def __str__(self) -> str:
        return f"{100 * abs(self.change):.1f} % {self.way}"

    @property
    def way(self) -> str:
        """`lower` or `higher`."""
        return LOWER if self.change < 0 else HIGHER

    @property
    def clear(self) -> str:
        """`lower` or `higher`, by the test; empty where it cannot be told."""
        return "" if self.test.verdict == UNKNOWN else self.test.direction


@dataclass(frozen=True)
class RunSettings:
    """How a model was trained, but for its seed;
    two runs with equal settings differ by chance alone.

    Attributes:
        kind: the registry's name of the model.
        base: channels after the first convolution.
        growth: one of `core.training.weight_growth.GROWTH`.
        crop: side of the training crops, pixels.
        dtype: in which the networks computed.
        iterations: how many were planned.
    """

    kind: str
    base: int
    growth: str
    crop: int | None
    dtype: str | None
    iterations: int | None

    def __str__(self) -> str:
        """`improved-500, decay (8 channels, crops of 128 px, float32)`."""
        growth = "free growth" if self.growth == FREE else self.growth
        crop = f", crops of {self.crop} px" if self.crop else ""
        dtype = f", {self.dtype}" if self.dtype else ""
        return f"{self.kind}, {growth} ({self.base} channels{crop}{dtype})"

    @classmethod
    def of(cls, card: RunCard) -> "RunSettings":
        """The settings that a run's card tells."""
        kind, base, training = card.variant.kind, card.variant.base, card.training
        planned = training.of_iterations or training.iterations
        return cls(kind, base, training.growth, training.crop, training.dtype, planned)


@dataclass(frozen=True)
class Summary:
    """One model on one group of held-out paintings.

    Attributes:
        settings: how it was trained.
        group: `gallery` or `data` (see `core.analysis.heldout_losses.Unseen`).
        seeds: how many runs.
        pairs: how many pairs of painting and photo, in each run.
        growth: last over first RMS of the first convolution's filters; None without a log.
        means: `SHOWN` -> geometric mean over pairs, and over the seeds the arithmetic one of those.
        baseline: what it is compared with, free growth;
            None where its own growth is free or there is no such run.
        changes: of its own loss (content and style) against the baseline's,
            for each seed that both have.
    """

    settings: RunSettings
    group: str
    seeds: int
    pairs: int
    growth: Mean | None
    means: dict[str, Mean]
    baseline: RunSettings | None
    changes: tuple[Change, ...]

    @property
    def label(self) -> str:
        """What a reader sees of the model."""
        return str(self.settings)

    @property
    def mitigation(self) -> str:
        """By what its growth was stopped; empty where it was not."""
        return "" if self.settings.growth == FREE else self.settings.growth

    @property
    def difference(self) -> str:
        """The changes in words, `20.9 % lower`, one for each seed; empty without a baseline."""
        return ", ".join(map(str, self.changes))

    @property
    def test(self) -> str:
        """What the tests of the changes found, in words: over paintings, or over seeds;
        empty without a baseline.
        """
        if not self.changes:
            return ""
        if self.seeds == 1:
            test = self.changes[0].test
            return f"lower for {test.lower} of {test.pairs} paintings, {test.p_value}"
        lower = sum(each.way == LOWER for each in self.changes)
        clear = [each.clear for each in self.changes]
        return (
            f"lower in {lower} of {len(clear)} seeds, clearly lower in {clear.count(LOWER)}, "
            f"clearly higher in {clear.count(HIGHER)}"
        )

    @property
    def against(self) -> str:
        """`difference` and `test` in one line; empty without a baseline."""
        return f"{self.difference}; {self.test}" if self.changes else ""


def find_heldout(*parents: Path) -> list[Path]:
    """The folders in each of `parents` that hold a heldout.csv, sorted by name."""
    return [path.parent for parent in parents for path in sorted(parent.glob(f"*/{HELDOUT}"))]


def read_pairs(path: Path) -> pd.DataFrame:
    """A row for each pair: `set`, `style`, `content`, its measures, and `own_loss`,
    the sum of the two own ones.

    Raises:
        LogError: it is not what `core.analysis.heldout_losses` writes.
    """
    try:
        text = read_table(path)
        measures = as_numbers(text, [*OWN, *FIXED], path.name)
        pairs = text[list(PAIR)].join(measures)
    except (LogError, KeyError) as error:
        raise LogError(f'"{path}" is not a table written by python -m core.heldout.') from error
    return pairs.assign(**{TOTAL: pairs[list(OWN)].sum(axis=1, skipna=False)})


def summarise(folders: Sequence[Path]) -> list[Summary]:
    """A row for each model and group of paintings, models in the order given.

    Args:
        folders: of models or runs, each with a heldout.csv, a model.json or run.json,
            and perhaps the training's logs.

    Raises:
        LogError: a table is broken, or there is no card beside it.
    """
    # Seed -> folder; of two runs with one seed the first.
    runs: dict[RunSettings, dict[int, Path]] = {}
    for folder in folders:
        card = read_run(folder)
        if card is None:
            raise LogError(
                f'"{folder}" has held-out losses, but no model.json that tells how they came about.'
            )
        runs.setdefault(RunSettings.of(card), {}).setdefault(card.training.seed or 0, folder)
    tables = {}
    for settings, seeds in runs.items():
        pairs_of = [read_pairs(run / HELDOUT).assign(seed=seed) for seed, run in seeds.items()]
        tables[settings] = pd.concat(pairs_of)
    rows = []
    for settings, table in tables.items():
        growth = _growth(list(runs[settings].values()))
        baseline = find_baseline(settings, list(tables))
        for group in (GALLERY, DATA):
            pairs = table[table["set"] == group]
            if pairs.empty:
                continue
            other = tables[baseline] if baseline else table.iloc[:0]
            changes = compare_pairs(pairs, other[other["set"] == group])
            by_seed = pairs.groupby("seed")
            averages = by_seed[list(SHOWN)].agg(geometric_mean)  # seeds x measures
            means = {name: _mean(averages[name].tolist()) for name in SHOWN}
            count, fewest = len(averages), int(by_seed.size().min())
            rows.append(
                Summary(settings, group, count, fewest, growth, means, baseline, tuple(changes))
            )
    return rows


def find_baseline(settings: RunSettings, others: Sequence[RunSettings]) -> RunSettings | None:
    """Free growth with the same settings, in the same number format if there is such a run;
    None for free growth itself.
    """
    if settings.growth == FREE:
        return None
    wanted = replace(settings, growth=FREE, dtype=None)
    alike = [other for other in others if replace(other, dtype=None) == wanted]
    return min(alike, key=lambda other: other.dtype != settings.dtype, default=None)


def compare_pairs(pairs: pd.DataFrame, baseline: pd.DataFrame) -> list[Change]:
    """The change of the own loss in each seed that both have, over the pairs that both have,
    where both lost something.
    """
    both = pairs.merge(baseline, on=["seed", *PAIR], suffixes=("", "_of_baseline"))
    both = both.set_index(["seed", "style"])[[TOTAL, f"{TOTAL}_of_baseline"]]
    logarithms = np.log(both[(both > 0).all(axis=1)])
    paintings = logarithms.groupby(["seed", "style"]).mean()  # each with its mean over the photos
    changes = []
    for _, each in paintings.groupby("seed"):
        ours, theirs = each[TOTAL], each[f"{TOTAL}_of_baseline"]
        change = math.exp(float((ours - theirs).mean())) - 1
        changes.append(Change(change, compare(ours, theirs, LOWER)))
    return changes


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
