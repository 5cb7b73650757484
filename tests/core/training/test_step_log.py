"""The log of a training's steps: when their figures are read, and what is written of them."""

import dataclasses
from pathlib import Path

import torch

from core.training.log_writer import RunLog, read_rows
from core.training.step import PendingStep
from core.training.step_log import StepLog, steps_late

FIGURES = torch.tensor([1.0, 2.0, 0.5, 3.0, 0.25, 1.0])


@dataclasses.dataclass
class Step:
    """A step of the device, and whether anyone has waited for it."""

    pending: PendingStep
    waited: bool = False

    def result(self) -> object:
        self.waited = True
        return self.pending.result()


def test_no_step_of_a_gpu_is_waited_for_at_once() -> None:
    assert steps_late(torch.device("cpu")) == 1
    assert steps_late(torch.device("cuda")) == steps_late(torch.device("mps")) > 1


def test_steps_are_waited_for_and_written_some_at_a_time(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    steps = StepLog(log, per_epoch=2, late=3)
    given = [Step(PendingStep(FIGURES)) for _ in range(5)]
    seen = []
    for iteration, step in enumerate(given):
        steps.add(iteration, step, "wave")  # type: ignore[arg-type]
        seen.append((sum(each.waited for each in given), len(read_rows(tmp_path / "log.csv"))))
    assert seen == [(0, 0), (0, 0), (3, 3), (3, 3), (3, 3)]
    steps.write()
    log.close()
    rows = read_rows(tmp_path / "log.csv")
    assert [(row["iteration"], row["epoch"]) for row in rows[1:4]] == [
        ("1", "0"),
        ("2", "1"),
        ("3", "1"),
    ]
    assert (rows[0]["loss"], rows[0]["style"], rows[0]["skipped"]) == ("3.5", "wave", "")


def test_processes_beyond_the_first_wait_and_write_nothing() -> None:
    step = Step(PendingStep(FIGURES))
    StepLog(None, per_epoch=2, late=1).add(0, step)  # type: ignore[arg-type]
    assert step.waited
