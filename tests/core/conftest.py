"""Training runs of a tiny network on a few drawn pictures, and refining in small batches."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.models.registry import VARIANTS
from core.training.trainer import Trainer
from tests.conftest import tiny
from tests.training import CPU, QUICK, smaller_batches

StartTrainer = Callable[..., Trainer]


@pytest.fixture
def start(contents: list[Path], styles: list[Path], tmp_path: Path) -> StartTrainer:
    """A trainer of a tiny network on eight contents and four styles, 12 iterations unless the recipe says otherwise."""

    def build(
        folder: str = "run",
        name: str = "improved-500",
        pictures: Sequence[Path] = (),
        **recipe: Any,
    ) -> Trainer:
        settings = dataclasses.replace(QUICK, **recipe)
        return Trainer(tiny(name), settings, pictures or contents, styles, tmp_path / folder, CPU)

    return build


@pytest.fixture(scope="module")
def finished(
    contents: list[Path], styles: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Trainer:
    """A run of 12 iterations that has come to its end; only to be looked at."""
    variant = dataclasses.replace(VARIANTS["improved-500"], base=2)
    trainer = Trainer(variant, QUICK, contents, styles, tmp_path_factory.mktemp("finished"), CPU)
    trainer.run()
    return trainer


@pytest.fixture
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two crops of 32 px in place of eight of 256."""
    smaller_batches(monkeypatch, batch=2, crop=32)
