"""Train the flagship: every photograph of a batch gets a painting of its own,
and all paintings take part.

    python -m core.train flagship --data data --device cuda         # again after an interruption: goes on where it was
    python -m core.train flagship --data data --minutes 10          # a schedule that ends by then
    python -m core.train flagship --data data --start flagship      # go on from a trained network

Differences from the report's recipe, each for the sake of paintings never seen before:

- pictures are read once and cut on the device (`core.training.picture_store`);
- paintings are varied in colours and size of strokes (`core.training.variations`); their statistics
  are kept in a bank, of which a part is new with every step (`core.training.style_bank`);
- losses of equal say whatever the painting (`core.models.losses.RelativeStyleLoss`,
  `NormalizedContentLoss`), and of the taps in the proportion of `LATE_STYLE`, so that what is
  nearly reached still counts;
- the style weight is drawn for each image, and the MetaNet is told which it was (Dosovitskiy and
  Djolonga 2020, "You only train once"): one network for all balances between painting and photo;
- three phases of growing crops; in the last two some photographs are enlarged, to be as soft as
  large pictures are, and `core.models.losses.SpeckLoss` counts;
- what is shipped is a running average of the weights.

A reader that looks at paintings in VGG19's place is taught to the finished network (`core.distil`).
"""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.files import write_atomic
from core.models.checkpoint import save_model
from core.models.encoder import load_encoder
from core.models.flagship import FlagshipNet
from core.models.losses import NormalizedContentLoss, RelativeStyleLoss, total_variation
from core.models.registry import Variant
from core.runtime import DistributedContext
from core.training.averaging import running_average
from core.training.flagship_batches import FlagshipBatch, FlagshipBatches
from core.training.flagship_recipe import FlagshipConfig
from core.training.interruption import RunGuard
from core.training.learning_curve import (
    LEARNING,
    HeldOut,
    add_learning_rows,
    learning_rows,
)
from core.training.log_writer import RunLog, rows_before, run_figures, trained_layers
from core.training.objective import Objective
from core.training.state import load_state, save_state, set_hash
from core.training.step import PendingStep
from core.training.step_log import StepLog, steps_late
from core.training.storage import cost_of_rows

CONTENT = (0.6, 1.4)  # weights of taps 3 and 4
WEIGHTS_EVERY = 250
BY_ENCODER = ((0.0, None), (1.0, None))  # balances at which the learning curve is measured


