"""What `make bench` runs."""

from functools import partial

import pytest

from tests import bench


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
