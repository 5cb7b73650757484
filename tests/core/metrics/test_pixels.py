"""Measures of pixels, on pictures made so that the right answer is known."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from skimage.color import lab2rgb

from core.metrics.picture import Array, Pixels
from core.metrics.pixels import (
    TONES,
    accent_recall,
    color_distance,
    shadow_order,
    sharpness,
    speck_mask,
    specks,
    ssim,
    tone_change,
)
from tests.conftest import draw

SIZE = 128  # pixels a side
PHOTOS = ("chelsea", "coffee", "rocket")


def lab_picture(lab: Array) -> Array:
    """CIELAB, anything that fills H x W x 3, to RGB in [0, 1]; the colours must exist in sRGB."""
    return lab2rgb(np.broadcast_to(lab, (SIZE, SIZE, 3)).astype(np.float64))


def ramp(darkest: float = 0, lightest: float = 100, a: float = 0, b: float = 0) -> Array:
    """From dark at the left to light at the right, in CIELAB."""
    lightness = np.broadcast_to(np.linspace(darkest, lightest, SIZE), (SIZE, SIZE))
    return np.stack([lightness, np.full_like(lightness, a), np.full_like(lightness, b)], axis=2)


def patches(colors: list[tuple[int, int, int]], shares: list[float]) -> Image.Image:
    """Vertical bands of plain colours, each with its share of the width; what is left is the last one's."""
    picture = Image.new("RGB", (SIZE * 2, SIZE), colors[-1])
    left = 0
    for color, share in zip(colors, shares, strict=True):
        width = round(share * picture.width)
        picture.paste(color, (left, 0, left + width, SIZE))
        left += width
    return picture


def dotted(
    picture: Image.Image, corners: list[tuple[int, int]], width: int = 4, height: int = 4
) -> Image.Image:
    """The picture with a magenta rectangle at each upper left corner."""
    result = picture.copy()
    for x, y in corners:
        ImageDraw.Draw(result).rectangle((x, y, x + width - 1, y + height - 1), fill="magenta")
    return result


CORNERS = [(20, 20), (60, 20), (100, 20), (20, 60), (60, 100)]


@pytest.fixture
def plain() -> Image.Image:
    return Image.new("RGB", (SIZE, SIZE), (90, 120, 150))


@pytest.fixture(params=PHOTOS)
def photograph(request: pytest.FixtureRequest, photos: dict[str, Image.Image]) -> Image.Image:
    return photos[request.param].resize((256, 256), Image.Resampling.LANCZOS)


def test_an_output_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"height x width 72 x 96 for 96 x 72"):
        ssim(draw(1, (72, 96)), draw(1, (96, 72)))


def test_the_content_as_its_own_output_has_changed_in_nothing(photograph: Image.Image) -> None:
    picture = Pixels(photograph)
    assert ssim(picture, picture) == pytest.approx(1)
    assert specks(picture, picture) == 0
    for tone in TONES:
        np.testing.assert_array_equal(np.nan_to_num(tone_change(picture, picture, tone)), 0)
    assert shadow_order(picture, picture) == pytest.approx(1)
    assert sharpness(picture, picture) == 1
    assert color_distance(picture, picture) == 0


# Structure


def test_ssim_sees_structure_not_hue(photograph: Image.Image) -> None:
    """A tint that leaves Rec. 709 luma as it is changes nothing; noise does, the more the worse."""
    grey = np.repeat(np.asarray(photograph.convert("L"))[..., None] / 255 * 0.8 + 0.1, 3, axis=2)
    assert ssim(grey, grey + np.array([0.0721, 0, -0.2125]) * 0.4) == pytest.approx(1, abs=1e-4)
    noise = np.random.default_rng(0).normal(size=grey.shape)
    noisy = [ssim(grey, np.clip(grey + sigma * noise, 0, 1)) for sigma in (0.02, 0.05, 0.1)]
    assert 1 > noisy[0] > noisy[1] > noisy[2] > 0


