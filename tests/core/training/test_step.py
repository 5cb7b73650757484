"""The fast training step against the recipe written down plainly (tests/reference.py)."""

import copy
from dataclasses import replace

import pytest
import torch

from core.images.convert import to_tensor
from core.models.encoder import load_encoder
from core.models.registry import VARIANTS
from core.models.style_net import StyleNet
from core.training.objective import Objective
from core.training.step import train_step
from core.training.weight_growth import make_optimizer
from gallery.pictures import CONTENTS, STYLES
from tests import reference

STEPS = 2
TOLERANCES = {torch.float32: 2e-3, torch.bfloat16: 6e-2}


def crops(count: int, side: int) -> torch.Tensor:
    return torch.stack([to_tensor(p.image().resize((side, side))) for p in CONTENTS[:count]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["original-500", "improved-500", "ablation-mse", "ablation-resnet"]
)
def test_losses_of_the_fast_step_are_those_of_the_plain_recipe(
    name: str,
) -> None:
    """In both types. At a small rate: Adam's first steps follow the gradient's sign alone, which rounding may turn."""
    variant = replace(VARIANTS[name], base=8)
    torch.manual_seed(0)
    plain = StyleNet(variant.base, variant.block)
    nets = {dtype: copy.deepcopy(plain) for dtype in TOLERANCES}
    encoder = load_encoder(variant.encoder)
    contents, style = crops(2, 64), to_tensor(STYLES[0].image().resize((64, 64)))[None]
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-5)
    expected = [
        reference.plain_step(variant, plain, encoder, optimizer, contents, style)
        for _ in range(STEPS)
    ]
    for dtype, fast in nets.items():
        fast.compute_dtype = dtype
        objective = Objective(variant, load_encoder(variant.encoder).for_compute(dtype))
        target, fast_optimizer = objective.style(style), make_optimizer(fast, lr=1e-5)
        for losses in expected:
            result = train_step(fast, objective, fast_optimizer, contents, target)
            assert not result.skipped, dtype
            found = (result.content_loss, result.style_loss, result.tv_loss)
            assert found == pytest.approx(losses, rel=TOLERANCES[dtype]), dtype


def test_gradients_of_the_fast_step_are_those_of_the_plain_recipe() -> None:
    variant = replace(VARIANTS["improved-500"], base=8)
    torch.manual_seed(0)
    plain = StyleNet(variant.base, variant.block)
    fast = copy.deepcopy(plain)
    encoder = load_encoder(variant.encoder)
    objective = Objective(variant, encoder)
    contents, style = crops(2, 48), to_tensor(STYLES[1].image().resize((48, 48)))[None]
    reference.plain_step(
        variant, plain, encoder, torch.optim.SGD(plain.parameters(), lr=0.0), contents, style
    )
    train_step(
        fast,
        objective,
        torch.optim.SGD(fast.parameters(), lr=0.0),
        contents,
        objective.style(style),
    )
    for (key, mine), theirs in zip(fast.named_parameters(), plain.parameters(), strict=True):
        if key.endswith(
            ".bias"
        ):  # most feed an instance norm: their gradient is nought but rounding
            continue
        assert mine.grad is not None and theirs.grad is not None
        error = (mine.grad - theirs.grad).norm() / theirs.grad.norm().clamp(min=1e-9)
        assert error < 5e-3, key
