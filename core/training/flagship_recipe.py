"""The flagship's recipe as plain data: phases,
rates and weights as functions of the share of the training that is done.
"""

import math
from dataclasses import dataclass, replace

from core.training.data import SEED

EARLY_STYLE = ((0.5, 0.5),) * 4
LATE_STYLE = ((1.5, 3.0), (0.6, 2.0), (0.2, 0.9), (0.07, 0.5))  # Gram, mean/std of each tap


@dataclass(frozen=True)
class Phase:
    """A part of the training.

    Attributes:
        share: of all iterations.
        crop, batch: side of the crops in pixels, and how many.
        zoom: one half of the photographs are enlarged up to so many times.
        specks: weight of `core.models.losses.SpeckLoss`.
    """

    share: float
    crop: int
    batch: int
    zoom: float = 1.0
    specks: float = 0.0


@dataclass(frozen=True)
class FlagshipConfig:
    """The flagship's recipe.

    Attributes:
        reproduce: first iterations, which learn to give the photo back.
        lr, warm_up, decay_from, last_lr: the learning rate rises over the first iterations, and
            from a share of all of them on falls by half a cosine.
        clip: largest norm of a gradient.
        emphasis: least and largest binary logarithm of the style weight over the variant's.
        late_from, late_by: shares of all iterations between which the taps' weights move from
            `EARLY_STYLE` to `LATE_STYLE`.
        varied: whether paintings come into the bank in other colours and sizes too.
        new_share: new variations of paintings with every step, as a share of the batch.
        bank: how many paintings' statistics are kept.
        average: how much of the running average of the weights a step keeps.
        style_side: side of the squares that are cut of paintings, in pixels.
        picture_sides: smaller and longer side at which pictures are kept, in pixels.
        learning_rows: how often the held-out measures are taken.
    """

    iterations: int = 12_000
    phases: tuple[Phase, ...] = (
        Phase(0.6, 160, 48),
        Phase(0.3, 256, 20, zoom=2.0, specks=200.0),
        Phase(0.1, 384, 8, zoom=3.5, specks=400.0),
    )
    lr: float = 2e-3
    warm_up: int = 100
    decay_from: float = 0.25
    last_lr: float = 5e-5
    clip: float = 1.0
    reproduce: int = 200
    emphasis: tuple[float, float] = (-1.5, 2.5)
    late_from: float = 0.05
    late_by: float = 0.35
    varied: bool = True
    new_share: float = 0.25
    bank: int = 16_384
    average: float = 0.999
    style_side: int = 256
    picture_sides: tuple[int, int] = (288, 432)
    seed: int = SEED
    dtype: str = "float32"
    style_weight: float | None = None
    encoder_source: str = "oxford"
    learning_rows: int = 12

    def phase_at(self, share: float) -> Phase:
        """The phase in which a share of all iterations is done."""
        end = 0.0
        for phase in self.phases:
            end += phase.share
            if share < end:
                return phase
        return self.phases[-1]

    def lr_at(self, share: float) -> float:
        """The network's learning rate."""
        fallen = max(0.0, share - self.decay_from) / (1 - self.decay_from)
        return self.last_lr + (self.lr - self.last_lr) * (1 + math.cos(math.pi * fallen)) / 2

    def tap_weights(self, share: float) -> tuple[tuple[float, float], ...]:
        """Of Gram matrix and mean/std at each tap, between `EARLY_STYLE` and `LATE_STYLE`."""
        span = max(1e-9, self.late_by - self.late_from)
        late = min(1.0, max(0.0, (share - self.late_from) / span))
        return tuple(
            (a ** (1 - late) * c**late, b ** (1 - late) * d**late)
            for (a, b), (c, d) in zip(EARLY_STYLE, LATE_STYLE, strict=True)
        )


# What two cores can do in some hours: small batches, a small bank, pictures at a size that fits.
ON_CPU = FlagshipConfig(
    phases=(
        Phase(0.7, 160, 8),
        Phase(0.3, 256, 3, zoom=2.5, specks=300.0),
    ),
    bank=2048,
    picture_sides=(256, 320),
    learning_rows=6,
)


def going_on(config: FlagshipConfig) -> FlagshipConfig:
    """The recipe for a network that is trained already: smaller steps,
    and the late weights of the taps from the start.
    """
    return replace(
        config,
        lr=config.lr * 0.3,
        decay_from=0.2,
        reproduce=0,
        late_from=-1.0,
        late_by=0.0,
        average=0.997,
    )
