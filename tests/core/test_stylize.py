"""The command line: every pair, bad files named and skipped, exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core import stylize
from core.checkpoint import save_model
from core.encoder import Encoder
from core.variants import VARIANTS
from tests.conftest import draw_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, encoder: Callable[[str], Encoder]) -> Path:
    """An untrained improved-500 in a folder."""
    folder = tmp_path_factory.mktemp("checkpoints") / "improved-500"
    variant = VARIANTS["improved-500"]
    save_model(folder, variant, variant.build(), encoder("vgg19"), {"style_weight": 2e4, "lr": 1e-3})
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    draw_folder(tmp_path / "photos", 2)
    draw_folder(tmp_path / "paintings", 2, first_seed=50, size=(70, 70))
    return tmp_path / "photos", tmp_path / "paintings"


def test_folders_give_every_pair_at_the_photos_size(model: Path, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    photos, paintings = pictures
    out = tmp_path / "out"
    code = stylize.main(["--content", str(photos), "--style", str(paintings), "--model", str(model), "--out", str(out)])
    assert code == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"{c}__{s}__improved-500.png" for c in ("0000", "0001") for s in ("0050", "0051")]
    assert all(Image.open(out / name).size == (96, 72) for name in names)


def test_a_bad_file_is_named_and_skipped_and_the_exit_code_says_so(
    model: Path, pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, paintings = pictures
    (photos / "broken.png").write_bytes(b"not a picture")
    code = stylize.main(
        f"--content {photos} --style {paintings / '0050.png'} --model {model} --out {tmp_path / 'out'} --size 48".split()
    )
    assert code == 2
    assert "broken.png" in capsys.readouterr().out
    assert sorted(Image.open(path).size for path in (tmp_path / "out").iterdir()) == [(48, 36)] * 2


def test_a_bad_style_is_skipped_with_all_its_pairs(model: Path, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"")
    code = stylize.main(
        ["--content", str(pictures[0]), "--style", str(bad), "--model", str(model), "--out", str(tmp_path / "out")]
    )
    assert code == 1
    assert not (tmp_path / "out").exists()


def test_refining_from_the_command_line(model: Path, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ["--content", str(pictures[0] / "0000.png"), "--style", str(pictures[1] / "0050.png")]
    arguments += ["--model", str(model), "--out", str(tmp_path / "out")]
    assert stylize.main(arguments) == 0
    instant = (tmp_path / "out" / "0000__0050__improved-500.png").read_bytes()
    assert stylize.main([*arguments, "--refine", "1", "--refine-content", str(pictures[0])]) == 0
    assert (tmp_path / "out" / "0000__0050__improved-500.png").read_bytes() != instant


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "no-such-model"], "There is no trained model named no-such-model"),
        (["--content", "EMPTY"], "There is no picture in the folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str],
    sentence: str,
    model: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    given = [str(tmp_path / "empty") if a == "EMPTY" else a for a in arguments]
    defaults = ["--content", str(pictures[0]), "--style", str(pictures[1]), "--model", str(model)]
    assert stylize.main([*defaults, "--out", str(tmp_path / "out"), *given]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
