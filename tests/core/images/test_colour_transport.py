"""All of a painting's colours given to a picture."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.interpolate import RegularGridInterpolator

from core.images.colour_transport import (
    NODES,
    ColourSample,
    ColourTable,
    ascending,
    node_colours,
    sliced_transport,
    splat,
)
from core.images.colours import Palette
from tests.conftest import draw

BLUE, ORANGE = np.array([20, 60, 190]), np.array([240, 150, 30])


def blends(ends: tuple[np.ndarray, np.ndarray] = (BLUE, ORANGE)) -> Image.Image:
    """A smooth gradient from one colour to the other, 256 x 64."""
    shares = np.linspace(0, 1, 256)[None, :, None]
    row = ends[0] + shares * (ends[1] - ends[0])
    return Image.fromarray(np.repeat(row, 64, axis=0).round().astype(np.uint8))


def halves(left: np.ndarray, right: np.ndarray) -> Image.Image:
    picture = Image.new("RGB", (96, 64), tuple(left))
    picture.paste(tuple(right), (48, 0, 96, 64))
    return picture


def matched(picture: Image.Image, goal: Image.Image) -> Image.Image:
    return ColourSample.of(picture).table_to(ColourSample.of(goal))(picture)


def values(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=float)


def near(image: Image.Image, *colours: np.ndarray) -> float:
    """The share of pixels within 25 of 255 of one of some colours."""
    distances = [np.linalg.norm(values(image) - colour, axis=2) for colour in colours]
    return float((np.min(distances, axis=0) < 25).mean())


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """How far apart two distributions of colours are along an average axis (sliced Wasserstein)."""
    axes = np.random.default_rng(7).normal(size=(3, 40))
    axes /= np.linalg.norm(axes, axis=0)
    gaps = np.sort(first @ axes, axis=0) - np.sort(second @ axes, axis=0)
    return float(np.sqrt(np.square(gaps).mean()))


def off_the_line(image: Image.Image) -> np.ndarray:
    """How far each pixel is from the line through blue and orange, of 255."""
    way = (ORANGE - BLUE) / np.linalg.norm(ORANGE - BLUE)
    from_blue = values(image) - BLUE
    along = (from_blue @ way)[..., None] * way
    return np.asarray(np.linalg.norm(from_blue - along, axis=2))


def linearly(picture: Image.Image, goal: Image.Image) -> Image.Image:
    """What mean and covariance alone give."""
    return Palette.of(picture).nearest_map_to(Palette.of(goal))(picture)


def test_blends_of_two_colours_become_the_two() -> None:
    photo, painting = blends(), halves(BLUE, ORANGE)
    assert near(matched(photo, painting), BLUE, ORANGE) > 0.75
    assert near(linearly(photo, painting), BLUE, ORANGE) < 0.4


def test_a_painting_of_blue_and_orange_gives_a_colourful_photo_no_third_colour() -> None:
    photo = Image.blend(draw(1), Image.new("RGB", (96, 72), "violet"), 0.3)
    painting = halves(BLUE, ORANGE)
    assert np.percentile(off_the_line(matched(photo, painting)), 95) < 16
    assert near(matched(photo, painting), BLUE, ORANGE) > 0.5
    assert np.percentile(off_the_line(linearly(photo, painting)), 95) > 25
    assert near(linearly(photo, painting), BLUE, ORANGE) < 0.2


def test_a_picture_matched_to_itself_stays_as_it_is() -> None:
    for picture in (draw(1), blends(), Image.new("RGB", (40, 30), "crimson")):
        assert abs(values(matched(picture, picture)) - values(picture)).max() <= 1


def test_a_smooth_gradient_stays_smooth() -> None:
    """Where the painting has nothing between two colours, the change is steep, but no noise."""
    grey = blends((np.array([40, 40, 40]), np.array([210, 210, 210])))
    for photo, goal in ((blends(), halves(BLUE, ORANGE)), (grey, draw(2)), (grey, blends())):
        before, after = (values(each)[0] for each in (photo, matched(photo, goal)))
        assert abs(np.diff(before, axis=0)).max() == 1
        assert abs(np.diff(after, axis=0)).max() <= 8
    red = values(matched(blends(), halves(BLUE, ORANGE)))[0, :, 0]
    assert np.diff(red).min() >= -1, "from blue to orange it only grows"


def test_the_grain_of_a_flat_area_does_not_grow() -> None:
    grain = np.random.default_rng(0).normal(0, 2, (64, 48, 3))
    photo = values(draw(1, (96, 64)))
    photo[:, 48:] = BLUE + grain
    picture = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
    flat = values(matched(picture, draw(2)))[:, 48:]
    assert flat.std(axis=(0, 1)).max() < 6


def test_a_picture_of_little_contrast_gets_the_paintings() -> None:
    faint, goal = Image.blend(draw(1), Image.new("RGB", (96, 72), (150, 140, 130)), 0.8), draw(2)
    got = matched(faint, goal)
    assert values(got).std() > 0.8 * values(goal).std() > 2 * values(faint).std()


def test_the_grain_of_one_colour_does_not_become_a_picture() -> None:
    grain = np.random.default_rng(0).normal(128, 1, (64, 64, 3)).round().astype(np.uint8)
    got = matched(Image.fromarray(grain), draw(2))
    assert values(got).std(axis=(0, 1)).max() < 12
    assert abs(values(got).mean(axis=(0, 1)) - values(draw(2)).mean(axis=(0, 1))).max() < 3


def test_colours_that_the_picture_has_not_go_where_the_linear_map_says() -> None:
    """As those outside a mask, of which nothing is known."""
    faint = Image.blend(draw(1), Image.new("RGB", (96, 72), "white"), 0.8)
    source, goal = ColourSample.of(faint), ColourSample.of(halves(BLUE, ORANGE))
    linear = Palette.of_values(source.colours).nearest_map_to(Palette.of_values(goal.colours))
    black = source.table_to(goal).colours[0, 0, 0]
    assert black == pytest.approx(linear.moved(np.zeros(3)))
    assert abs(black).max() > 0.3


def test_half_way_each_colour_has_gone_half_its_way() -> None:
    source, goal = ColourSample.of(draw(1)), ColourSample.of(halves(BLUE, ORANGE))
    half = source.towards(goal, 0.5)
    assert half.colours.mean(axis=0) == pytest.approx(
        (source.colours.mean(axis=0) + goal.colours.mean(axis=0)) / 2, abs=0.005
    )
    whole = apart(source.colours, goal.colours)
    assert 0.4 * whole < apart(half.colours, source.colours) < 0.6 * whole
    assert 0.4 * whole < apart(half.colours, goal.colours) < 0.6 * whole
    assert source.towards(goal, 0) is source
    assert source.towards(goal, 1) is goal


def test_a_mix_lies_between_by_its_weights() -> None:
    flat = [
        ColourSample.of(Image.new("RGB", (20, 20), colour)) for colour in ("red", "lime", "blue")
    ]
    mix = ColourSample.between(flat, (0.5, 0.3, 0.2))
    assert mix.colours == pytest.approx(np.tile((0.5, 0.3, 0.2), (len(mix.colours), 1)), abs=1e-6)
    assert ColourSample.between(flat, (0, 1, 0)) is flat[1]


def test_the_same_comes_out_each_time_and_on_any_number_of_threads() -> None:
    photo, painting = draw(1, (320, 240)), draw(2)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 1, 2, 4):
            torch.set_num_threads(threads)
            results.append(matched(photo, painting).tobytes())
    finally:
        torch.set_num_threads(before)
    assert len(set(results)) == 1


def test_a_sample_counts_what_is_opaque() -> None:
    picture = halves(BLUE, ORANGE)
    alpha = Image.new("L", picture.size, 40)
    alpha.paste(120, (48, 0, 96, 64))
    picture.putalpha(alpha)
    orange = (ColourSample.of(picture).colours[:, 0] > 0.5).mean()
    assert orange == pytest.approx(0.75, abs=0.01)
    alpha.paste(0, (0, 0, 96, 64))
    picture.putalpha(alpha)
    assert (ColourSample.of(picture).colours[:, 0] > 0.5).mean() == pytest.approx(0.5, abs=0.01)
    alpha.putpixel((3, 5), 9)
    picture.putalpha(alpha)
    assert np.ptp(ColourSample.of(picture).colours, axis=0).max() == 0, "one pixel is all there is"


def test_transport_along_one_axis_pairs_by_rank() -> None:
    """The example of the module: where all differ along one axis only, each turn keeps the order."""
    source, goal = np.zeros((3, 3)), np.zeros((3, 3))
    source[:, 0], goal[:, 0] = (0.1, 0.5, 0.3), (0.9, 0.0, 0.0)
    assert sliced_transport(source, goal)[:, 0] == pytest.approx((0.0, 0.9, 0.0), abs=0.02)


def test_a_splat_keeps_sums_and_means() -> None:
    colours = np.vstack([np.random.default_rng(0).random((50, 3)), [(0, 0, 0), (1, 1, 1)]])
    sums = splat(colours, np.ones((52, 1)))
    assert sums.sum() == pytest.approx(52)
    assert (sums * node_colours()).sum(axis=(0, 1, 2)) == pytest.approx(colours.sum(axis=0))


def test_a_table_finds_red_green_and_blue_each_on_its_axis() -> None:
    nodes, picture = node_colours(), draw(1, (40, 50))
    assert nodes.shape == (NODES, NODES, NODES, 3)
    assert ColourTable(nodes)(picture).tobytes() == picture.tobytes()
    swapped = ColourTable(nodes[..., [1, 2, 0]] * 0.5)
    wanted = values(picture)[..., [1, 2, 0]] * 0.5
    assert abs(values(swapped(picture)) - wanted).max() <= 0.51


def test_between_the_nodes_of_a_table_lies_what_is_between_and_outside_srgb_it_is_clipped() -> None:
    """Tables may leave [0, 1]; what is between nodes is as SciPy interpolates it."""
    nodes = node_colours()
    bent = nodes + 0.4 * np.sin(3 * nodes[..., [1, 2, 0]]) - 0.1  # from -0.1 to 1.3
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    )
    steps = np.linspace(0, 1, NODES)
    between = RegularGridInterpolator((steps, steps, steps), bent)(values(picture) / 255)
    wanted = (255 * between).clip(0, 255)
    assert wanted.min() == 0
    assert wanted.max() == 255
    assert abs(values(ColourTable(bent)(picture)) - wanted).max() <= 1


def test_ascending_is_a_stable_order() -> None:
    numbers = np.random.default_rng(0).normal(size=(3, 6000))
    numbers[:, 100:300] = numbers[:, :1]
    assert np.array_equal(ascending(numbers), np.argsort(numbers, axis=1, kind="stable"))
