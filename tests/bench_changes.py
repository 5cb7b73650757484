"""What each part of the flagship's recipe is worth: short runs, each without one of them, measured on paintings never seen.

    python -m tests.bench_changes --data data                                    # hours on two cores, minutes on a GPU
    python -m tests.bench_changes --data data --iterations 300 --only "as it is" "one balance"

All runs have the same number of iterations, crops, seed and photographs, and an iteration of each costs about the same,
which the last column shows, so this is equal time. Measured as the learning curve is (`core.training.learning_curve`), classical
and graphic pictures apart. A run that was interrupted goes on where it was.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from core.models import modulated
from core.models.registry import FLAGSHIP
from core.program import command
from core.runtime import DistributedContext, init_distributed
from core.train import held_out_pairs, training_set
from core.training.data import pools_of
from core.training.flagship import FlagshipTraining
from core.training.flagship_recipe import ON_CPU, FlagshipConfig
from core.training.learning_curve import NAMES, HeldOut
from core.training.log_writer import read_rows

ITERATIONS = 600
NEVER = 2.0  # a share of the iterations that no run reaches
WHOLE = "as it is"


@dataclass(frozen=True)
class Change:
    """What is left out.

    Attributes:
        settings: of the recipe, in place of the flagship's.
        graphic: whether graphic pictures are trained on beside the paintings.
        mixes: whether the MetaNet changes filters.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    graphic: bool = True
    mixes: bool = True


CHANGES = {
    WHOLE: Change(),
    "paintings as they are": Change({"varied": False}),
    "no graphic pictures": Change(graphic=False),
    "norms and colours only": Change(mixes=False),
    "one balance": Change({"emphasis": (0.0, 0.0)}),
    "all taps weighed alike to the end": Change({"late_from": NEVER, "late_by": NEVER + 1}),
    "no reproducing at first": Change({"reproduce": 0}),
}


@dataclass(frozen=True)
class TrainingPictures:
    """Contents, paintings, and graphic pictures."""

    contents: Sequence[Path]
    styles: Sequence[Path]
    graphic: Sequence[Path] = ()


def train(
    name: str,
    recipe: FlagshipConfig,
    pictures: TrainingPictures,
    runs: Path,
    place: DistributedContext,
) -> FlagshipTraining:
    """A finished run without one of the parts."""
    change = CHANGES[name]
    folder = runs / name.replace(" ", "-")
    styles = [*pictures.styles, *(pictures.graphic if change.graphic else ())]
    config = replace(recipe, **change.settings)
    training = FlagshipTraining(FLAGSHIP, config, pictures.contents, styles, folder, place)
    training.run()
    return training


@contextmanager
def mixes(wanted: bool) -> Iterator[None]:
    """Within it, the MetaNet changes filters or does not."""
    scale = modulated.MIX_SCALE
    if not wanted:
        modulated.MIX_SCALE = 0.0
    try:
        yield
    finally:
        modulated.MIX_SCALE = scale


def row(name: str, group: str, found: dict[str, float], seconds: float) -> str:
    """A row of the table: shares as percentages, geometric means over the taps."""
    shares = [
        100 * math.exp(sum(math.log(found[f"{kind}_share_{tap}"]) for tap in range(1, 5)) / 4)
        for kind in ("gram", "mean_std")
    ]
    taps = ", ".join(f"{100 * found[key]:.1f}" for key in NAMES[:4])
    change = ", ".join(f"{found[key]:.2f}" for key in NAMES[8:])
    return (
        f"| {name} | {group} | {shares[0]:.1f} ({taps}) | {shares[1]:.1f} | {change} "
        f"| {seconds:.2f} |"
    )


def compare(
    names: Sequence[str],
    recipe: FlagshipConfig,
    pictures: TrainingPictures,
    held_out: dict[str, HeldOut],
    runs: Path,
    place: DistributedContext,
) -> Iterator[str]:
    """The table's rows, each when its run is finished."""
    for name in names:
        with mixes(CHANGES[name].mixes):
            training = train(name, recipe, pictures, runs, place)
            log = read_rows(training.folder / "log.csv")
            seconds = median(float(line["seconds"]) for line in log)
            for group, pairs in held_out.items():
                yield row(name, group, pairs.measure(training.finished()), seconds)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with content/ and style/")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where states and logs are kept"
    )
    parser.add_argument(
        "--iterations", type=int, default=ITERATIONS, help=f"of each run (default: {ITERATIONS})"
    )
    parser.add_argument(
        "--only", nargs="*", choices=tuple(CHANGES), default=tuple(CHANGES), metavar="PART"
    )


def work(options: argparse.Namespace) -> int:
    place = init_distributed()
    pools = pools_of(options.data, options.runs)
    pictures = TrainingPictures(*training_set(FLAGSHIP, pools), pools.graphic)
    recipe = FlagshipConfig() if place.device.type == "cuda" else ON_CPU
    # The average reaches back as far, as a share of the run, as the flagship's own.
    average = max(0.0, 1 - (1 - recipe.average) * recipe.iterations / options.iterations)
    recipe = replace(recipe, iterations=options.iterations, average=average, learning_rows=0)
    held_out = held_out_pairs(pools, place, recipe.encoder_source)
    print(
        "| flagship | pictures | Gram left, % (taps 1-4) | mean/std left, % "
        "| content change (taps 3, 4) | s/iteration |"
    )
    print("|---|---|---|---|---|---|")
    runs = options.runs / "changes"
    for line in compare(options.only, recipe, pictures, held_out, runs, place):
        print(line, flush=True)
    return 0


main = command("tests.bench_changes", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
