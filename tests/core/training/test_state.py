"""A run that is stopped goes on to the same numbers, or says why it cannot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.analysis.training_logs import read_folder
from core.models.weights import WeightsError
from core.runtime import DistributedContext
from core.training.state import STATE
from core.training.trainer import Trainer, TrainingConfig
from tests.conftest import tiny
from tests.training import CPU, assert_same, numbers, rows, stop_after

StartTrainer = Callable[..., Trainer]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dtype"), [("original-500", "float32"), ("improved-500", "bfloat16")]
)
def test_a_stopped_run_goes_on_to_the_same_numbers(
    start: StartTrainer, name: str, dtype: str
) -> None:
    recipe: dict[str, Any] = {"name": name, "dtype": dtype, "epochs": 2}
    whole = start("whole", **recipe)
    whole.run()
    stop_after(start("parts", **recipe), 3)
    stop_after(start("parts", **recipe), 7)
    rest = start("parts", **recipe)
    assert rest.done == 7
    rest.run()
    assert rows(rest.folder) == rows(whole.folder)
    assert (rest.folder / "weights.csv").read_bytes() == (whole.folder / "weights.csv").read_bytes()
    assert_same(numbers(rest), numbers(whole), tolerance=1e-6)


def test_the_log_of_a_run_that_is_not_over_tells_its_learning_rate(start: StartTrainer) -> None:
    run = start(lr=5e-4, growth="fixed-norm")
    stop_after(run, 3)
    log = read_folder(run.folder)
    assert (log.lr, log.falls) == (5e-4, run.total)


def test_a_finished_run_has_nothing_left_to_do(start: StartTrainer) -> None:
    start(epochs=1).run()
    again = start(epochs=1)
    before = numbers(again)
    assert again.done == again.total == 4
    again.run()
    assert_same(numbers(again), before)
    assert len(rows(again.folder)) == 4


def test_other_settings_are_not_resumed(start: StartTrainer, contents: list[Path]) -> None:
    stop_after(start(), 1)
    others: dict[str, dict[str, Any]] = {
        "recipe": {"lr": 5e-4},
        "set": {"pictures": contents[::-1]},
        "variant": {"name": "ablation-mse"},
    }
    for changed, settings in others.items():
        with pytest.raises(
            WeightsError,
            match=rf"run holds a run with other settings \({changed}\); remove the folder or name another\.$",
        ):
            start(**settings)
    assert start().done == 1


def test_a_broken_state_is_one_sentence_and_stays(start: StartTrainer) -> None:
    stop_after(start(), 1)
    path = start().folder / STATE
    half = path.read_bytes()[:1000]
    path.write_bytes(half)
    with pytest.raises(WeightsError, match=r"^The saved state in .*run cannot be read: "):
        start()
    assert path.read_bytes() == half


def test_what_a_kill_while_saving_left_is_removed(start: StartTrainer) -> None:
    stop_after(start(), 1)
    folder = start().folder
    (folder / f".{'0' * 32}.tmp").write_bytes(b"half a state")
    assert start().done == 1
    assert sorted(path.name for path in folder.iterdir()) == [
        "log.csv",
        "run.json",
        STATE,
        "weights.csv",
    ]


def test_an_uneven_share_is_refused(contents: list[Path], tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^A batch of 8 cannot be shared evenly among 3 processes\.$"
    ):
        Trainer(
            tiny("improved-500"),
            TrainingConfig(),
            contents,
            contents,
            tmp_path,
            DistributedContext(CPU.device, 0, 3),
        )
