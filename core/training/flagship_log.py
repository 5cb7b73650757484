"""What a run of the flagship writes while it runs: the log of its steps, and its learning curve.

Figures of a step stay on the device until some are there, so that no step waits for them.
"""

import csv
import io
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.files import write_atomic
from core.training.log_writer import RunLog, read_rows

LEARNING = "learning.csv"
LOG_EVERY = 25


@dataclass(frozen=True)
class Losses:
    """Of one step, as tensors of one number: the three weighted losses,
    and norm and size of what was generated.
    """

    content: Tensor
    style: Tensor
    smooth: Tensor
    filter_norm: Tensor
    filter_max: Tensor

    def row(self) -> Tensor:
        """The five in one tensor."""
        return torch.stack(
            [self.content, self.style, self.smooth, self.filter_norm, self.filter_max]
        )


@dataclass
class StepLog:
    """Rows of `log.csv`, written a few at a time.

    Attributes:
        log: of the run.
        per_epoch: iterations in which as many photographs are seen as there are.
    """

    log: RunLog
    per_epoch: int
    _waiting: list[tuple[int, float, Tensor]] = field(default_factory=list)
    _last: float = field(default_factory=time.monotonic)

    def add(self, iteration: int, losses: Losses) -> None:
        """Take the figures of one step; every 25th time, write."""
        self._waiting.append((iteration, time.monotonic(), losses.row()))
        if len(self._waiting) == LOG_EVERY:
            self.write()

    def write(self) -> None:
        """Write what is waiting."""
        if not self._waiting:
            return
        figures = torch.stack([row for *_, row in self._waiting]).tolist()
        now = time.monotonic()  # the device has done these steps only now
        seconds = (now - self._last) / len(figures)
        self._last = now
        for (iteration, _, _), row in zip(self._waiting, figures, strict=True):
            content, style, smooth, norm, largest = row
            self.log.iteration(
                {
                    "iteration": iteration,
                    "epoch": iteration // self.per_epoch,
                    "style": "",
                    "seconds": seconds,
                    "content_loss": content,
                    "style_loss": style,
                    "tv_loss": smooth,
                    "loss": content + style + smooth,
                    "filter_norm": norm,
                    "filter_max": largest,
                    "skipped": "" if math.isfinite(sum(row)) else "non-finite",
                }
            )
        self._waiting.clear()


def add_learning_rows(path: Path, done: int, found: Iterable[dict[str, Any]]) -> None:
    """Add held-out measures to a learning curve,
    in place of rows that an interrupted run wrote ahead of its state.

    Args:
        done: iterations that were done when they were measured.
        found: of each group of paintings and each balance, a row; `iteration` comes first.
    """
    kept: list[dict[str, Any]] = [row for row in read_rows(path) if int(row["iteration"]) < done]
    rows = [*kept, *({"iteration": done, **row} for row in found)]
    if not rows:
        return
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})
    write_atomic(path, table.getvalue().encode())
