"""The style reader: shapes, and that it sees what its layers say."""

import torch

from core.models.flagship import CLAMP, LOG_OFFSET
from core.models.losses import mean_std
from core.models.style_reader import StyleReader
from tests.conftest import shipped_encoder


def test_it_reads_any_size_and_gives_1920_numbers() -> None:
    torch.manual_seed(0)
    reader = StyleReader().eval()
    with torch.no_grad():
        found = [reader(torch.randn(2, 3, *size)) for size in ((64, 64), (40, 97), (16, 16))]
    assert all(values.shape == (2, 1920) and values.isfinite().all() for values in found)
    assert all(values.abs().max() <= CLAMP for values in found)


def test_one_painting_is_read_as_it_is_in_a_batch() -> None:
    torch.manual_seed(0)
    reader = StyleReader().eval()
    paintings = torch.randn(3, 3, 48, 48)
    with torch.no_grad():
        assert torch.allclose(reader(paintings)[1:2], reader(paintings[1:2]), atol=1e-4)


def test_its_first_taps_are_numbered_as_those_of_vgg19() -> None:
    """With VGG19's own layers in place of the thin ones, it sees VGG19's statistics."""
    encoder, reader = shipped_encoder("vgg19"), StyleReader().eval()
    reader.features = encoder.features
    images = torch.randn(2, 3, 32, 48)
    with torch.no_grad():
        wanted = torch.log(mean_std(encoder(images)) + LOG_OFFSET)
        assert torch.allclose(reader.seen(images), wanted, atol=0.02)
        reader.slope.fill_(0.5)
        reader.offset.fill_(-1.0)
        assert torch.allclose(reader(images), (0.5 * wanted - 1).clamp(-CLAMP, CLAMP), atol=0.02)
