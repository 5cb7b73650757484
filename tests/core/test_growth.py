"""Weights that feed an instance norm: they only grow under Adam, and two ways stop it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.encoder import Encoder
from core.engine import Objective, Place, train_step
from core.growth import WEIGHT_DECAY, FixedNorms, cosine, make_optimizer
from core.nets import StyleNet
from core.trainer import Recipe, Trainer
from core.variants import VARIANTS


def first_conv(net: torch.nn.Module) -> Tensor:
    return dict(net.named_parameters())["transform_net.downsampling.1.weight"]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.rand(2, 3, 32, 32), torch.rand(1, 3, 32, 32)


def test_the_first_filters_gradient_is_orthogonal_to_them(
    encoder: Callable[[str], Encoder], batch: tuple[Tensor, Tensor]
) -> None:
    variant = VARIANTS["improved-500"]
    torch.manual_seed(0)
    net = variant.build()
    objective = Objective(variant, encoder(variant.encoder))
    train_step(net, objective, torch.optim.SGD(net.parameters(), lr=0.0), batch[0], objective.style(batch[1]))
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
        first_conv(net).mul_(3.0)
        for parameter in net.meta_net.outputs.parameters():
            parameter.mul_(5.0)
        grown, _ = net(images, descriptor)
        norms.restore()
        after, filters = net(images, descriptor)
    # Instance norm forgives the growth but for its eps, so the pictures agree throughout.
    assert (grown - before).abs().mean() < 0.05 * before.std()
    assert (after - before).abs().max() < 1e-2
    name = next(iter(first))
    weights = len(first[name]) - net.transform_net.generated_layers()[0].shape[0]
    assert torch.allclose(filters[name][:weights], first[name][:weights], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("growth", ["free", "fixed-norm"])
def test_plain_adam_lets_them_grow_and_fixed_norm_does_not(
    growth: str, contents: list[Path], styles: list[Path], tmp_path: Path
) -> None:
    recipe = Recipe(iterations=8, batch=2, crop=32, growth=growth)
    trainer = Trainer(VARIANTS["improved-500"], recipe, contents, styles, tmp_path, Place(torch.device("cpu")))
    start = first_conv(trainer.net).detach().clone()
    trainer.run()
    factor = (first_conv(trainer.net).norm() / start.norm()).item()
    if growth == "free":
        assert factor > 1.002
    else:
        assert factor == pytest.approx(1, abs=1e-5)
        assert not torch.allclose(first_conv(trainer.net), start, atol=1e-3)


def test_decay_settles_where_the_law_says() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 64, bias=False)
    lr = 1e-2
    optimizer = make_optimizer(layer, lr, "decay")
    for _ in range(3000):
        layer.weight.grad = torch.randn_like(layer.weight)
        optimizer.step()
    # Adam's step has RMS 1 only where gradients keep their sign; for noise it is sqrt((1 - b1) / (1 + b1)), and successive
    # steps are correlated over 1 / (1 - b1) of them, which together give sqrt(lr / (2 wd)) again.
    expected = (lr / (2 * WEIGHT_DECAY)) ** 0.5
    assert layer.weight.square().mean().sqrt().item() == pytest.approx(expected, rel=0.15)


def test_cosine_falls_from_lr_to_nearly_nothing() -> None:
    rates = [cosine(1e-3, i, 100) for i in range(100)]
    assert rates[0] == 1e-3
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 1e-6


def test_unknown_growth_is_refused_readably() -> None:
    with pytest.raises(ValueError, match="no growth option 'wild'; choose free, fixed-norm, decay"):
        make_optimizer(torch.nn.Linear(1, 1), 1e-3, "wild")
