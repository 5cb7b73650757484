"""Measures of a stylised picture that need its pixels only: structure, specks, tones,
accents, sharpness, colours.

The authors of meta networks (Shen, Yan, Zeng, 1709.04111) and the report judge by eye;
what they look at gets a number here.

    content, style, output = Pixels(content), Pixels(style), Pixels(output)
    specks(content, output)          # per megapixel
    accent_recall(style, output)     # 0 .. 1

Every measure takes pictures as `core.metrics.picture` describes them, or the `Pixels` of pictures
that are used again. Output and content have the same size, else ValueError; a style may have
another.
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
    """Structural similarity on luma, -1 .. 1, 1 for the same picture (Wang et al. 2004,
    with its Gaussian window).
    """
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
    """H x W integers: 0, or the number of the speck that a pixel belongs to (see `specks`).

    Blobs of outliers are found first, then each is put to four questions. Of three blobs, a dot, a
    stroke and a thing that the photo has too:

        outliers      blobs         area      already there   elongation   leak        specks
        x..xxxx       1..2222       1: 2      1: no           1: 2         1: 0        1......
        x......       1......       2: 4      2: no           2: 4         2: 0        1......
        ....xx.       ....33.       3: 2      3: yes          3: 2         3: 0        .......
    """
    content, output = _pair(content, output)
    outliers = output.outliers(SPECK_DISTANCE)  # H x W
    blobs, count = ndimage.label(outliers, np.ones((3, 3)))  # H x W: 0, or 1 .. N
    if not count:
        return blobs
    blob_of = blobs[outliers]  # P, the pixels of all blobs
    area = np.bincount(blob_of)[1:]  # N
    there = _widened(content.outliers(SPECK_DISTANCE / 2).astype(np.uint8), SPECK_SHIFT)  # H x W
    is_speck = (area >= SPECK_AREA[0]) & (area <= SPECK_AREA[1])
    is_speck &= np.bincount(blob_of, there[outliers])[1:] == 0
    is_speck &= _elongation(blobs, count) <= SPECK_ELONGATION
    is_speck &= _leak(blobs, count, output) <= SPECK_LEAK
    renumbered = np.zeros(count + 1, dtype=np.int64)  # of a blob's old number; 0 stays 0
    renumbered[1:][is_speck] = np.arange(1, is_speck.sum() + 1)
    return renumbered[blobs]


def _widened(marked: Array, by: int) -> Array:
    """A mask or numbered blobs, H x W, grown by so many pixels in all directions;
    the larger number wins.
    """
    return ndimage.maximum_filter(marked, 2 * by + 1)


def _elongation(blobs: Array, count: int) -> Array:
    """Longer over shorter axis of each blob, N numbers of at least 1:
    the root of the ratio of the two variances.

    The variances are the eigenvalues of the covariance of the pixels' positions, and a pixel is a
    unit square, whose own variance is 1/12. Four pixels in a row: variances (16 - 1) / 12 + 1/12 =
    16/12 and 0 + 1/12, so 4 times as long as wide.
    """
    rows, columns = np.nonzero(blobs)  # P each, the pixels of all blobs
    blob_of = blobs[rows, columns] - 1  # P, from 0
    numbers = np.arange(count)
    across = ndimage.variance(rows, blob_of, numbers) + 1 / 12  # N
    along = ndimage.variance(columns, blob_of, numbers) + 1 / 12
    # Var(a + b) = Var(a) + Var(b) + 2 Cov(a, b), where the unit square's covariance is 0.
    both = (ndimage.variance(rows + columns, blob_of, numbers) + 1 / 6 - across - along) / 2
    middle, half = (across + along) / 2, np.hypot((across - along) / 2, both)
    return np.round(np.sqrt((middle + half) / (middle - half)), 9)


def _leak(blobs: Array, count: int, output: Pixels) -> Array:
    """What share of the ring around each blob looks more like it than like the median colours at
    its place: N, 0 .. 1.

    The ring is the pixels exactly 2 px off: of a blob `o`, those marked `x`. A pixel between two
    blobs is in the ring of the one with the larger number.

        xxxxx
        x...x
        x.o.x
        x...x
        xxxxx
    """
    # H x W: 0, or the blob's number.
    rings = np.where(_widened(blobs, 1) > 0, 0, _widened(blobs, 2))
    here = rings > 0
    ring_of = rings[here] - 1  # R, the pixels of all rings
    inside = blobs > 0
    numbers = np.arange(count)

    def distances(image: Array) -> Array:
        """From each ring pixel's colour to its blob's mean in an H x W x 3 image: R."""
        channels = [ndimage.mean(values, blobs[inside] - 1, numbers) for values in image[inside].T]
        means = np.stack(channels, axis=1)  # N x 3
        return np.linalg.norm(output.lab[here] - means[ring_of], axis=1)

    like_it = distances(output.lab) < distances(output.surroundings)  # R
    pixels = np.bincount(ring_of, minlength=count)  # N
    return np.bincount(ring_of, like_it, count) / np.maximum(pixels, 1)


def specks(content: Picture | Pixels, output: Picture | Pixels) -> float:
    """Specks per megapixel, 0 upwards: the report's stray dots (section 4),
    the droplets of StyleGAN2 (1912.04958).

    A speck is a connected blob (8 neighbours) of 2 to 100 pixels, each of them more than dE 25 from
    the median colour of the 15 x 15 px around it, and more than 4.5 times as far as the median of
    those is, so that brushwork is not taken for specks. It is at most three times as long as wide,
    and at most a quarter of its surroundings, 2 px off, look more like it than like that median: no
    stroke, no corner of something larger. It counts unless the content has such an outlier, if only
    of dE 12.5, within 2 px.
    """
    found = speck_mask(content, output)
    return float(found.max()) / found.size * 1e6


def tone_change(
    content: Picture | Pixels, output: Picture | Pixels, tone: str
) -> tuple[float, float]:
    """How much lighter and more saturated a range of tones became (report, appendix B).

    Saturation is CIELAB chroma, the distance from grey in dE, not that of HSV, which calls a black
    with one count of blue fully saturated.

    Args:
        tone: where to look: the content's `whites` (L* > 90),
            `blacks` (L* < 10) or `shadows` (darkest quarter).

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
    """Spearman's rank correlation of L* in the content's darkest quarter, before and after:
    -1 .. 1.

    1 where darker stays darker, 0 where shadows lost their modelling; NaN where all of them are
    equally light.
    """
    content, output = _pair(content, output)
    mask = content.mask("shadows")
    before, after = content.lab[mask][:, 0], output.lab[mask][:, 0]
    if np.ptp(before) == 0 or np.ptp(after) == 0:
        return float("nan")
    return float(spearmanr(before, after).statistic)


