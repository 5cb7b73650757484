"""What a training log becomes: curves of losses, and of the distribution of each layer's weights.

`core.analysis.training_logs` makes them of our own files and anyone's CSV,
`core.analysis.tensorboard` of event files.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.commandline import UserError
from core.training.weight_growth import cosine

LR = 1e-3  # the recipe's, where a log does not say
LOSSES = ("loss", "content_loss", "style_loss", "tv_loss")
Floats = NDArray[np.float64]


class LogError(UserError):
    """A file is not a training log; the message says what it should be."""


@dataclass(frozen=True)
class Series:
    """One loss against the iteration: two arrays of T numbers, NaN where a batch was skipped."""

    iterations: Floats
    values: Floats

    @classmethod
    def of(cls, table: Floats) -> "Series":
        """From rows of two numbers: the iteration and a loss."""
        table = in_order(table)
        return cls(table[:, 0], table[:, 1])


@dataclass(frozen=True)
class Distribution:
    """One layer's weights against the iteration.

    Attributes:
        iterations: T.
        quantiles: T x 9, at `core.training.log_writer.PERCENT`.
        rms: T, root mean square.
    """

    iterations: Floats
    quantiles: Floats
    rms: Floats

    @classmethod
    def of(cls, table: Floats) -> "Distribution":
        """From rows of eleven numbers: the iteration, nine quantiles and the RMS."""
        table = in_order(table)
        return cls(table[:, 0], table[:, 1:-1], table[:, -1])


@dataclass(frozen=True)
class TrainingLog:
    """What is known of one training run.

    Attributes:
        name: for the reader.
        layers: layer -> its distribution; empty where there is no weights.csv.
        losses: those of `LOSSES` that were logged.
        lr: learning rate, of the first iteration.
        falls: over how many iterations it falls by half a cosine
            (`core.training.weight_growth.cosine`); 0 where
        it stays, None where not known.
    """

    name: str
    layers: dict[str, Distribution] = field(default_factory=dict)
    losses: dict[str, Series] = field(default_factory=dict)
    lr: float = LR
    falls: int | None = None

    def turns(self, layer: str) -> Floats | None:
        """How far a step turns a layer's filters, against the first one: learning rate over RMS, 1
        at the first logged iteration.

        Returns:
            T numbers; None where it is not known what becomes of the learning rate,
            or of an RMS of 0.
        """
        found = self.layers[layer]
        if self.falls is None or not len(found.rms) or not (found.rms > 0).all():
            return None
        falls = self.falls
        rates = np.array([cosine(1.0, int(i), falls) if falls else 1.0 for i in found.iterations])
        turns: Floats = rates / found.rms
        return turns / turns[0]


# What a file holds of each layer and of each loss: rows for `Distribution.of` and `Series.of`.
Curves = tuple[dict[str, Floats], dict[str, Floats]]


def in_order(table: Floats) -> Floats:
    """By iteration (the first column); of rows that share one, the last."""
    table = table[np.argsort(table[:, 0], kind="stable")]
    last = np.append(np.diff(table[:, 0]) > 0, True)[: len(table)]
    return table[last]
