"""One training run, from wherever it stands to its end: recipe, trainer, export. The command line is `core.train`.

trainer = Trainer(variant, TrainingConfig(), contents, styles, Path("runs/improved-500"), init_distributed())
trainer.run()
trainer.export(Path("checkpoints/improved-500"))
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.files import write_atomic
from core.models.checkpoint import save_model
from core.models.encoder import load_encoder
from core.models.layers import allow_constant_images
from core.models.model_card import RUN_CARD
from core.models.registry import CONTENT_WEIGHT, TV_WEIGHT, Variant
from core.models.style_net import StyleNet
from core.runtime import DistributedContext
from core.training.batches import TrainingBatches
from core.training.data import SEED
from core.training.interruption import RunGuard
from core.training.log_writer import WEIGHTS_EVERY, RunLog, rows_before, run_figures, trained_layers
from core.training.objective import Objective, Style
from core.training.state import load_state, save_state, set_hash
from core.training.step import PendingStep, start_step
from core.training.step_log import StepLog, steps_late
from core.training.storage import store_net
from core.training.weight_growth import FixedNorms, cosine, make_optimizer

MAX_WORKERS = 8  # processes that cut crops for a GPU


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
        defaults = asdict(TrainingConfig())
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}


class Trainer:
    """One run: network, optimiser, sampler, log and state, from wherever it stands to its end.

    Args:
        variant: what to train, a model of the report.
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
        self.sampler = TrainingBatches(
            contents, styles, recipe.batch, recipe.crop, recipe.style_every, recipe.seed
        )
        self.total = recipe.iterations or recipe.epochs * self.sampler.per_epoch
        dtype = getattr(torch, recipe.dtype)
        encoder = load_encoder(variant.encoder, recipe.encoder_source)
        self.encoder = encoder.for_compute(dtype).to(place.device)
        self.objective = Objective(variant, self.encoder, recipe.style_weight)
        torch.manual_seed(recipe.seed)
        self.net = cast(StyleNet, variant.build()).to(place.device)
        self.net.compute_dtype = dtype
        if recipe.allow_constant_images:
            allow_constant_images(self.net)
        self.optimizer = make_optimizer(self.net, recipe.lr, recipe.growth)
        self.norms = FixedNorms(self.net) if recipe.growth == "fixed-norm" else None
        self.config = {
            "variant": variant.identity(),
            "recipe": recipe.identity(),
            "set": set_hash(contents, styles),
            "total": self.total,
        }
        self.done = load_state(folder, self.net, self.optimizer, self.config)
        self.guard = RunGuard(self._save)
        self._style: Style | None = None

    def step(self, net: nn.Module, iteration: int, contents: Tensor) -> PendingStep:
        """One batch; `net` is `self.net`, under torchrun wrapped to share gradients."""
        if self._style is None or iteration % self.recipe.style_every == 0:
            crop = self.sampler.style_crop(iteration)
            self._style = self.objective.style(crop.to(self.place.device))
        if self.norms:
            for group in self.optimizer.param_groups:
                group["lr"] = cosine(self.recipe.lr, iteration, self.total)
        flat = self.recipe.allow_constant_images
        pending = start_step(net, self.objective, self.optimizer, contents, self._style, flat)
        if self.norms:
            self.norms.restore()
        return pending

    def run(self) -> None:
        """Train to the end. Raises Stopped after SIGTERM or SIGINT, with the state saved."""
        rank, world = self.place.rank, self.place.world
        wrapped = DistributedDataParallel(self.net) if world > 1 else self.net
        steps = self._open_log()
        on_gpu = self.place.device.type == "cuda"
        workers = min(MAX_WORKERS, os.cpu_count() or 1) if on_gpu else 0
        batches = self.sampler.batches(self.done, self.total, rank, world, workers)
        with self.guard.running(self.variant.name, self.done, self.total, rank == 0) as bar:
            for iteration, contents in batches:
                pending = self.step(wrapped, iteration, contents)
                self.done = iteration + 1
                if steps.log and (iteration % WEIGHTS_EVERY == 0 or self.done == self.total):
                    steps.log.weights(iteration, trained_layers(self.net).items())
                steps.add(iteration, pending, self.sampler.style_path(iteration).stem)
                bar.update()
                stopping = self.guard.asked  # read once: what is said below must be so
                is_last = self.done == self.total
                if stopping or is_last or self.guard.is_due:
                    steps.write()  # never behind the state
                    self.guard.save_now()
                if stopping and not is_last:
                    raise self.guard.stopped(self.done, self.total)
        if steps.log:
            steps.log.close()

    def _save(self) -> None:
        if self.place.rank == 0:
            save_state(self.folder, self.net, self.optimizer, self.done, self.config)

    def _open_log(self) -> StepLog:
        """The run's log, with what its reader must know of the learning rate beside it
        (see `core.analysis.training_logs`); only the first process writes it.
        """
        log = None
        if self.place.rank == 0:
            log = RunLog(self.folder, self.done)
            training = {**asdict(self.recipe), "of_iterations": self.total}
            about = {"variant": asdict(self.variant), "training": training}
            text = json.dumps(about, indent=1, ensure_ascii=False)
            write_atomic(self.folder / RUN_CARD, text.encode())
        return StepLog(log, self.sampler.per_epoch, steps_late(self.place.device))

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
        encoder = load_encoder(self.variant.encoder, self.recipe.encoder_source)
        encoder = encoder.to(self.place.device)
        stored, cost = store_net(self.net, self.variant, encoder, self.sampler, self.unseen)
        size = save_model(folder, self.variant, stored, self.encoder, training, cost)
        for name in ("log.csv", "weights.csv"):
            write_atomic(folder / name, rows_before(self.folder / name, self.done))
        return size
