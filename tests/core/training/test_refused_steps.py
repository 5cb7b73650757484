"""Flat batches and non-finite steps: logged, and nothing changes."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from core.images.convert import to_tensor
from core.models.checkpoint import load_model
from core.models.encoder import Encoder
from core.models.registry import Variant
from core.training.batches import is_flat
from core.training.objective import Objective, Style
from core.training.step import FLAT, NON_FINITE, train_step
from core.training.trainer import Trainer
from core.training.weight_growth import make_optimizer
from tests.conftest import draw, shipped_encoder, tiny
from tests.training import State, after_each, assert_same, numbers, rows

StartTrainer = Callable[..., Trainer]


@pytest.fixture
def flat_picture(tmp_path: Path) -> Path:
    path = tmp_path / "flat.png"
    Image.new("RGB", (64, 64), (200, 30, 90)).save(path)
    return path


@pytest.mark.slow
def test_a_flat_batch_is_skipped_and_logged(
    start: StartTrainer, contents: list[Path], flat_picture: Path
) -> None:
    pictures = [*contents[:3], flat_picture]
    trainer = start(pictures=pictures, batch=1, epochs=2)
    flat = [i for i in range(8) if is_flat(trainer.sampler.content_crops(i))]
    assert len(flat) == 2
    states = {-1: numbers(trainer)}
    after_each(trainer, lambda i: states.update({i: numbers(trainer)}))
    trainer.run()
    assert [row["skipped"] for row in rows(trainer.folder)] == [
        FLAT if i in flat else "" for i in range(8)
    ]
    for i in flat:
        assert_same(states[i], states[i - 1])
    trainer.export(trainer.folder / "shipped")
    info = load_model(trainer.folder / "shipped").card.model_dump()["training"]
    assert info["skipped"] == 2
    trained = [row for row in rows(trainer.folder)[-4:] if not row["skipped"]]
    assert info["last_epoch"]["content_loss"] == pytest.approx(
        sum(float(r["content_loss"]) for r in trained) / 3
    )


@pytest.fixture
def step() -> "Step":
    return Step(
        tiny("improved-500"),
        shipped_encoder("vgg19"),
        [to_tensor(draw(i, (32, 32))) for i in range(3)],
    )


class Step:
    """A tiny network, its optimiser after one good step, two contents and a style."""

    def __init__(self, variant: Variant, encoder: Encoder, pictures: Sequence[Tensor]) -> None:
        torch.manual_seed(0)
        self.variant, self.encoder = variant, encoder
        self.objective = Objective(variant, encoder)
        self.net = variant.build()
        self.optimizer = make_optimizer(self.net)
        self.contents, self.style = (
            torch.stack(list(pictures[:2])),
            self.objective.style(pictures[2][None]),
        )
        assert not train_step(
            self.net, self.objective, self.optimizer, self.contents, self.style
        ).skipped

    def numbers(self) -> State:
        moments = self.optimizer.state_dict()["state"]
        kept = {
            f"{i}.{name}": value.clone()
            for i, found in moments.items()
            for name, value in found.items()
        }
        return kept | {name: value.clone() for name, value in self.net.state_dict().items()}


def test_a_flat_step_changes_nothing(step: Step) -> None:
    before = step.numbers()
    flat = torch.cat([step.contents[:1], torch.full((1, 3, 32, 32), 0.4)])
    result = train_step(step.net, step.objective, step.optimizer, flat, step.style)
    assert result.skipped == FLAT
    assert_same(step.numbers(), before)


def infinite_weight(step: Step) -> Any:
    return Objective(step.variant, step.encoder, float("inf")), step.style


def target_of_nan(step: Step) -> Any:
    return step.objective, Style(
        step.style.descriptor, {n: v * float("nan") for n, v in step.style.target.items()}
    )


def broken_gradient(step: Step) -> Any:
    """The losses are finite; the way back is not."""
    step.net.get_parameter("meta_net.hidden.weight").register_hook(
        lambda gradient: gradient * float("inf")
    )
    return step.objective, step.style


@pytest.mark.parametrize("breaking", [infinite_weight, target_of_nan, broken_gradient])
def test_a_non_finite_step_is_refused_and_changes_nothing(
    step: Step, breaking: Callable[[Step], Any]
) -> None:
    before = step.numbers()
    objective, style = breaking(step)
    result = train_step(step.net, objective, step.optimizer, step.contents, style)
    assert result.skipped == NON_FINITE
    assert_same(step.numbers(), before)


def test_training_goes_on_after_a_refused_step_as_if_it_had_not_been(step: Step) -> None:
    other = copy.deepcopy(step)
    objective, style = infinite_weight(other)
    assert train_step(other.net, objective, other.optimizer, other.contents, style).skipped
    for each in (step, other):
        assert not train_step(
            each.net, each.objective, each.optimizer, each.contents, each.style
        ).skipped
    assert_same(other.numbers(), step.numbers())


def test_refused_steps_are_logged(start: StartTrainer) -> None:
    trainer = start(epochs=1, style_weight=float("inf"))
    before = numbers(trainer)
    trainer.run()
    assert [row["skipped"] for row in rows(trainer.folder)] == [NON_FINITE] * 4
    assert_same(numbers(trainer), before)
