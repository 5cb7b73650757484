"""The short runs that tell what each of the flagship's changes is worth, on toy sizes."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.models import flagship
from core.models.registry import FLAGSHIP
from core.runtime import DistributedContext
from core.training.flagship import FlagshipConfig, FlagshipTrainer
from core.training.validation import NAMES, Validation
from tests import bench_changes
from tests.bench_changes import CHANGES, colours, measure, row, train, without_average
from tests.conftest import draw, draw_folder

RECIPE = FlagshipConfig(
    iterations=6, reproduce=2, batch=2, crop=32, large_crop=48, large_from=0.7, polish=0.0
)


def finished(name: str, folder: Path, pictures: tuple[list[Path], list[Path]]) -> FlagshipTrainer:
    with colours(CHANGES[name].colours):
        return train(name, RECIPE, pictures, folder, DistributedContext(torch.device("cpu")))


def weights(trainer: FlagshipTrainer) -> torch.Tensor:
    return torch.cat([value.flatten() for value in trainer.finished().parameters()])


def test_each_run_lacks_something_and_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_changes, "FLAGSHIP", replace(FLAGSHIP, base=4))
    pictures = draw_folder(tmp_path / "content", 4), draw_folder(tmp_path / "style", 3, 50)
    run = finished("as it is", tmp_path / "runs", pictures)
    whole = weights(run)
    for name in CHANGES.keys() - {"as it is"}:
        assert not torch.equal(weights(finished(name, tmp_path / "runs", pictures)), whole), name
    again = weights(finished("as it is", tmp_path / "again", pictures))
    assert torch.equal(again, whole), "runs differ by what they lack and by nothing else"
    found = measure(run, Validation([draw(1)], [draw(2)], run.encoder))
    assert all(0 < found[key] < 100 for key in (*NAMES, "seconds"))
    gram = 100 * math.prod(found[f"gram_share_{tap}"] for tap in range(1, 5)) ** 0.25
    assert row("as it is", found).startswith(f"| as it is | {gram:.1f} (")
    last = weights(without_average(run))
    assert not torch.equal(last, whole)
    assert torch.equal(last, torch.cat([value.flatten() for value in run.net.parameters()]))


def test_one_painting_serves_a_batch_and_the_batches_after_it(tmp_path: Path) -> None:
    pictures = draw_folder(tmp_path / "content", 2), draw_folder(tmp_path / "style", 5, 50)
    sampler = CHANGES["one painting for 20 batches"].recipe(RECIPE).sampler(*pictures)
    chosen = [sampler.paintings(i) for i in range(60)]  # type: ignore[attr-defined]
    assert all(len(set(paintings)) == 1 and len(paintings) == 2 for paintings in chosen)
    assert [len({paintings[0] for paintings in chosen[i : i + 20]}) for i in (0, 20, 40)] == [
        1,
        1,
        1,
    ]
    assert len({paintings[0] for paintings in chosen}) > 1


def test_colours_come_back() -> None:
    before = flagship.COLOUR_SCALE, flagship.MAP_SCALE
    with colours(False):
        assert flagship.COLOUR_SCALE == flagship.MAP_SCALE == 0
    assert before == (flagship.COLOUR_SCALE, flagship.MAP_SCALE)
