"""Many paintings' statistics in a device's memory,
some of them replaced with every step by new variations.

A step needs of a painting its descriptor and the targets of the style loss, not its pixels. These
cost an encoder pass, so they are computed for a few variations at each step and used for as long as
they stay in the bank.

    bank = StyleBank(objective, slots=16_384, device=device)
    bank.add(images)                                # N x 3 x 256 x 256 in [0, 1]; the oldest N go
    descriptors, targets = bank.draw(48, generator)
"""

from typing import cast

import torch
from torch import Tensor

from core.models.encoder import STYLE_SIZE, normalize
from core.models.losses import RelativeStyleLoss, mean_std
from core.training.objective import Objective

Targets = dict[str, tuple[Tensor, Tensor]]


class StyleBank:
    """A ring of paintings' statistics: 0.7 MB each, the targets in float16.

    Args:
        objective: with a `core.models.losses.RelativeStyleLoss`, whose targets are kept.
        slots: how many paintings fit.
    """

    def __init__(self, objective: Objective, slots: int, device: torch.device) -> None:
        self.objective, self.slots, self.added = objective, slots, 0
        self.descriptors = torch.empty(slots, STYLE_SIZE, device=device)
        self._kept: dict[str, tuple[Tensor, Tensor]] = {}

    @property
    def filled(self) -> int:
        """How many slots hold a painting."""
        return min(self.added, self.slots)

    @torch.no_grad()
    def add(self, images: Tensor) -> Tensor:
        """Look at N paintings and keep what is seen, in place of the N oldest;
        returns their descriptors, N x 1920.
        """
        features = self.objective.encoder(normalize(images))
        descriptors = mean_std(features)
        device = descriptors.device
        places = torch.arange(self.added, self.added + len(images), device=device) % self.slots
        self.descriptors[places] = descriptors
        style_loss = cast(RelativeStyleLoss, self.objective.style_loss)
        for tap, parts in style_loss.target(features).items():
            if tap not in self._kept:
                self._kept[tap] = tuple(  # type: ignore[assignment]
                    torch.empty(self.slots, *part.shape[1:], dtype=torch.float16, device=device)
                    for part in parts
                )
            for kept, part in zip(self._kept[tap], parts, strict=True):
                kept[places] = part.half()
        self.added += len(images)
        return descriptors

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """Descriptors (count x 1920) and targets of paintings taken at random."""
        device = self.descriptors.device
        places = torch.randint(self.filled, (count,), generator=generator, device=device)
        targets = {
            tap: (grams[places], stats[places]) for tap, (grams, stats) in self._kept.items()
        }
        return self.descriptors[places], targets
