"""Measures of a stylised picture that need its pixels only: structure, specks, tones, accents, sharpness, colours.

Shen, Yan, Zeng (1709.04111) and the report judge by eye; each thing they look at gets a number here.

    content, style, output = Pixels(content), Pixels(style), Pixels(output)
    specks(content, output)          # per megapixel
    accent_recall(style, output)     # 0 .. 1

A picture is an RGB Pillow image, a float array H x W x 3 or a float tensor 3 x H x W (or 1 x 3 x H x W), values in
[0, 1], at least 16 px a side; `Pixels` keeps what several measures share. Output and content have the same size, a
style may have another. Colours are CIELAB (D65; L* 0 .. 100), their distance dE is that of CIE 1976: the straight line.
Results do not depend on chance: where a method draws, it draws with a fixed seed.
"""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr
from skimage.color import rgb2gray, rgb2lab
from skimage.filters.rank import median
from skimage.metrics import structural_similarity
from sklearn.cluster import KMeans
from torch import Tensor

from core.images import MIN_SIDE

Array = NDArray[Any]
Picture = Image.Image | Array | Tensor

SPECK_WINDOW = 15  # pixels a side of the neighbourhood
SPECK_DISTANCE = 25.0  # dE from its median; in the content, half of it is enough to be there already
SPECK_OUTLIER = 4.5  # times the neighbourhood's median absolute deviation: three standard deviations of a normal spread
SPECK_AREA = (2, 100)  # pixels: noise below, and above it a thing becomes its own neighbourhood
SPECK_ELONGATION = 3.0  # longer axis / shorter axis: beyond it, a stroke or an outline
SPECK_LEAK = 0.25  # of its surroundings: beyond it, the corner or the end of something larger
SPECK_SHIFT = 2  # pixels by which a thing in the content may have moved
TONES = ("whites", "blacks", "shadows")
LEAST_SHARE = 0.001  # of a picture: what is smaller is not measured
PALETTE_COLORS = 16
PALETTE_PIXELS = 10_000
ACCENT_SHARE = 0.05
ACCENT_DISTANCE = 20.0  # dE: nearer to a main colour, a cluster is a shade of it
ACCENT_MATCH = 10.0  # dE
ACCENT_KEPT = 0.1
DETAIL_SIGMA = 1.0  # pixels
DIRECTIONS = 32
QUANTILES = 512
_WINDOW = np.ones((SPECK_WINDOW, SPECK_WINDOW), np.uint8)


def _to_array(picture: Picture) -> Array:
    """H x W x 3, float32 in [0, 1]."""
    if isinstance(picture, Image.Image):
        if picture.mode != "RGB":
            raise ValueError(f"expected an RGB image as load_image gives it, got mode {picture.mode}")
        return np.asarray(picture, dtype=np.float32) / 255
    if isinstance(picture, Tensor):
        tensor = picture.detach()[0] if picture.ndim == 4 and len(picture) == 1 else picture.detach()
        tensor = tensor.to("cpu", torch.float32) if tensor.is_floating_point() else tensor.cpu()
        picture = tensor.movedim(0, -1).numpy()
    if picture.ndim != 3 or picture.shape[2] != 3 or not np.issubdtype(picture.dtype, np.floating):
        raise ValueError(
            f"expected floats, H x W x 3 as an array or 3 x H x W as a tensor, got {picture.dtype} {picture.shape}"
        )
    if not (picture.min() >= -1e-3 and picture.max() <= 1 + 1e-3):  # so put, NaN fails too
        raise ValueError(f"expected values in [0, 1], got {picture.min():g} to {picture.max():g}")
    return np.clip(picture, 0, 1).astype(np.float32)