def test_ssim_of_flat_pictures_is_the_luminance_term_alone() -> None:
    """Wang et al. 2004, eq. 6: (2xy + c) / (x^2 + y^2 + c) with c = 0.01^2."""
    x, y = 0.3, 0.6
    found = ssim(np.full((32, 32, 3), x), np.full((32, 32, 3), y))
    assert found == pytest.approx((2 * x * y + 1e-4) / (x**2 + y**2 + 1e-4), abs=1e-5)


# Specks


def test_planted_specks_are_counted_per_megapixel(plain: Image.Image) -> None:
    assert specks(plain, dotted(plain, CORNERS)) == pytest.approx(5 / SIZE**2 * 1e6)


@pytest.mark.parametrize(("width", "height"), [(2, 1), (1, 2), (3, 3), (8, 4), (9, 9)])
def test_a_speck_has_2_to_100_pixels_and_is_compact(
    plain: Image.Image, width: int, height: int
) -> None:
    mask = speck_mask(plain, dotted(plain, CORNERS, width, height))
    assert mask.max() == 5
    assert (mask > 0).sum() == 5 * width * height


@pytest.mark.parametrize(("width", "height"), [(1, 1), (12, 2), (1, 6), (16, 16)])
def test_single_pixels_strokes_and_patches_are_not_specks(
    plain: Image.Image, width: int, height: int
) -> None:
    assert specks(plain, dotted(plain, CORNERS, width, height)) == 0


def test_diagonal_strokes_are_not_specks_either(plain: Image.Image) -> None:
    stroke = plain.copy()
    ImageDraw.Draw(stroke).line((30, 30, 45, 45), fill="magenta", width=2)
    assert specks(plain, stroke) == 0


def test_what_the_content_shows_is_no_speck(plain: Image.Image) -> None:
    content = dotted(plain, CORNERS[:3])
    moved = dotted(plain, [(x + 1, y - 1) for x, y in CORNERS])
    assert speck_mask(content, content).max() == 0
    assert speck_mask(content, moved).max() == 2


def test_a_faint_spot_is_no_speck(plain: Image.Image) -> None:
    faint = np.asarray(plain) / 255
    faint[30:34, 30:34] += 0.1
    assert specks(plain, faint) == 0


def test_a_large_patch_has_corners_but_no_specks(plain: Image.Image) -> None:
    assert specks(plain, dotted(plain, [(30, 30)], 40, 40)) == 0
    assert specks(plain, dotted(plain, [(30, 30)], 60, 9)) == 0


def test_specks_are_found_in_photographs(photograph: Image.Image) -> None:
    """Most of 12 dots; those on busy places go uncounted, and nothing else is counted."""
    corners = [(x, y) for x in range(20, 250, 60) for y in range(20, 220, 80)]
    mask = speck_mask(photograph, dotted(photograph, corners))
    assert 8 <= mask.max() <= 12
    dots = np.asarray(dotted(Image.new("RGB", photograph.size), corners)).any(axis=2)
    assert not mask[~dots].any()


def test_strong_texture_is_not_made_of_specks() -> None:
    """Of 1,920 tiles, each of a random colour, next to none."""
    tiles = np.random.default_rng(0).random((40, 48, 3)).repeat(4, axis=0).repeat(4, axis=1)
    assert speck_mask(np.full_like(tiles, 0.5), tiles).max() < 20


# Whites, blacks, shadows


@pytest.mark.parametrize(
    ("tone", "darkest", "lightest"), [("whites", 90, 100), ("blacks", 0, 10), ("shadows", 0, 25)]
)
def test_tones_are_ranges_of_the_contents_lightness(
    tone: str, darkest: float, lightest: float
) -> None:
    picture = Pixels(lab_picture(ramp()))
    found = picture.lab[picture.mask(tone)][:, 0]
    assert darkest - 0.1 <= found.min() < darkest + 1
    assert lightest - 1 < found.max() <= lightest + 0.5


