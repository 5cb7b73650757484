"""The rearranged convolutions against the plain ones."""

import pytest
import torch
import torch.nn.functional as F

from core.models import flagship, modulated
from core.models.fast.convolution import conv2d_by_fours, conv2d_upsampled, needs_autograd
from core.models.flagship import FlagshipNet


@pytest.mark.parametrize(("height", "width"), [(16, 24), (15, 24), (16, 23), (9, 9), (10, 10)])
def test_four_pixels_at_once_are_the_four_pixels(height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, height, width, generator=generator).contiguous(
        memory_format=torch.channels_last
    )
    weight, bias = torch.randn(3, 5, 9, 9, generator=generator), torch.randn(3, generator=generator)
    torch.testing.assert_close(
        conv2d_by_fours(x, weight, bias), torch.conv2d(x, weight, bias), rtol=1e-5, atol=1e-4
    )
    torch.testing.assert_close(
        conv2d_by_fours(x, weight), torch.conv2d(x, weight), rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize(("height", "width"), [(4, 6), (1, 5), (7, 3)])
def test_the_upsampled_convolution_is_upsampling_padding_and_convolving(
    height: int, width: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, height, width, generator=generator).contiguous(
        memory_format=torch.channels_last
    )
    weight, bias = torch.randn(4, 5, 3, 3, generator=generator), torch.randn(4, generator=generator)
    wide = F.pad(F.interpolate(x, scale_factor=2.0, mode="nearest"), (1, 1, 1, 1), mode="reflect")
    found = conv2d_upsampled(x, weight, bias)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, torch.conv2d(wide, weight, bias), rtol=1e-5, atol=1e-4)


def test_the_flagship_paints_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = FlagshipNet(4).eval()
    x, descriptor = torch.randn(1, 3, 32, 20), torch.rand(1920)
    with torch.inference_mode():
        assert not needs_autograd()
        fast, _ = net(x, descriptor)
        for module in (flagship, modulated):
            monkeypatch.setattr(module, "needs_autograd", lambda: True)
        slow, _ = net(x, descriptor)
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)
    assert not torch.equal(fast, slow)
