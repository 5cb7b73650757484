"""One training run, from wherever it stands to its end: recipe, trainer, export. The command line is `core.train`.

trainer = Trainer(variant, Recipe(), contents, styles, Path("runs/improved-500"), join())
trainer.run()
trainer.export(Path("checkpoints/improved-500"))
"""

import hashlib
import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from core.files import write_atomic
from core.images.decode import load_image
from core.images.library import library
from core.models.checkpoint import save_model
from core.models.encoder import load_encoder
from core.models.layers import allow_constant_images
from core.models.registry import CONTENT_WEIGHT, TV_WEIGHT, Net, Variant
from core.models.style_net import StyleNet
from core.runtime import DistributedContext
from core.training.batches import TrainingBatches
from core.training.data import SEED
from core.training.log_writer import WEIGHTS_EVERY, RunLog, read_rows, rows_before, trained_layers
from core.training.objective import Objective, Style
from core.training.state import STATE, load_state, save_state
from core.training.step import PendingStep, start_step
from core.training.weight_growth import FixedNorms, cosine, make_optimizer

SAVE_SECONDS = 120.0
LATE_ON_GPU = 20  # steps that a GPU is given before anyone waits for their figures
MAX_WORKERS = 8  # processes that cut crops for a GPU
FACTOR_STYLES, FACTOR_CONTENTS = (
    200,
    50,
)  # pictures of the training set by which a network is factored


