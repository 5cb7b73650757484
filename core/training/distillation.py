"""Teach a small style reader to a trained flagship (distillation, Hinton et al. 1503.02531).

    training = Distillation(net, lessons, DistillationConfig(), folder, encoder)
    training.run()
    reader = training.finished()             # core.models.style_reader.StyleReader

The reader begins as a thin copy of VGG19 (`core.training.thinning`) and is taught twice: its
convolutions to see the same, then, from the numbers alone, its map to put right what they still miss.
(A smaller network of random weights, the first kind tried here, left 0.60 and 0.17 of the two losses after
150 s of teaching on two cores; the copy leaves 0.17 and 0.10 before any, 0.16 and 0.03 after as long.)
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.commandline import Stopped
from core.models.encoder import STYLE_SIZE, Encoder, normalize, weights_hash
from core.models.flagship import FlagshipMetaNet, FlagshipNet
from core.models.style_reader import StyleReader
from core.training.averaging import running_average
from core.training.data import SEED
from core.training.interruption import RunGuard
from core.training.lessons import AT_ONCE, Lessons
from core.training.log_writer import open_log, write_row
from core.training.state import load_state, save_state
from core.training.thinning import fit_scale, thin_copy
from core.training.weight_growth import cosine

LOG_FIELDS = ("iteration", "statistics_loss", "generated_loss")
SPREAD_OVER = 512  # variations over which the spread of each generated number is taken
MAP_WARM_UP = 50  # steps


@dataclass(frozen=True)
class DistillationConfig:
    """How a reader is taught: its convolutions by pictures, then its map by what these see.

    Attributes:
        pictures: variations from which the thin copy is found.
        steps: of the optimiser, for the convolutions.
        batch: variations in each, a multiple of `AT_ONCE`.
        lr, warm_up, last_lr: the learning rate rises over the first steps, then falls by half a
            cosine. Ten times as large, it undoes in a minute what the copy already has.
        betas: of Adam.
        clip: largest norm of the gradient.
        average: how much of the running average of the weights a step keeps; the average is what
            is shipped.
        generated_weight: of what the MetaNet generates, beside the statistics.
        map_epochs, map_batch, map_lr, map_decay: of the map, with AdamW and half a cosine.
        map_noise: standard deviation of what is added to the statistics that the map is taught with.
    """

    pictures: int = 96
    steps: int = 1_500
    batch: int = 8
    lr: float = 6e-5
    warm_up: int = 30
    last_lr: float = 1.2e-6
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    average: float = 0.997
    generated_weight: float = 4.0
    map_epochs: int = 20
    map_batch: int = 128
    map_lr: float = 1e-3
    map_decay: float = 1e-2
    map_noise: float = 0.02
    seed: int = SEED

    def lr_at(self, step: int) -> float:
        """The learning rate of a step."""
        rising = min(1.0, (step + 1) / self.warm_up)
        return rising * (self.last_lr + cosine(self.lr - self.last_lr, step, self.steps))

    def map_lr_at(self, step: int, steps: int) -> float:
        """The learning rate of a step of the map."""
        return min(1.0, (step + 1) / MAP_WARM_UP) * cosine(self.map_lr, step, steps)


class Distillation:
    """One run, from wherever it stands to its end.

    Args:
        net: the flagship that shall be told by the reader what a painting is like; not changed.
        lessons: prepared.
        config: how.
        folder: for state and log.
        encoder: VGG19 in float32, of which a new run's reader is a thin copy.
        dtype: what the reader's convolutions compute in while they learn.
    """

    def __init__(
        self,
        net: FlagshipNet,
        lessons: Lessons,
        config: DistillationConfig,
        folder: Path,
        encoder: Encoder,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.lessons, self.config, self.folder, self.dtype = lessons, config, folder, dtype
        self.meta_net = net.meta_net.requires_grad_(False)
        torch.manual_seed(config.seed)
        self.reader = StyleReader().to(lessons.store.device)
        # VGG19's own first layer stays, and the map is taught at the end, on its own.
        self.reader.features[0].requires_grad_(False)
        taught = [*self.reader.features[1:].parameters(), self.reader.slope, self.reader.offset]
        self.averaged = running_average(self.reader, config.average)
        self.state = nn.ModuleDict({"reader": self.reader, "averaged": self.averaged})
        self.optimizer = torch.optim.Adam(taught, lr=config.lr, betas=config.betas)
        self.done = load_state(folder, self.state, self.optimizer, self.identity())
        self._spread = self._generated_spread()
        self.guard = RunGuard(self.save)
        if not self.done:
            self._begin_with(encoder)

    def _begin_with(self, encoder: Encoder) -> None:
        """Make the reader a thin copy of the encoder."""
        groups = range(min(self.lessons.groups, self.config.pictures // AT_ONCE))
        images = normalize(torch.cat([self.lessons.images(group) for group in groups]))
        copied = thin_copy(encoder, images, self.config.seed)
        fit_scale(copied, images, self.wanted(groups))
        copied.map = self.reader.map
        self.reader.load_state_dict(copied.state_dict())
        self.finished().load_state_dict(copied.state_dict())

    def identity(self) -> dict[str, Any]:
        """What a saved state must have been trained with."""
        return {
            "config": asdict(self.config),
            "lessons": self.lessons.about,
            "meta_net": weights_hash(self.meta_net.state_dict()),
            "dtype": str(self.dtype).removeprefix("torch."),
        }

    @torch.no_grad()
    def _generated_spread(self) -> Tensor:
        """Standard deviation of each number that the MetaNet generates, over many variations."""
        seen = self.wanted(range(min(self.lessons.groups, SPREAD_OVER // AT_ONCE)))
        return generated(self.meta_net, seen).std(dim=0).clamp(min=1e-4)

    def wanted(self, groups: Iterable[int]) -> Tensor:
        """What the MetaNet sees of some groups of variations that VGG19 has read, N x 1920."""
        return self.meta_net.standardized(torch.cat([self.lessons.seen(g) for g in groups]))

    def run(self) -> None:
        """Teach the convolutions to the end, then the map.

        Raises:
            Stopped: by a signal; the convolutions' state is saved, the map begins anew.
        """
        log = open_log(self.folder / "log.csv", LOG_FIELDS, self.done)
        with self.guard.running("Teaching", self.done, self.config.steps) as bar:
            while self.done < self.config.steps and not self.guard.asked:
                write_row(log, [self.done, *self.step()])
                self.done += 1
                bar.update()
                if self.guard.is_due:
                    self.guard.save_now()
        log.close()
        self.save()
        if self.done < self.config.steps:
            raise self.guard.stopped(self.done, self.config.steps, "steps")
        self._teach_map(self._all_seen())

    def finished(self) -> StyleReader:
        """The reader to ship."""
        return cast(StyleReader, self.averaged.module).eval()

    def save(self) -> None:
        """Write the state of the run."""
        save_state(self.folder, self.state, self.optimizer, self.done, self.identity())

    def groups_of(self, step: int) -> Tensor:
        """Which groups of variations a step sees: each pass over them all is in an order of its own."""
        each = max(1, self.config.batch // AT_ONCE)
        steps = max(1, self.lessons.groups // each)  # of a pass
        generator = torch.Generator().manual_seed((self.config.seed << 32) + step // steps)
        order = torch.randperm(self.lessons.groups, generator=generator)
        return order[step % steps * each :][:each]

    def step(self) -> tuple[float, float]:
        """One batch; both parts of its loss."""
        groups = self.groups_of(self.done).tolist()
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr_at(self.done)
        self.optimizer.zero_grad(set_to_none=True)
        losses = []
        for number in groups:  # a group at a time, which stays in a processor's cache
            images = normalize(self.lessons.images(number))
            mixed = self.dtype != torch.float32
            with torch.autocast(images.device.type, self.dtype, enabled=mixed):
                found = self.reader.seen(images)
            parts = self.losses(found, self.wanted([number])) / len(groups)
            self._sum(parts).backward()
            losses.append(parts.detach())
        nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], self.config.clip)
        self.optimizer.step()
        self.averaged.update_parameters(self.reader)
        statistics, in_filters = torch.stack(losses).sum(dim=0).tolist()
        return statistics, in_filters

    def losses(self, found: Tensor, wanted: Tensor) -> Tensor:
        """How far statistics are from VGG19's, and what is generated of them from what would be;
        2, each 1 for a reader that sees nothing.
        """
        ours, theirs = generated(self.meta_net, found), generated(self.meta_net, wanted)
        in_filters = ((ours - theirs) / self._spread).square().mean()
        return torch.stack([F.mse_loss(found, wanted), in_filters])

    def _sum(self, losses: Tensor) -> Tensor:
        return losses[0] + self.config.generated_weight * losses[1]

    @torch.no_grad()
    def _all_seen(self) -> Tensor:
        """What the taught convolutions see of all variations, N x 1920."""
        reader, seen = self.finished(), []
        with self.guard.running("Reading", 0, self.lessons.groups) as bar:
            for group in range(self.lessons.groups):
                seen.append(reader.seen(normalize(self.lessons.images(group))))
                bar.update()
                self._stop_if_asked()
        return torch.cat(seen)

    def _teach_map(self, seen: Tensor) -> None:
        """Teach the map what the convolutions miss; it learns from their 1,920 numbers alone."""
        config, map_ = self.config, self.finished().map
        wanted = self.wanted(range(self.lessons.groups))
        optimizer = torch.optim.AdamW(
            map_.parameters(), lr=config.map_lr, weight_decay=config.map_decay
        )
        generator = torch.Generator().manual_seed(config.seed)
        steps = config.map_epochs * -(-len(seen) // config.map_batch)
        with self.guard.running("Correcting", 0, steps) as bar:
            for step in range(steps):
                for group in optimizer.param_groups:
                    group["lr"] = config.map_lr_at(step, steps)
                chosen = torch.randint(len(seen), (config.map_batch,), generator=generator)
                noise = torch.randn(config.map_batch, STYLE_SIZE, generator=generator)
                given = seen[chosen] + config.map_noise * noise.to(seen.device)
                optimizer.zero_grad(set_to_none=True)
                self._sum(self.losses(map_(given), wanted[chosen])).backward()
                optimizer.step()
                bar.update()
                self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.guard.asked:
            raise Stopped(
                self.guard.asked, "Stopped before the end; all steps of the convolutions are kept."
            )


def generated(meta_net: FlagshipMetaNet, seen: Tensor) -> Tensor:
    """All numbers that a MetaNet makes of standardized statistics (N x 1920), in one row each."""
    return torch.cat(list(meta_net.generate(seen).values()), dim=-1)
