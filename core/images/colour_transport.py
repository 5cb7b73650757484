"""All of a painting's colours given to a picture: how often each occurs, not their mean and spread alone.

    table = ColourSample.of(painted).table_to(ColourSample.of(painting))
    table(painted)                  # the result in the painting's colours

A painting of blue and orange has a mean and a covariance, and so has one of pinks and violets, and
the two may be the same: a linear map cannot tell them apart. Here the colours themselves are moved
until they are distributed as the painting's, by as short ways as can be found quickly (optimal
transport). In one dimension that is easy: the darkest goes to the darkest, the next to the next.

    picture   0.1  0.5  0.3         sorted 0.1 0.3 0.5
    painting  0.9  0.0  0.0         sorted 0.0 0.0 0.9      so 0.1 -> 0.0, 0.5 -> 0.9, 0.3 -> 0.0

In three, it is done along three axes at right angles, then along others, and so on: Pitie, Kokaram,
Dahyot, "Automated colour grading using colour distribution transfer" (2007); with the many
directions of Bonneel, Rabin, Peyre, Pfister, "Sliced and Radon Wasserstein barycenters of measures"
(2015). It begins where the linear map of `core.images.colours` leads.

What a sample of colours tells becomes a table of new colours (a 3D lookup table), in which
neighbours move nearly alike: were each colour moved alone, the grain of a flat area would become
visible noise. So each node of the table moves by the mean way of the sampled colours around it,
weighted by a Gaussian, and where there are none as the linear map says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

from core.images.colours import ColourMap, Palette, seen_pixels

SAMPLE = 6000  # colours of a picture
TURNS = 8  # of the three axes; more come no nearer
NODES = 33  # of the table along each of red, green and blue
SMOOTHNESS = 0.07  # standard deviation of the Gaussian, of the range of red, green or blue
# Root of the summed variances of red, green and blue: a picture with less has its colours closer
# together, so its Gaussian is narrower in proportion, but never much narrower than a node is wide.
CONTRAST, MIN_CONTRAST = 0.3, 0.06
# At each node as many colours count that go where the linear map says: all where none is near.
LINEAR = 2.0
SEED = 0
PLACE_BITS = 13  # of a sort key; enough for SAMPLE places


@dataclass(frozen=True)
class ColourSample:
    """A picture's colours, of which each stands for as much of the picture.

    Attributes:
        colours: RGB values in [0, 1]: 6,000 x 3, float64.
    """

    colours: np.ndarray

    @classmethod
    def of(cls, image: Image.Image) -> "ColourSample":
        """Of a picture looked at with at most 512 px on its longest side; the same each time.

        Args:
            image: RGB; or RGBA, whose pixels count by how opaque they are, all alike if none is.
        """
        pixels, counts = seen_pixels(image)
        ends = np.arange(1, len(pixels) + 1) if counts is None else np.cumsum(counts, dtype=float)
        # One pixel out of each 6,000th of the picture, so that no part is left out by chance.
        places = np.arange(SAMPLE) + np.random.default_rng(SEED).random(SAMPLE)
        chosen = np.searchsorted(ends, places / SAMPLE * ends[-1], side="right")
        return cls(pixels[chosen] / 255)

    @classmethod
    def between(cls, samples: "Sequence[ColourSample]", weights: Sequence[float]) -> "ColourSample":
        """What lies between several, by their weights, which sum to 1: from the first towards the
        second, from there towards the third, and so on. Their order counts a little.
        """
        first, *others = [pair for pair in zip(samples, weights, strict=True) if pair[1]]
        result, total = first
        for sample, weight in others:
            total += weight
            result = result.towards(sample, weight / total)
        return result

    def towards(self, other: "ColourSample", share: float) -> "ColourSample":
        """A sample between: this one at 0, the other at 1; half-way each colour has gone half its way."""
        if share in (0, 1):
            return other if share else self
        ways = self._ways_to(other, self._linear_map_to(other))
        return ColourSample((self.colours + share * ways).clip(0, 1))

    def table_to(self, goal: "ColourSample", share: float = 1.0) -> "ColourTable":
        """New colours for all of RGB that give a picture with this sample's colours the goal's, or
        move them a share of the way there.
        """
        nodes, linear = node_colours(), self._linear_map_to(goal)
        linear_ways = linear.moved(nodes) - nodes
        ways_and_counts = np.hstack([self._ways_to(goal, linear), np.ones((SAMPLE, 1))])
        near = smooth(splat(self.colours, ways_and_counts), self._smoothness())
        summed, count = near[..., :3], near[..., 3:]
        ways = (summed + LINEAR * linear_ways) / (count + LINEAR)
        return ColourTable(nodes + share * ways)

    def _ways_to(self, goal: "ColourSample", linear: ColourMap) -> np.ndarray:
        """How each colour moves so that all are distributed as the goal's, from where the linear map
        there leads: 6,000 x 3.
        """
        return sliced_transport(linear.moved(self.colours), goal.colours) - self.colours

    def _linear_map_to(self, goal: "ColourSample") -> ColourMap:
        return Palette.of_values(self.colours).nearest_map_to(Palette.of_values(goal.colours))

    def _smoothness(self) -> float:
        contrast = float(np.sqrt(self.colours.var(axis=0).sum()))
        return SMOOTHNESS / CONTRAST * min(max(contrast, MIN_CONTRAST), CONTRAST)


@dataclass(frozen=True)
class ColourTable:
    """A change of colours: new ones for the nodes of a grid over RGB; those between lie between.

    Attributes:
        colours: RGB values, which may leave [0, 1], for each red, green and blue in equal steps
            from 0 to 1: 33 x 33 x 33 x 3.
    """

    colours: np.ndarray

    def __call__(self, image: Image.Image) -> Image.Image:
        """An RGB picture with its colours changed, of its size; what leaves sRGB is clipped."""
        # Pillow names the axes from the last to the first: B x G x R x 3.
        table = self.colours.transpose(2, 1, 0, 3).astype(np.float32)
        return image.filter(ImageFilter.Color3DLUT(NODES, np.ascontiguousarray(table)))


def sliced_transport(colours: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Colours, N x 3, moved until they are distributed as others, N x 3, nearly."""
    moved, wanted = colours.T.copy(), goal.T  # 3 x N
    for axes in _axes():
        # einsum, as a product by BLAS may be rounded otherwise on another number of threads.
        along = np.einsum("ij,jn->in", axes, moved)
        ranks = ascending(along)
        ways = np.sort(np.einsum("ij,jn->in", axes, wanted), axis=1)
        ways -= np.take_along_axis(along, ranks, axis=1)
        np.put_along_axis(along, ranks, ways, axis=1)
        moved += np.einsum("ji,jn->in", axes, along)
    return moved.T


