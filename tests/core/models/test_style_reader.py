"""The style reader: shapes, and that it can be taught."""

import pytest
import torch
import torch.nn.functional as F

from core.models.style_reader import StyleReader


def test_it_reads_any_size_and_gives_1920_numbers() -> None:
    torch.manual_seed(0)
    reader = StyleReader().eval()
    with torch.no_grad():
        found = [reader(torch.randn(2, 3, *size)) for size in ((64, 64), (40, 97), (16, 16))]
    assert all(values.shape == (2, 1920) and values.isfinite().all() for values in found)


def test_one_painting_is_read_as_it_is_in_a_batch() -> None:
    torch.manual_seed(0)
    reader = StyleReader().eval()
    paintings = torch.randn(3, 3, 48, 48)
    with torch.no_grad():
        assert torch.allclose(reader(paintings)[1:2], reader(paintings[1:2]), atol=1e-4)


@pytest.mark.slow
def test_it_learns() -> None:
    """Taught a few pictures' statistics, it tells them apart far better than their mean does."""
    torch.manual_seed(0)
    reader = StyleReader()
    images, wanted = torch.rand(4, 3, 32, 32), torch.randn(4, 1920)
    images *= torch.tensor([0.2, 0.5, 1.0, 2.0]).view(4, 1, 1, 1)
    optimizer = torch.optim.Adam(reader.parameters(), 1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.mse_loss(reader(images), wanted)
        loss.backward()
        optimizer.step()
    assert loss < 0.3 * wanted.var()
