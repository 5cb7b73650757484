"""The short runs that tell what each part of the flagship's recipe is worth, on toy sizes."""

import gc
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.models import modulated
from core.models.encoder import load_encoder
from core.models.registry import FLAGSHIP
from core.training.flagship_recipe import FlagshipConfig, Phase
from core.training.learning_curve import HeldOut
from tests import bench_changes
from tests.bench_changes import CHANGES, TrainingPictures, compare, mixes, train
from tests.conftest import draw, draw_folder
from tests.training import CPU

RECIPE = FlagshipConfig(
    iterations=3,
    phases=(Phase(1.0, 32, 2),),
    reproduce=2,
    bank=2,
    style_side=64,
    picture_sides=(64, 96),
    learning_rows=0,
)


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingPictures:
    monkeypatch.setattr(bench_changes, "FLAGSHIP", replace(FLAGSHIP, base=4))
    folders = (("content", 4, 0), ("style", 3, 50), ("graphic", 2, 80))
    return TrainingPictures(*(draw_folder(tmp_path / name, n, seed) for name, n, seed in folders))


@pytest.mark.slow
def test_each_run_lacks_something(pictures: TrainingPictures, tmp_path: Path) -> None:
    found = {}
    for name, change in CHANGES.items():
        with mixes(change.mixes):
            run = train(name, RECIPE, pictures, tmp_path / "runs", CPU)
        found[name] = torch.cat([value.flatten() for value in run.finished().parameters()])
        del run  # a trainer refers to itself: half a GB that would stay
        gc.collect()
    whole = found.pop("as it is")
    for name, weights in found.items():
        assert not torch.equal(weights, whole), name


@pytest.mark.slow
def test_a_row_for_each_group_of_pictures(pictures: TrainingPictures, tmp_path: Path) -> None:
    pairs = HeldOut([draw(1)], [draw(2)], load_encoder("vgg19"), side=64)
    held_out = {"classical": pairs, "graphic": pairs}
    rows = list(compare(["one balance"], RECIPE, pictures, held_out, tmp_path / "runs", CPU))
    assert [row.split(" | ")[1] for row in rows] == ["classical", "graphic"]
    assert all(row.startswith("| one balance | ") and row.count("|") == 7 for row in rows)


def test_scales_are_set_back() -> None:
    scale = modulated.MIX_SCALE
    with mixes(False):
        assert modulated.MIX_SCALE == 0
    assert scale == modulated.MIX_SCALE > 0