def ascending(values: np.ndarray) -> np.ndarray:
    """Where the smallest of each row is, the next, and so on, as a stable `np.argsort` does, but at
    the speed of `np.sort`: whole numbers are sorted that end with their place.

        0.5, 0.1 -> 0.5 * 2^40 * 2^13 + 0, 0.1 * 2^40 * 2^13 + 1 -> sorted; the last 13 bits are 1, 0

    Args:
        values: rows of up to 8,192 numbers between -512 and 512; what differs by less than 2^-40 is
            taken for equal.
    """
    keys = np.rint(values * 2.0**40).astype(np.int64) << PLACE_BITS
    keys |= np.arange(values.shape[1])
    keys.sort(axis=1)
    return keys & (2**PLACE_BITS - 1)


@cache
def _axes() -> list[np.ndarray]:
    """Three axes at right angles for each turn, 3 x 3 with an axis in each row."""
    random = np.random.default_rng(SEED)
    return [np.linalg.qr(random.normal(size=(3, 3)))[0] for _ in range(TURNS)]


def node_colours() -> np.ndarray:
    """The colour at each node of a table: 33 x 33 x 33 x 3."""
    steps = np.linspace(0, 1, NODES)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)


def splat(colours: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sums at a table's nodes of values that are shared out among the eight nodes around each
    colour, the more the nearer.

    Args:
        colours: in [0, 1]: N x 3.
        values: N x K.

    Returns:
        33 x 33 x 33 x K.
    """
    places = colours * (NODES - 1)
    lower = np.minimum(places.astype(int), NODES - 2)
    beyond = places - lower  # N x 3, 0 to 1
    sums = np.zeros((NODES**3, values.shape[1]))
    for corner in np.ndindex(2, 2, 2):
        shares = np.prod(np.where(corner, beyond, 1 - beyond), axis=1)
        nodes = np.ravel_multi_index((lower + corner).T, (NODES,) * 3)
        for kind, column in enumerate(values.T):
            sums[:, kind] += np.bincount(nodes, shares * column, minlength=NODES**3)
    return sums.reshape(NODES, NODES, NODES, -1)


def smooth(sums: np.ndarray, deviation: float) -> np.ndarray:
    """Sums over the colours around each node, where one at the node itself counts in full and those
    around it by a Gaussian.

    Args:
        sums: as `splat` gives them.
        deviation: the Gaussian's standard deviation, of RGB values in [0, 1].
    """
    sigma = deviation * (NODES - 1)
    mean = gaussian_filter(sums, sigma, axes=(0, 1, 2), mode="constant", truncate=3)
    return mean * (2 * np.pi * sigma**2) ** 1.5
