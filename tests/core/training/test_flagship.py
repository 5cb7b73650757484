"""The flagship's training: recipe, bank, steps, resuming, learning curve, export, command line."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from PIL import Image

from core import train
from core.commandline import Stopped
from core.inference.styled_model import StyleCache
from core.inference.stylizer import Stylizer
from core.models.checkpoint import MIXES, load_model
from core.models.flagship import FlagshipNet
from core.models.losses import RelativeStyleLoss
from core.models.registry import FLAGSHIP
from core.models.weights import load_tensors
from core.training import storage
from core.training.flagship import FlagshipTraining
from core.training.flagship_recipe import (
    EARLY_STYLE,
    LATE_STYLE,
    FlagshipConfig,
    Phase,
    going_on,
)
from core.training.learning_curve import LEARNING, NAMES, HeldOut
from core.training.log_writer import read_rows
from core.training.objective import Objective
from core.training.style_bank import StyleBank
from tests.conftest import draw, shipped_encoder
from tests.training import CPU
from tests.validation import Validation

NARROW = replace(FLAGSHIP, base=4)
RECIPE = FlagshipConfig(
    iterations=8,
    phases=(Phase(0.5, 32, 3), Phase(0.5, 48, 2, zoom=2.0, specks=100.0)),
    reproduce=2,
    warm_up=2,
    bank=6,
    style_side=64,
    new_share=0.7,
    picture_sides=(64, 96),
    learning_rows=2,
)


def run(
    folder: Path, pictures: tuple[list[Path], list[Path]], recipe: FlagshipConfig = RECIPE
) -> FlagshipTraining:
    return FlagshipTraining(NARROW, recipe, *pictures, folder, CPU)


@pytest.fixture
def pictures(contents: list[Path], styles: list[Path]) -> tuple[list[Path], list[Path]]:
    return contents, styles


def test_phases_rates_and_weights_follow_the_share_that_is_done() -> None:
    config = FlagshipConfig()
    assert sum(phase.share for phase in config.phases) == pytest.approx(1)
    assert [config.phase_at(s).crop for s in (0, 0.59, 0.61, 0.95, 1.0)] == [
        160,
        160,
        256,
        384,
        384,
    ]
    rates = [config.lr_at(s) for s in (0, 0.2, 0.5, 0.8, 1)]
    assert rates[0] == rates[1] == config.lr > rates[2] > rates[3] > rates[4]
    assert rates[4] == pytest.approx(config.last_lr)
    assert config.tap_weights(0) == EARLY_STYLE
    for found, wanted in zip(config.tap_weights(0.9), LATE_STYLE, strict=True):
        assert found == pytest.approx(wanted)
    assert going_on(config).tap_weights(0)[0] == pytest.approx(LATE_STYLE[0])


def test_relative_style_loss_is_0_for_itself_and_has_the_same_scale_for_weak_paintings() -> None:
    vgg = shipped_encoder("vgg19")
    loss = RelativeStyleLoss()
    torch.manual_seed(0)
    features, other = (vgg(torch.randn(1, 3, 32, 32)) for _ in range(2))
    assert loss(features, loss.target(features)) == pytest.approx(0, abs=1e-5)
    weak = {name: value / 100 for name, value in other.items()}
    assert loss(features, loss.target(weak)) == pytest.approx(4, abs=0.2)
    assert 0 < loss(features, loss.target(other)) < 4


def test_each_images_loss_is_that_of_the_image_alone() -> None:
    objective = Objective(FLAGSHIP, shipped_encoder("vgg19"))
    torch.manual_seed(0)
    outputs, contents, paintings = (torch.rand(2, 3, 32, 32) for _ in range(3))
    bank = StyleBank(objective, 2, CPU.device)
    bank.add(paintings)
    vgg, style_loss = objective.encoder, objective.style_loss
    assert isinstance(style_loss, RelativeStyleLoss)
    style = style_loss.each(vgg(outputs), {t: (g[:2], s[:2]) for t, (g, s) in bank._kept.items()})
    content = objective.content_loss.each(vgg(outputs), vgg(contents))  # type: ignore[union-attr]
    for i in range(2):
        row = slice(i, i + 1)
        target = objective.style(paintings[row]).target
        assert style[i] == pytest.approx(style_loss(vgg(outputs[row]), target).item(), rel=0.02)
        alone = objective.content_loss(vgg(outputs[row]), vgg(contents[row]))
        assert content[i] == pytest.approx(alone.item(), rel=1e-3)


def test_the_bank_keeps_the_newest() -> None:
    bank = StyleBank(Objective(FLAGSHIP, shipped_encoder("vgg19")), 4, CPU.device)
    torch.manual_seed(0)
    first = bank.add(torch.rand(3, 3, 32, 32))
    assert bank.filled == 3
    second = bank.add(torch.rand(2, 3, 32, 32))
    assert bank.filled == 4
    assert torch.equal(bank.descriptors, torch.stack([second[1], first[1], first[2], second[0]]))
    descriptors, targets = bank.draw(50, torch.Generator().manual_seed(0))
    assert {tuple(row) for row in descriptors.tolist()} <= {
        tuple(r) for r in bank.descriptors.tolist()
    }
    assert all(gram.shape[0] == stats.shape[0] == 50 for gram, stats in targets.values())


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_numbers(
    pictures: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    whole = run(tmp_path / "whole", pictures)
    whole.run()
    parts = run(tmp_path / "parts", pictures)
    step = parts.step

    def stop_in_the_fifth(share: float) -> object:
        if parts.done == 4:
            parts.guard.stop()
        return step(share)

    parts.step = stop_in_the_fifth  # type: ignore[method-assign, assignment]
    with pytest.raises(Stopped, match="Stopped after 5 of 8"):
        parts.run()
    again = run(tmp_path / "parts", pictures)
    assert again.done == 5
    again.run()
    ours, theirs = again.state.state_dict(), whole.state.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    losses = [
        [row["loss"] for row in read_rows(tmp_path / name / "log.csv")]
        for name in ("whole", "parts")
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 8


@pytest.mark.slow
def test_it_learns_and_ships_its_average_with_a_learning_curve(
    pictures: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    training = run(tmp_path / "run", pictures)
    training.held_out = {"classical": HeldOut([draw(1)], [draw(2)], training.encoder, side=64)}
    training.run()
    rows = read_rows(tmp_path / "run" / LEARNING)
    assert {row["emphasis"] for row in rows} == {"0", "1"}
    assert {row["read_by"] for row in rows} == {"encoder"}
    assert [row["iteration"] for row in rows][-1] == "8"
    assert all(0 < float(row[name]) < 100 for row in rows for name in NAMES)

    size = training.export(tmp_path / "flagship")
    model = load_model(tmp_path / "flagship")
    assert size > 0
    assert model.card.training.iterations == 8
    assert (tmp_path / "flagship" / LEARNING).is_file()
    shipped = model.net.state_dict()
    for name, value in training.finished().state_dict().items():
        rounded = value.abs().amax() / 127 if name == MIXES else 1e-6
        assert torch.allclose(shipped[name], value, atol=float(rounded)), name
    stored = load_tensors(tmp_path / "flagship")
    assert stored[MIXES].dtype == torch.int8
    cost = model.weights.quantisation
    assert cost is not None
    assert cost["pairs"] == len(storage.library().styles) * len(storage.library().contents)
    assert 0 < cost["mean"] <= cost["largest"] < storage.MAX_LARGEST
    assert model.reader is None
    stylizer = Stylizer(model, model.encoder(), cache=StyleCache())
    painted = stylizer.encode_style(draw(5))
    assert painted(draw(6, (50, 33))).size == (50, 33)


@pytest.mark.slow
def test_a_trained_network_goes_on_and_its_curve_begins_with_what_it_was(
    pictures: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    trained = cast(FlagshipNet, NARROW.build())
    recipe = going_on(replace(RECIPE, iterations=2))
    training = FlagshipTraining(NARROW, recipe, *pictures, tmp_path, CPU, start=trained)
    pairs = HeldOut([draw(1)], [draw(2)], training.encoder, side=64)
    first = pairs.measure(trained)
    training.held_out = {"classical": pairs}
    training.run()
    rows = read_rows(tmp_path / LEARNING)
    assert {row["read_by"] for row in rows if row["iteration"] == "0"} == {"encoder"}
    for name in NAMES:
        assert float(rows[0][name]) == pytest.approx(first[name], rel=1e-4)
    assert rows[-1]["iteration"] == "2"
    assert float(rows[-1][NAMES[0]]) != pytest.approx(first[NAMES[0]], rel=1e-4)


@pytest.mark.slow
def test_held_out_measures_are_those_of_the_validation() -> None:
    net = NARROW.build()
    vgg = shipped_encoder("vgg19")
    photos, paintings = [draw(1, (300, 256)), draw(2, (256, 256))], [draw(3, (256, 280))]
    found = HeldOut(photos, paintings, vgg).measure(net)  # type: ignore[arg-type]
    from core.inference.styled_model import StyledModel
    from core.training.learning_curve import HeldOut as Held

    descriptor = Held(photos, paintings, vgg).descriptors[0]

    def stylise(photo: Image.Image, painting: Image.Image) -> Image.Image:
        return StyledModel(net.transform_net, net.meta_net(descriptor))(photo)

    wanted = Validation(photos, paintings, vgg).measure(stylise)
    for name in NAMES:
        assert found[name] == pytest.approx(wanted[name], rel=0.02), name


@pytest.mark.slow
def test_a_schedule_can_be_shortened(
    pictures: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    training = run(tmp_path, pictures, replace(RECIPE, iterations=10_000))
    training.run(seconds=0.5)
    assert 0 < training.done < 10_000
    assert training.optimizer.param_groups[0]["lr"] < RECIPE.lr


def test_a_step_that_is_not_finite_changes_nothing(
    pictures: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    training = run(tmp_path, pictures)
    training._read_pictures()
    before = {name: value.clone() for name, value in training.net.named_parameters()}
    for parameter in training.net.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    training._update()
    assert all(torch.equal(before[name], value) for name, value in training.net.named_parameters())


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--crop", "64"], "--crop is for the report's models."),
        (["--images", "100"], "--images is for the report's models."),
        (["--allow-constant-images"], "--allow-constant-images is for the report's models."),
        (["--growth", "decay"], "the flagship's learning rate falls in the open anyway."),
    ],
)
def test_options_of_the_reports_models_are_refused(
    option: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["flagship", "--data", str(tmp_path), "--runs", str(tmp_path), *option]) == 1
    assert sentence in capsys.readouterr().err


def test_options_of_the_flagship_are_refused_for_the_reports_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["improved-500", "--data", str(tmp_path), "--minutes", "1"]) == 1
    assert "--minutes is for the flagship." in capsys.readouterr().err
