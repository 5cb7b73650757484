"""The gallery is rendered cell by cell: measured, resumed, renewed where something changed, shared, and the user's own sets.

A tiny network, small drawn pictures.
"""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.baselines import gatys
from core.images.convert import resize_smaller
from core.images.decode import load_image
from core.inference import styled_model
from core.inference.model_store import ModelStore, model_store
from core.metrics.features import MEASURES, Analysis, measure
from core.models.checkpoint import save_model, save_reader
from core.models.encoder import load_encoder
from core.models.style_reader import StyleReader
from gallery import build
from gallery.build import default_rows, own_pictures
from gallery.grids import backends, render
from gallery.grids.paths import APPENDICES, MEASURES_FILE, ONE_PASS
from gallery.grids.render import ORIGIN_FILE, plan
from gallery.pictures import STYLES
from tests.conftest import draw_folder
from tests.processes import TORCHRUN, environment
from tests.training import smaller_batches

SIDE = 32
OWN_SET = ("--content", "photos", "--style", "paintings")
ROW = Path("grids/instant/0100/original-500")
DRIVER = f"""
import sys
from pathlib import Path
from functools import partial
from core.inference.model_store import ModelStore
from core.training import refine
from gallery import build
from gallery.grids import backends, render

backends.REFINE_BATCHES = 1
refine.TrainingBatches = partial(refine.TrainingBatches, crop={SIDE})
render.CELL_SIDE = render.STYLE_SIDE = {SIDE}
with ModelStore(Path(sys.argv.pop(1))).in_use():
    raise SystemExit(build.main(sys.argv[1:]))
"""


