"""Whose colours the result has: the painting's as the network takes them up; the photo's; or those of
a painting given the photo's colours first. (The painting's in full: `core.images.colour_transport`.)

    keep_colours(painted, photo)      # lightness of the result, chroma of the photo (CIELAB)
    recolour(painting, photo)         # the painting with the photo's mean colour and covariance, its style read after
    change = Palette.of(painted).nearest_map_to(Palette.of(painting))
    change(painted)                   # the result with the painting's mean colour and covariance

Gatys, Bethge, Hertzmann, Shechtman, "Preserving color in neural artistic style transfer"
(1606.05897): their luminance-only transfer and their linear colour transfer, with symmetric square
roots of the covariances. Pitie, Kokaram, "The linear Monge-Kantorovitch linear colour mapping for
example-based colour transfer" (2007): of all linear maps with that mean and covariance, the one
that moves the colours least, so that a blue which both pictures have stays one.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from core.images.convert import by_rows, resize_longest, split_alpha

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

    Args:
        painting: RGB.
        photo: as `Palette.of` takes it.
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
        """Of a picture looked at with at most 512 px on its longest side.

        Args:
            image: RGB; or RGBA, whose pixels count by how opaque they are, all alike if none is.
        """
        pixels, counts = seen_pixels(image)
        return cls.of_values(pixels / 255, counts)

    @classmethod
    def of_values(cls, values: np.ndarray, counts: np.ndarray | None = None) -> "Palette":
        """Of RGB values in [0, 1], N x 3, and how much each counts, N; without that all alike."""
        mean = np.average(values, axis=0, weights=counts)
        # Of all pixels an estimate without bias; of some the plain mean, as there may be only one.
        ddof = 1 if counts is None else 0
        covariance = np.cov(values, rowvar=False, ddof=ddof, aweights=counts)
        return cls(mean, _root(covariance, MIN_VARIANCE))

    def towards(self, other: "Palette", share: float) -> "Palette":
        """A palette between: this one at 0, the other at 1."""
        mean = (1 - share) * self.mean + share * other.mean
        return Palette(mean, (1 - share) * self.root + share * other.root)

    def nearest_map_to(self, goal: "Palette") -> "ColourMap":
        """The map to the goal's mean and covariance that moves this palette's colours least.

        With covariances A and B, its matrix is the symmetric A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2.
        """
        inverse = np.linalg.inv(self.root)
        middle = _root(self.root @ goal.root @ goal.root @ self.root)
        return ColourMap.between(inverse @ middle @ inverse, self, goal)


@dataclass(frozen=True)
class ColourMap:
    """A linear change of colours.

    Attributes:
        matrix, offset: `matrix @ colour + offset` is the new colour, of RGB values in [0, 1]:
            3 x 3 and 3.
    """

    matrix: np.ndarray
    offset: np.ndarray

    @classmethod
    def between(cls, matrix: np.ndarray, source: Palette, goal: Palette) -> "ColourMap":
        """The map with a matrix that leads from the one palette's mean to the other's."""
        return cls(matrix, goal.mean - matrix @ source.mean)

    def moved(self, colours: np.ndarray) -> np.ndarray:
        """The new colours of some, ... x 3."""
        return np.einsum("ij,...j->...i", self.matrix, colours) + self.offset

    def __call__(self, image: Image.Image) -> Image.Image:
        """An RGB picture with its colours changed, of its size; what leaves sRGB is clipped."""
        matrix, offset = self.matrix.T.astype(np.float32), self.offset.astype(np.float32)

        def moved(_: slice, pixels: np.ndarray) -> np.ndarray:
            return (pixels / 255 @ matrix + offset) * 255

        return by_rows(moved, image)


def transfer(image: Image.Image, goal: Palette) -> Image.Image:
    """The picture with its colours moved linearly so that their mean and
    covariance become the goal's.
    """
    own = Palette.of(image)
    return ColourMap.between(goal.root @ np.linalg.inv(own.root), own, goal)(image)


def seen_pixels(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """The pixels of a picture looked at with at most 512 px on its longest side, N x 3, uint8; and
    how much each counts, N, uint8, or None for all alike.

    Args:
        image: as `Palette.of` takes it.
    """
    if max(image.size) > STATISTICS_SIDE:
        image = resize_longest(image, STATISTICS_SIDE)
    colours, alpha = split_alpha(image)
    counts = np.asarray(alpha).reshape(-1) if alpha and alpha.getbbox() else None
    return np.asarray(colours).reshape(-1, 3), counts


def _root(matrix: np.ndarray, least: float = 0.0) -> np.ndarray:
    """The symmetric square root of a covariance, 3 x 3, its variances raised to at least `least`."""
    variances, axes = np.linalg.eigh(matrix)
    return (axes * np.sqrt(np.maximum(variances, least))) @ axes.T
