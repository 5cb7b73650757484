"""What the flagship's training sees, step by step: crops of photographs, and paintings from a bank
of which a part is new with every step.

    batches = FlagshipBatches(config, contents, styles, objective, device)
    batches.catch_up(done, total)            # of a resumed run
    batches.batch(step, share).contents      # N x 3 x crop x crop
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.models.encoder import normalize
from core.training.flagship_recipe import FlagshipConfig, Phase
from core.training.objective import Objective
from core.training.picture_store import PictureStore
from core.training.style_bank import StyleBank, Targets
from core.training.variations import random_views, vary_colours

READ_AT_ONCE = {"cuda": 64}  # paintings, by device; elsewhere 4, which stay in a processor's cache


@dataclass(frozen=True)
class FlagshipBatch:
    """What one step sees.

    Attributes:
        contents: crops of photographs, N x 3 x crop x crop, ImageNet-normalised.
        emphasis: how much the painting counts for each of them, N.
        descriptors: of the painting for each of them, N x 1920.
        targets: the statistics to be reached, of the same paintings.
    """

    contents: Tensor
    emphasis: Tensor
    descriptors: Tensor
    targets: Targets


class FlagshipBatches:
    """All pictures, read once, and the bank of paintings as it is before the first step.

    Whatever a step draws follows from its number, so that a resumed run draws the same.

    Args:
        config: how they are varied.
        contents, styles: the training set.
        objective: takes the statistics of paintings.
        device: where to compute.
    """

    def __init__(
        self,
        config: FlagshipConfig,
        contents: Sequence[Path],
        styles: Sequence[Path],
        objective: Objective,
        device: torch.device,
    ) -> None:
        self.config, self.device = config, device
        self.photos = PictureStore(contents, device, *config.picture_sides)
        self.paintings = PictureStore(styles, device, *config.picture_sides)
        self.bank = StyleBank(objective, config.bank, device)
        self.generator = torch.Generator(device)
        self._seed(-1)
        order = torch.randperm(len(self.paintings), generator=self.generator, device=device)
        for numbers in order[: config.bank].split(READ_AT_ONCE.get(device.type, 4)):
            cuts = random_views(self.paintings, numbers, self.generator)
            self.bank.add(self.paintings.cut(numbers, cuts, self.config.style_side))

    def catch_up(self, done: int, total: int) -> None:
        """Add the variations of a resumed run's last steps again,
        as far back as the bank still holds them.
        """
        counts = [self._new_count(self.config.phase_at(step / total)) for step in range(done)]
        room = self.config.bank
        first = done
        while first and room > 0:
            first -= 1
            room -= counts[first]
        self.bank.added += sum(counts[:first])
        for step in range(first, done):
            self._seed(step)
            self._add_paintings(counts[step])

    def batch(self, step: int, share: float) -> FlagshipBatch:
        """What a step sees, `share` of the run being done."""
        phase, draw = self.config.phase_at(share), self.generator
        self._seed(step)
        self._add_paintings(self._new_count(phase))
        contents = self._photographs(phase)
        low, high = self.config.emphasis
        drawn = torch.rand(phase.batch, generator=draw, device=self.device)
        emphasis = low + (high - low) * drawn
        descriptors, targets = self.bank.draw(phase.batch, draw)
        return FlagshipBatch(contents, emphasis, descriptors, targets)

    def _seed(self, step: int) -> None:
        self.generator.manual_seed((self.config.seed << 32) + step + 1)

    def _new_count(self, phase: Phase) -> int:
        return max(1, round(self.config.new_share * phase.batch))

    def _add_paintings(self, count: int) -> None:
        """Put variations of some paintings into the bank."""
        numbers = self.paintings.draw(count, self.generator)
        if self.config.varied:
            cuts = random_views(self.paintings, numbers, self.generator)
            images = self.paintings.cut(numbers, cuts, self.config.style_side)
            images = vary_colours(images, self.generator)
        else:
            cuts = self.paintings.random_cuts(numbers, self.generator)
            images = self.paintings.cut(numbers, cuts, self.config.style_side)
        self.bank.add(images)

    def _photographs(self, phase: Phase) -> Tensor:
        """A batch of crops, ImageNet-normalised;
        in later phases half of them as soft as large pictures are.
        """
        numbers = self.photos.draw(phase.batch, self.generator)
        draws = torch.rand(2, phase.batch, generator=self.generator, device=self.device)
        zoom = torch.where(draws[0] < 0.5, phase.zoom ** draws[1], 1.0)
        cuts = self.photos.random_cuts(numbers, self.generator, zoom)
        return normalize(self.photos.cut(numbers, cuts, phase.crop))
