"""Colours: the photo's kept, or the painting's moved to the photo's."""

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from core.images import convert
from core.images.colours import Palette, keep_colours, recolour
from tests.conftest import draw


def lab(image: Image.Image) -> np.ndarray:
    return np.asarray(rgb2lab(np.asarray(image)))


def muted(image: Image.Image) -> Image.Image:
    """Colours near grey, which no change of lightness pushes out of sRGB."""
    return Image.blend(image, Image.new("RGB", image.size, (128, 128, 128)), 0.8)


def test_kept_colours_are_the_results_lightness_with_the_photos_chroma() -> None:
    painted, photo = muted(draw(1)), muted(draw(2))
    kept = lab(keep_colours(painted, photo))
    assert abs(kept[..., 0] - lab(painted)[..., 0]).max() < 1
    assert abs(kept[..., 1:] - lab(photo)[..., 1:]).max() < 1.5


def test_a_grey_photo_makes_a_grey_result() -> None:
    kept = np.asarray(keep_colours(draw(1), draw(2).convert("L").convert("RGB")), dtype=int)
    assert np.ptp(kept, axis=2).max() <= 1


def test_a_recoloured_painting_has_the_photos_mean_and_covariance() -> None:
    painting, photo = (
        muted(draw(1, (80, 64))),
        Image.blend(draw(2), Image.new("RGB", (96, 72), (90, 140, 160)), 0.7),
    )
    moved, goal = Palette.of(recolour(painting, photo)), Palette.of(photo)
    assert moved.mean == pytest.approx(goal.mean, abs=0.003)
    assert moved.root @ moved.root == pytest.approx(goal.root @ goal.root, abs=3e-4)
    assert abs(Palette.of(painting).mean - goal.mean).max() > 0.05


def covariance(palette: Palette) -> np.ndarray:
    return palette.root @ palette.root


def test_the_nearest_map_leads_to_the_goals_mean_and_covariance() -> None:
    painted, painting = muted(draw(1, (80, 64))), muted(draw(2))
    source, goal = Palette.of(painted), Palette.of(painting)
    to_goal = source.nearest_map_to(goal)
    moved = Palette.of(to_goal(painted))
    assert moved.mean == pytest.approx(goal.mean, abs=0.003)
    assert covariance(moved) == pytest.approx(covariance(goal), abs=3e-4)
    assert to_goal.matrix == pytest.approx(to_goal.matrix.T), "symmetric: it turns no colour round"
    assert np.linalg.eigvalsh(to_goal.matrix).min() > 0


def test_no_linear_map_moves_the_colours_less() -> None:
    source, goal = Palette.of(draw(1)), Palette.of(draw(2))

    def moved(matrix: np.ndarray) -> float:
        """Mean square distance by which colours of the source's covariance move, its mean aside."""
        change = matrix - np.eye(3)
        return float(np.trace(change @ covariance(source) @ change.T))

    nearest = source.nearest_map_to(goal).matrix
    for seed in range(20):  # all maps between two covariances differ by a rotation in the middle
        turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
        other = goal.root @ turned @ np.linalg.inv(source.root)
        assert other @ covariance(source) @ other.T == pytest.approx(covariance(goal))
        assert moved(nearest) < moved(other)


def test_a_picture_is_matched_to_itself_without_a_change() -> None:
    picture = draw(1)
    own = Palette.of(picture)
    assert own.nearest_map_to(own)(picture).tobytes() == picture.tobytes()


def test_what_is_transparent_does_not_count() -> None:
    picture, alpha = draw(1, (80, 64)), Image.new("L", (80, 64))
    alpha.paste(255, (0, 0, 40, 64))
    half, left = picture.copy(), Palette.of(picture.crop((0, 0, 40, 64)))
    half.putalpha(alpha)
    assert Palette.of(half).mean == pytest.approx(left.mean)
    assert Palette.of(half).root == pytest.approx(left.root, rel=1e-3)
    assert abs(Palette.of(picture).mean - left.mean).max() > 0.01
    half.putalpha(0)
    assert Palette.of(half).mean == pytest.approx(Palette.of(picture).mean), "else there is nothing"
    alpha.paste(0, (0, 0, 80, 64))
    alpha.putpixel((3, 5), 9)
    half.putalpha(alpha)
    assert Palette.of(half).mean == pytest.approx(np.asarray(picture)[5, 3] / 255)


@pytest.mark.parametrize("colour", ["black", "crimson"])
def test_pictures_of_one_colour_are_legal(colour: str) -> None:
    flat, photo = Image.new("RGB", (40, 30), colour), draw(1)
    to_photo = np.asarray(recolour(flat, photo), dtype=int)
    assert abs(to_photo - np.asarray(photo, dtype=float).mean(axis=(0, 1))).max() < 1.5
    to_flat = np.asarray(recolour(photo, flat), dtype=int)
    assert abs(to_flat - np.asarray(flat)[0, 0]).max() < 15, "nearly one colour"
    assert keep_colours(flat, photo.resize(flat.size)).size == flat.size
    matched = np.asarray(Palette.of(flat).nearest_map_to(Palette.of(photo))(flat), dtype=int)
    assert abs(matched - np.asarray(photo, dtype=float).mean(axis=(0, 1))).max() < 1.5


def test_a_picture_in_several_parts_comes_out_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pictures are computed a few rows at a time."""
    first, second = draw(1, (40, 50)), draw(2, (40, 50))
    whole = [function(first, second).tobytes() for function in (keep_colours, recolour)]
    monkeypatch.setattr(convert, "ROWS", 7)
    assert [function(first, second).tobytes() for function in (keep_colours, recolour)] == whole
