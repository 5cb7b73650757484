"""Measures of a stylised picture that need its pixels only: structure, specks, tones, accents, sharpness, colours.

The authors of meta networks (Shen, Yan, Zeng, 1709.04111) and the report judge by eye; what they look at gets a number here.

    content, style, output = Pixels(content), Pixels(style), Pixels(output)
    specks(content, output)          # per megapixel
    accent_recall(style, output)     # 0 .. 1

Every measure takes pictures as `core.metrics.picture` describes them, or the `Pixels` of pictures that are used again. Output
and content have the same size, else ValueError; a style may have another.
"""

import numpy as np
from scipy import ndimage
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from core.metrics.picture import MIN_SHARE, Array, Picture, Pixels, as_pixels, check_same_size

SPECK_DISTANCE = 25.0  # dE from the median colour around; in the content, half of it is enough to be there already
SPECK_AREA = (2, 100)  # pixels: noise below, and above it a thing becomes its own neighbourhood
SPECK_ELONGATION = 3.0  # longer axis / shorter axis: beyond it, a stroke or an outline
SPECK_LEAK = 0.25  # of its surroundings: beyond it, the corner or the end of something larger
SPECK_SHIFT = 2  # pixels by which a thing in the content may have moved
TONES = ("whites", "blacks", "shadows")
ACCENT_KEPT = 0.1


def _pair(content: Picture | Pixels, output: Picture | Pixels) -> tuple[Pixels, Pixels]:
    content, output = as_pixels(content), as_pixels(output)
    check_same_size(content, output)
    return content, output


def ratio(part: float, whole: float) -> float:
    """part / whole, NaN where the whole is zero."""
    return part / whole if whole > 0 else float("nan")