@dataclass(frozen=True)
class TrainingConfig:
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
    allow_constant_images: bool = False

    def identity(self) -> dict[str, Any]:
        """What differs from the default recipe: a field added later leaves the saved states of older runs valid."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if getattr(self, f.name) != f.default
        }

    def sampler(self, contents: Sequence[Path], styles: Sequence[Path]) -> TrainingBatches:
        return TrainingBatches(contents, styles, self.batch, self.crop, self.style_every, self.seed)

    def total(self, sampler: TrainingBatches) -> int:
        return self.iterations or self.epochs * sampler.per_epoch


class Interrupted(Exception):
    """The run was asked to stop by the signal of that number; its state is saved."""

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.number = number


class Trainer:
    """One run: network, optimiser, sampler, log and state, from wherever it stands to its end.

    Args:
        variant: what to train.
        recipe: how.
        contents, styles: the training set.
        folder: the run's folder, for state and logs.
        place: device and rank.
        unseen: paintings that no run trains on, beside the gallery's pairs for measuring what storing the network costs.

    Raises:
        WeightsError: the folder holds a run with other settings.
        ValueError: the batch cannot be shared evenly among the processes.
    """

    def __init__(
        self,
        variant: Variant,
        recipe: TrainingConfig,
        contents: Sequence[Path],
        styles: Sequence[Path],
        folder: Path,
        place: DistributedContext,
        unseen: Sequence[Path] = (),
    ) -> None:
        if recipe.batch % place.world:
            raise ValueError(
                f"A batch of {recipe.batch} cannot be shared evenly among {place.world} processes."
            )
        self.variant, self.recipe, self.folder, self.place = variant, recipe, folder, place
        self.unseen = unseen
        self.sampler = recipe.sampler(contents, styles)
        self.total = recipe.total(self.sampler)
        dtype = getattr(torch, recipe.dtype)
        encoder = load_encoder(variant.encoder, recipe.encoder_source)
        self.encoder = encoder.for_compute(dtype).to(place.device)
        self.objective = Objective(variant, self.encoder, recipe.style_weight)
        torch.manual_seed(recipe.seed)
        self.net = variant.build().to(place.device)
        self.net.compute_dtype = dtype
        if recipe.allow_constant_images:
            allow_constant_images(self.net)
        self.state: nn.Module = self.net
        self.resumes = (folder / STATE).is_file()
        self.optimizer = make_optimizer(self.net, recipe.lr, recipe.growth)
        self.norms = (
            FixedNorms(self.net)
            if recipe.growth == "fixed-norm" and isinstance(self.net, StyleNet)
            else None
        )
        self.config = {
            "variant": variant.identity(),
            "recipe": recipe.identity(),
            "set": set_hash(contents, styles),
            "total": self.total,
        }
        self.prepare()
        self.done = load_state(folder, self.state, self.optimizer, self.config)
        self._stop = 0  # the number of the signal that asked for it
        self._style: Style | None = None

    def prepare(self) -> None:
        """What must be there before a saved state is loaded; `self.state` is what such a state holds."""

    def style_name(self, iteration: int) -> str:
        """For the log."""
        return self.sampler.style_path(iteration).stem

    def style(self, iteration: int) -> Style:
        return self.objective.style(self.sampler.style_crop(iteration).to(self.place.device))

    def step(self, net: nn.Module, iteration: int, contents: Tensor) -> PendingStep:
        """One batch; `net` is `self.net`, under torchrun wrapped to share gradients."""
        if self._style is None or iteration % self.recipe.style_every == 0:
            self._style = self.style(iteration)
        if self.norms:
            for group in self.optimizer.param_groups:
                group["lr"] = cosine(self.recipe.lr, iteration, self.total)
        flat = self.recipe.allow_constant_images
        pending = start_step(
            net, self.objective, self.optimizer, contents, self._style, allow_constant_images=flat
        )
        if self.norms:
            self.norms.restore()
        return pending

    def run(self) -> None:
        """Train to the end. Raises Interrupted after SIGTERM or SIGINT, with the state saved."""
        rank, world = self.place.rank, self.place.world
        wrapped = DistributedDataParallel(self.net) if world > 1 else self.net
        log = self._open_log() if rank == 0 else None
        bar = tqdm(
            total=self.total,
            initial=self.done,
            desc=self.variant.name,
            disable=rank != 0,
            smoothing=0.05,
        )
        on_gpu = self.place.device.type == "cuda"
        late = LATE_ON_GPU if on_gpu else 1
        workers = min(MAX_WORKERS, os.cpu_count() or 1) if on_gpu else 0
        waiting: list[tuple[int, PendingStep]] = []
        saved = started = time.monotonic()
        with on_signals(self.stop):
            for iteration, contents in self.sampler.batches(
                self.done, self.total, rank, world, workers
            ):
                waiting.append((iteration, self.step(wrapped, iteration, contents)))
                self.done = iteration + 1
                if log and (iteration % WEIGHTS_EVERY == 0 or self.done == self.total):
                    log.weights(iteration, trained_layers(self.net).items())
                if len(waiting) == late:
                    started = self._record(log, waiting, started)
                    bar.update(late)
                stopping = self._stop  # read once: what is said below must be so
                is_last = self.done == self.total
                if stopping or is_last or time.monotonic() - saved > SAVE_SECONDS:
                    started = self._record(log, waiting, started)  # never behind the state
                    if rank == 0:
                        save_state(self.folder, self.state, self.optimizer, self.done, self.config)
                    saved = time.monotonic()
                if stopping and not is_last:
                    bar.close()
                    said = (
                        f"Stopped after {self.done} of {self.total} iterations; the state is saved."
                    )
                    raise Interrupted(said, stopping)
        bar.close()
        if log:
            log.close()

    def stop(self, number: int = signal.SIGINT) -> None:
        self._stop = number

    def _open_log(self) -> RunLog:
        """The run's log, with what its reader must know of the learning rate beside it (see `core.analysis.training_logs`)."""
        log = RunLog(self.folder, self.done)
        training = {**asdict(self.recipe), "of_iterations": self.total}
        about = {"variant": asdict(self.variant), "training": training}
        write_atomic(
            self.folder / "run.json", json.dumps(about, indent=2, ensure_ascii=False).encode()
        )
        return log

    def _record(
        self, log: RunLog | None, steps: list[tuple[int, PendingStep]], started: float
    ) -> float:
        """Write rows of some steps to the log, waiting for the last, and forget the steps.

        Args:
            log: of the first process; the others have none.
            started: when the first of the steps was begun.

        Returns:
            The time.
        """
        results = [step.result() for _, step in steps]
        now = time.monotonic()
        if log is None or not steps:
            steps.clear()
            return now
        for (iteration, _), result in zip(steps, results, strict=True):
            log.iteration(
                {
                    **asdict(result),
                    "iteration": iteration,
                    "epoch": iteration // self.sampler.per_epoch,
                    "style": self.style_name(iteration),
                    "seconds": (now - started) / len(steps),
                    "loss": result.loss,
                }
            )
        steps.clear()
        return now

    def finished(self) -> Net:
        """The network to ship."""
        return self.net

    def stored_form(self, net: Net) -> tuple[Net, dict[str, float] | None]:
        """The form in which a network is stored, and what that costs; the flagship's is stored as it is."""
        if not isinstance(net, StyleNet):
            return net, None
        from core.inference.quantisation import Pair, descriptor, photo_pixels, store

        encoder = load_encoder(self.variant.encoder, self.recipe.encoder_source).to(
            self.place.device
        )
        photos = [photo_pixels(picture.image()) for picture in library().contents]
        paintings = [descriptor(picture.image(), encoder) for picture in library().styles]
        pairs = [Pair(painting, photo) for painting in paintings for photo in photos]
        for number, path in enumerate(self.unseen):
            painting = descriptor(load_image(path), encoder)
            pairs.append(Pair(painting, photos[number % len(photos)]))
        trained_on = spread(self.sampler.styles, FACTOR_STYLES) + spread(
            self.sampler.contents, FACTOR_CONTENTS
        )
        with tqdm(trained_on, desc="Reading pictures", leave=False) as bar:
            descriptors = torch.stack([descriptor(load_image(path), encoder) for path in bar])
        return store(net, self.variant, descriptors, pairs)

    def export(self, folder: Path) -> int:
        """Write the finished model and its logs; returns the size of the weights in bytes."""
        training: dict[str, Any] = {
            **asdict(self.recipe),
            "style_weight": self.objective.style_weight,
            "content_weight": CONTENT_WEIGHT,
            "tv_weight": TV_WEIGHT,
            "iterations": self.done,
            "of_iterations": self.total,
            "set": self.config["set"],
            **run_figures(self.folder / "log.csv", self.done, self.sampler.per_epoch),
        }
        stored, change = self.stored_form(self.finished())
        size = save_model(folder, self.variant, stored, self.encoder, training, change)
        for name in ("log.csv", "weights.csv"):
            write_atomic(folder / name, rows_before(self.folder / name, self.done))
        return size


