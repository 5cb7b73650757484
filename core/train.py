"""Train a model of the registry by the report's recipe.

    python -m core.train improved-500 --data data                # data/content and data/style hold the pictures
    python -m core.train improved-500 --data data                # again after an interruption: goes on where it was
    torchrun --nproc-per-node 2 -m core.train improved-500 --data data
    python -m core.train improved-500 --data data --pilot        # 300 iterations to see how large the losses are
    python -m core.train flagship --data data --snapshot         # export an interrupted run as it stands

Adam 1e-3, 8 crops of 256 px a batch, a new style every 20 batches, 22 epochs over the contents. State and logs are kept in
`runs/NAME/` while it runs; the finished model goes to `checkpoints/NAME/`.
"""

import argparse
import copy
import hashlib
import re
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from core.checkpoint import save_model
from core.data import LARGEST_SMALLER_SIDE, SEED, Sampler, draw_set, find_pools
from core.encoder import CHECKPOINTS, EncoderError, fast_dtype, load_encoder
from core.engine import Objective, Place, StepResult, Style, join, train_step
from core.growth import GROWTH, FixedNorms, cosine, make_optimizer
from core.images import ImageError
from core.nets import MULTIPLE, StyleNet, keep_flat
from core.packing import WeightsError, write_atomic
from core.runlog import WEIGHTS_EVERY, RunLog, read_rows, trained_layers
from core.trainstate import STATE, load_state, save_state
from core.variants import CONTENT_WEIGHT, MODELS, TV_WEIGHT, Net, Variant, find_variant

SAVE_SECONDS = 120.0
PILOT_ITERATIONS = 300
SMALLEST_CROP = 32


