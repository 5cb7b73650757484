"""The losses: known values, and the hand-written backward passes against plain formulas in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.models.losses import (
    STD_EPS,
    ContentLoss,
    GramLoss,
    MeanStdLoss,
    NormalizedContentLoss,
    SpeckLoss,
    gram_matrix,
    mean_std,
    total_variation,
)

CHANNELS = (64, 128, 256, 512)


def plain_mean_std(features: dict[str, Tensor]) -> Tensor:
    parts = []
    for value in features.values():
        mean, var = value.mean((2, 3)), value.var((2, 3), correction=0)
        parts.append(torch.stack([mean, torch.sqrt(var + STD_EPS)], dim=2).flatten(1))
    return torch.cat(parts, dim=1)


def plain_gram(feature: Tensor) -> Tensor:
    n, c, h, w = feature.shape
    rows = feature.reshape(n, c, h * w)
    return rows @ rows.transpose(1, 2) / (c * h * w)


def random_features(count: int = 2, scale: float = 3.0) -> dict[str, Tensor]:
    """Like an encoder's: not negative, channels_last, deeper taps smaller and wider."""
    generator = torch.Generator().manual_seed(0)
    return {
        f"tap{i}": (torch.randn(count, c, 12 - 2 * i, 16 - 2 * i, generator=generator) * scale)
        .relu()
        .contiguous(memory_format=torch.channels_last)
        for i, c in enumerate((3, 5, 8))
    }


