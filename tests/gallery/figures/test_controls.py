"""The strips of the README's controls: made by one command, with as many pictures as the control has steps.

A tiny untrained network.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from core.images.contact_sheet import GAP
from core.inference.model_store import ModelStore, model_store
from gallery.figures import controls


@pytest.fixture
def shown(
    tmp_path: Path, tiny_checkpoint: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The folder of the strips; the only model there is a tiny one, and cells are small."""
    shutil.copytree(tiny_checkpoint("original-500"), tmp_path / "models" / "original-500")
    monkeypatch.setattr(controls, "SHOWN", tmp_path / "shown")
    monkeypatch.setattr(controls, "WIDEST", 400)
    with ModelStore(tmp_path / "models").in_use():
        yield tmp_path / "shown"


def test_strips_hold_their_cells_and_come_out_the_same_again(
    shown: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert controls.main(["strength", "mask"]) == 0
    assert "strength.jpg: original-500, instant" in capsys.readouterr().out
    first = {path.name: path.read_bytes() for path in shown.iterdir()}
    assert sorted(first) == ["mask.jpg", "strength.jpg"]
    for name, columns in (("strength", 7), ("mask", 4)):
        with Image.open(shown / f"{name}.jpg") as strip:
            assert strip.width == columns * (controls.cell_side(columns) + GAP) + GAP <= 400
            assert strip.height < 2 * (controls.cell_side(columns) + GAP) + GAP  # one row
    assert controls.main(["strength", "mask"]) == 0
    assert {path.name: path.read_bytes() for path in shown.iterdir()} == first


def test_the_square_of_mixing_has_the_paintings_at_its_corners(
    shown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls.Studio, "painted", lambda self, side, *_, mix: mix)
    cells, columns = controls.mixing_square(controls.Studio(model_store().stylizer("original-500")))
    assert (len(cells), columns) == (25, 5)
    assert [cells[corner][1] for corner in (0, 4, 20, 24)] == [
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
    ]
    for _, mix in cells:
        assert isinstance(mix, tuple)
        assert sum(mix) == 1


def test_mixing_is_left_out_of_refined_strips(
    shown: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert controls.main(["mixing", "--refine", "2"]) == 0
    assert "left out" in capsys.readouterr().out
    assert not shown.exists()


@pytest.mark.parametrize(
    "arguments", [["hue"], ["strength", "--refine", "-1"], ["strength", "--model", "nobody"]]
)
def test_wrong_words_get_one_sentence(
    arguments: list[str], shown: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert controls.main(arguments) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert not shown.exists()
