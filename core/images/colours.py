"""Whose colours the result has: the painting's, the photo's,
or those of a painting given the photo's colours first.

    keep_colours(painted, photo)      # lightness of the result, chroma of the photo (CIELAB)
    recolour(painting, photo)         # the painting with the photo's mean colour and covariance, its style read after

Gatys, Bethge, Hertzmann, Shechtman, "Preserving color in neural artistic style transfer"
(1606.05897): their luminance-only transfer and their linear colour transfer, with symmetric square
roots of the covariances.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from core.images.convert import by_rows, resize_longest

STATISTICS_SIDE = 512
# Of values in [0, 1]: a colour direction flatter than this is not stretched further.
MIN_VARIANCE = 1e-4


def keep_colours(painted: Image.Image, photo: Image.Image) -> Image.Image:
    """The result's lightness L* with the photo's a* and b*; colours outside sRGB are clipped.

    Args:
        painted, photo: RGB, of one size.
    """

    def coloured(_: slice, light: np.ndarray, colour: np.ndarray) -> np.ndarray:
        lab = rgb2lab(light / 255)
        lab[..., 1:] = rgb2lab(colour / 255)[..., 1:]
        with warnings.catch_warnings():
            # scikit-image warns of each colour outside sRGB that it was clipped.
            warnings.simplefilter("ignore")
            return lab2rgb(lab) * 255

    return by_rows(coloured, painted, photo)


def recolour(painting: Image.Image, photo: Image.Image) -> Image.Image:
    """The painting with its colours moved linearly so that mean and covariance (of
    RGB) become the photo's.
    """
    return transfer(painting, Palette.of(photo))


@dataclass(frozen=True)
class Palette:
    """A picture's colours as a linear transfer sees them.

    Attributes:
        mean: of its RGB values in [0, 1]: 3.
        root: symmetric square root of their covariance: 3 x 3,
            of full rank even for a picture of one colour.
    """

    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, image: Image.Image) -> "Palette":
        """Of a picture looked at with at most 512 px on its longest side."""
        if max(image.size) > STATISTICS_SIDE:
            image = resize_longest(image, STATISTICS_SIDE)
        values = np.asarray(image, dtype=np.float64).reshape(-1, 3) / 255
        variances, axes = np.linalg.eigh(np.cov(values, rowvar=False))
        deviations = np.sqrt(np.maximum(variances, MIN_VARIANCE))
        return cls(values.mean(axis=0), (axes * deviations) @ axes.T)

    def towards(self, other: "Palette", share: float) -> "Palette":
        """A palette between: this one at 0, the other at 1."""
        mean = (1 - share) * self.mean + share * other.mean
        return Palette(mean, (1 - share) * self.root + share * other.root)


def transfer(image: Image.Image, goal: Palette) -> Image.Image:
    """The picture with its colours moved linearly so that their mean and
    covariance become the goal's.
    """
    own = Palette.of(image)
    matrix = goal.root @ np.linalg.inv(own.root)
    offset = (goal.mean - matrix @ own.mean).astype(np.float32)

    def moved(_: slice, pixels: np.ndarray) -> np.ndarray:
        return (pixels / 255 @ matrix.T.astype(np.float32) + offset) * 255

    return by_rows(moved, image)
