"""The page computes on the device that it is told."""

import pytest

import app
from core.runtime import default_device


def test_a_device_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--device", "foo"]) == 1
    assert capsys.readouterr().err.startswith('error: There is no device called "foo"')
    assert default_device().type == "cpu"


def test_by_default_it_takes_a_gpu_if_there_is_one() -> None:
    assert app.parse([]).device == "auto"