@dataclass(frozen=True)
class Recipe:
    """The report's recipe; every field is part of a run's identity, so a run cannot be resumed with another."""

    epochs: int = 22
    batch: int = 8
    crop: int = 256
    style_every: int = 20
    lr: float = 1e-3
    seed: int = SEED
    style_weight: float | None = None
    encoder_source: str = "oxford"
    dtype: str = "float32"
    iterations: int | None = None
    growth: str = "free"
    keep_flat: bool = False

    def identity(self) -> dict[str, Any]:
        """What differs from the default recipe: a field added later leaves the saved states of older runs valid."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def sampler(self, contents: Sequence[Path], styles: Sequence[Path]) -> Sampler:
        return Sampler(contents, styles, self.batch, self.crop, self.style_every, self.seed)

    def total(self, sampler: Sampler) -> int:
        return self.iterations or self.epochs * sampler.per_epoch


class Interrupted(Exception):
    """The run was asked to stop; its state is saved."""


class Trainer:
    """One run: network, optimiser, sampler, log and state, from wherever it stands to its end.

    Args:
        variant: what to train.
        recipe: how.
        contents, styles: the training set.
        folder: the run's folder, for state and logs.
        place: device and rank.

    Raises:
        WeightsError: the folder holds a run with other settings.
        ValueError: the batch cannot be shared evenly among the processes.
    """

    def __init__(
        self,
        variant: Variant,
        recipe: Recipe,
        contents: Sequence[Path],
        styles: Sequence[Path],
        folder: Path,
        place: Place,
    ) -> None:
        if recipe.batch % place.world:
            raise ValueError(f"A batch of {recipe.batch} cannot be shared evenly among {place.world} processes.")
        self.variant, self.recipe, self.folder, self.place = variant, recipe, folder, place
        self.sampler = recipe.sampler(contents, styles)
        self.total = recipe.total(self.sampler)
        dtype = getattr(torch, recipe.dtype)
        encoder = load_encoder(variant.encoder, recipe.encoder_source)
        self.encoder = encoder.for_compute(dtype).to(place.device)
        self.objective = Objective(variant, self.encoder, recipe.style_weight)
        torch.manual_seed(recipe.seed)
        self.net = variant.build().to(place.device)
        self.net.compute_dtype = dtype
        if recipe.keep_flat:
            keep_flat(self.net)
        self.state: nn.Module = self.net
        self.resumes = (folder / STATE).is_file()
        self.optimizer = make_optimizer(self.net, recipe.lr, recipe.growth)
        self.norms = FixedNorms(self.net) if recipe.growth == "fixed-norm" and isinstance(self.net, StyleNet) else None
        self.config = {
            "variant": variant.identity(),
            "recipe": recipe.identity(),
            "set": set_hash(contents, styles),
            "total": self.total,
        }
        self.prepare()
        self.done = load_state(folder, self.state, self.optimizer, self.config)
        self._stop = False
        self._style: Style | None = None

    def prepare(self) -> None:
        """What must be there before a saved state is loaded; `self.state` is what such a state holds."""

    def style_name(self, iteration: int) -> str:
        """For the log."""
        return self.sampler.style_path(iteration).stem

    def style(self, iteration: int) -> Style:
        return self.objective.style(self.sampler.style_crop(iteration).to(self.place.device))

    def step(self, net: nn.Module, iteration: int, contents: Tensor) -> StepResult:
        """One batch; `net` is `self.net`, under torchrun wrapped to share gradients."""
        if self._style is None or iteration % self.recipe.style_every == 0:
            self._style = self.style(iteration)
        if self.norms:
            for group in self.optimizer.param_groups:
                group["lr"] = cosine(self.recipe.lr, iteration, self.total)
        flat = self.recipe.keep_flat
        result = train_step(net, self.objective, self.optimizer, contents, self._style, keep_flat=flat)
        if self.norms:
            self.norms.restore()
        return result

    def run(self) -> None:
        """Train to the end. Raises Interrupted after SIGTERM or SIGINT, with the state saved."""
        rank, world = self.place.rank, self.place.world
        wrapped = DistributedDataParallel(self.net) if world > 1 else self.net
        log = RunLog(self.folder, self.done) if rank == 0 else None
        bar = tqdm(total=self.total, initial=self.done, desc=self.variant.name, disable=rank != 0, smoothing=0.05)
        saved = started = time.monotonic()
        with _on_signals(self.stop):
            for iteration, contents in self.sampler.batches(self.done, self.total, rank, world):
                result = self.step(wrapped, iteration, contents.to(self.place.device))
                self.done = iteration + 1
                now = time.monotonic()
                if log:
                    self._record(log, iteration, now - started, result)
                    bar.set_postfix(content=f"{result.content_loss:.3g}", style=f"{result.style_loss:.3g}")
                    bar.update()
                started = now
                if rank == 0 and (now - saved > SAVE_SECONDS or self._stop or self.done == self.total):
                    save_state(self.folder, self.state, self.optimizer, self.done, self.config)
                    saved = time.monotonic()
                if self._stop and self.done < self.total:
                    raise Interrupted(f"Stopped after {self.done} of {self.total} iterations; the state is saved.")
        bar.close()
        if log:
            log.close()

    def stop(self) -> None:
        self._stop = True

    def _record(self, log: RunLog, iteration: int, seconds: float, result: StepResult) -> None:
        log.iteration(
            {
                **asdict(result),
                "iteration": iteration,
                "epoch": iteration // self.sampler.per_epoch,
                "style": self.style_name(iteration),
                "seconds": seconds,
                "loss": result.loss,
            }
        )
        if iteration % WEIGHTS_EVERY == 0 or iteration == self.total - 1:
            log.weights(iteration, trained_layers(self.net).items())

    def finished(self) -> Net:
        """The network to ship."""
        return self.net

    def export(self, folder: Path) -> int:
        """Write the finished model and its logs; returns the size of the weights in bytes."""
        rows = read_rows(self.folder / "log.csv")
        tail = [row for row in rows[-self.sampler.per_epoch :] if not row["skipped"]]
        training: dict[str, Any] = {
            **asdict(self.recipe),
            "style_weight": self.objective.style_weight,
            "content_weight": CONTENT_WEIGHT,
            "tv_weight": TV_WEIGHT,
            "iterations": self.done,
            "of_iterations": self.total,
            "set": self.config["set"],
            "styles_seen": len({row["style"] for row in rows}),
            "skipped": sum(bool(row["skipped"]) for row in rows),
            "hours": round(sum(float(row["seconds"]) for row in rows) / 3600, 3),
            "last_epoch": {
                key: sum(float(row[key]) for row in tail) / max(1, len(tail))
                for key in ("content_loss", "style_loss", "tv_loss")
            },
        }
        change = gallery_change(self.finished(), self.variant, self.recipe.encoder_source)
        size = save_model(folder, self.variant, self.finished(), self.encoder, training, change)
        for name in ("log.csv", "weights.csv"):
            write_atomic(folder / name, (self.folder / name).read_bytes())
        return size


def gallery_change(net: Net, variant: Variant, source: str) -> dict[str, float]:
    """What 8 bits cost over the gallery's 64 pairs."""
    from core.quantisation import quantisation_change
    from gallery.pictures import CONTENTS, STYLES

    images = [[picture.image() for picture in pictures] for pictures in (CONTENTS, STYLES)]
    return quantisation_change(copy.deepcopy(net).cpu(), load_encoder(variant.encoder, source), *images)


