"""A picture's pixels, and what the measures of `core.metrics.pixels` compute from them:
each once, then kept.

    picture = Pixels(image)
    picture.lab, picture.accents, picture.mask("shadows")

A picture is an RGB Pillow image, a float array H x W x 3 or a float tensor 3 x H x W (or 1 x 3 x H
x W), values in [0, 1], at least 16 px a side. Colours are CIELAB (D65; L* 0 .. 100), their distance
dE is that of CIE 1976: the straight line. Nothing depends on chance: where a method draws, it draws
with a fixed seed.
"""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.color import rgb2gray, rgb2lab
from skimage.filters.rank import median
from sklearn.cluster import KMeans
from torch import Tensor

from core.images.convert import to_tensor
from core.images.decode import MIN_SIDE

Array = NDArray[Any]
Picture = Image.Image | Array | Tensor

NEIGHBORHOOD = 15  # pixels a side
OUTLIER = 4.5  # times the neighbourhood's median absolute deviation: three standard deviations of a normal spread
MIN_SHARE = 0.001  # of a picture: what is smaller is not measured
PALETTE_COLORS = 16
PALETTE_PIXELS = 10_000
ACCENT_SHARE = 0.05
ACCENT_DISTANCE = 20.0  # dE: nearer to a main colour, a cluster is a shade of it
ACCENT_MATCH = 10.0  # dE
DETAIL_SIGMA = 1.0  # pixels
DIRECTIONS = 32
QUANTILES = 512
_WINDOW = np.ones((NEIGHBORHOOD, NEIGHBORHOOD), np.uint8)


def _to_array(picture: Picture) -> Array:
    """H x W x 3, float32 in [0, 1]."""
    if isinstance(picture, Image.Image):
        picture = to_tensor(picture)
    if isinstance(picture, Tensor):
        tensor = picture.detach()
        tensor = tensor[0] if tensor.ndim == 4 and len(tensor) == 1 else tensor
        tensor = tensor.to("cpu", torch.float32) if tensor.is_floating_point() else tensor.cpu()
        picture = tensor.movedim(0, -1).numpy()
    if picture.ndim != 3 or picture.shape[2] != 3 or not np.issubdtype(picture.dtype, np.floating):
        raise ValueError(
            f"expected floats, H x W x 3 as an array or 3 x H x W as a tensor, got {picture.dtype} {picture.shape}"
        )
    if not (picture.min() >= -1e-3 and picture.max() <= 1 + 1e-3):  # so put, NaN fails too
        raise ValueError(f"expected values in [0, 1], got {picture.min():g} to {picture.max():g}")
    # In one order, so that sums come out the same.
    return np.ascontiguousarray(np.clip(picture, 0, 1), dtype=np.float32)


class Pixels:
    """A picture with what the measures compute from it,
    each computed when first asked for and then kept.

    Args:
        picture: see above; about 2 MB are kept of a 256 px picture.

    Raises:
        ValueError: another mode, shape or range of values, or a side under 16 px.
    """

    def __init__(self, picture: Picture) -> None:
        self.rgb = _to_array(picture)  # H x W x 3, [0, 1]
        if min(self.shape) < MIN_SIDE:
            raise ValueError(
                f"expected at least {MIN_SIDE} px a side, got {self.shape[1]} x {self.shape[0]}"
            )

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
        """H x W x 3 CIELAB: the median colour, channel by channel in 8-bit RGB,
        of the 15 x 15 px around each pixel.
        """
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
        return self.deviation > np.maximum(distance, OUTLIER * self.spread)

    @cached_property
    def detail(self) -> float:
        """High-frequency energy: mean square of luma minus its Gaussian blur of 1 px (half its gain
        at 0.19 cycles/px).
        """
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
        """K x 3 CIELAB: the minor palette colours, see `core.metrics.pixels.accent_recall`;
        K may be 0.
        """
        pixels = self.lab.reshape(-1, 3)
        most = min(len(pixels), PALETTE_PIXELS)
        chosen = np.random.default_rng(0).choice(len(pixels), most, replace=False)
        sample = pixels[chosen]
        count = min(PALETTE_COLORS, len(np.unique(sample, axis=0)))
        palette = KMeans(count, n_init=3, random_state=0).fit(sample)
        minor = np.bincount(palette.labels_, minlength=count) < ACCENT_SHARE * len(sample)
        centers = palette.cluster_centers_
        distances = cdist(centers[minor], centers[~minor])
        found = centers[minor][(distances > ACCENT_DISTANCE).all(axis=1)]
        return found[self.share_near(found) >= MIN_SHARE]

    def mask(self, tone: str) -> Array:
        """H x W booleans: `whites` (L* > 90),
        `blacks` (L* < 10) or `shadows` (the darkest quarter of the pixels).
        """
        lightness = self.lab[..., 0]
        if tone == "whites":
            return lightness > 90
        return lightness < 10 if tone == "blacks" else lightness <= np.quantile(lightness, 0.25)

    def share_near(self, colors: Array) -> Array:
        """K: the share of the picture within dE 10 of each of K x 3 CIELAB colours."""
        pixels = self.lab.reshape(-1, 3)
        near = [
            np.square(pixels - color.astype(np.float32)).sum(axis=1) <= ACCENT_MATCH**2
            for color in colors
        ]
        return np.array([value.mean() for value in near])


def _directions() -> Array:
    """32 x 3 unit vectors, evenly over a half-sphere (Fibonacci lattice)."""
    i = np.arange(DIRECTIONS)
    z, angle = (i + 0.5) / DIRECTIONS, i * np.pi * (3 - 5**0.5)
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1).astype(np.float32)


def as_pixels(picture: Picture | Pixels) -> Pixels:
    return picture if isinstance(picture, Pixels) else Pixels(picture)


def check_same_size(content: Pixels, output: Pixels) -> None:
    """Raises ValueError where the output has not its content's size."""
    if content.shape != output.shape:
        found = " x ".join(map(str, output.shape))
        wanted = " x ".join(map(str, content.shape))
        raise ValueError(
            f"the output must have its content's size, got height x width {found} for {wanted}"
        )
