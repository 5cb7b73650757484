"""Flat (single-colour) pictures: why they turn weights to NaN, and training on them without."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from core.images.convert import to_tensor
from core.models.checkpoint import load_model
from core.models.encoder import normalize
from core.models.layers import InstanceNorm, allow_constant_images, detach_flat
from core.models.registry import VARIANTS
from core.models.style_net import StyleNet
from core.paths import CHECKPOINTS
from core.training.batches import is_flat
from core.training.objective import Objective
from core.training.step import FLAT
from core.training.trainer import Trainer
from tests.conftest import draw, shipped_encoder
from tests.training import LOSSES, rows

FACTOR = 1 / InstanceNorm.eps**0.5  # 316
LARGEST = torch.finfo(torch.float32).max
StartTrainer = Callable[..., Trainer]
Gradients = tuple[list[tuple[float, float]], dict[str, float]]


def flat(side: int = 32, noise: float = 0.0) -> Tensor:
    """1 x 3 x side x side in [0, 1] of one colour, and noise of that standard deviation."""
    torch.manual_seed(1)
    return torch.tensor([0.78, 0.12, 0.35]).view(1, 3, 1, 1) + noise * torch.randn(1, 3, side, side)


def gradients(net: StyleNet, objective: Objective, picture: Tensor, painting: Tensor) -> Gradients:
    """One step's gradients: their norms (after, before) each instance norm, last norm first; those of the parameters."""
    norms: list[tuple[float, float]] = []

    def look(_: torch.nn.Module, before: Any, after: Any) -> None:
        norms.append((length(after[0]), length(before[0])))

    hooks = [
        m.register_full_backward_hook(look) for m in net.modules() if isinstance(m, InstanceNorm)
    ]
    style, contents = objective.style(painting), normalize(picture)
    for module in net.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False  # hooks look at what a ReLU would overwrite
    outputs, _ = net(contents, style.descriptor)
    outputs.backward(objective.gradient(outputs, contents, style)[0])
    for hook in hooks:
        hook.remove()
    return norms, {name: length(p.grad) for name, p in net.named_parameters() if p.grad is not None}


def length(gradient: Tensor) -> float:
    return gradient.double().norm().item()


@pytest.fixture
def painting() -> Tensor:
    return to_tensor(draw(7, (48, 48)))[None]


@pytest.fixture
def objective() -> Objective:
    return Objective(VARIANTS["original-500"], shipped_encoder("vgg16"))


def fresh() -> StyleNet:
    torch.manual_seed(0)
    net = replace(VARIANTS["original-500"], base=8).build()
    assert isinstance(net, StyleNet)
    return net


# ---- the cause ----


def test_every_instance_norm_multiplies_the_gradient_by_316(
    objective: Objective, painting: Tensor
) -> None:
    norms, grads = gradients(fresh(), objective, flat(), painting)
    assert len(norms) == 15
    factors = [before / after for after, before in norms[:8]]
    assert factors == pytest.approx([FACTOR] * 8, rel=0.05)
    assert norms[8][1] > 1e24, "halfway back, after eight norms"
    assert any(not before < LARGEST for _, before in norms), (
        "float32 overflows before the first layer is reached"
    )
    assert grads["transform_net.upsampling.11.weight"] < LARGEST, (
        "the one convolution behind the last norm"
    )
    assert (
        grads["transform_net.downsampling.1.weight"] != grads["transform_net.downsampling.1.weight"]
    ), "NaN"


def test_a_grain_of_noise_is_enough_against_it(objective: Objective, painting: Tensor) -> None:
    """A noise of 1e-7, far below one step of 8 bits: only the first norms are flat, the next already see its pattern."""
    norms, grads = gradients(fresh(), objective, flat(noise=1e-7), painting)
    assert max(grads.values()) < 1e6
    assert max(before / after for after, before in norms[:12]) < FACTOR / 10


@pytest.mark.skipif(not (CHECKPOINTS / "original-500").is_dir(), reason="original-500 is not here")
def test_in_a_trained_network_grown_filters_bring_it_about_in_half_the_layers(
    objective: Objective, painting: Tensor
) -> None:
    net = load_model(CHECKPOINTS / "original-500").net
    assert isinstance(net, StyleNet)
    norms, grads = gradients(net.train().requires_grad_(True), objective, flat(), painting)
    first = next(i for i, (_, before) in enumerate(norms) if not before < LARGEST)
    assert 5 <= first <= 8
    assert grads["meta_net.hidden.weight"] != grads["meta_net.hidden.weight"], "NaN"


# ---- the cure ----


def test_a_flat_channel_passes_no_gradient_and_others_all_of_it() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 8)
    x[0, 1] = 1e4 + 1e-3 * torch.randn(8, 8)  # rounding of a large value
    x[1, 2] = 0.0
    x.requires_grad_()
    y = detach_flat(x, 1e-5)
    assert torch.equal(y, x)
    weights = torch.randn_like(x)
    (y * weights).sum().backward()  # type: ignore[no-untyped-call]
    expected = weights.clone()
    expected[0, 1] = expected[1, 2] = 0.0
    assert x.grad is not None and torch.equal(x.grad, expected)


def test_a_flat_picture_then_teaches_the_last_convolution_alone(
    objective: Objective, painting: Tensor
) -> None:
    net = fresh()
    allow_constant_images(net)
    _, grads = gradients(net, objective, flat(), painting)
    taught = {name for name, value in grads.items() if value > 0}
    assert taught == {"transform_net.upsampling.11.weight", "transform_net.upsampling.11.bias"}
    assert max(grads.values()) < 1e4


def test_an_ordinary_picture_teaches_what_it_did(objective: Objective, painting: Tensor) -> None:
    photo = to_tensor(draw(3, (48, 48)))[None]
    plain, kept = fresh(), fresh()
    allow_constant_images(kept)
    assert gradients(plain, objective, photo, painting) == gradients(
        kept, objective, photo, painting
    )


@pytest.mark.parametrize(
    ("name", "dtype"), [("original-500", "float32"), ("improved-500", "bfloat16")]
)
def test_training_on_flat_photos_and_paintings(
    start: StartTrainer, contents: list[Path], tmp_path: Path, name: str, dtype: str
) -> None:
    pictures = [*contents[:2], tmp_path / "white.png", tmp_path / "pink.png"]
    Image.new("RGB", (64, 64), "white").save(pictures[2])
    Image.new("RGB", (64, 64), (200, 30, 90)).save(pictures[3])
    trainer = start(
        name=name,
        pictures=pictures,
        batch=1,
        epochs=2,
        style_every=2,
        allow_constant_images=True,
        dtype=dtype,
    )
    trainer.sampler = dataclasses.replace(trainer.sampler, styles=[contents[0], pictures[2]])
    assert sum(is_flat(trainer.sampler.content_crops(i)) for i in range(8)) == 4
    trainer.run()
    log = rows(trainer.folder)
    assert [row["skipped"] for row in log] == [""] * 8, "no batch is left out"
    assert {row["style"] for row in log} >= {"white"}
    assert all(0 <= float(row[key]) < 1e6 for row in log for key in LOSSES)
    assert all(p.isfinite().all() for p in trainer.net.parameters())


def test_without_the_option_flat_pictures_are_skipped(
    start: StartTrainer, contents: list[Path], tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64), "white").save(tmp_path / "white.png")
    trainer = start(pictures=[contents[0], tmp_path / "white.png"], batch=1, epochs=1)
    trainer.run()
    assert sorted(row["skipped"] for row in rows(trainer.folder)) == ["", FLAT]