class FlagshipTraining:
    """One run, from wherever it stands to its end.

    Args:
        variant: the flagship, at some width.
        config: how.
        contents, styles: the training set.
        folder: the run's folder, for state and logs.
        place: the device.
        held_out: what the learning curve is measured on, by group; none is measured without.
        start: a trained network to go on from, in place of a new one.
    """

    def __init__(
        self,
        variant: Variant,
        config: FlagshipConfig,
        contents: Sequence[Path],
        styles: Sequence[Path],
        folder: Path,
        place: DistributedContext,
        held_out: dict[str, HeldOut] | None = None,
        start: FlagshipNet | None = None,
    ) -> None:
        self.variant, self.config, self.folder, self.place = variant, config, folder, place
        self.device = place.device
        self.contents, self.styles = list(contents), list(styles)
        self.held_out = held_out or {}
        self.total = config.iterations
        dtype = getattr(torch, config.dtype)
        encoder = load_encoder(variant.encoder, config.encoder_source)
        self.encoder = encoder.for_compute(dtype).to(self.device)
        self.objective = Objective(variant, self.encoder, config.style_weight)
        assert isinstance(self.objective.content_loss, NormalizedContentLoss)
        self.objective.content_loss.weights = CONTENT
        torch.manual_seed(config.seed)
        self.is_new = start is None
        self.net = (start or cast(FlagshipNet, variant.build())).to(self.device)
        self.net.compute_dtype = dtype
        self.averaged = running_average(self.net, config.average)
        self.state = nn.ModuleDict({"net": self.net, "averaged": self.averaged})
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=config.lr, fused=True)
        self.done = load_state(folder, self.state, self.optimizer, self.identity())
        self._rows = 0
        self.guard = RunGuard(self.save)

    def identity(self) -> dict[str, Any]:
        """What a saved state must have been trained with."""
        config = {**asdict(self.config), "learning_rows": 0}
        pictures = set_hash(self.contents, self.styles)
        return {"variant": self.variant.identity(), "config": config, "set": pictures}

    @property
    def per_epoch(self) -> int:
        """Iterations of the first phase that see as many photographs as there are."""
        return -(-len(self.contents) // self.config.phases[0].batch)

    def run(self, seconds: float | None = None) -> None:
        """Train to the end.

        Args:
            seconds: where the run would take longer, its schedule is shortened to end by then.

        Raises:
            Stopped: after `guard.stop`, SIGTERM or SIGINT, with the state saved.
        """
        self._read_pictures()
        if not (self.is_new or self.done):
            found = learning_rows(self.held_out, self.finished(), BY_ENCODER)
            add_learning_rows(self.folder / LEARNING, 0, found)
        log = RunLog(self.folder, self.done)
        steps = StepLog(log, self.per_epoch, steps_late(self.device))
        started = time.monotonic()
        share = self.done / self.total
        with self.guard.running(self.variant.name, self.done, self.total) as bar:
            while share < 1 and not self.guard.asked:
                steps.add(self.done, self.step(share))
                self.done += 1
                bar.update()
                share = self.done / self.total
                if seconds is not None:
                    share = max(share, (time.monotonic() - started) / seconds)
                if self.done % WEIGHTS_EVERY == 0:
                    log.weights(self.done - 1, trained_layers(self.net).items())
                if share * (self.config.learning_rows + 1) >= self._rows + 1:
                    self.learning_row()
                if self.guard.is_due:
                    steps.write()  # never behind the state
                    self.guard.save_now()
        steps.write()
        log.close()
        self.save()
        if share < 1:
            raise self.guard.stopped(self.done, self.total)
        self.learning_row()

    def _read_pictures(self) -> None:
        """Read all pictures, and fill the bank as it was at this point of the run."""
        self.batches = FlagshipBatches(
            self.config, self.contents, self.styles, self.objective, self.device
        )
        self._rows = int(self.done / self.total * (self.config.learning_rows + 1))
        if self.is_new and not self.done:
            bank = self.batches.bank
            self.net.meta_net.standardize_on(bank.descriptors[: bank.filled])
            self.averaged.module.load_state_dict(self.net.state_dict())
        self.batches.catch_up(self.done, self.total)

    def step(self, share: float) -> PendingStep:
        """One batch."""
        config = self.config
        rate = min(1.0, (self.done + 1) / config.warm_up) * config.lr_at(share)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.batches.batch(self.done, share)
        self.optimizer.zero_grad(set_to_none=True)
        outputs, filters = self.net(batch.contents, batch.descriptors, batch.emphasis)
        if self.done < config.reproduce:
            loss = F.mse_loss(outputs, batch.contents)
            zero = torch.zeros_like(loss)
            parts = (loss, zero, zero)
        else:
            loss, parts = self.loss(outputs, batch, share)
        loss.backward()
        finite = self._update()
        values = torch.cat([value.detach() for value in filters.values()], dim=-1)
        figures = torch.stack([*parts, values.norm(), values.abs().amax()]).detach()
        finite &= torch.isfinite(figures).all()
        return PendingStep(torch.cat([figures, finite.float()[None]]))

    def loss(
        self, outputs: Tensor, batch: FlagshipBatch, share: float
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """The sum to go down, and content, weighted style and smoothness,
        each averaged over the batch.

        An image's content and style losses are divided by the root of its style weight, so that
        images of all balances have about the same say.
        """
        objective = self.objective
        style_loss, content_loss = objective.style_loss, objective.content_loss
        assert isinstance(style_loss, RelativeStyleLoss)
        assert isinstance(content_loss, NormalizedContentLoss)
        style_loss.weights = self.config.tap_weights(share)
        with torch.no_grad():
            wanted = self.encoder(batch.contents, last=objective.last_tap)
        features = self.encoder(outputs)
        content = content_loss.each(features, wanted)  # N
        style = objective.style_weight * style_loss.each(features, batch.targets)  # N
        weight = torch.exp2(batch.emphasis)
        smooth = objective.tv_weight(outputs, 1) * total_variation(outputs)
        if specks := self.config.phase_at(share).specks:
            smooth = smooth + specks * objective.speck_loss(outputs, batch.contents)
        balanced = ((content + weight * style) / weight.sqrt()).mean()
        return balanced + smooth, (content.mean(), style.mean(), smooth)

    def _update(self) -> Tensor:
        """Adam with clipped gradients; a step that is not finite changes nothing. Whether it was finite."""
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
        finite = torch.isfinite(norm)
        self.optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        self.averaged.update_parameters(self.net)
        return finite

    def save(self) -> None:
        """Write the state of the run."""
        save_state(self.folder, self.state, self.optimizer, self.done, self.identity())

    def finished(self) -> FlagshipNet:
        """The network to ship."""
        return cast(FlagshipNet, self.averaged.module)

    def learning_row(self) -> None:
        """Add the held-out measures of what would be shipped as it stands to the learning curve."""
        self._rows += 1
        found = learning_rows(self.held_out, self.finished(), BY_ENCODER)
        add_learning_rows(self.folder / LEARNING, self.done, found)

    def export(self, folder: Path) -> int:
        """Write the finished model and its logs; returns the size of the weights in bytes."""
        training: dict[str, Any] = {
            **asdict(self.config),
            "batch": self.config.phases[0].batch,
            "crop": self.config.phases[0].crop,
            "style_weight": self.objective.style_weight,
            "iterations": self.done,
            "of_iterations": self.total,
            "set": set_hash(self.contents, self.styles),
            **run_figures(self.folder / "log.csv", self.done, self.per_epoch),
            "styles_seen": len(self.styles),
        }
        net = self.finished()
        encoder = load_encoder(self.variant.encoder, self.config.encoder_source).to(self.device)
        cost = cost_of_rows(net, self.variant, encoder)
        size = save_model(folder, self.variant, net, encoder, training, cost)
        for name in ("log.csv", "weights.csv", LEARNING):
            if (self.folder / name).is_file():
                write_atomic(folder / name, rows_before(self.folder / name, self.done + 1))
        return size
