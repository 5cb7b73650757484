"""The law of weight growth: known rates are found again, and R^2 says honestly how well the law fits."""

import math

import numpy as np
import pytest
import torch

from core.analysis.growth_law import fit_growth, growth, r_squared, scale_free
from core.models.flagship import FlagshipNet
from core.models.style_net import StyleNet
from core.training.log_writer import trained_layers

LR = 1e-3
TIMES = np.arange(0, 1364, 10)


@pytest.mark.parametrize("c", [0.25, 1.0, 1.7])
def test_a_known_rate_is_found_again(c: float) -> None:
    law = fit_growth(TIMES, np.sqrt(0.037**2 + c**2 * LR**2 * TIMES), LR)
    assert law is not None
    assert law.c == pytest.approx(c, rel=1e-9)
    assert law.w0 == 0.037
    assert law.r2 == pytest.approx(1)
    assert (law.r2_unit == pytest.approx(1)) == (c == 1)
    assert law.rms(TIMES)[-1] == pytest.approx(math.sqrt(0.037**2 + (c * LR) ** 2 * TIMES[-1]))
    assert law.unit([0, 1000]) == pytest.approx([0.037, math.sqrt(0.037**2 + 1e-3)])


def test_time_counts_from_the_first_logged_iteration() -> None:
    whole = np.sqrt(0.05**2 + (1.2 * LR) ** 2 * TIMES)
    law = fit_growth(TIMES[40:], whole[40:], LR)
    assert law is not None
    assert (law.first, law.w0) == (400, whole[40])
    assert law.c == pytest.approx(1.2)
    assert law.rms(TIMES[40:]) == pytest.approx(whole[40:])


def test_noise_lowers_r2_and_hardly_moves_the_rate() -> None:
    rng = np.random.default_rng(0)
    curve = np.sqrt(0.037**2 + LR**2 * TIMES)
    fits = [
        fit_growth(TIMES, curve + rng.normal(0, noise, len(TIMES)) * (TIMES > 0), LR)
        for noise in (1e-4, 1e-3, 4e-3)
    ]
    r2 = [law.r2 for law in fits if law]
    assert r2 == sorted(r2, reverse=True)
    assert r2[0] > 0.99 and 0.2 < r2[2] < 0.8
    assert all(law.c == pytest.approx(1, abs=0.03) for law in fits if law)
    assert all(
        law.r2 == pytest.approx(1 - noise**2 / curve.var(), abs=0.1)
        for law, noise in zip(fits, (1e-4, 1e-3), strict=False)
        if law
    )


def test_another_law_does_not_fit() -> None:
    """Growth along the weights, not across them: linear in t."""
    law = fit_growth(TIMES, 0.01 + 1e-4 * TIMES, LR)
    assert law is not None
    assert law.r2 < 0.95
    assert law.r2_unit < 0


def test_weights_that_shrink_have_a_negative_rate() -> None:
    law = fit_growth(TIMES, np.sqrt(0.06**2 - (0.8 * LR) ** 2 * TIMES), LR)
    assert law is not None
    assert law.c == pytest.approx(-0.8)
    assert law.r2 == pytest.approx(1)
    assert growth([0, 10**9], law.w0, law.slope)[1] == 0, "no root of a negative number"


def test_weights_that_stand_still_have_no_r2() -> None:
    law = fit_growth(TIMES, 0.037 + 1e-9 * np.sin(TIMES), LR)
    assert law is not None
    assert abs(law.c) < 1e-2
    assert math.isnan(law.r2)
    assert r_squared(np.array([1.0, 2.0]), np.array([1.5, 1.5])) == 0


def test_too_few_points_have_no_law() -> None:
    assert fit_growth([0, 10], [1.0, 2.0], LR) is None
    assert fit_growth([0, 10, 20], [1.0, float("nan"), 2.0], LR) is None
    assert fit_growth([], [], LR) is None


def test_adam_with_gradients_across_the_weights_follows_the_law() -> None:
    """A filter of random direction whose every gradient is orthogonal to it, as an instance norm makes it."""
    torch.manual_seed(0)
    filters = torch.nn.Parameter(0.03 * torch.randn(8, 243))
    optimizer = torch.optim.Adam([filters], lr=LR, betas=(0.0, 0.999))
    rms = []
    for _ in range(200):
        rms.append(filters.detach().square().mean().sqrt().item())
        gradient = torch.randn_like(filters)
        rows = filters.detach()
        filters.grad = gradient - rows * (gradient * rows).sum(1, keepdim=True) / rows.square().sum(
            1, keepdim=True
        )
        optimizer.step()
    law = fit_growth(np.arange(200), rms, LR)
    assert law is not None
    assert law.c == pytest.approx(1, abs=0.1)
    assert law.r2 > 0.99


def test_which_layers_have_no_scale() -> None:
    layers = trained_layers(StyleNet(2, "resnext"))
    free = [name for name in layers if "feeds an instance norm" in scale_free(name)]
    assert free == ["transform_net.downsampling.1.weight", "transform_net.residuals.4.weight"]
    assert "generates filters" in scale_free("meta_net.outputs.3.weight")
    assert "does not hold" in scale_free("transform_net.upsampling.11.weight")
    assert "does not hold" in scale_free("meta_net.hidden.weight")
    flagship = [
        scale_free(name)
        for name in trained_layers(FlagshipNet(4))
        if name.startswith("transform_net.")
    ]
    assert ["rate that does not fall" in said for said in flagship] == [True] * (
        len(flagship) - 1
    ) + [False]
    assert "not known" in scale_free("generator.conv1.weight")
