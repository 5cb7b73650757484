"""Masks: how steep the soft edge may be, which side is inside, and that nothing outside changes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.images.decode import load_mask
from core.images.masks import composite, shares_shown, soft_mask
from tests.conftest import draw

SIZE = (96, 72)


def half(size: tuple[int, int] = SIZE) -> Image.Image:
    """White on the left, black on the right."""
    mask = Image.new("RGB", size, "black")
    mask.paste("white", (0, 0, size[0] // 2, size[1]))
    return mask


def steepest(values: np.ndarray) -> float:
    return float(max(abs(np.diff(values, axis=axis)).max() for axis in (0, 1)))


@pytest.mark.parametrize("softness", [2, 5, 12.5, 40])
def test_no_step_is_larger_than_the_softness_implies(softness: float) -> None:
    inside = soft_mask(half(), SIZE, softness)
    assert inside.shape == (72, 96)
    assert 0.5 / softness < steepest(inside) <= 1.02 / softness
    assert inside.min() >= 0 and inside.max() <= 1
    if softness < 20:
        assert inside[:, 0].min() > 0.99 and inside[:, -1].max() < 0.01


def test_the_pasted_edge_shows_no_step_larger_than_that() -> None:
    white, black = Image.new("RGB", SIZE, "white"), Image.new("RGB", SIZE, "black")
    result = np.asarray(composite(white, black, soft_mask(half(), SIZE, 10)), dtype=np.float64)
    assert steepest(result) <= 255 * 1.02 / 10 + 1
    assert result[0, 0].tolist() == [255] * 3 and result[0, -1].tolist() == [0] * 3


def test_without_softness_the_edge_is_the_masks_own() -> None:
    inside = soft_mask(half(), SIZE, 0)
    assert np.unique(inside).tolist() == [0, 1]
    assert inside[0, 47] == 1 and inside[0, 48] == 0


def test_by_default_the_edge_is_a_fiftieth_of_the_longest_side() -> None:
    size = (400, 100)
    assert np.array_equal(soft_mask(half(size), size), soft_mask(half(size), size, 8))


def test_inverted_is_the_other_side() -> None:
    normal, inverted = (soft_mask(half(), SIZE, 6, invert) for invert in (False, True))
    assert inverted == pytest.approx(1 - normal)


def test_a_mask_of_another_size_and_kind_is_fitted() -> None:
    inside = soft_mask(half((24, 18)).convert("L"), SIZE, 4)
    assert inside.shape == (72, 96)
    assert inside[:, :30].min() > 0.95 and inside[:, -30:].max() < 0.05


def test_grey_is_in_between() -> None:
    first, second = draw(1), draw(2)
    inside = soft_mask(Image.new("L", SIZE, 51), SIZE)
    mixed = np.asarray(composite(first, second, inside), dtype=np.float64)
    wanted = 0.2 * np.asarray(first) + 0.8 * np.asarray(second)
    assert abs(mixed - wanted).max() <= 0.51


def test_all_or_nothing_gives_the_pictures_themselves() -> None:
    first, second = draw(1), draw(2)
    for colour, wanted in (("white", first), ("black", second)):
        got = composite(first, second, soft_mask(Image.new("RGB", (50, 50), colour), SIZE))
        assert got.tobytes() == wanted.tobytes()


def test_a_later_mask_hides_what_lies_under_it() -> None:
    lower, upper = np.full((2, 3), 0.5, np.float32), np.full((2, 3), 0.25, np.float32)
    shares = [float(share[0, 0]) for share in shares_shown([lower, upper])]
    assert shares == pytest.approx([0.375, 0.25, 0.375])


@pytest.mark.parametrize(
    ("left", "right", "inside"),
    [
        ((255, 255, 255, 255), (255, 255, 255, 0), (255, 0)),
        ((255, 255, 255, 255), (0, 0, 0, 0), (255, 0)),
        ((255, 255, 255, 128), (0, 0, 0, 255), (128, 0)),
        ((0, 0, 0, 255), (255, 255, 255, 0), (0, 0)),
        ((255, 255, 255, 255), (0, 0, 0, 255), (255, 0)),
    ],
)
def test_what_is_transparent_in_a_mask_counts_as_black(
    tmp_path: Path, left: tuple[int, ...], right: tuple[int, ...], inside: tuple[int, int]
) -> None:
    mask = Image.new("RGBA", SIZE, right)
    mask.paste(left, (0, 0, SIZE[0] // 2, SIZE[1]))
    for name in ("mask.png", "mask.webp"):
        mask.save(tmp_path / name, lossless=True)
        read = load_mask(tmp_path / name)
        assert read.mode == "L"
        assert (read.getpixel((0, 0)), read.getpixel((SIZE[0] - 1, 0))) == inside
