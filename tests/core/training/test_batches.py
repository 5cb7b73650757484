"""Crops, and the order of things: every iteration follows from its number alone."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from core.images.convert import to_tensor
from core.images.decode import ImageError
from core.training import batches
from core.training.batches import TrainingBatches, is_flat, random_crop

# ---- crops ----


def coordinates(width: int, height: int) -> Image.Image:
    """A picture whose red is 0 ... 255 from left to right and whose green is 0 ... 255 from top to bottom."""
    red = np.linspace(0, 255, width)[None].repeat(height, 0)
    green = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([red, green, np.zeros_like(red)], 2).round().astype(np.uint8))


def box_of(crop: Tensor, width: int, height: int) -> tuple[float, float, float, float]:
    """Left, top, width and height of a crop of `coordinates(width, height)`, in its pixels."""
    size = crop.shape[-1]
    across, down = crop[0].mean(0) * (width - 1), crop[1].mean(1) * (height - 1)
    middle = slice(size // 4, size - size // 4)
    steps = torch.arange(size, dtype=torch.float32)[middle]
    found = []
    for values in (across, down):
        slope = (
            ((steps - steps.mean()) * values[middle]).sum() / (steps - steps.mean()).square().sum()
        ).item()
        found.append((values[middle].mean().item() + 0.5 - slope * size / 2, slope * size))
    (left, wide), (top, high) = found
    return left, top, wide, high


@pytest.mark.parametrize(("width", "height"), [(256, 256), (300, 260)])
def test_crops_are_square_of_the_reports_scale_and_inside(width: int, height: int) -> None:
    picture = coordinates(width, height)
    boxes = [
        box_of(random_crop(picture, 64, np.random.default_rng(i)), width, height)
        for i in range(200)
    ]
    shares = [wide * high / (width * height) for _, _, wide, high in boxes]
    assert min(shares) > 256 / 480 - 0.02
    assert max(shares) < 1.02
    for left, top, wide, high in boxes:
        assert wide == pytest.approx(high, abs=3)
        assert left > -2
        assert top > -2
        assert left + wide < width + 2
        assert top + high < height + 2


def test_crops_are_spread_evenly_over_scale_and_place() -> None:
    boxes = [
        box_of(random_crop(coordinates(256, 256), 32, np.random.default_rng(i)), 256, 256)
        for i in range(400)
    ]
    shares = np.array([wide * high / 256**2 for _, _, wide, high in boxes])
    assert shares.mean() == pytest.approx((256 / 480 + 1) / 2, abs=0.03)
    assert shares.std() == pytest.approx((1 - 256 / 480) / 12**0.5, abs=0.02)
    places = np.array([left / (256 - wide) for left, _, wide, _ in boxes if wide < 240])
    assert places.mean() == pytest.approx(0.5, abs=0.05)
    assert (places < 0.2).mean() == pytest.approx(0.2, abs=0.08)


def test_a_long_picture_gives_its_whole_middle_where_no_crop_fits() -> None:
    picture = coordinates(255, 51)
    crop = random_crop(picture, 51, np.random.default_rng(0))
    assert torch.equal(crop, to_tensor(picture.crop((102, 0, 153, 51))))


def test_crops_have_the_asked_size_and_range() -> None:
    crop = random_crop(coordinates(40, 60), 64, np.random.default_rng(0))
    assert crop.shape == (3, 64, 64)
    assert crop.dtype == torch.float32
    assert 0 <= crop.min() < crop.max() <= 1


def test_flat_crops_are_detected() -> None:
    colour = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    busy = torch.rand(1, 3, 32, 32)
    assert is_flat(colour)
    assert is_flat(torch.zeros(1, 3, 32, 32))
    assert not is_flat(busy)
    assert is_flat(torch.cat([busy, colour, busy])), "one flat image is enough"
    almost = colour.clone()
    almost[0, 0, :16] += 0.02
    assert not is_flat(almost)


# ---- the order of things ----


@pytest.fixture
def sampler(contents: list[Path], styles: list[Path]) -> TrainingBatches:
    return TrainingBatches(contents, styles, batch=4, crop=32)


def test_a_style_stays_for_20_iterations_and_none_comes_again_before_all_did(
    sampler: TrainingBatches,
) -> None:
    paths = [sampler.style_path(i) for i in range(160)]
    for first in range(0, 160, 20):
        assert len(set(paths[first : first + 20])) == 1
    turns = paths[::20]
    assert set(turns[:4]) == set(turns[4:]) == set(sampler.styles)
    crops = [sampler.style_crop(i) for i in (0, 19, 20, 80)]
    assert crops[0].shape == (1, 3, 32, 32)
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


def test_styles_come_in_another_order_in_the_next_turn(contents: list[Path]) -> None:
    sampler = TrainingBatches((), contents, style_every=1)
    orders = [[sampler.style_path(8 * turn + i) for i in range(8)] for turn in range(3)]
    assert all(set(order) == set(contents) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def watch_contents(
    sampler: TrainingBatches, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], list[Path]]:
    """iteration -> which contents its batch was cropped from."""
    seen: list[Path] = []
    decoded = batches.remembered_picture

    def watched(path: Path) -> Image.Image:
        seen.append(path)
        return decoded(path)

    monkeypatch.setattr(batches, "remembered_picture", watched)

    def of(iteration: int) -> list[Path]:
        seen.clear()
        sampler.content_crops(iteration)
        return list(seen)

    return of


def test_an_epoch_visits_each_content_at_most_once_in_a_new_order(
    contents: list[Path], styles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = TrainingBatches(contents, styles, batch=3, crop=16)
    of = watch_contents(sampler, monkeypatch)
    assert sampler.per_epoch == 2
    epochs = [[path for i in (2 * epoch, 2 * epoch + 1) for path in of(i)] for epoch in range(8)]
    for visited in epochs:
        assert len(visited) == len(set(visited)) == 6
    assert len({tuple(visited) for visited in epochs}) == 8
    assert set(Counter(path for visited in epochs for path in visited)) == set(contents), (
        "none is always left over"
    )


def test_a_batch_larger_than_the_set_repeats(
    contents: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = TrainingBatches(contents[:3], contents, batch=8, crop=16)
    assert sampler.per_epoch == 1
    counts = Counter(watch_contents(sampler, monkeypatch)(0))
    assert sorted(counts.values()) == [2, 3, 3]


def test_crops_are_a_pure_function_of_the_iteration(
    sampler: TrainingBatches, contents: list[Path], styles: list[Path]
) -> None:
    first = [sampler.content_crops(i) for i in range(5)]
    again = TrainingBatches(contents, styles, batch=4, crop=32)
    for i in (3, 0, 4, 1, 2):
        assert torch.equal(again.content_crops(i), first[i])
    assert first[0].shape == (4, 3, 32, 32)
    assert not torch.equal(first[0], first[2]), "the next epoch crops elsewhere"
    other = TrainingBatches(contents, styles, batch=4, crop=32, seed=43)
    assert not torch.equal(other.content_crops(0), first[0])


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_the_global_batch(sampler: TrainingBatches, world: int) -> None:
    whole = sampler.content_crops(5)
    shares = [sampler.content_crops(5, rank, world) for rank in range(world)]
    assert all(len(share) == 4 // world for share in shares)
    for slot in range(4):
        assert torch.equal(shares[slot % world][slot // world], whole[slot])


@pytest.mark.parametrize(("start", "stop"), [(0, 7), (2, 4), (5, 5), (6, 7)])
def test_batches_come_in_order_from_anywhere(
    sampler: TrainingBatches, start: int, stop: int
) -> None:
    got = list(sampler.batches(start, stop))
    assert [iteration for iteration, _ in got] == list(range(start, stop))
    for iteration, crops in got:
        assert torch.equal(crops, sampler.content_crops(iteration))


def test_a_picture_that_cannot_be_read_is_reported_where_its_batch_is_due(
    tmp_path: Path, styles: list[Path]
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r'"broken\.jpg"'):
        next(TrainingBatches([broken], styles, batch=1, crop=16).batches(0, 3))


def test_worker_processes_cut_the_same_crops_in_the_same_order(contents: list[Path]) -> None:
    batches = TrainingBatches(contents, contents, batch=2, crop=32)
    here = list(batches.batches(3, 9))
    there = list(batches.batches(3, 9, workers=2))
    assert [iteration for iteration, _ in there] == list(range(3, 9))
    for (_, ours), (_, theirs) in zip(here, there, strict=True):
        assert torch.equal(ours, theirs)
