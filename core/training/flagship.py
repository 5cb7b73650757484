"""Train the flagship: every photograph of a batch gets a painting of its own, and all paintings take part.

    python -m core.train flagship --data data                      # again after an interruption: goes on where it was
    python -m core.train flagship --data data --iterations 3000    # a shorter run

Differences from the report's recipe, each for the sake of paintings never seen before:
- a painting's statistics and Gram matrices are computed once and kept (float16), so a new style costs nothing;
- losses of equal say whatever the painting (`core.models.losses.RelativeStyleLoss`, `NormalizedContentLoss`);
- the first iterations only reproduce the photo; then a learning rate that falls by a cosine, and clipped gradients;
- in the last part, more say for what was still far off by then: the first taps, means and standard deviations;
- small crops first, large ones at the end; what is shipped is a running average of the weights;
- a last twentieth more, against specks in large pictures: photographs enlarged at random, and
`core.models.losses.SpeckLoss`; what is
  shipped lies between the weights before it and after it (Wortsman et al., 2109.01903).

Every 500 iterations `learning.csv` gets a row of held-out measures (`core.training.validation`): the learning curve.
"""

import copy
import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from core.files import write_atomic
from core.images.convert import resize_smaller, to_tensor
from core.images.decode import load_image
from core.images.library import library
from core.inference.stylizer import StyledModel
from core.models.encoder import load_encoder, normalize
from core.models.flagship import FlagshipNet
from core.models.losses import NormalizedContentLoss, RelativeStyleLoss
from core.training.batches import TrainingBatches, random_crop
from core.training.log_writer import read_rows, rows_before
from core.training.objective import Objective, Style
from core.training.step import StepResult, train_step
from core.training.trainer import Trainer, TrainingConfig
from core.training.validation import NAMES, Validation, unseen_paintings

STYLE_SIDE = 256
STANDARDIZE_ON = 512
VALIDATE_EVERY = 500
VALIDATE_ASIDE = 8  # of the paintings set aside, beside the gallery's four
LEARNING = "learning.csv"
PAINTINGS = "paintings"


@dataclass(frozen=True)
class FlagshipConfig(TrainingConfig):
    """The flagship's recipe.

    Attributes:
        reproduce: first iterations, which learn to give the photo back (rate `reproduce_lr`).
        decay_from, large_from, late_from: shares of all iterations after which the rate falls, the crops grow, and the
            losses of the taps are weighted by `late_style` (Gram, mean/std of each tap) and `late_content` (taps 3 and 4).
        polish: what comes after `iterations`, as a share of them: photographs enlarged up to `polish_zoom` times, specks
            weighted by `polish_specks`, a rate that falls from `polish_lr`, and an average of its own reach. What is shipped
            is `polish_share` of the way from the weights before it to those after it.
    """

    iterations: int | None = 12_000
    crop: int = 160
    large_crop: int = 256
    large_from: float = 0.9
    lr: float = 2e-3
    decay_from: float = 0.3
    last_lr: float = 2e-5
    clip: float = 1.0
    reproduce: int = 150
    reproduce_lr: float = 1e-3
    reproduce_clip: float = 0.5
    average: float = 0.999
    late_from: float = 0.6
    late_style: tuple[tuple[float, float], ...] = ((1.5, 3.0), (0.4, 1.3), (0.1, 0.5), (0.05, 0.4))
    late_content: tuple[float, ...] = (0.6, 1.4)
    polish: float = 0.05
    polish_zoom: float = 3.5
    polish_specks: float = 400.0
    polish_lr: float = 3e-4
    polish_average: float = 0.99
    polish_share: float = 0.7

    def total(self, sampler: TrainingBatches) -> int:
        return round((self.iterations or 0) * (1 + self.polish))

    def sampler(self, contents: Sequence[Path], styles: Sequence[Path]) -> TrainingBatches:
        whole = self.iterations or 0
        large_from, polish_from = int(self.large_from * whole) or 1 << 60, whole or 1 << 60
        sizes = (self.large_crop, large_from, self.polish_zoom, polish_from)
        return FlagshipBatches(contents, styles, self.batch, self.crop, 1, self.seed, *sizes)

    def lr_at(self, iteration: int) -> float:
        """The learning rate of an iteration: reproducing, constant, a cosine to `last_lr`, and one more to polish."""
        if iteration < self.reproduce:
            return self.reproduce_lr
        whole = self.iterations or 0
        if polishing := iteration >= whole:
            start, end = float(whole), whole * (1 + self.polish)
        else:
            start, end = self.decay_from * whole, float(whole)
        share = min(1.0, max(0.0, (iteration - start) / max(1.0, end - start)))
        first = self.polish_lr if polishing else self.lr
        return self.last_lr + (first - self.last_lr) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class FlagshipBatches(TrainingBatches):
    """Contents as in `Sampler`, mirrored at random; a painting for each of them."""

    large_crop: int = 256
    large_from: int = 1 << 60
    zoom: float = 1.0
    zoom_from: int = 1 << 60

    def crop_at(self, iteration: int) -> int:
        return self.large_crop if iteration >= self.large_from else self.crop

    def content_crop(self, image: Image.Image, iteration: int, rng: np.random.Generator) -> Tensor:
        """From `zoom_from` on, also as soft and as flat as parts of a large picture are."""
        zoom = self.zoom ** rng.random() if iteration >= self.zoom_from else 1.0
        return random_crop(image, self.crop_at(iteration), rng, zoom)

    def content_crops(self, iteration: int, rank: int = 0, world: int = 1) -> Tensor:
        crops = super().content_crops(iteration, rank, world)
        mirrored = self._rng(5, iteration).random(self.batch)[rank::world] < 0.5
        return torch.stack(
            [crop.flip(2) if flip else crop for crop, flip in zip(crops, mirrored, strict=True)]
        )

    def paintings(self, iteration: int, rank: int = 0, world: int = 1) -> list[Path]:
        """This rank's paintings; each of the set is used once before any is used again."""
        first = iteration * self.batch
        chosen = []
        for slot in range(rank, self.batch, world):
            turn, place = divmod(first + slot, len(self.styles))
            order = np.random.default_rng((self.seed, 6, turn)).permutation(len(self.styles))
            chosen.append(self.styles[int(order[place])])
        return chosen