def accent_recall(style: Picture | Pixels, output: Picture | Pixels) -> float:
    """Share of the style's accent colours that occur in the output, 0 .. 1 (report, section 5);
    NaN if it has none.

    The style's palette are 16 k-means clusters in CIELAB. Accents are those under 5 % of the pixels
    and more than dE 20 from every cluster of 5 % or more, as nearer ones are shades of it. One
    occurs where the part of the output within dE 10 of it is at least a tenth of that part of the
    style.
    """
    style, output = as_pixels(style), as_pixels(output)
    if not len(style.accents):
        return float("nan")
    kept = output.share_near(style.accents) >= ACCENT_KEPT * style.share_near(style.accents)
    return float(kept.mean())


def sharpness(reference: Picture | Pixels, output: Picture | Pixels) -> float:
    """High-frequency energy of the output over that of the content or style, 0 upwards;
    1 is as sharp.

    Energy is the mean square of luma minus its Gaussian blur of 1 px, per pixel, so sizes may
    differ. Grain and specks are energy too. NaN where the reference is flat.
    """
    return ratio(as_pixels(output).detail, as_pixels(reference).detail)


def color_distance(style: Picture | Pixels, output: Picture | Pixels) -> float:
    """Sliced 1-Wasserstein distance between the CIELAB colours of two pictures (Bonneel et al.
    2015), in dE, 0 upwards.

    The mean over 32 fixed directions and 512 quantiles. All colours shifted by dE d give about d /
    2.
    """
    return float(np.abs(as_pixels(style).quantiles - as_pixels(output).quantiles).mean())
