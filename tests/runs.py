"""A made-up training run on disk, for tests of what reads its logs."""

import math
from pathlib import Path

import torch

from core.logs import LOSSES, LR
from core.runlog import LOG_FIELDS, RunLog

FIRST = "transform_net.downsampling.1.weight"


def write_run(folder: Path, iterations: int = 40, c: float = 1.0, skipped: int | None = None) -> Path:
    """A made-up run: weights of two layers every 10 iterations, the first's RMS sqrt(0.04^2 + (c lr)^2 t); losses 1/(t + 1)."""
    log = RunLog(folder)
    spread = torch.linspace(-1, 1, 101)
    spread /= spread.square().mean().sqrt()
    for i in range(iterations):
        losses = dict.fromkeys(LOSSES, 1 / (i + 1))
        row = dict.fromkeys(LOG_FIELDS, 0.5) | losses | {"iteration": i, "epoch": 0, "style": "a, b", "skipped": ""}
        log.iteration(row | ({"skipped": "flat"} if i == skipped else {}))
        if i % 10 == 0:
            rms = math.sqrt(0.04**2 + (c * LR) ** 2 * i)
            log.weights(i, [(FIRST, rms * spread), ("meta_net.hidden.weight", 0.01 * spread)])
    log.close()
    return folder
