"""Weights that feed an instance norm: they only grow under Adam, and two ways stop it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.models.registry import VARIANTS
from core.models.style_net import StyleNet
from core.training.objective import Objective
from core.training.step import train_step
from core.training.trainer import Trainer, TrainingConfig
from core.training.weight_growth import FixedNorms, cosine, make_optimizer
from tests.conftest import shipped_encoder
from tests.training import CPU


def first_conv(net: torch.nn.Module) -> Tensor:
    return dict(net.named_parameters())["transform_net.downsampling.1.weight"]


def branches(net: torch.nn.Module) -> Tensor:
    return dict(net.named_parameters())["transform_net.residuals.4.weight"]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.rand(2, 3, 32, 32), torch.rand(1, 3, 32, 32)


def test_the_first_filters_gradient_is_orthogonal_to_them(batch: tuple[Tensor, Tensor]) -> None:
    variant = replace(VARIANTS["improved-500"], base=8)
    torch.manual_seed(0)
    net = variant.build()
    objective = Objective(variant, shipped_encoder(variant.encoder))
    train_step(
        net,
        objective,
        torch.optim.SGD(net.parameters(), lr=0.0),
        batch[0],
        objective.style(batch[1]),
    )
    weight = first_conv(net)
    assert weight.grad is not None
    cosines = torch.cosine_similarity(weight.detach().flatten(1), weight.grad.flatten(1))
    assert cosines.abs().max() < 1e-2


@pytest.mark.parametrize("block", ["resnet", "resnext"])
def test_fixed_norms_restore_each_filter_and_leave_the_function_alone(block: str) -> None:
    torch.manual_seed(0)
    net = StyleNet(8, block)
    norms = FixedNorms(net)
    images, descriptor = torch.randn(1, 3, 32, 32), torch.rand(1920)
    with torch.no_grad():
        before, filters = net(images, descriptor)
        first = {name: value.clone() for name, value in filters.items()}
        own = [first_conv(net)] + ([branches(net)] if block == "resnext" else [])
        norms_before = [conv.flatten(1).norm(dim=1) for conv in own]
        for conv in own:
            conv.mul_(torch.linspace(2.0, 4.0, len(conv)).view(-1, 1, 1, 1))
        for parameter in net.meta_net.outputs.parameters():
            parameter.mul_(5.0)
        grown, _ = net(images, descriptor)
        norms.restore()
        after, filters = net(images, descriptor)
        assert [conv.flatten(1).norm(dim=1).tolist() for conv in own] == [
            pytest.approx(n.tolist()) for n in norms_before
        ]
    # Instance norm forgives the growth but for its eps, so the pictures agree throughout.
    assert (grown - before).abs().mean() < 0.05 * before.std()
    assert (after - before).abs().max() < 1e-2
    name = next(iter(first))
    weights = len(first[name]) - net.transform_net.generated_layers()[0].shape[0]
    assert torch.allclose(filters[name][:weights], first[name][:weights], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("growth", ["free", "fixed-norm"])
def test_plain_adam_lets_them_grow_and_fixed_norm_does_not(
    growth: str, contents: list[Path], styles: list[Path], tmp_path: Path
) -> None:
    recipe = TrainingConfig(iterations=8, batch=2, crop=32, growth=growth)
    variant = replace(VARIANTS["improved-500"], base=8)
    trainer = Trainer(variant, recipe, contents, styles, tmp_path, CPU)
    start = [find(trainer.net).detach().clone() for find in (first_conv, branches)]
    trainer.run()
    for before, after in zip(start, (first_conv(trainer.net), branches(trainer.net)), strict=True):
        factor = (after.norm() / before.norm()).item()
        if growth == "free":
            assert factor > 1.002
        else:
            assert factor == pytest.approx(1, abs=1e-5)
            assert not torch.allclose(after, before, atol=1e-3)


SCALE_FREE = (
    "transform_net.downsampling.1.weight",
    "transform_net.residuals.4.weight",
    "meta_net.outputs.0.weight",
)


@pytest.mark.slow
@pytest.mark.parametrize(("growth", "low", "high"), [("free", 1.4, 2.5), ("decay", 0.85, 1.15)])
def test_under_noise_adam_lets_scale_free_layers_grow_and_decay_keeps_them(
    growth: str, low: float, high: float
) -> None:
    torch.manual_seed(0)
    net = StyleNet(8, "resnext")
    layers = dict(net.named_parameters())
    first = {name: layers[name].norm().item() for name in SCALE_FREE}
    # Adam's step has RMS 1 only where gradients keep their sign; for noise it is sqrt((1 - b1) / (1 + b1)), and successive
    # steps are correlated over 1 / (1 - b1) of them, which together give the law's c = 1 again.
    optimizer = make_optimizer(net, 3e-3, growth)
    for _ in range(500):
        for name in SCALE_FREE:
            layers[name].grad = torch.randn_like(layers[name])
        optimizer.step()
    for name in SCALE_FREE:
        assert low < layers[name].norm().item() / first[name] < high


def test_decay_leaves_alone_what_has_a_scale() -> None:
    net = StyleNet(8, "resnext")
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    optimizer = make_optimizer(net, 1e-3, "decay")
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    moved = {name for name, value in net.named_parameters() if not torch.equal(value, before[name])}
    generators = {f"meta_net.outputs.{i}.{kind}" for i in range(6) for kind in ("weight", "bias")}
    assert moved == {
        "transform_net.downsampling.1.weight",
        "transform_net.residuals.4.weight",
        *generators,
    }


def test_cosine_falls_from_lr_to_nearly_nothing() -> None:
    rates = [cosine(1e-3, i, 100) for i in range(100)]
    assert rates[0] == 1e-3
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 1e-6


def test_unknown_growth_is_refused_readably() -> None:
    with pytest.raises(ValueError, match="no growth option 'wild'; choose free, fixed-norm, decay"):
        make_optimizer(torch.nn.Linear(1, 1), 1e-3, "wild")
