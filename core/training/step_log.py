"""Rows of a training's `log.csv`, written some steps late, so that nobody waits for a step of a GPU."""

import time
from dataclasses import asdict, dataclass, field

import torch

from core.training.log_writer import RunLog
from core.training.step import PendingStep

LATE_ON_GPU = 20  # steps that a GPU is given before anyone waits for their figures


def steps_late(device: torch.device) -> int:
    """After how many steps their figures are read: on a GPU, NVIDIA's or Apple's, only now and then."""
    return 1 if device.type == "cpu" else LATE_ON_GPU


@dataclass
class StepLog:
    """Steps on their way into a run's log.

    Attributes:
        log: of the run; None in processes beyond the first, which only wait for their steps.
        per_epoch: iterations of an epoch.
        late: how many steps wait before they are written.
    """

    log: RunLog | None
    per_epoch: int
    late: int
    _waiting: list[tuple[int, str, PendingStep]] = field(default_factory=list)
    _last: float = field(default_factory=time.monotonic)

    def add(self, iteration: int, step: PendingStep, style: str = "") -> None:
        """Take a step, of one painting where it is named; write where enough are waiting."""
        self._waiting.append((iteration, style, step))
        if len(self._waiting) == self.late:
            self.write()

    def write(self) -> None:
        """Wait for the steps that were taken, and write their rows."""
        results = [step.result() for *_, step in self._waiting]
        now = time.monotonic()  # the device has done these steps only now
        for (iteration, style, _), result in zip(self._waiting, results, strict=True):
            if self.log:
                self.log.iteration(
                    {
                        **asdict(result),
                        "iteration": iteration,
                        "epoch": iteration // self.per_epoch,
                        "style": style,
                        "seconds": (now - self._last) / len(results),
                        "loss": result.loss,
                    }
                )
        self._waiting.clear()
        self._last = now