@pytest.fixture
def home(
    tmp_path: Path, tiny_checkpoint: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder with `photos` (2), `paintings` (1) and one tiny model, cells being 32 px."""
    draw_folder(tmp_path / "photos", 2, size=(96, 64))
    draw_folder(tmp_path / "paintings", 1, first_seed=100, size=(40, 48))
    shutil.copytree(tiny_checkpoint("original-500"), tmp_path / "models" / "original-500")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(render, "CELL_SIDE", SIDE)
    monkeypatch.setattr(render, "STYLE_SIDE", SIDE)
    with ModelStore(tmp_path / "models").in_use():
        yield tmp_path


def run(models: str = "original-500") -> int:
    """Render the own set instantly."""
    return build.main(
        [*OWN_SET, "--models", *models.split(), "--mode", "instant", "--out", "grids"]
    )


def refine_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one batch of small crops."""
    monkeypatch.setattr(backends, "REFINE_BATCHES", 1)
    smaller_batches(monkeypatch, crop=SIDE)


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.jpg")}


def numbers(folder: Path) -> dict[str, dict[str, str]]:
    lines = (folder / MEASURES_FILE).read_text().splitlines()
    return {line["content"]: line for line in csv.DictReader(lines)}


# ---- what is planned ----


def test_by_default_all_rows_are_rendered_in_both_modes_and_references_once_and_last() -> None:
    rows = default_rows(None)
    work = plan(rows, ("instant", "refined"), STYLES)
    assert {row for appendix in APPENDICES.values() for row in appendix.rows} < set(rows)
    assert (
        len(work)
        == len({(part.mode, part.row, part.style.name) for part in work})
        == (2 * 8 + 3) * 8
    )
    assert [part.row for part in work[-8:]] == [ONE_PASS] * 8
    assert default_rows(["B"]) == list(APPENDICES["B"].rows)


# ---- one run ----


def test_cells_sheet_and_measures_of_an_own_set(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(models="original-500 improved-1000") == 0
    said = capsys.readouterr().out
    assert "left out: improved-1000 is not trained yet" in said
    assert "2 cells rendered in grids, 0 skipped" in said
    with Image.open(home / ROW / "0000.jpg") as cell:
        assert (cell.format, cell.size) == ("JPEG", (48, 32)), "the photo's own shape"
    assert Image.open(home / "grids" / "0100__instant.png").height > 2 * 256


def test_measures_are_those_of_the_picture_before_jpeg(home: Path) -> None:
    run()
    encoder = load_encoder("vgg19")
    photo, style = load_image("photos/0001.png"), load_image("paintings/0100.png")
    content = resize_smaller(photo, SIDE)
    painted = model_store().stylizer("original-500").encode_style(style)(content)
    pictures = (content, resize_smaller(style, SIDE), painted)
    expected = measure(*(Analysis(picture, encoder) for picture in pictures))
    found = numbers(home / ROW)["0001"]
    assert list(found) == ["content", *MEASURES]
    for name, value in expected.items():
        assert found[name] == ("" if np.isnan(value) else f"{value:.4g}"), name


@pytest.mark.slow
def test_a_refined_row_is_refined(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refine_quickly(monkeypatch)
    assert build.main([*OWN_SET, "--models", "original-500", "--out", "grids"]) == 0
    instant, refined = (
        np.asarray(Image.open(home / f"grids/{mode}/0100/original-500/0000.jpg"), int)
        for mode in build.MODES
    )
    assert np.abs(instant - refined).mean() > 2
    origin = json.loads((home / "grids/refined/0100/original-500" / ORIGIN_FILE).read_text())
    assert origin["made with"]["batches"] == 1


# ---- again ----


def test_only_what_is_missing_is_done_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    before, first = times(home / ROW), (home / ROW / "0000.jpg").read_bytes()
    (home / ROW / "0000.jpg").unlink()
    lines = numbers(home / ROW)
    assert run() == 0
    after = times(home / ROW)
    assert (home / ROW / "0000.jpg").read_bytes() == first
    assert after["0001.jpg"] == before["0001.jpg"]
    assert numbers(home / ROW) == lines
    assert run() == 0
    assert times(home / ROW) == after
    assert "0 cells rendered" in capsys.readouterr().out.splitlines()[-1]


def test_a_cell_that_was_not_measured_is_not_there_yet(home: Path) -> None:
    """As when a run is killed between the two."""
    run()
    table = home / ROW / MEASURES_FILE
    whole = table.read_text()
    table.write_text("\n".join(whole.splitlines()[:2]) + "\n")
    before = times(home / ROW)
    run()
    assert table.read_text() == whole
    assert [name for name, time in times(home / ROW).items() if time != before[name]] == [
        "0001.jpg"
    ]


def test_a_changed_model_makes_its_cells_stale(home: Path) -> None:
    run()
    before, old = times(home / ROW), (home / ROW / "0000.jpg").read_bytes()
    model = model_store().load("original-500")
    torch.manual_seed(1)
    training = {"style_weight": 12.0, "lr": 1e-3}
    save_model(
        home / "models" / "original-500",
        model.variant,
        model.variant.build(),
        model.encoder(),
        training,
    )
    model_store().forget()
    run()
    assert all(times(home / ROW)[name] > time for name, time in before.items())
    assert (home / ROW / "0000.jpg").read_bytes() != old


def test_a_reader_of_its_own_and_a_changed_one_make_a_models_cells_stale(
    home: Path, tiny_checkpoint: Callable[[str], Path]
) -> None:
    folder, row = home / "models" / "flagship", Path("grids/instant/0100/flagship")
    shutil.copytree(tiny_checkpoint("flagship"), folder)
    run("flagship")
    for seed in range(2):
        before, old = times(home / row), (home / row / "0000.jpg").read_bytes()
        torch.manual_seed(seed)
        save_reader(folder, StyleReader())
        model_store().forget()
        run("flagship")
        assert all(times(home / row)[name] > time for name, time in before.items())
        assert (home / row / "0000.jpg").read_bytes() != old
    before = times(home / row)
    run("flagship")
    assert times(home / row) == before


def test_a_changed_photo_makes_its_cell_stale_and_a_changed_painting_the_row(home: Path) -> None:
    run()
    before = times(home / ROW)
    draw_folder(home / "photos", 1, first_seed=0, size=(32, 48))
    run()
    after = times(home / ROW)
    assert [name for name in after if after[name] != before[name]] == ["0000.jpg"]
    draw_folder(home / "paintings", 1, first_seed=100, size=(60, 48))
    run()
    assert not set(times(home / ROW).values()) & set(after.values())


# ---- what cannot be rendered ----


def test_a_broken_picture_is_named_and_the_others_are_done(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    Image.new("RGB", (19 * 250, 250), "red").save(home / "photos" / "long.png")
    assert run() == 0
    assert 'skipped: "broken.jpg" is damaged' in capsys.readouterr().out.replace("photos/", "")
    assert set(times(home / ROW)) == {"0000.jpg", "0001.jpg", "long.jpg"}


def test_a_photo_that_cannot_be_painted_leaves_the_others(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (640, 40), "red").save(home / "photos" / "long.png")
    monkeypatch.setattr(styled_model, "MAX_WHOLE", 256)
    assert run() == 2
    said = capsys.readouterr().out
    assert "skipped: original-500, instant, 0100: The photo has 512 x 32 px" in said
    assert "2 cells rendered in grids, 1 skipped" in said
    assert not (home / "grids" / "0100__instant.png").exists(), "no sheet of an incomplete grid"


def test_a_broken_model_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "models" / "original-500" / "model.json").write_text("{}")
    assert run() == 2
    assert "The model original-500 cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("picasso", "There is no model named picasso; choose from original-500"),
        ("improved-500", "left out"),
    ],
)
def test_nothing_to_do_is_an_error(
    home: Path, models: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(models=models) == 1
    printed = capsys.readouterr()
    assert said in printed.out + printed.err


def test_own_pictures_do_not_go_into_the_gallery(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build.main(["--content", "photos"])
    assert "add --out FOLDER" in capsys.readouterr().err
    assert build.main(["--content", "nowhere", "--out", "grids"]) == 1
    assert '"nowhere" is not a folder' in capsys.readouterr().err


def test_files_whose_names_begin_alike_are_as_many_pictures(home: Path) -> None:
    for name in ("0000.jpg", "0000.jpg.png"):
        load_image("photos/0000.png").save(home / "photos" / name)
    found = {picture.name for picture in own_pictures(Path("photos"), print)}
    assert found == {"0000.jpg", "0000.jpg.png", "0000.png", "0001"}


# ---- references ----


def test_the_best_known_one_pass_network_is_a_row(home: Path) -> None:
    assert run(models=ONE_PASS) == 0
    folder = home / "grids" / "reference" / "0100" / ONE_PASS
    assert Image.open(folder / "0000.jpg").size == (48, 32)
    assert set(numbers(folder)) == {"0000", "0001"}


def test_gatys_is_a_row(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        gatys.optimise,
        "__kwdefaults__",
        (gatys.optimise.__kwdefaults__ or {}) | {"steps": 2, "style_side": SIDE},
    )
    assert run(models="gatys") == 0
    folder = home / "grids" / "reference" / "0100" / "gatys"
    assert set(numbers(folder)) == {"0000", "0001"}
    for name in ("0000", "0001"):
        with Image.open(folder / f"{name}.jpg") as cell:
            photo = resize_smaller(load_image(home / "photos" / f"{name}.png"), SIDE)
            moved = np.abs(np.asarray(cell, int) - np.asarray(photo, int))
        assert moved.mean() > 2, "painted, if only for two steps"
    assert json.loads((folder / ORIGIN_FILE).read_text())["made with"] == json.loads(
        json.dumps(gatys.SETTINGS)
    )


# ---- shared ----


@pytest.mark.slow
def test_two_processes_render_what_one_does(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though refining is training, and a training step averages over the processes of a group."""
    refine_quickly(monkeypatch)
    draw_folder(home / "paintings", 2, first_seed=100, size=(40, 48))
    arguments = [*OWN_SET, "--models", "original-500", "--mode", "refined", "--device", "cpu"]
    assert build.main([*arguments, "--out", "grids"]) == 0
    (home / "driver.py").write_text(DRIVER)
    done = subprocess.run(
        [sys.executable, *TORCHRUN, "driver.py", "models", *arguments, "--out", "shared"],
        cwd=home,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "2 cells rendered by this process" in done.stdout, "one of two rows, by the first"
    assert len(contents_of("grids")) == 2 * (2 + 2) + 2, "cells, measures and origins; sheets"
    assert contents_of("grids") == contents_of("shared")


def contents_of(folder: str) -> dict[Path, bytes]:
    """Every file, by its path in the folder."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }
