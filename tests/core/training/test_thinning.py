"""Thin copies of convolutions, and of VGG19."""

import pytest
import torch
from torch import nn

from core.images.convert import to_tensor
from core.models.encoder import normalize
from core.models.style_reader import StyleReader, ThinConv
from core.training.thinning import _fit, fit_scale, thin_copy
from tests.conftest import draw, shipped_encoder


def separable(inside: int, outside: int, rank: int) -> nn.Conv2d:
    """A convolution with a bias that three thin parts can be without loss."""
    lines, columns = torch.randn(rank, inside, 3), torch.randn(rank, rank, 3)
    mixed = torch.randn(outside, rank)
    layer = nn.Conv2d(inside, outside, 3, padding=1)
    layer.weight.data = torch.einsum("or,rkx,kiy->oiyx", mixed, columns, lines)
    return layer


@torch.no_grad()
@pytest.mark.parametrize("loud", [1.0, 100.0])
def test_what_can_be_thin_is_copied_without_loss(loud: float) -> None:
    torch.manual_seed(0)
    layer, thin = separable(8, 10, 4), ThinConv(8, 10, 8)
    inputs = [torch.randn(4, 8, 24, 20).relu() for _ in range(3)]
    inputs = [x * torch.linspace(1, loud, 8).view(1, -1, 1, 1) for x in inputs]
    wanted = [layer(x) for x in inputs]
    _fit(thin, layer, inputs, wanted, torch.Generator().manual_seed(0))
    new = torch.rand(2, 8, 30, 31)
    found, goal = thin(new)[..., 2:-2, 2:-2], layer(new)[..., 2:-2, 2:-2]
    assert (found - goal).abs().max() < 2e-3 * goal.std()


@torch.no_grad()
def test_a_layer_makes_good_for_what_those_before_it_lost() -> None:
    """What comes to the copy is fainter and offset; the fitted layer gives what the true one gave."""
    torch.manual_seed(0)
    layer, thin = separable(8, 10, 4), ThinConv(8, 10, 8)
    inputs = [torch.randn(4, 8, 24, 20) for _ in range(3)]
    wanted = [layer(x) for x in inputs]
    lost = [0.5 * x for x in inputs]
    _fit(thin, layer, lost, wanted, torch.Generator().manual_seed(0))
    assert (thin(lost[0]) - wanted[0]).abs().mean() < 0.02 * wanted[0].std()


@torch.no_grad()
@pytest.mark.slow
def test_a_thin_copy_of_vgg19_sees_nearly_what_it_sees() -> None:
    """What is left at each tap of VGG19's own responses, in a picture that the copy was not found with."""
    encoder = shipped_encoder("vgg19")
    pictures = normalize(torch.stack([to_tensor(draw(seed, (96, 96))) for seed in range(17)]))
    copy = thin_copy(encoder, pictures[:16])
    x, left = pictures[16:], {}
    names = {index: name for name, index in encoder.taps.items()}
    goals = encoder(x)
    for index, layer in enumerate(copy.features):
        x = layer(x)
        if index in names:
            goal = goals[names[index]]
            left[names[index]] = float((x - goal).square().mean() / goal.var())
    assert left["relu1_2"] < 0.05, left
    assert left["relu2_2"] < 0.2, left
    assert max(left.values()) < 0.5, left


@torch.no_grad()
def test_the_scale_of_each_statistic_is_by_least_squares() -> None:
    torch.manual_seed(0)
    reader, images = StyleReader(), torch.randn(6, 3, 32, 32) * torch.rand(6, 1, 1, 1)
    logs = reader.logs(images)
    slope, offset = torch.rand(1920) + 0.5, torch.randn(1920)
    fit_scale(reader, images, slope * logs + offset)
    varied = logs.std(dim=0) > 1e-2
    assert torch.allclose(reader.slope[varied], slope[varied], atol=1e-2)
    assert torch.allclose(reader.seen(images), slope * logs + offset, atol=1e-2)
