"""`python -m core.train` in processes of its own: killed, told to stop, and two at once under torchrun."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.models.checkpoint import load_model
from core.models.registry import VARIANTS
from core.training.state import STATE
from core.training.step import FLAT
from core.training.trainer import Trainer, TrainingConfig
from tests.conftest import draw_folder
from tests.processes import TORCHRUN, environment
from tests.training import CPU, LOSSES, MEASURED, MEASURED_SIDE, QUICK, assert_same, rows

pytestmark = pytest.mark.slow  # each starts processes of its own

DRIVER = """
import dataclasses, functools, sys
from pathlib import Path
import torch
from core import train
from core.images.library import library
from core.training import interruption, storage
from core.training.data import Pools
from core.models.registry import VARIANTS

torch.set_num_threads(1)
data = Path(sys.argv.pop(1))
storage.STYLE_SIDE = storage.CONTENT_SIDE = {side}
all = library()
few = dataclasses.replace(all, contents=all.contents[:{count}], styles=all.styles[:{count}])
storage.library = lambda: few
interruption.SAVE_SECONDS = -1.0  # after every iteration, so that a kill is likely to come while saving
train.TrainingConfig = functools.partial(train.TrainingConfig, **{recipe!r})
train.MODELS = {{name: dataclasses.replace(variant, base=2) for name, variant in VARIANTS.items()}}
train.pools_of = lambda *_: Pools((), (), (), ())
train.training_set = lambda *_: [sorted((data / kind).iterdir()) for kind in ("content", "style")]
raise SystemExit(train.main(sys.argv[1:]))
"""


@dataclasses.dataclass(frozen=True)
class CommandLine:
    """`python -m core.train improved-500` with a small recipe, a tiny network and a few pictures."""

    folder: Path
    recipe: TrainingConfig

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def run(self) -> Path:
        return self.folder / "runs" / "improved-500"

    @property
    def shipped(self) -> Path:
        return self.folder / "shipped" / "improved-500"

    def start(self, *launcher: str) -> "subprocess.Popen[str]":
        changed = {
            k: v
            for k, v in dataclasses.asdict(self.recipe).items()
            if v != getattr(TrainingConfig(), k)
        }
        sizes = {"side": MEASURED_SIDE, "count": MEASURED}
        (self.folder / "driver.py").write_text(DRIVER.format(recipe=changed, **sizes))
        command = [
            sys.executable,
            *launcher,
            "driver.py",
            "data",
            "improved-500",
            "--fp32",
            "--device",
            "cpu",
        ]
        return subprocess.Popen(
            [*command, "--runs", "runs", "--out", "shipped"],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, process: "subprocess.Popen[str]", count: int) -> None:
        """Until a state is saved and the log has that many rows."""
        deadline = time.monotonic() + 120
        while len(rows(self.run)) < count or not (self.run / STATE).is_file():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def trainer_here(self, folder: Path | None = None) -> Trainer:
        """The same run in this process, by default in a folder of its own."""
        contents, styles = (sorted((self.data / kind).iterdir()) for kind in ("content", "style"))
        variant = dataclasses.replace(VARIANTS["improved-500"], base=2)
        return Trainer(variant, self.recipe, contents, styles, folder or self.folder / "here", CPU)


@pytest.fixture
def command_line(tmp_path: Path) -> Callable[..., CommandLine]:
    """A command line over eight contents and four styles."""

    def build(**recipe: Any) -> CommandLine:
        draw_folder(tmp_path / "data" / "content", 8)
        draw_folder(tmp_path / "data" / "style", 4, first_seed=100)
        return CommandLine(tmp_path, dataclasses.replace(QUICK, **recipe))

    return build


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and what was said on standard error."""
    try:
        _, said = process.communicate(timeout=180)
    finally:
        process.kill()
    return process.returncode, said


def test_a_killed_run_goes_on_to_the_same_numbers(command_line: Callable[..., CommandLine]) -> None:
    line = command_line(epochs=4)
    whole = line.trainer_here()
    whole.run()
    process = line.start()
    line.wait_for(process, 5)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    assert 5 <= len(rows(line.run)) < whole.total == 16
    code, said = finish(line.start())
    assert code == 0, said
    assert rows(line.run) == rows(whole.folder)
    assert (line.run / "weights.csv").read_bytes() == (whole.folder / "weights.csv").read_bytes()
    whole.export(line.folder / "here_shipped")
    ours, theirs = (
        load_model(folder).net.state_dict()
        for folder in (line.shipped, line.folder / "here_shipped")
    )
    assert_same(ours, theirs, tolerance=1e-6)
    assert sorted(path.name for path in line.run.iterdir()) == [
        "log.csv",
        "run.json",
        "weights.csv",
    ], "no state, nor half a state"


def test_a_second_process_on_the_same_run_is_refused_and_the_first_goes_on_until_it_is_told_to_stop(
    command_line: Callable[..., CommandLine],
) -> None:
    """A signal saves, says so, and ends as every command does; of SIGINT see `tests.training.stop_after`."""
    line = command_line(epochs=100)
    first = line.start()
    line.wait_for(first, 2)
    code, said = finish(line.start())
    assert code == 1
    assert said.startswith('error: Another process is training in "runs/improved-500"; stop it, ')
    assert said.count("\n") == 1
    first.terminate()
    ended, said = finish(first)
    assert ended == 143
    done = len(rows(line.run))
    assert said.endswith(f"\nStopped after {done} of 400 iterations; the state is saved.\n")
    assert "Traceback" not in said
    assert not line.shipped.exists()
    assert line.trainer_here(line.run).done == done


def test_two_processes_give_the_curve_of_one(command_line: Callable[..., CommandLine]) -> None:
    """With a flat picture among the contents: only one process sees it, both must leave its batch out.

    At a small rate: at 1e-3 a change of the weights by 1e-7 moves the losses by 1 % within seven steps.
    """
    line = command_line(batch=4, epochs=4, lr=1e-5)
    Image.new("RGB", (64, 64), "white").save(line.data / "content" / "0000.png")
    one = line.trainer_here()
    one.run()
    process = line.start(*TORCHRUN)
    code, said = finish(process)
    assert code == 0, said
    got, wanted = rows(line.run), rows(one.folder)
    assert [row["skipped"] for row in got] == [row["skipped"] for row in wanted]
    assert [row["skipped"] for row in wanted].count(FLAT) == 4
    assert [row["style"] for row in got] == [row["style"] for row in wanted]
    for ours, theirs in zip(got, wanted, strict=True):
        for key in (*LOSSES, "loss", "filter_norm"):
            assert float(ours[key]) == pytest.approx(float(theirs[key]), rel=1e-4), (
                ours["iteration"],
                key,
            )
    assert load_model(line.shipped).card.model_dump()["training"]["skipped"] == 4