def set_hash(contents: Sequence[Path], styles: Sequence[Path]) -> str:
    """SHA-256 of the names of a training set, in order."""
    return hashlib.sha256("\n".join(path.name for path in (*contents, *styles)).encode()).hexdigest()


@contextmanager
def _on_signals(stop: Any) -> Any:
    """SIGTERM and SIGINT finish the iteration and save, instead of losing up to two minutes."""
    try:
        before = {sig: signal.signal(sig, lambda *_: stop()) for sig in (signal.SIGTERM, signal.SIGINT)}
    except ValueError:  # not the main thread: the caller stops the run itself
        before = {}
    try:
        yield
    finally:
        for sig, handler in before.items():
            signal.signal(sig, handler)


def training_set(variant: Variant, data: Path, cache: Path, seed: int = SEED) -> tuple[list[Path], list[Path]]:
    """Contents and styles of a variant's training set: the gallery's eight, then a draw from the data folder."""
    from gallery.pictures import CONTENTS, MORE_STYLES, STYLES

    pools = find_pools(data, [picture.path() for picture in (*CONTENTS, *STYLES, *MORE_STYLES)], cache)
    always = [[p.path() for p in pictures if p.in_training] for pictures in (CONTENTS, STYLES)]
    everything = [len(first) + len(pool) for first, pool in zip(always, (pools.content, pools.style), strict=True)]
    return (
        draw_set(pools.content, always[0], variant.images or everything[0], seed),
        draw_set(pools.style, always[1], variant.images or everything[1], seed),
    )


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.train", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=list(MODELS), help="which model")
    parser.add_argument(
        "--data", type=Path, default=Path("data"), help="folder with content/ and style/ (default: data)"
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where states and logs are kept (default: runs)"
    )
    parser.add_argument("--out", type=Path, default=CHECKPOINTS, help="where the finished model goes")
    parser.add_argument("--device", help="cpu, cuda or cuda:N (default: a GPU if there is one)")
    parser.add_argument("--encoder", choices=("oxford", "torchvision"), default="oxford", help="encoder weights")
    parser.add_argument("--fp32", action="store_true", help="float32 even where bfloat16 is faster")
    parser.add_argument("--style-weight", type=float, help="in place of the variant's own")
    parser.add_argument(
        "--growth", choices=GROWTH, default="free", help="how weights may grow (default: free, the report's)"
    )
    parser.add_argument("--keep-flat", action="store_true", help="train on flat (single-colour) pictures too")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of network, order and crops; not of the set ({SEED})")
    parser.add_argument("--crop", type=int, help="side of the square crops in px, in place of the recipe's")
    parser.add_argument("--name", dest="run_name", help="of the run and the model (default: from the options)")
    parser.add_argument("--iterations", type=int, help="in place of the recipe's number")
    parser.add_argument(
        "--snapshot", action="store_true", help="do not train, export what an unfinished run has reached"
    )
    parser.add_argument("--pilot", action="store_true", help=f"{PILOT_ITERATIONS} iterations, nothing exported")
    return parser.parse_args(arguments)


