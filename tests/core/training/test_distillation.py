"""Teaching a style reader: that it learns, that it goes on after an interruption, the command."""

import json
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core import distil, train
from core.commandline import Stopped
from core.inference.model_store import ModelStore
from core.models.checkpoint import load_model, save_model
from core.models.encoder import Encoder, normalize
from core.models.flagship import FlagshipNet
from core.models.registry import FLAGSHIP
from core.models.style_reader import StyleReader
from core.models.weights import WeightsError
from core.training import distillation
from core.training.distillation import Distillation, DistillationConfig
from core.training.learning_curve import NAMES, HeldOut, readers_agree
from core.training.log_writer import read_rows
from core.training.thinning import thin_copy
from tests.conftest import draw_folder, shipped_encoder
from tests.training import LESSONS_SIDE, prepared_lessons

COPIES: list[StyleReader] = []
CONFIG = DistillationConfig(
    pictures=8, steps=30, batch=4, warm_up=5, map_epochs=60, map_batch=4, map_lr=2e-4, map_noise=0.0
)


@pytest.fixture(autouse=True)
def copies_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thin copy (its own tests: test_thinning) is found once, with the pictures of whichever test is first."""

    def copied(encoder: Encoder, images: Tensor, seed: int) -> StyleReader:
        if not COPIES:
            COPIES.append(thin_copy(encoder, images[:8], seed))
        return deepcopy(COPIES[0])

    monkeypatch.setattr(distillation, "thin_copy", copied)


def net() -> FlagshipNet:
    torch.manual_seed(1)
    return FlagshipNet(base=4)


def taught(folder: Path, styles: list[Path], count: int = 8) -> Distillation:
    lessons = prepared_lessons(folder, styles, count)
    return Distillation(net(), lessons, CONFIG, folder, shipped_encoder("vgg19"))


def test_each_pass_sees_every_group_once(styles: list[Path], tmp_path: Path) -> None:
    training = taught(tmp_path, styles, 16)
    passes = [[int(training.groups_of(step + 4 * p)) for step in range(4)] for p in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == [0, 1, 2, 3]
    assert passes[0] != passes[1]


@pytest.mark.slow
def test_it_learns_and_a_stopped_run_goes_on_to_the_same_numbers(
    styles: list[Path], tmp_path: Path
) -> None:
    def run(name: str, stop_at: int | None = None) -> Distillation:
        training = taught(tmp_path / name, styles)
        step = training.step

        def stopping() -> tuple[float, float]:
            if training.done == stop_at:
                training.guard.stop()
            return step()

        training.step = stopping  # type: ignore[method-assign]
        training.run()
        return training

    whole = run("whole")
    with pytest.raises(Stopped, match="Stopped after 3 of 30 steps"):
        run("parts", stop_at=2)
    parts = run("parts")
    ours, theirs = parts.state.state_dict(), whole.state.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    losses = [
        [float(row["statistics_loss"]) for row in read_rows(tmp_path / name / "log.csv")]
        for name in ("whole", "parts")
    ]
    assert losses[0] == losses[1]

    # What is shipped sees more like VGG19 than the copy did, and the map has its part in that.
    groups = range(whole.lessons.groups)
    images = normalize(torch.cat([whole.lessons.images(group) for group in groups]))
    copied = taught(tmp_path / "copied", styles).finished()
    with torch.no_grad():
        seen = copied.seen(images), whole.finished().seen(images), whole.finished()(images)
        found = [whole.losses(s, whole.wanted(groups)) for s in seen]
    weights = torch.tensor([1.0, CONFIG.generated_weight])
    first, convolutions, mapped = ((weights * parts).sum() for parts in found)
    assert mapped < 0.9 * convolutions
    assert mapped < 0.9 * first


@pytest.mark.slow
def test_the_command_ships_a_reader_that_is_good_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "HeldOut", partial(HeldOut, side=LESSONS_SIDE))
    draw_folder(tmp_path / "data" / "content", 2)
    draw_folder(tmp_path / "data" / "style", 12, first_seed=100)
    folder = tmp_path / "models" / "flagship"
    variant = replace(FLAGSHIP, base=4)
    save_model(folder, variant, net(), shipped_encoder("vgg19"), {"style_weight": 8.0, "lr": 1e-3})
    arguments = [
        *("flagship", "--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")),
        *("--variations", "4", "--steps", "2", "--device", "cpu"),
    ]
    with ModelStore(tmp_path / "models").in_use():
        assert distil.main([*arguments, "--costs", "-99"]) == 1
        assert "a held-out measure is more than -99 % worse" in capsys.readouterr().err
        assert load_model(folder).reader is None
        assert distil.main([*arguments, "--costs", "1e9"]) == 0
    assert "2 steps done" in capsys.readouterr().out
    assert load_model(folder).reader is not None
    about = json.loads((folder / "reader" / distil.ABOUT).read_text())
    assert about["variations"] == 4
    assert {row["read_by"] for row in about["held_out"]} == {"encoder", "reader"}

    (folder / "reader" / distil.ABOUT).write_text(json.dumps(about | {"hash": "another"}))
    with pytest.raises(WeightsError, match=r"^The reader of flagship is not the one that its"):
        load_model(folder)
    (folder / "reader" / distil.ABOUT).write_text(json.dumps(about | {"model_hash": "another"}))
    with pytest.raises(WeightsError, match=r"^The reader of flagship was not taught for these"):
        load_model(folder)
    save_model(folder, variant, net(), shipped_encoder("vgg19"), {"style_weight": 8.0, "lr": 1e-3})
    assert load_model(folder).reader is None, "it was another network's"


def test_paintings_that_have_changed_since_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_folder(tmp_path / "data" / "content", 2)
    draw_folder(tmp_path / "data" / "style", 12, first_seed=100)
    run = tmp_path / "runs" / "flagship-reader"
    run.mkdir(parents=True)
    (run / "lessons.json").write_text("{}")
    (run / "pictures.json").write_text('[["0100.png", "of other bytes"]]')
    arguments = ["--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")]
    assert distil.main(["flagship", *arguments]) == 1
    assert "in the training set changed after the run" in capsys.readouterr().err


@pytest.mark.parametrize(("worse_by", "agree"), [(0.0, True), (0.015, True), (0.03, False)])
def test_the_reader_is_shipped_if_it_costs_at_most_two_percent(
    worse_by: float, agree: bool
) -> None:
    found = [
        {"group": group, "emphasis": 0.0, "read_by": read_by, **dict.fromkeys(NAMES, 0.2)}
        for group in ("classical", "graphic")
        for read_by in ("encoder", "reader")
    ]
    found[-1][NAMES[2]] = 0.2 * (1 + worse_by)
    assert readers_agree(found) == agree


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["flagship", "--steps", "0"], "--steps must be 1 or more, not 0."),
        (["original-500"], "original-500 is no flagship; only such a model can have a reader."),
    ],
)
def test_what_cannot_be_taught_is_refused_in_a_sentence(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert distil.main([*options, "--runs", str(tmp_path)]) == 1
    assert sentence in capsys.readouterr().err
