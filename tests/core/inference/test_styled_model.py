"""A model with one painting in place, and the memory of such: what is forgotten, and when."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.inference.styled_model import StyleCache, StyledModel, pad_to_multiple
from core.models.layers import Filters
from core.models.style_net import TransformNet


class Recorder(nn.Module):
    """Leaves images as they are, and remembers how many came at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, images: Tensor, _: Filters) -> Tensor:
        self.seen.append(len(images))
        return images


@pytest.mark.parametrize(("device", "at_once"), [("cpu", [1, 1, 1]), ("meta", [3])])
def test_only_a_cpu_takes_images_one_by_one(device: str, at_once: list[int]) -> None:
    """PyTorch's meta device, which computes nothing, stands for a GPU."""
    net = Recorder()
    images = torch.rand(3, 3, 18, 20, device=device)
    styled = StyledModel(net, {})  # type: ignore[arg-type]
    assert styled.apply(images).shape == images.shape
    assert net.seen == at_once


def test_edges_are_padded_by_reflection_to_multiples_of_4() -> None:
    images = torch.arange(35.0).view(1, 1, 5, 7)
    padded = pad_to_multiple(images)
    assert padded.shape == (1, 1, 8, 8)
    assert torch.equal(padded[..., :5, :7], images)
    assert padded[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 5]
    assert padded[0, 0, :, 0].tolist() == [0, 7, 14, 21, 28, 21, 14, 7]
    assert pad_to_multiple(torch.zeros(1, 3, 16, 20)).shape == (1, 3, 16, 20)


# ---- what is remembered ----


def style_of(size: int) -> StyledModel:
    return StyledModel(TransformNet(2, "resnet"), {"layer": torch.zeros(size // 4)})


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = StyleCache(limit=3000)
    for name in "abc":
        cache.put((name,), style_of(1000))
    assert cache.get(("a",)) is not None
    cache.put(("d",), style_of(1000))
    assert cache.get(("b",)) is None
    assert [cache.get((name,)) is not None for name in "acd"] == [True] * 3
    assert cache.nbytes == 3000
    cache.put(("e",), style_of(2000))
    assert [cache.get((name,)) is not None for name in "acde"] == [False, False, True, True]
    assert cache.nbytes <= cache.limit


def test_a_style_larger_than_the_cache_is_kept_alone_until_it_is_trimmed() -> None:
    cache = StyleCache(limit=3000)
    cache.put(("a",), style_of(1000))
    cache.put(("huge",), style_of(8000))
    assert len(cache) == 1
    assert cache.get(("huge",)) is not None
    cache.trim()
    assert len(cache) == 0


def test_putting_a_style_again_replaces_it() -> None:
    cache = StyleCache(limit=3000)
    for _ in range(5):
        cache.put(("a",), style_of(1000))
    assert (len(cache), cache.nbytes) == (1, 1000)


def test_a_refined_style_counts_its_own_network() -> None:
    net = TransformNet(2, "resnet")
    filters = {"layer": torch.zeros(10)}
    own = sum(p.numel() * 4 for p in net.parameters())
    assert StyledModel(net, filters).nbytes == 40
    assert StyledModel(net, filters, refined=20).nbytes == 40 + own


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    """So often that two are at the same place."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_the_cache_may_be_used_from_many_threads() -> None:
    cache = StyleCache(limit=5000)
    styles = [style_of(1000) for _ in range(10)]

    def work(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, 10, 200).tolist():
            found = cache.get((i,))
            assert found in (None, styles[i])
            cache.put((i,), styles[i])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert cache.nbytes == 5000