def ssim(content: Picture | Pixels, output: Picture | Pixels) -> float:
    """Structural similarity on luma, -1 .. 1, 1 for the same picture (Wang et al. 2004, with its Gaussian window)."""
    content, output = _pair(content, output)
    found = structural_similarity(
        content.luma,
        output.luma,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(found)


def speck_mask(content: Picture | Pixels, output: Picture | Pixels) -> Array:
    """H x W integers: 0, or the number of the speck that a pixel belongs to (see `specks`)."""
    content, output = _pair(content, output)
    labels, count = ndimage.label(output.outliers(SPECK_DISTANCE), np.ones((3, 3)))
    blobs = labels[labels > 0] - 1
    area = np.bincount(blobs, minlength=count)
    there = ndimage.maximum_filter(
        content.outliers(SPECK_DISTANCE / 2).astype(np.uint8), 2 * SPECK_SHIFT + 1
    )
    is_speck = (area >= SPECK_AREA[0]) & (area <= SPECK_AREA[1])
    is_speck &= np.bincount(blobs, there[labels > 0], count) == 0
    is_speck &= _elongation(labels, count) <= SPECK_ELONGATION
    is_speck &= _leak(labels, count, output) <= SPECK_LEAK
    return np.concatenate([[0], np.where(is_speck, np.cumsum(is_speck), 0)])[labels]


def _means(blobs: Array, values: Array, count: int) -> Array:
    """The mean of the values at the pixels of each blob, which are numbered from 0; 0 for a blob without any."""
    return np.bincount(blobs, values, count) / np.maximum(np.bincount(blobs, minlength=count), 1)


def _elongation(labels: Array, count: int) -> Array:
    """Longer over shorter axis of each blob, from its second moments; a pixel is a unit square, whose own are 1/12."""
    y, x = np.nonzero(labels)
    blobs = labels[y, x] - 1
    dy, dx = y - _means(blobs, y, count)[blobs], x - _means(blobs, x, count)[blobs]
    yy, xx, xy = (_means(blobs, product, count) for product in (dy * dy, dx * dx, dx * dy))
    middle, half = (yy + xx) / 2 + 1 / 12, np.hypot((yy - xx) / 2, xy)
    return np.round(np.sqrt((middle + half) / (middle - half)), 9)


def _leak(labels: Array, count: int, output: Pixels) -> Array:
    """The share of the pixels 2 px around each blob that look more like it than like the median colours at its place."""
    inside, ring = labels > 0, ndimage.maximum_filter(labels, 5)
    ring[ndimage.maximum_filter(labels, 3) > 0] = 0
    blobs, rings = labels[inside] - 1, ring[ring > 0] - 1

    def distance(image: Array) -> Array:
        colors = np.stack([_means(blobs, channel, count) for channel in image[inside].T], axis=1)
        return np.linalg.norm(output.lab[ring > 0] - colors[rings], axis=1)

    return _means(rings, distance(output.lab) < distance(output.surroundings), count)


def specks(content: Picture | Pixels, output: Picture | Pixels) -> float:
    """Specks per megapixel, 0 upwards: the report's stray dots (section 4), the droplets of StyleGAN2 (1912.04958).

    A speck is a connected blob (8 neighbours) of 2 to 100 pixels, each of them more than dE 25 from the median colour of
    the 15 x 15 px around it, and more than 4.5 times as far as the median of those is, so that brushwork is not taken for
    specks. It is at most three times as long as wide, and at most a quarter of its surroundings, 2 px off, look more like
    it than like that median: no stroke, no corner of something larger. It counts unless the content has such an outlier, if only
    of dE 12.5, within 2 px.
    """
    found = speck_mask(content, output)
    return float(found.max()) / found.size * 1e6


def tone_change(
    content: Picture | Pixels, output: Picture | Pixels, tone: str
) -> tuple[float, float]:
    """How much lighter and more saturated a range of tones became (report, appendix B).

    Saturation is CIELAB chroma, the distance from grey in dE, not that of HSV, which calls a black with one
    count of blue fully saturated.

    Args:
        tone: where to look: the content's `whites` (L* > 90), `blacks` (L* < 10) or `shadows` (darkest quarter).

    Returns:
        Mean change of L* (-100 .. 100) and of chroma (about -130 .. 130), output minus content;
        NaN where the content has under 0.1 % of such pixels.
    """
    content, output = _pair(content, output)
    mask = content.mask(tone)
    if mask.mean() < MIN_SHARE:
        return float("nan"), float("nan")
    before, after = content.lab[mask], output.lab[mask]
    chroma = np.hypot(after[:, 1], after[:, 2]) - np.hypot(before[:, 1], before[:, 2])
    return float((after[:, 0] - before[:, 0]).mean()), float(chroma.mean())


def shadow_order(content: Picture | Pixels, output: Picture | Pixels) -> float:
    """Spearman's rank correlation of L* in the content's darkest quarter, before and after: -1 .. 1.

    1 where darker stays darker, 0 where shadows lost their modelling; NaN where all of them are equally light.
    """
    content, output = _pair(content, output)
    mask = content.mask("shadows")
    before, after = content.lab[mask][:, 0], output.lab[mask][:, 0]
    if np.ptp(before) == 0 or np.ptp(after) == 0:
        return float("nan")
    return float(spearmanr(before, after).statistic)


def accent_recall(style: Picture | Pixels, output: Picture | Pixels) -> float:
    """Share of the style's accent colours that occur in the output, 0 .. 1 (report, section 5); NaN if it has none.

    The style's palette are 16 k-means clusters in CIELAB. Accents are those under 5 % of the pixels and more than dE 20
    from every cluster of 5 % or more, as nearer ones are shades of it. One occurs where the part of the output
    within dE 10 of it is at least a tenth of that part of the style.
    """
    style, output = as_pixels(style), as_pixels(output)
    if not len(style.accents):
        return float("nan")
    kept = output.share_near(style.accents) >= ACCENT_KEPT * style.share_near(style.accents)
    return float(kept.mean())


def sharpness(reference: Picture | Pixels, output: Picture | Pixels) -> float:
    """High-frequency energy of the output over that of the content or style, 0 upwards; 1 is as sharp.

    Energy is the mean square of luma minus its Gaussian blur of 1 px, per pixel, so sizes may differ. Grain and
    specks are energy too. NaN where the reference is flat.
    """
    return ratio(as_pixels(output).detail, as_pixels(reference).detail)


def color_distance(style: Picture | Pixels, output: Picture | Pixels) -> float:
    """Sliced 1-Wasserstein distance between the CIELAB colours of two pictures (Bonneel et al. 2015), in dE, 0 upwards.

    The mean over 32 fixed directions and 512 quantiles. All colours shifted by dE d give about d / 2.
    """
    return float(np.abs(as_pixels(style).quantiles - as_pixels(output).quantiles).mean())
