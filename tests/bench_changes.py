"""What each of the flagship's changes is worth: short runs, each without one of them, measured on paintings never seen.

    python -m tests.bench_changes --data data                                    # about two hours on two cores
    python -m tests.bench_changes --data data --iterations 300 --only "as it is" "the report's losses"

All runs have the same number of iterations, crops, seed and pictures (1,000 paintings, 1,000 photos), and an iteration of each
costs about the same, which the last column shows, so this is equal time. Measured as in
`core.training.validation`: four photos by
twelve paintings. A run that was interrupted goes on where it was.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, cast

from torch import Tensor

from core.models import flagship
from core.models.losses import CONTENT_TAP, ContentLoss, Features, GramLoss
from core.models.registry import FLAGSHIP, STYLE_WEIGHTS
from core.runtime import DistributedContext, init_distributed
from core.train import training_set
from core.training.flagship import (
    PAINTINGS,
    FlagshipBatches,
    FlagshipConfig,
    FlagshipTrainer,
    outside_pairs,
)
from core.training.log_writer import read_rows
from core.training.objective import Objective
from core.training.validation import NAMES, Validation

ITERATIONS = 600
IMAGES = 1000
NEVER = 2.0  # a share of the iterations that no run reaches
BATCHES_A_PAINTING = 20
WHOLE = "as it is"


class OnePainting(FlagshipBatches):
    """The report's way: one painting for the whole batch, another after 20 batches."""

    def paintings(self, iteration: int, rank: int = 0, world: int = 1) -> list[Path]:
        first, *_ = super().paintings(iteration // BATCHES_A_PAINTING)
        return [first] * (self.batch // world)


class OnePaintingRecipe(FlagshipConfig):
    """A `FlagshipRecipe` with that sampler."""

    def sampler(self, contents: Sequence[Path], styles: Sequence[Path]) -> FlagshipBatches:
        plain = cast(FlagshipBatches, super().sampler(contents, styles))
        return OnePainting(**{name: getattr(plain, name) for name in plain.__dataclass_fields__})


class KeptGramLoss(GramLoss):
    """The report's Gram loss on the targets that the flagship's trainer keeps."""

    def __call__(self, features: Features, target: dict[str, tuple[Tensor, Tensor]]) -> Tensor:  # type: ignore[override]
        return super().__call__(
            features, {name: gram.float() for name, (gram, _) in target.items()}
        )


def report_losses(trainer: FlagshipTrainer) -> Objective:
    """Gram matrices as they are, and contents' features as they are."""
    objective = Objective(trainer.variant, trainer.encoder, STYLE_WEIGHTS["vgg19", "gram"])
    objective.style_loss = KeptGramLoss()
    objective.content_loss = ContentLoss(objective.encoder.tap_names[CONTENT_TAP])
    return objective


@dataclass(frozen=True)
class Change:
    """What is taken back.

    Attributes:
        recipe: the run's recipe, from the flagship's.
        objective: the losses to train with, in place of the flagship's.
        colours: whether the MetaNet sets the colour matrix, the offset and the map.
    """

    recipe: Callable[[FlagshipConfig], FlagshipConfig] = lambda recipe: recipe
    objective: Callable[[FlagshipTrainer], Objective] = lambda trainer: trainer.objective
    colours: bool = True


def _with(**settings: Any) -> Callable[[FlagshipConfig], FlagshipConfig]:
    return lambda recipe: replace(recipe, **settings)


def _one_painting(recipe: FlagshipConfig) -> FlagshipConfig:
    return OnePaintingRecipe(
        **{name: getattr(recipe, name) for name in recipe.__dataclass_fields__}
    )


CHANGES = {
    WHOLE: Change(),
    "one painting for 20 batches": Change(recipe=_one_painting),
    "the report's losses": Change(recipe=_with(late_from=NEVER), objective=report_losses),
    "no colours from the painting": Change(colours=False),
    "no reproducing at first": Change(recipe=_with(reproduce=0)),
    "all taps weighed alike to the end": Change(recipe=_with(late_from=NEVER)),
    "small crops to the end": Change(recipe=_with(large_from=1.0)),
}


def train(
    name: str,
    recipe: FlagshipConfig,
    pictures: tuple[list[Path], list[Path]],
    runs: Path,
    place: DistributedContext,
) -> FlagshipTrainer:
    """A finished run without one of the changes."""
    change = CHANGES[name]
    folder = runs / name.replace(" ", "-").replace("'", "").replace(",", "")
    common = runs / PAINTINGS  # what is computed of a painting is the same for all
    for needed in (folder, common):
        needed.mkdir(parents=True, exist_ok=True)
    if not (folder / PAINTINGS).exists():
        (folder / PAINTINGS).symlink_to(common.resolve(), target_is_directory=True)
    variant = replace(FLAGSHIP, name=f"flagship, {name}")
    trainer = FlagshipTrainer(variant, change.recipe(recipe), *pictures, folder, place)
    trainer.objective = change.objective(trainer)
    trainer.run()
    return trainer


def without_average(trainer: FlagshipTrainer) -> FlagshipTrainer:
    """The same run with its last weights in the place of their average, which training itself never looks at."""
    trainer.averaged.module.load_state_dict(trainer.net.state_dict())
    return trainer


@contextmanager
def colours(wanted: bool) -> Iterator[None]:
    """Within it, networks take their colours from the painting or not."""
    scales = flagship.COLOUR_SCALE, flagship.MAP_SCALE
    if not wanted:
        flagship.COLOUR_SCALE = flagship.MAP_SCALE = 0.0
    try:
        yield
    finally:
        flagship.COLOUR_SCALE, flagship.MAP_SCALE = scales


def measure(trainer: FlagshipTrainer, pairs: Validation) -> dict[str, float]:
    """The held-out measures of a finished run, and the `seconds` of its median iteration."""
    seconds = median(float(row["seconds"]) for row in read_rows(trainer.folder / "log.csv"))
    return {**trainer.held_out(pairs), "seconds": seconds}


def row(name: str, found: dict[str, float]) -> str:
    """A row of the table: shares as percentages, geometric means over the taps."""
    shares = [
        100 * math.exp(sum(math.log(found[f"{kind}_share_{tap}"]) for tap in range(1, 5)) / 4)
        for kind in ("gram", "mean_std")
    ]
    taps = ", ".join(f"{100 * found[key]:.1f}" for key in NAMES[:4])
    change = ", ".join(f"{found[key]:.2f}" for key in NAMES[8:])
    return f"| {name} | {shares[0]:.1f} ({taps}) | {shares[1]:.1f} | {change} | {found['seconds']:.2f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench_changes", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with content/ and style/")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where states and logs are kept"
    )
    parser.add_argument(
        "--iterations", type=int, default=ITERATIONS, help=f"of each run (default: {ITERATIONS})"
    )
    parser.add_argument(
        "--only", nargs="*", choices=tuple(CHANGES), default=tuple(CHANGES), metavar="CHANGE"
    )
    options = parser.parse_args(arguments)
    place = init_distributed()
    cache = options.runs / "hashes.json"
    pictures = training_set(replace(FLAGSHIP, images=IMAGES), options.data, cache)
    # The average reaches back as far, as a share of the run, as the flagship's own over its 12,000 iterations.
    usual = FlagshipConfig(polish=0.0)
    average = max(0.0, 1 - (1 - usual.average) * (usual.iterations or 1) / options.iterations)
    pairs, recipe = (
        outside_pairs(options.data, cache),
        replace(usual, iterations=options.iterations, average=average),
    )
    print(
        "| flagship | Gram left, % (taps 1-4) | mean/std left, % | content change (taps 3, 4) | s/iteration |"
    )
    print("|---|---|---|---|---|")
    for name in options.only:
        with colours(CHANGES[name].colours):
            trainer = train(name, recipe, pictures, options.runs / "changes", place)
            print(row(name, measure(trainer, pairs)), flush=True)
            if name == WHOLE:
                print(
                    row(
                        "last weights, not their average", measure(without_average(trainer), pairs)
                    ),
                    flush=True,
                )


if __name__ == "__main__":
    main()