def run_figures(log: Path, done: int, per_epoch: int) -> dict[str, Any]:
    """What a model's card says of the course of its training, from the first `done` rows of its log."""
    rows = [row for row in read_rows(log) if int(row["iteration"]) < done]
    tail = [row for row in rows[-per_epoch:] if not row["skipped"]]
    return {
        "styles_seen": len({row["style"] for row in rows}),
        "skipped": sum(bool(row["skipped"]) for row in rows),
        "hours": round(sum(float(row["seconds"]) for row in rows) / 3600, 3),
        "last_epoch": {
            key: sum(float(row[key]) for row in tail) / max(1, len(tail))
            for key in ("content_loss", "style_loss", "tv_loss")
        },
    }


def spread(paths: Sequence[Path], count: int) -> list[Path]:
    """At most so many of some paths, at even distances."""
    if len(paths) <= count:
        return list(paths)
    return [paths[index * len(paths) // count] for index in range(count)]


def set_hash(contents: Sequence[Path], styles: Sequence[Path]) -> str:
    """SHA-256 of the names of a training set, in order."""
    return hashlib.sha256(
        "\n".join(path.name for path in (*contents, *styles)).encode()
    ).hexdigest()


@contextmanager
def on_signals(stop: Any) -> Any:
    """SIGTERM and SIGINT finish the iteration and save, instead of losing up to two minutes."""
    try:
        before = {
            sig: signal.signal(sig, lambda number, _: stop(number))
            for sig in (signal.SIGTERM, signal.SIGINT)
        }
    except ValueError:  # not the main thread: the caller stops the run itself
        before = {}
    try:
        yield
    finally:
        for sig, handler in before.items():
            signal.signal(sig, handler)
