"""Winograd's convolution against the direct one."""

import copy

import pytest
import torch
from torch import nn

from core.models.encoder import Encoder
from core.models.fast import winograd
from core.models.fast.winograd import WinogradConv, convolve, prefers_winograd, transform_filters
from tests.core.models.test_encoder import random_state


def filters(out_channels: int, in_channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    weight = (
        torch.randn(out_channels, in_channels, 3, 3, generator=generator) / (9 * in_channels) ** 0.5
    )
    return weight, torch.randn(out_channels, generator=generator)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 12), (7, 9), (1, 1), (4, 30), (33, 5)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_the_convolution(height: int, width: int, layout: torch.memory_format) -> None:
    weight, bias = filters(12, 7)
    x = torch.randn(2, 7, height, width, generator=torch.Generator().manual_seed(1)).contiguous(
        memory_format=layout
    )
    expected = torch.conv2d(x.double(), weight.double(), bias.double(), padding=1)
    found = convolve(x, transform_filters(weight), bias)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("chunk", [1, 20_000, 1 << 30])
def test_the_number_of_tiles_at_once_makes_no_difference(
    monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    weight, bias = filters(8, 8)
    x = torch.randn(1, 8, 37, 21, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(winograd, "CHUNK_BYTES", chunk)
    torch.testing.assert_close(
        convolve(x, transform_filters(weight), bias),
        torch.conv2d(x, weight, bias, padding=1),
        rtol=1e-5,
        atol=2e-5,
    )


def test_gradients_go_to_the_input() -> None:
    weight, bias = filters(6, 5)
    x = torch.randn(2, 5, 9, 14, generator=torch.Generator().manual_seed(1), requires_grad=True)
    slope = torch.randn(2, 6, 9, 14, generator=torch.Generator().manual_seed(2))
    (expected,) = torch.autograd.grad(torch.conv2d(x, weight, bias, padding=1), x, slope)
    output = WinogradConv(weight, bias)(x)
    (found,) = torch.autograd.grad(output, x, slope)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-5)
    torch.relu_(WinogradConv(weight, bias)(x))  # as the encoder does: the output must be no view


def test_it_pays_for_wide_float32_layers_only() -> None:
    assert prefers_winograd(torch.empty(128, 64, 3, 3))
    assert not prefers_winograd(torch.empty(64, 64, 3, 3))
    assert not prefers_winograd(torch.empty(128, 3, 3, 3))
    assert not prefers_winograd(torch.empty(128, 128, 1, 1))
    assert not prefers_winograd(torch.empty(128, 128, 3, 3, dtype=torch.bfloat16))


def test_the_encoder_takes_it_and_follows_its_weights() -> None:
    vgg = Encoder("vgg19", random_state("vgg19"))
    x = torch.randn(1, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    direct = nn.Sequential(*(layer for layer in vgg.features))(x)
    scale = direct.abs().max().item()
    taken = [
        layer for layer in range(len(vgg.features)) if isinstance(vgg._layer(layer), WinogradConv)
    ]
    assert len(taken) == 10  # all but conv1_1 and conv1_2
    torch.testing.assert_close(vgg(x)["relu4_4"], direct, rtol=1e-4, atol=1e-5 * scale)
    torch.testing.assert_close(
        copy.deepcopy(vgg)(x)["relu4_4"], direct, rtol=1e-4, atol=1e-5 * scale
    )
    rounded = vgg.for_compute(torch.bfloat16)(x)["relu4_4"]
    assert rounded.dtype == torch.bfloat16
    again = vgg.for_compute(torch.float32)
    torch.testing.assert_close(
        again(x)["relu4_4"],
        nn.Sequential(*(layer for layer in again.features))(x),
        rtol=1e-4,
        atol=1e-5 * scale,
    )
