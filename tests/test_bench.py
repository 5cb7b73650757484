"""What `make bench` runs."""

from functools import partial
from types import ModuleType

import pytest

from tests import bench, bench_learning, bench_refining, bench_strength


def test_all_is_measured_unless_something_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[str] = []
    for name in bench.SECTIONS:
        note = partial(lambda name, _: measured.append(name), name)
        monkeypatch.setitem(bench.SECTIONS, name, note)
    bench.main([])
    assert measured == ["train", "stylize", "unseen", "gatys"]
    bench.main(["gatys"])
    assert measured[4:] == ["gatys"]
    with pytest.raises(SystemExit):
        bench.main(["painting"])
    assert "there is no painting; there are train, stylize" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bench_of", "arguments", "said"),
    [
        (bench_refining, ["--model", "improved-500"], "improved-500 is not stored whole."),
        (bench_strength, ["--model", "nothing"], "There is no trained model named nothing"),
        (bench_learning, ["--data", "nowhere"], "Training needs pictures in nowhere/content"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    bench_of: ModuleType, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_of.main(arguments) == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {said}") and errors.count("\n") == 1