def gradients(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """The function's value and the gradient of a fixed random weighting of it."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    value = function(x)
    weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(1)).to(value.dtype)
    (gradient,) = torch.autograd.grad((value * weights).sum(), x)
    return value.detach(), gradient


FUNCTIONS = {
    "mean_std": (lambda x: mean_std({"tap": x}), lambda x: plain_mean_std({"tap": x})),
    "gram": (gram_matrix, plain_gram),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("tap", ["tap0", "tap1", "tap2"])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_float32_equals_plain_autograd_in_float64(
    name: str, tap: str, layout: torch.memory_format
) -> None:
    ours, plain = FUNCTIONS[name]
    feature = random_features()[tap].contiguous(memory_format=layout)
    value, gradient = gradients(ours, feature)
    wanted_value, wanted_gradient = gradients(plain, feature.double())
    assert value.dtype == gradient.dtype == torch.float32
    torch.testing.assert_close(value.double(), wanted_value, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient.double(), wanted_gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bfloat16_stays_within_its_own_error(name: str) -> None:
    ours, plain = FUNCTIONS[name]
    feature = random_features()["tap2"].bfloat16()
    value, gradient = gradients(ours, feature)
    wanted_value, wanted_gradient = gradients(plain, feature.double())
    assert value.dtype == torch.float32, "statistics stay in float32 whatever the features are in"
    assert gradient.dtype == torch.bfloat16
    torch.testing.assert_close(value.double(), wanted_value, rtol=1e-5, atol=1e-6)
    error = (gradient.double() - wanted_gradient).square().mean().sqrt()
    assert error < 0.02 * wanted_gradient.square().mean().sqrt()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_constant_feature_gives_finite_gradients(name: str) -> None:
    """Zero variance: the square root's slope is bounded by the eps under it."""
    _, gradient = gradients(FUNCTIONS[name][0], torch.full((1, 3, 4, 4), 2.0))
    assert torch.isfinite(gradient).all()


def test_mean_std_is_interleaved_channel_by_channel_tap_by_tap() -> None:
    flat = torch.full((4, 4), 5.0)
    checkered = torch.tensor([1.0, -1.0]).repeat(8).view(4, 4)
    features = {
        "shallow": torch.stack([flat, checkered])[None],
        "deep": torch.stack([checkered * 3 + 2])[None],
    }
    wanted = [5, STD_EPS**0.5, 0, (1 + STD_EPS) ** 0.5, 2, (9 + STD_EPS) ** 0.5]
    assert mean_std(features).tolist() == [pytest.approx(wanted, abs=1e-6)]


def test_the_descriptor_has_1920_numbers() -> None:
    features = {str(c): torch.rand(3, c, 2, 2) for c in CHANNELS}
    assert mean_std(features).shape == (3, 1920)


def test_gram_matrix_of_a_known_feature() -> None:
    """Channels of ones, of twos, and of a checkerboard that is orthogonal to both; over C*H*W."""
    ones = torch.ones(4, 6)
    checkered = torch.tensor([1.0, -1.0]).repeat(12).view(4, 6)
    gram = gram_matrix(torch.stack([ones, 2 * ones, checkered])[None])
    wanted = torch.tensor([[1.0, 2, 0], [2, 4, 0], [0, 0, 1]]) / 3
    torch.testing.assert_close(gram, wanted[None])


def test_content_loss_is_the_mean_squared_error_at_its_tap() -> None:
    loss = ContentLoss("deep")
    features = {"shallow": torch.rand(2, 3, 4, 4), "deep": torch.rand(2, 5, 2, 2)}
    assert loss(features, features) == 0
    moved = {"shallow": torch.rand(2, 3, 4, 4), "deep": features["deep"] + 0.5}
    assert loss(moved, features).item() == pytest.approx(0.25)


def test_normalised_content_loss_ignores_scale_and_offset_and_averages_its_taps() -> None:
    features = random_features()
    loss = NormalizedContentLoss(["tap1", "tap2"])
    recoloured = {name: 3 * value + 5 for name, value in features.items()}
    assert loss(recoloured, features) == pytest.approx(0, abs=1e-4)
    opposite = {"tap1": features["tap1"], "tap2": -features["tap2"]}
    assert loss(opposite, features) == pytest.approx((0 + 4) / 2, abs=1e-3)


@pytest.mark.parametrize("loss", [MeanStdLoss(), GramLoss()], ids=["mse", "gram"])
def test_a_style_loss_is_zero_on_the_style_itself_and_means_over_images(
    loss: MeanStdLoss | GramLoss,
) -> None:
    style, others = random_features(1), random_features(2, scale=2.0)
    target = loss.target(style)
    assert loss(style, target) == 0  # type: ignore[arg-type]
    both = loss(others, target)  # type: ignore[arg-type]
    each = [loss({n: v[i : i + 1] for n, v in others.items()}, target) for i in range(2)]  # type: ignore[arg-type]
    assert both.item() == pytest.approx((each[0] + each[1]).item() / 2, rel=1e-5)
    assert both > 0


def test_mean_std_loss_is_over_all_numbers_at_once() -> None:
    style, output = random_features(1), random_features(1, scale=2.0)
    wanted = (plain_mean_std(output) - plain_mean_std(style)).square().mean()
    loss = MeanStdLoss()
    torch.testing.assert_close(loss(output, loss.target(style)), wanted)


def test_gram_loss_is_summed_over_taps() -> None:
    style, output = random_features(1), random_features(1, scale=2.0)
    wanted = sum((plain_gram(output[n]) - plain_gram(style[n])).square().mean() for n in style)
    loss = GramLoss()
    torch.testing.assert_close(loss(output, loss.target(style)), wanted)


def test_total_variation_of_a_known_picture() -> None:
    """A 3 x 4 picture that is 1 in its upper left 2 x 2 corner: two steps right, two steps down, in one channel of two images."""
    images = torch.zeros(2, 3, 3, 4)
    images[1, 0, :2, :2] = 1
    assert total_variation(images) == 4
    ramp = torch.arange(5.0).expand(1, 3, 2, 5)
    assert total_variation(ramp) == 3 * 2 * 4
    assert total_variation(torch.full((1, 3, 8, 8), 0.3)) == 0


def with_spots(image: Tensor, value: float, size: tuple[int, int] = (3, 3)) -> Tensor:
    image = image.clone()
    for y, x in ((20, 20), (40, 60), (60, 30)):
        image[..., y : y + size[0], x : x + size[1]] = value
    return image


def test_speck_loss_sees_dots_light_and_dark_but_no_strokes_edges_or_what_the_photo_has() -> None:
    loss, plain = SpeckLoss(), torch.zeros(1, 3, 80, 96)
    light, dark = with_spots(plain, 2.0), with_spots(plain, -2.0)
    assert loss(light, plain) == pytest.approx(float(loss(dark, plain)))
    assert loss(light, plain) > 1e-3
    strokes = [with_spots(plain, 2.0, size) for size in ((2, 16), (16, 2))]
    edge = plain.clone()
    edge[..., 48:] = 2.0
    diagonal = plain + 2.0 * torch.eye(80, 96)
    for image in (plain, *strokes, edge, diagonal):
        assert loss(image, plain) == 0
    assert loss(light, light) == 0
    assert loss(light, light.roll(2, dims=3)) == 0


def test_speck_loss_lets_brushwork_be_and_its_gradient_fades_the_dots() -> None:
    loss, plain = SpeckLoss(), torch.zeros(1, 3, 80, 96)
    grain = torch.rand(plain.shape, generator=torch.Generator().manual_seed(0))
    assert loss(grain, plain) < 0.1 * loss(with_spots(plain, 2.0), plain)
    assert loss(with_spots(grain, 2.0), plain) > 5 * loss(grain, plain)
    image = with_spots(plain, 2.0).requires_grad_()
    loss(image, plain).backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    assert image.grad[image == 2].min() > 0
