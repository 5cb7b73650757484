"""Pictures on the device, their cuts, and the variations of paintings."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.images.convert import to_tensor
from core.training.picture_store import Cuts, PictureStore
from core.training.variations import PLAIN, random_views, vary_colours

CPU = torch.device("cpu")


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    """A picture whose red grows to the right and whose green grows downwards, then a tall one of one colour."""
    values = np.zeros((60, 100, 3), np.uint8)
    values[..., 0] = np.arange(100)[None] * 2
    values[..., 1] = np.arange(60)[:, None] * 4
    Image.fromarray(values).save(tmp_path / "ramp.png")
    Image.new("RGB", (40, 400), (10, 200, 30)).save(tmp_path / "tall.png")
    paths = [tmp_path / "ramp.png", tmp_path / "tall.png"]
    return PictureStore(paths, CPU, smaller=64, longer=128)


def cuts(left: float, top: float, side: float, mirrored: bool = False) -> Cuts:
    one = torch.ones(1)
    return Cuts(left * one, top * one, side * one, torch.tensor([mirrored]))


def test_large_pictures_are_cut_to_what_is_kept(store: PictureStore) -> None:
    assert store.sizes.tolist() == [[100, 60], [40, 128]]
    assert store.pixels.shape == (2, 3, 128, 128)


def test_a_cut_of_the_same_size_is_the_part_itself(store: PictureStore) -> None:
    found = store.cut(torch.tensor([0]), cuts(20, 10, 32), 32)[0]
    with Image.open(store.paths[0]) as image:
        wanted = to_tensor(image.convert("RGB").crop((20, 10, 52, 42)))
    assert (found - wanted).abs().max() < 1.5 / 255
    mirrored = store.cut(torch.tensor([0]), cuts(20, 10, 32, True), 32)[0]
    assert torch.allclose(mirrored, found.flip(2), atol=1e-5)


def test_beyond_the_edges_a_picture_is_thrown_back(store: PictureStore) -> None:
    found = store.cut(torch.tensor([0]), cuts(-20, -10, 120), 120)[0]  # 20 px beyond on the left
    assert (found[0, 60, :20].flip(0) - found[0, 60, 20:40]).abs().max() < 3 / 255
    assert (found[1, :10].flip(0) - found[1, 10:20]).abs().max() < 5 / 255
    assert store.cut(torch.tensor([1]), cuts(-30, -30, 100), 16)[0, 1].min() > 0.7  # never black


def test_random_crops_lie_within_and_keep_to_their_share(store: PictureStore) -> None:
    numbers = torch.zeros(200, dtype=torch.long)
    drawn = store.random_cuts(numbers, torch.Generator().manual_seed(0))
    assert drawn.left.min() >= 0 and (drawn.left + drawn.side).max() <= 100.001
    assert drawn.top.min() >= 0 and (drawn.top + drawn.side).max() <= 60.001
    assert drawn.side.max() <= 60
    closer = store.random_cuts(numbers, torch.Generator().manual_seed(0), zoom=2.0)
    assert closer.side.mean() < 0.75 * drawn.side.mean()
    assert 0.3 < drawn.mirrored.float().mean() < 0.7


def test_views_are_whole_closer_and_farther(store: PictureStore) -> None:
    numbers = torch.zeros(400, dtype=torch.long)
    sides = random_views(store, numbers, torch.Generator().manual_seed(0)).side
    assert 0.4 < (sides == 60).float().mean() < 0.7
    assert sides.min() < 35 and sides.max() > 75


def test_colours_are_varied_and_some_pictures_are_not() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(64, 3, 8, 8, generator=generator) * torch.rand(
        64, 3, 1, 1, generator=generator
    )
    varied = vary_colours(images, generator)
    assert varied.shape == images.shape
    assert varied.min() >= 0 and varied.max() <= 1
    moved = (varied - images).abs().amax(dim=(1, 2, 3))
    same = (moved < 1e-6).float().mean()
    assert PLAIN - 0.2 < same < PLAIN + 0.3
    assert moved.max() > 0.3
    grey = torch.full((32, 3, 4, 4), 0.5)
    turned = vary_colours(grey, torch.Generator().manual_seed(1))
    assert (turned - turned.mean(dim=1, keepdim=True)).abs().max() < 1e-4  # greys stay grey