def test_shifted_whites_are_measured_in_lightness_and_chroma() -> None:
    """Whites 20 darker and yellow (b* = 30); the rest, changed as well, does not count."""
    content = ramp(0, 99)
    output = ramp(0, 60, a=0, b=0)
    white = content[..., 0] > 90
    output[white] = content[white] + [-20, 0, 30]
    lightness, chroma = tone_change(lab_picture(content), lab_picture(output), "whites")
    assert lightness == pytest.approx(-20, abs=0.2)
    assert chroma == pytest.approx(30, abs=0.3)


def test_shifted_blacks_and_shadows_are_measured() -> None:
    """The upper half of the blacks turns L* 40 and red; a quarter of the whole is shadow."""
    content = ramp()
    output = content.copy()
    black = content[..., 0] < 10
    black[SIZE // 2 :] = False
    output[black] = [40, 30, 40]
    photo, result = lab_picture(content), lab_picture(output)
    lightness, chroma = tone_change(photo, result, "blacks")
    assert lightness == pytest.approx((40 - 4.7) / 2, abs=0.3)
    assert chroma == pytest.approx(25, abs=0.3)
    share = black.sum() / (content[..., 0] <= np.quantile(content[..., 0], 0.25)).sum()
    assert tone_change(photo, result, "shadows")[1] == pytest.approx(50 * share, abs=0.3)


def test_lost_saturation_is_negative() -> None:
    """A red shadow that turns grey at the same lightness."""
    lightness, chroma = tone_change(
        lab_picture(ramp(30, 60, a=25)), lab_picture(ramp(30, 60)), "shadows"
    )
    assert lightness == pytest.approx(0, abs=0.1)
    assert chroma == pytest.approx(-25, abs=0.2)


def test_a_content_without_whites_or_blacks_has_no_value_for_them() -> None:
    content = lab_picture(ramp(20, 80))
    for tone in ("whites", "blacks"):
        assert np.isnan(tone_change(content, content, tone)).all()
    assert tone_change(content, content, "shadows") == (0, 0)


def test_shadows_keep_or_lose_their_order() -> None:
    content = lab_picture(ramp())
    assert shadow_order(content, lab_picture(ramp(30, 80, b=10))) == pytest.approx(1, abs=1e-4)
    assert shadow_order(content, lab_picture(ramp(80, 10))) == pytest.approx(-1, abs=1e-4)
    assert np.isnan(shadow_order(content, lab_picture(ramp(50, 50))))
    shuffled = (
        ramp().reshape(-1, 3)[np.random.default_rng(0).permutation(SIZE**2)].reshape(SIZE, SIZE, 3)
    )
    assert shadow_order(content, lab_picture(shuffled)) == pytest.approx(0, abs=0.05)


# Accents and colours

BLUE, CREAM, RED, GREEN = (30, 50, 120), (235, 225, 200), (200, 30, 30), (40, 160, 60)


def test_kept_and_removed_accents() -> None:
    style = patches([RED, GREEN, BLUE, CREAM], [0.03, 0.02, 0.5, 0.45])
    assert len(Pixels(style).accents) == 2
    assert accent_recall(style, style) == 1
    assert accent_recall(style, patches([CREAM, BLUE, GREEN], [0.4, 0.59, 0.01])) == 0.5
    assert accent_recall(style, patches([CREAM, BLUE], [0.5, 0.5])) == 0


def test_an_accent_is_kept_as_a_near_colour_and_lost_as_a_trace() -> None:
    style = patches([RED, BLUE, CREAM], [0.04, 0.5, 0.46])
    near, trace = (205, 40, 35), Pixels(patches([BLUE, CREAM], [0.5, 0.5])).rgb.copy()
    assert accent_recall(style, patches([near, BLUE, CREAM], [0.02, 0.5, 0.48])) == 1
    trace[:4, :10] = np.array(RED) / 255  # 40 of 32,768 pixels, 1/33 of its share in the style
    assert accent_recall(style, trace) == 0


def test_shades_of_a_main_colour_are_no_accents() -> None:
    """A sky from blue to white has sixteen clusters, but no colour that stands out."""
    sky = np.linspace([0.2, 0.4, 0.8], [0.95, 0.95, 1], SIZE)[:, None].repeat(SIZE, axis=1)
    assert len(Pixels(sky).accents) == 0
    assert np.isnan(accent_recall(sky, sky))


def test_accents_are_the_same_each_time(photograph: Image.Image) -> None:
    np.testing.assert_array_equal(Pixels(photograph).accents, Pixels(photograph).accents)


def test_a_shuffled_palette_has_the_same_colours_and_a_shift_is_half_its_length() -> None:
    """Over all directions of space, a unit vector's mean length along them is 1/2."""
    lab = ramp(20, 70, a=5, b=5)
    picture = lab_picture(lab)
    shuffled = picture.reshape(-1, 3)[np.random.default_rng(0).permutation(SIZE**2)].reshape(
        picture.shape
    )
    assert color_distance(picture, shuffled) == pytest.approx(0, abs=1e-6)
    for shift in ([12, 0, 0], [0, 12, 0], [0, 0, 12], [8, 8, 4]):
        assert color_distance(picture, lab_picture(lab + shift)) == pytest.approx(6, rel=0.03)


def test_color_distance_does_not_depend_on_size_and_sees_unequal_shares() -> None:
    half, other = patches([BLUE, CREAM], [0.5, 0.5]), patches([BLUE, CREAM], [0.25, 0.75])
    assert color_distance(half, half.resize((64, 200), Image.Resampling.NEAREST)) == pytest.approx(
        0, abs=0.1
    )
    blue, cream = Pixels(half).lab[0, 0], Pixels(half).lab[0, -1]
    whole_way = color_distance(Image.new("RGB", (32, 32), BLUE), Image.new("RGB", (32, 32), CREAM))
    assert whole_way == pytest.approx(np.linalg.norm(cream - blue) / 2, rel=0.03)
    assert color_distance(half, other) == pytest.approx(whole_way / 4, rel=0.02)


# Sharpness


def test_blurred_pictures_have_lost_energy_and_sharpened_ones_gained_it(
    photograph: Image.Image,
) -> None:
    ratios = [
        sharpness(photograph, photograph.filter(ImageFilter.GaussianBlur(r))) for r in (0.5, 1, 2)
    ]
    assert 1 > ratios[0] > 2 * ratios[1] > 4 * ratios[2] > 0
    assert sharpness(photograph, photograph.filter(ImageFilter.SHARPEN)) > 1.5


def test_sharpness_is_a_ratio_of_energies_of_known_waves() -> None:
    """A Gaussian of 1 px leaves exp(-2 pi^2 f^2) of a wave's amplitude; the finest has a quarter of the contrast."""
    x = np.arange(SIZE * 4)
    waves = {period: 0.5 + 0.2 * np.cos(2 * np.pi * x / period) for period in (4, 16)}
    coarse, fine = (np.broadcast_to(waves[p][None, :, None], (32, len(x), 3)) for p in (16, 4))
    gain = {period: (1 - np.exp(-2 * (np.pi / period) ** 2)) ** 2 for period in (4, 16)}
    assert sharpness(coarse, fine) == pytest.approx(gain[4] / gain[16], rel=0.03)
    assert sharpness(fine, 0.5 + (fine - 0.5) / 2) == pytest.approx(0.25, rel=1e-4)


def test_against_a_flat_picture_there_is_no_ratio(plain: Image.Image) -> None:
    assert np.isnan(sharpness(plain, draw(1)))
    assert sharpness(draw(1), plain) == 0