class Paintings:
    """What the losses and the MetaNet need of each painting: computed when first used, then kept in float16.

    Args:
        folder: where it is kept on disk as well (0.7 MB a painting), so that a resumed run need not compute it again.
    """

    def __init__(self, objective: Objective, device: torch.device, folder: Path) -> None:
        self.objective, self.device, self.folder = objective, device, folder
        self._kept: dict[Path, Style] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __getitem__(self, path: Path) -> Style:
        if path not in self._kept:
            kept = self.folder / f"{path.name}.safetensors"
            if not kept.is_file():
                write_atomic(kept, save(self._compute(path)))
            tensors = load_file(kept, str(self.device))
            taps = self.objective.encoder.tap_names
            target = {tap: (tensors[f"{tap}.gram"], tensors[f"{tap}.stats"]) for tap in taps}
            self._kept[path] = Style(tensors["descriptor"], target)
        return self._kept[path]

    def _compute(self, path: Path) -> dict[str, Tensor]:
        pixels = to_tensor(resize_smaller(load_image(path, at_least=STYLE_SIDE), STYLE_SIDE))[None]
        style = self.objective.style(pixels.to(self.device))
        tensors = {"descriptor": style.descriptor}
        for tap, (gram, stats) in style.target.items():
            tensors |= {f"{tap}.gram": gram.half(), f"{tap}.stats": stats.half()}
        return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}


