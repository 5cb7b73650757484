"""What tests of training share: a small recipe, and a run's numbers to compare."""

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.commandline import Stopped
from core.runtime import DistributedContext
from core.training import refine
from core.training.batches import TrainingBatches
from core.training.lessons import Lessons
from core.training.log_writer import read_rows
from core.training.picture_store import PictureStore
from core.training.step_log import StepLog
from core.training.trainer import Trainer, TrainingConfig
from tests.conftest import shipped_encoder

CPU = DistributedContext(torch.device("cpu"))
QUICK = TrainingConfig(epochs=3, batch=2, crop=32, style_every=5)
MEASURED_SIDE = 64  # px of the pictures by which the cost of storing a model is measured
MEASURED = 2  # photos and paintings of the gallery by which it is measured, in place of 8 and 8
LESSONS_SIDE = 64  # px of the variations that a style reader is taught with
LOSSES = ("content_loss", "style_loss", "tv_loss")
State = dict[str, Tensor]


def smaller_batches(monkeypatch: pytest.MonkeyPatch, **sizes: Any) -> None:
    """Have refining draw batches of these sizes (`batch`, `crop`) in place of eight crops of 256 px."""
    monkeypatch.setattr(refine, "TrainingBatches", partial(TrainingBatches, **sizes))


def numbers(trainer: Trainer) -> State:
    """All parameters and all of Adam's moments."""
    state = {f"net.{name}": value.clone() for name, value in trainer.net.state_dict().items()}
    for index, moments in trainer.optimizer.state_dict()["state"].items():
        state |= {f"optimizer.{index}.{name}": value.clone() for name, value in moments.items()}
    return state


def assert_same(got: State, wanted: State, tolerance: float = 0) -> None:
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(got[name], value, rtol=0, atol=tolerance, msg=name)


def rows(folder: Path) -> list[dict[str, str]]:
    """The log without what depends on the clock."""
    return [
        {key: value for key, value in row.items() if key != "seconds"}
        for row in read_rows(folder / "log.csv")
    ]


def after_each(trainer: Trainer, call: Callable[[int], None]) -> None:
    """Have `call(iteration)` called once each iteration is done and logged."""
    open_log = trainer._open_log

    def open_calling_log() -> StepLog:
        steps = open_log()
        write = steps.write

        def write_and_call() -> None:
            iterations = [iteration for iteration, *_ in steps._waiting]
            write()
            for iteration in iterations:
                call(iteration)

        steps.write = write_and_call  # type: ignore[method-assign]
        return steps

    trainer._open_log = open_calling_log  # type: ignore[method-assign]


def stop_after(trainer: Trainer, done: int) -> None:
    """Run until that many iterations are done, and then Ctrl-C."""

    def stop_then(iteration: int) -> None:
        if iteration + 1 == done:
            signal.raise_signal(signal.SIGINT)

    after_each(trainer, stop_then)
    said = rf"^Stopped after {done} of {trainer.total} iterations; the state is saved\.$"
    with pytest.raises(Stopped, match=said) as stopped:
        trainer.run()
    assert stopped.value.exit_code == 130


def lessons_of(folder: Path, styles: list[Path], count: int = 8, seed: int = 0) -> Lessons:
    """Small variations of a few paintings, for a style reader; not looked at yet."""
    store = PictureStore(styles, CPU.device, 64, 96)
    return Lessons(store, shipped_encoder("vgg19"), count, seed, folder, LESSONS_SIDE)


def prepared_lessons(folder: Path, styles: list[Path], count: int = 8) -> Lessons:
    """The same, and what VGG19 sees in them."""
    lessons = lessons_of(folder, styles, count)
    lessons.prepare()
    return lessons