def recipe_parts(options: argparse.Namespace) -> list[str]:
    """What sets a run's recipe apart from the report's, for its name: `improved-500-fixed-norm-crop128-seed1`.

    Raises:
        ValueError: an option out of its range, or a name that is no plain folder name.
    """
    crops = range(SMALLEST_CROP, LARGEST_SMALLER_SIDE + 1, MULTIPLE)
    if options.crop is not None and options.crop not in crops:
        raise ValueError(f"--crop must be a multiple of {MULTIPLE} from {crops[0]} to {crops[-1]}, not {options.crop}.")
    if options.seed < 0:
        raise ValueError(f"--seed must be 0 or more, not {options.seed}.")
    if options.run_name is not None and not re.fullmatch(r"[\w-][\w.-]*", options.run_name):
        raise ValueError(f"--name must be letters, digits, dots, dashes and underscores, not {options.run_name!r}.")
    parts = [options.growth] if options.growth != "free" else []
    parts += ["keep-flat"] if options.keep_flat else []
    parts += [f"crop{options.crop}"] if options.crop else []
    return parts + ([f"seed{options.seed}"] if options.seed != SEED else [])


def make_trainer(variant: Variant, options: argparse.Namespace, place: Place) -> Trainer:
    """The trainer that the command line asks for."""
    parts = recipe_parts(options)
    if options.keep_flat and variant.block == "modulated":
        raise ValueError("--keep-flat is for the report's models; the flagship skips flat pictures.")
    dtype = torch.float32 if options.fp32 else fast_dtype(place.device)
    settings: dict[str, Any] = {
        "style_weight": options.style_weight,
        "encoder_source": options.encoder,
        "growth": options.growth,
        "dtype": str(dtype).removeprefix("torch."),
        "seed": options.seed,
        "keep_flat": options.keep_flat,
    }
    if options.crop:
        settings["crop"] = options.crop
    if options.pilot or options.iterations:
        settings["iterations"] = PILOT_ITERATIONS if options.pilot else options.iterations
    contents, styles = training_set(variant, options.data, options.runs / "hashes.json")
    variant = replace(
        variant, name=options.run_name or "-".join([variant.name, *parts]), title=", ".join([variant.title, *parts])
    )
    folder = options.runs / (f"{variant.name}-pilot" if options.pilot else variant.name)
    if variant.block == "modulated":
        from core.train_flagship import FlagshipRecipe, FlagshipTrainer, outside_pairs

        trainer = FlagshipTrainer(variant, FlagshipRecipe(**settings), contents, styles, folder, place)
        if place.rank == 0 and not options.pilot:
            trainer.validation = outside_pairs(options.data, options.runs / "hashes.json")
        return trainer
    return Trainer(variant, Recipe(**settings), contents, styles, folder, place)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code (0 done, 1 bad input, 3 interrupted with the state saved)."""
    options = parse(arguments)
    place = join(options.device)
    try:
        variant = find_variant(options.name)
        trainer = make_trainer(variant, options, place)
        folder = trainer.folder
        if options.snapshot and not trainer.done:
            raise ValueError(f"There is no unfinished run in {folder} to take a snapshot of.")
        if not options.snapshot:
            trainer.run()
        if place.rank == 0:
            summary = f"{trainer.done} iterations done"
            if options.snapshot:
                summary = f"{trainer.done} of {trainer.total} iterations"
            if not options.pilot:
                size = trainer.export(options.out / trainer.variant.name)
                if not options.snapshot:
                    (folder / STATE).unlink(missing_ok=True)
                summary += f"; {size / 1e6:.1f} MB of weights in {options.out / trainer.variant.name}"
            print(summary)
    except Interrupted as notice:
        print(notice, file=sys.stderr)
        return 3
    except (ValueError, WeightsError, EncoderError, ImageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