class FlagshipTrainer(Trainer):
    """`core.training.trainer.Trainer` with the flagship's step; its state also holds the running average, now and
    before polishing."""

    recipe: FlagshipConfig
    sampler: FlagshipBatches
    net: FlagshipNet

    validation: Validation | None = None

    def prepare(self) -> None:
        self.paintings = Paintings(self.objective, self.place.device, self.folder / PAINTINGS)
        self.averaged = AveragedModel(
            self.net, multi_avg_fn=get_ema_multi_avg_fn(self.recipe.average), use_buffers=True
        )
        self.unpolished = copy.deepcopy(self.net)
        self.state = nn.ModuleDict(
            {"net": self.net, "averaged": self.averaged, "unpolished": self.unpolished}
        )
        if not self.resumes:
            order = np.random.default_rng(self.recipe.seed).permutation(len(self.sampler.styles))[
                :STANDARDIZE_ON
            ]
            some = [self.sampler.styles[int(i)] for i in order]
            bar = tqdm(some, desc="Looking at paintings", disable=self.place.rank != 0)
            self.net.meta_net.standardize_on(
                torch.stack([self.paintings[path].descriptor for path in bar])
            )

    def style_name(self, iteration: int) -> str:
        return self.sampler.paintings(iteration)[0].stem

    def step(self, net: nn.Module, iteration: int, contents: Tensor) -> StepResult:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr_at(iteration)
        whole = self.recipe.iterations or 0
        if iteration >= self.recipe.late_from * whole:
            cast(RelativeStyleLoss, self.objective.style_loss).weights = self.recipe.late_style
            cast(
                NormalizedContentLoss, self.objective.content_loss
            ).weights = self.recipe.late_content
        if iteration >= whole:
            if iteration == whole:
                self.unpolished.load_state_dict(self.averaged.module.state_dict())
            self.objective.speck_weight = self.recipe.polish_specks
            self.averaged.multi_avg_fn = get_ema_multi_avg_fn(self.recipe.polish_average)
        paintings = self.sampler.paintings(iteration, self.place.rank, self.place.world)
        styles = [self.paintings[path] for path in paintings]
        if iteration < self.recipe.reproduce:
            return self.reproduce(net, contents, styles)
        result = train_step(net, self.objective, self.optimizer, contents, styles, self.recipe.clip)
        if not result.skipped:  # the first time, this copies the network
            self.averaged.update_parameters(self.net)
        if self.validation and (
            (iteration + 1) % VALIDATE_EVERY == 0 or iteration + 1 == self.total
        ):
            self.validate(self.validation, iteration)
        return result

    def validate(self, validation: Validation, iteration: int) -> None:
        """Add a row to the learning curve, in place of rows that an interrupted run wrote ahead of its state."""
        found = self.held_out(validation)
        path = self.folder / LEARNING
        rows = [row for row in read_rows(path) if int(row["iteration"]) < iteration]
        table = io.StringIO()
        writer = csv.DictWriter(table, ("iteration", *NAMES), lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            [
                *rows,
                {"iteration": iteration, **{name: f"{value:.5g}" for name, value in found.items()}},
            ]
        )
        write_atomic(path, table.getvalue().encode())

    def held_out(self, validation: Validation) -> dict[str, float]:
        """The measures of what would be shipped as it stands."""
        net = self.finished().eval().requires_grad_(False)
        with torch.no_grad():
            styled = [
                StyledModel(net.transform_net, net.meta_net(d))
                for d in self.validation_descriptors(validation)
            ]
        styles = dict(zip(map(id, validation.paintings), styled, strict=True))
        return validation.measure(lambda photo, painting: styles[id(painting)](photo))

    def validation_descriptors(self, validation: Validation) -> list[Tensor]:
        """What the MetaNet sees of the paintings that are measured with."""
        pixels = [
            to_tensor(resize_smaller(painting, STYLE_SIDE))[None]
            for painting in validation.paintings
        ]
        return [self.objective.style(image.to(self.place.device)).descriptor for image in pixels]

    def reproduce(self, net: nn.Module, contents: Tensor, styles: Sequence[Style]) -> StepResult:
        """A step towards giving the photo back, whatever the painting; logged as content loss."""
        contents = normalize(contents)
        self.optimizer.zero_grad(set_to_none=True)
        outputs, _ = net(contents, torch.stack([style.descriptor for style in styles]))
        loss = F.mse_loss(outputs, contents)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.reproduce_clip)
        self.optimizer.step()
        return StepResult(loss.item(), 0.0, 0.0, 0.0, 0.0)

    def finished(self) -> FlagshipNet:
        net = copy.deepcopy(cast(FlagshipNet, self.averaged.module))
        if self.done > (self.recipe.iterations or 0):
            before = self.unpolished.state_dict()
            after = net.state_dict()
            net.load_state_dict(
                {
                    name: torch.lerp(before[name], after[name], self.recipe.polish_share)
                    for name in after
                }
            )
        return net

    def export(self, folder: Path) -> int:
        size = super().export(folder)
        if (self.folder / LEARNING).is_file():
            write_atomic(folder / LEARNING, rows_before(self.folder / LEARNING, self.done))
        return size


def outside_pairs(data: Path, cache: Path) -> Validation:
    """The gallery's four outside contents by its four outside styles and eight of the paintings set aside."""
    contents = [picture.image() for picture in library().unseen_contents]
    return Validation(
        contents, unseen_paintings(data, cache, VALIDATE_ASIDE), load_encoder("vgg19")
    )
