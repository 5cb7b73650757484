"""A made-up training run on disk, its logs and held-out losses, for tests of what reads them."""

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from core.analysis.curves import LOSSES, LR
from core.analysis.heldout_losses import DATA, FIELDS, GALLERY, HELDOUT
from core.files import write_atomic
from core.models.model_card import write_card
from core.models.registry import MODELS
from core.training.log_writer import LOG_FIELDS, RunLog, csv_table

FIRST = "transform_net.downsampling.1.weight"


def write_run(
    folder: Path, iterations: int = 40, c: float = 1.0, skipped: int | None = None
) -> Path:
    """A made-up run: weights of two layers every 10 iterations, the first's RMS sqrt(0.04^2 + (c lr)^2 t); losses 1/(t + 1)."""
    log = RunLog(folder)
    spread = torch.linspace(-1, 1, 101)
    spread /= spread.square().mean().sqrt()
    for i in range(iterations):
        losses = dict.fromkeys(LOSSES, 1 / (i + 1))
        row = (
            dict.fromkeys(LOG_FIELDS, 0.5)
            | losses
            | {"iteration": i, "epoch": 0, "style": "a, b", "skipped": ""}
        )
        log.iteration(row | ({"skipped": "flat"} if i == skipped else {}))
        if i % 10 == 0:
            rms = math.sqrt(0.04**2 + (c * LR) ** 2 * i)
            log.weights(i, [(FIRST, rms * spread), ("meta_net.hidden.weight", 0.01 * spread)])
    log.close()
    return folder


def write_about(folder: Path, kind: str = "improved-500", **training: Any) -> Path:
    """The `model.json` of a run that left no weights: a base 8 model of a kind, trained with these settings."""
    variant = replace(MODELS[kind], name=folder.name, base=8)
    encoder = {"name": variant.encoder, "source": "oxford", "hash": "0"}
    settings = {"lr": LR, "growth": "free", "seed": 42, "of_iterations": 1364} | training
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"variant": asdict(variant), "encoder": encoder, "training": settings}
    write_card(folder, {"format": 1, **parts, "weights": None})
    return folder


def write_heldout(
    folder: Path,
    factor: float = 1.0,
    groups: tuple[str, ...] = (GALLERY, DATA),
    **training: Any,
) -> None:
    """Made-up losses of 12 paintings by 2 photos in each group: content 1, 2 ... 24, style three times that, by the factor.

    Args:
        training: of the run's card, see `write_about`.
    """
    rows: list[dict[str, str | float]] = []
    for group in groups:
        for i in range(24):
            measures: dict[str, Any] = dict.fromkeys(FIELDS[3:], 0.5)
            measures |= {
                "own_content_loss": factor * (i + 1.0),
                "own_style_loss": factor * 3 * (i + 1.0),
            }
            measures["gram_share"] = factor * (0.1 if i % 2 else 0.4)
            rows.append(
                {
                    "set": group,
                    "style": f"painting {i // 2}",
                    "content": f"photo, {i % 2}",
                    **measures,
                }
            )
    write_about(folder, **training)
    write_atomic(folder / HELDOUT, csv_table(FIELDS, rows))
