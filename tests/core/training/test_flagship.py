"""The flagship's networks and its trainer."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.inference.stylizer import StyleCache, Stylizer
from core.models.checkpoint import load_model
from core.models.encoder import Encoder
from core.models.flagship import CLAMP, FlagshipMetaNet, FlagshipNet
from core.models.losses import RelativeStyleLoss
from core.models.registry import FLAGSHIP
from core.runtime import DistributedContext
from core.training import flagship
from core.training.flagship import FlagshipBatches, FlagshipConfig, FlagshipTrainer
from core.training.log_writer import read_rows
from core.training.objective import Objective
from core.training.validation import NAMES, Validation
from tests.conftest import draw

SMALL = dataclasses.replace(FLAGSHIP, base=4)
RECIPE = FlagshipConfig(
    iterations=6, reproduce=2, batch=2, crop=32, large_crop=48, large_from=0.7, polish=0.5
)


def test_it_generates_1404_numbers_with_1_27_million_parameters() -> None:
    net = FlagshipNet()
    assert sum(net.transform_net.generated.values()) == 1404
    assert sum(net.counts().values()) == 1_267_839


def test_a_batch_with_a_painting_each_equals_the_images_one_by_one() -> None:
    torch.manual_seed(0)
    net = FlagshipNet(base=8)
    images, descriptors = torch.randn(3, 3, 32, 24), torch.rand(3, 1920)
    together, filters = net(images, descriptors)
    for i in range(3):
        alone, _ = net(images[i : i + 1], descriptors[i])
        assert torch.allclose(together[i : i + 1], alone, atol=1e-4)
    assert torch.allclose(net.transform_net(images, filters), together, atol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_statistics_are_standardised_and_clamped() -> None:
    meta = FlagshipMetaNet({"norm": 4}, width=8)
    paintings = torch.rand(50, 1920) + 0.1
    meta.standardize_on(paintings)
    inputs = []
    meta.body[0].register_forward_hook(lambda _layer, given, _out: inputs.append(given[0]))
    meta(paintings)
    meta(torch.full((1920,), 1e6))
    assert inputs[0].mean().abs() < 0.05
    assert 0.9 < inputs[0].std() < 1.1
    assert inputs[1].max() == CLAMP


def test_relative_style_loss_is_0_for_itself_and_has_the_same_scale_for_weak_paintings(
    encoder: Callable[[str], Encoder],
) -> None:
    vgg = encoder("vgg19")
    loss = RelativeStyleLoss()
    torch.manual_seed(0)
    features, other = (vgg(torch.randn(1, 3, 32, 32)) for _ in range(2))
    assert loss(features, loss.target(features)) == pytest.approx(0, abs=1e-5)
    weak = {name: value / 100 for name, value in other.items()}
    assert loss(features, loss.target(weak)) == pytest.approx(4, abs=0.2)
    assert 0 < loss(features, loss.target(other)) < 4


def test_every_painting_is_used_before_any_is_used_again_and_ranks_share_them() -> None:
    styles = [Path(f"{i}.jpg") for i in range(12)]
    sampler = FlagshipBatches([Path("a.jpg")], styles, batch=4)
    used = [path for i in range(3) for path in sampler.paintings(i)]
    assert sorted(used) == sorted(styles)
    shared = [sampler.paintings(1, rank, 2) for rank in range(2)]
    assert [shared[0][0], shared[1][0], shared[0][1], shared[1][1]] == sampler.paintings(1)


def test_rate_reproduces_first_then_falls() -> None:
    recipe = FlagshipConfig(iterations=1000)
    rates = [recipe.lr_at(i) for i in (0, 200, 400, 700, 999)]
    assert rates[0] == recipe.reproduce_lr
    assert (
        rates[1]
        == recipe.lr
        > rates[2]
        > rates[3]
        > rates[4]
        == pytest.approx(recipe.last_lr, rel=1e-3)
    )
    polishing = [recipe.lr_at(i) for i in (1000, 1025, 1050)]
    assert polishing[0] == recipe.polish_lr > polishing[1] > polishing[2] == recipe.last_lr


def test_it_ends_on_enlarged_photographs_of_large_crops(
    contents: list[Path], styles: list[Path]
) -> None:
    sampler = FlagshipConfig(iterations=100, crop=32, large_crop=48).sampler(contents, styles)
    assert FlagshipConfig(iterations=100).total(sampler) == 105
    assert [sampler.content_crops(i).shape[-1] for i in (0, 89, 90, 104)] == [32, 32, 48, 48]
    before, after = (
        torch.stack([sampler.content_crops(i).diff(dim=3).abs().mean() for i in numbers]).mean()
        for numbers in (range(90, 100), range(100, 110))
    )
    assert after < 0.9 * before


def test_a_stopped_run_goes_on_to_the_same_numbers_and_ships_its_average(
    contents: list[Path], styles: list[Path], tmp_path: Path
) -> None:
    place = DistributedContext(torch.device("cpu"))
    whole = FlagshipTrainer(SMALL, RECIPE, contents, styles, tmp_path / "whole", place)
    whole.run()
    parts = FlagshipTrainer(SMALL, RECIPE, contents, styles, tmp_path / "parts", place)
    step = parts.step

    def stop_after_three(net: torch.nn.Module, iteration: int, crops: torch.Tensor) -> object:
        if iteration == 2:
            parts.stop()
        return step(net, iteration, crops)

    parts.step = stop_after_three  # type: ignore[method-assign, assignment]
    with pytest.raises(Exception, match="Stopped after 3 of 9"):
        parts.run()
    again = FlagshipTrainer(SMALL, RECIPE, contents, styles, tmp_path / "parts", place)
    assert again.done == 3
    again.run()
    for mine, theirs in zip(
        again.state.state_dict().values(), whole.state.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs)
    losses = [
        [row["loss"] for row in read_rows(tmp_path / run / "log.csv")] for run in ("whole", "parts")
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 9

    (tmp_path / "whole" / flagship.LEARNING).write_text("iteration\n")
    whole.export(tmp_path / "flagship")
    assert (tmp_path / "flagship" / flagship.LEARNING).read_text() == "iteration\n"
    model = load_model(tmp_path / "flagship")
    before, after = whole.unpolished.state_dict(), whole.averaged.module.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in after)
    for name, value in model.net.state_dict().items():
        assert torch.allclose(
            value, before[name] + RECIPE.polish_share * (after[name] - before[name]), atol=1e-6
        )
    stylizer = Stylizer(model, model.encoder(), cache=StyleCache())
    assert stylizer.encode_style(draw(5))(draw(6, (50, 33))).size == (50, 33)


def test_the_learning_curve_gets_a_row_of_held_out_measures_that_a_resumed_run_does_not_repeat(
    contents: list[Path], styles: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flagship, "VALIDATE_EVERY", 2)
    trainer = FlagshipTrainer(
        SMALL, RECIPE, contents, styles, tmp_path, DistributedContext(torch.device("cpu"))
    )
    trainer.validation = Validation([draw(1)], [draw(2)], trainer.encoder)
    (tmp_path / flagship.LEARNING).write_text(
        f"iteration,{','.join(NAMES)}\n5{',0' * len(NAMES)}\n"
    )
    trainer.run()
    rows = read_rows(tmp_path / flagship.LEARNING)
    assert [row["iteration"] for row in rows] == ["3", "5", "7", "8"]
    assert all(0 < float(row[name]) < 100 for row in rows for name in NAMES)


def test_objective_takes_a_painting_for_each_image(encoder: Callable[[str], Encoder]) -> None:
    objective = Objective(FLAGSHIP, encoder("vgg19"))
    torch.manual_seed(0)
    outputs, contents = torch.randn(2, 3, 32, 32), torch.randn(2, 3, 32, 32)
    styles = [objective.style(torch.rand(1, 3, 32, 32)) for _ in range(2)]
    gradient, losses = objective.gradient(outputs, contents, styles)
    singles = [
        objective.gradient(outputs[i : i + 1], contents[i : i + 1], styles[i]) for i in range(2)
    ]
    for together, *alone in zip(losses, *(found for _, found in singles), strict=True):
        assert together == pytest.approx(sum(float(value) for value in alone) / 2, rel=1e-4)
    assert torch.allclose(gradient, torch.cat([found for found, _ in singles]) / 2, atol=1e-6)
