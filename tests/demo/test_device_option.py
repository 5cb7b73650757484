"""The page computes on the device, and reads the running trainings from the folder, that it is told."""

from pathlib import Path

import pytest

import app
from core.runtime import default_device
from demo.growth import logs


def test_a_device_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--device", "foo"]) == 1
    assert capsys.readouterr().err.startswith('error: There is no device called "foo"')
    assert default_device().type == "cpu"


def test_by_default_it_takes_a_gpu_if_there_is_one() -> None:
    assert app.parse([]).device == "auto"


def test_running_trainings_are_those_of_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot_be_built() -> None:
        raise OSError("no more than the options is of interest")

    monkeypatch.setattr(logs, "RUNS", logs.RUNS)  # set back afterwards
    monkeypatch.setattr(app, "build", cannot_be_built)
    monkeypatch.setattr(app, "keep_freed_memory", lambda *_: None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    (tmp_path / "mine" / "live").mkdir(parents=True)
    assert app.main(["--device", "cpu", "--runs", str(tmp_path / "mine")]) == 1
    assert tmp_path / "mine" == logs.RUNS