class Pixels:
    """A picture with what the measures compute from it, each computed when first asked for and then kept.

    Args:
        picture: see the module; about 2 MB are kept of a 256 px picture.

    Raises:
        ValueError: another mode, shape or range of values, or a side under 16 px.
    """

    def __init__(self, picture: Picture) -> None:
        self.rgb = _to_array(picture)  # H x W x 3, [0, 1]
        if min(self.shape) < MIN_SIDE:
            raise ValueError(f"expected at least {MIN_SIDE} px a side, got {self.shape[1]} x {self.shape[0]}")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @cached_property
    def lab(self) -> Array:
        """H x W x 3: L* in 0 .. 100, a*, b*."""
        return rgb2lab(self.rgb)

    @cached_property
    def luma(self) -> Array:
        """H x W in [0, 1]: Rec. 709 weights on the gamma-encoded channels."""
        return rgb2gray(self.rgb)

    @cached_property
    def surroundings(self) -> Array:
        """H x W x 3 CIELAB: the median colour, channel by channel in 8-bit RGB, of the 15 x 15 px around each pixel."""
        channels = np.round(self.rgb * 255).astype(np.uint8)
        medians = [median(channels[..., c], _WINDOW) for c in range(3)]
        return rgb2lab(np.stack(medians, axis=2).astype(np.float32) / 255)

    @cached_property
    def deviation(self) -> Array:
        """H x W: dE of each pixel from the median colour around it."""
        return np.linalg.norm(self.lab - self.surroundings, axis=2)

    @cached_property
    def spread(self) -> Array:
        """H x W: the median deviation, in whole dE, of the 15 x 15 px around each pixel."""
        return median(np.round(self.deviation).clip(0, 255).astype(np.uint8), _WINDOW)

    def outliers(self, distance: float) -> Array:
        """H x W booleans: deviation above `distance`, and above 4.5 times the spread."""
        return self.deviation > np.maximum(distance, SPECK_OUTLIER * self.spread)

    @cached_property
    def detail(self) -> float:
        """High-frequency energy: mean square of luma minus its Gaussian blur of 1 px (half its gain at 0.19 cycles/px)."""
        return float(np.mean((self.luma - ndimage.gaussian_filter(self.luma, DETAIL_SIGMA)) ** 2))

    @cached_property
    def quantiles(self) -> Array:
        """32 x 512: quantiles of the CIELAB colours along 32 fixed directions."""
        ranked = np.sort(_directions() @ self.lab.reshape(-1, 3).T, axis=1)
        at = (np.arange(QUANTILES) + 0.5) / QUANTILES * (ranked.shape[1] - 1)
        low = np.floor(at).astype(int)
        return ranked[:, low] + (at - low) * (ranked[:, low + 1] - ranked[:, low])

    @cached_property
    def accents(self) -> Array:
        """K x 3 CIELAB: the minor palette colours, see `accent_recall`; K may be 0."""
        pixels = self.lab.reshape(-1, 3)
        chosen = np.random.default_rng(0).choice(len(pixels), min(len(pixels), PALETTE_PIXELS), replace=False)
        sample = pixels[chosen]
        count = min(PALETTE_COLORS, len(np.unique(sample, axis=0)))
        palette = KMeans(count, n_init=3, random_state=0).fit(sample)
        minor = np.bincount(palette.labels_, minlength=count) < ACCENT_SHARE * len(sample)
        centers = palette.cluster_centers_
        found = centers[minor][(cdist(centers[minor], centers[~minor]) > ACCENT_DISTANCE).all(axis=1)]
        return found[_share_near(self, found) >= LEAST_SHARE]

    def mask(self, tone: str) -> Array:
        """H x W booleans: `whites` (L* > 90), `blacks` (L* < 10) or `shadows` (the darkest quarter of the pixels)."""
        lightness = self.lab[..., 0]
        if tone == "whites":
            return lightness > 90
        return lightness < 10 if tone == "blacks" else lightness <= np.quantile(lightness, 0.25)


def _directions() -> Array:
    """32 x 3 unit vectors, evenly over a half-sphere (Fibonacci lattice)."""
    i = np.arange(DIRECTIONS)
    z, angle = (i + 0.5) / DIRECTIONS, i * np.pi * (3 - 5**0.5)
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1).astype(np.float32)


def _share_near(picture: Pixels, colors: Array) -> Array:
    """K: the share of the picture within dE 10 of each of K x 3 colours."""
    pixels = picture.lab.reshape(-1, 3)
    near = [np.square(pixels - color.astype(np.float32)).sum(axis=1) <= ACCENT_MATCH**2 for color in colors]
    return np.array([value.mean() for value in near])


def as_pixels(picture: Picture | Pixels) -> Pixels:
    return picture if isinstance(picture, Pixels) else Pixels(picture)


def check_same_size(content: Pixels, output: Pixels) -> None:
    """Raises ValueError where the output has not its content's size."""
    if content.shape != output.shape:
        found, wanted = (f"{height} x {width}" for height, width in (output.shape, content.shape))
        raise ValueError(f"the output must have its content's size, got height x width {found} for {wanted}")


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
        content.luma, output.luma, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(found)


def speck_mask(content: Picture | Pixels, output: Picture | Pixels) -> Array:
    """H x W integers: 0, or the number of the speck that a pixel belongs to (see `specks`)."""
    content, output = _pair(content, output)
    labels, count = ndimage.label(output.outliers(SPECK_DISTANCE), np.ones((3, 3)))
    blobs = labels[labels > 0] - 1
    area = np.bincount(blobs, minlength=count)
    there = ndimage.maximum_filter(content.outliers(SPECK_DISTANCE / 2).astype(np.uint8), 2 * SPECK_SHIFT + 1)
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


def tone_change(content: Picture | Pixels, output: Picture | Pixels, tone: str) -> tuple[float, float]:
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
    if mask.mean() < LEAST_SHARE:
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
    kept = _share_near(output, style.accents) >= ACCENT_KEPT * _share_near(style, style.accents)
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
