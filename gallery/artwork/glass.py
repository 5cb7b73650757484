"""Turns the drawing of a stained-glass window into glass and lead.

A glazier works from a full-size drawing, the cartoon: every closed outline is one pane, every line
is a lead came. ``Cartoon`` keeps that drawing as a map of pane numbers; ``glaze`` gives each pane
its own streaks, gradient and bubbles, lays lead along the outlines and lets light shine through
from a point behind the window.

Lengths are in units of the cartoon: the window is 1000 x 1000, x to the right, y down, whatever the
size in pixels.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageColor, ImageDraw
from scipy import ndimage

UNITS = 1000.0
BUBBLES = 2600
Array = NDArray[np.float64]
Colour = str | Sequence[str]


class Cartoon:
    """A square map of panes, drawn back to front.

    Args:
        pixels: side of the map.
        rng: picks among the colours of a pane.
    """

    def __init__(self, pixels: int, rng: np.random.Generator) -> None:
        self.pixels, self.rng = pixels, rng
        self.scale = pixels / UNITS
        self._map = Image.new("I", (pixels, pixels), 0)
        self._draw = ImageDraw.Draw(self._map)
        self._brush = Image.new("L", (pixels, pixels), 0)
        self._brush_draw = ImageDraw.Draw(self._brush)
        self.colours: list[Array] = []
        self.part_of: list[int] = []
        self.leads: list[tuple[float, float]] = []

    def part(self, outline: float, inner: float) -> None:
        """Begins an object: lead ``outline`` wide around it, ``inner`` between its own panes."""
        self.leads.append((outline, inner))

    def pane(self, points: ArrayLike, colour: Colour) -> int:
        """Draws the closed polygon ``points`` ([n, 2]) as one pane; returns its number.

        ``colour`` is ``#rrggbb``, or several of them to pick one from.
        """
        number = self._new_pane(colour)
        self._draw.polygon(self._pixels_of(points), fill=number)
        return number

    def split(
        self,
        number: int,
        cells: Callable[[Array, Array], NDArray[np.int64]],
        colours: Sequence[Colour],
    ) -> None:
        """Cuts a pane into one for each of the colours; ``cells(x, y)`` says which has (x, y)."""
        first = len(self.colours)
        for colour in colours:
            self._new_pane(colour)
        panes = self.panes()
        inside = panes == number
        y, x = (np.argwhere(inside).T + 0.5) / self.scale
        panes[inside] = first + np.clip(cells(x, y), 0, len(colours) - 1)
        self._map = Image.fromarray(panes)
        self._draw = ImageDraw.Draw(self._map)

    def brush(self, points: ArrayLike, width: float, strength: float) -> None:
        """Paints a thin dark line on the glass, as glass painters do with grisaille;
        ``strength`` in 0..1.
        """
        self._brush_draw.line(
            self._pixels_of(points),
            fill=round(255 * strength),
            width=max(1, round(width * self.scale)),
            joint="curve",
        )

    def panes(self) -> NDArray[np.int32]:
        """The pane number of every pixel, [pixels, pixels]."""
        return np.array(self._map, dtype=np.int32)

    def brushwork(self) -> Array:
        """The painted lines, [pixels, pixels] in 0..1, softened as paint on glass is."""
        return ndimage.gaussian_filter(
            np.asarray(self._brush, dtype=np.float64) / 255, 0.7 * self.scale
        )

    def xy(self) -> tuple[Array, Array]:
        """x and y of every pixel centre, in units."""
        axis = (np.arange(self.pixels) + 0.5) / self.scale
        shape = (self.pixels, self.pixels)
        return np.broadcast_to(axis, shape), np.broadcast_to(axis[:, None], shape)

    def _new_pane(self, colour: Colour) -> int:
        name = colour if isinstance(colour, str) else colour[int(self.rng.integers(len(colour)))]
        self.colours.append(np.array(ImageColor.getrgb(name)[:3]) / 255)
        self.part_of.append(len(self.leads) - 1)
        return len(self.colours) - 1

    def _pixels_of(self, points: ArrayLike) -> list[tuple[float, float]]:
        return [(x, y) for x, y in np.asarray(points, dtype=np.float64) * self.scale]


def noise(rng: np.random.Generator, x: Array, y: Array, cells: int = 64) -> Array:
    """Smooth noise in -1..1 at (x, y), one cell per unit, repeating every ``cells``."""
    grid = ndimage.spline_filter(rng.uniform(-1, 1, (cells, cells)), mode="grid-wrap")
    return ndimage.map_coordinates(grid, [y, x], order=3, mode="grid-wrap", prefilter=False)


def lead_depth(cartoon: Cartoon, panes: NDArray[np.int32]) -> tuple[Array, Array]:
    """How deep in lead each pixel is, in units (negative on glass), and how far from a joint.

    Between two objects the one drawn later decides the width of the lead.
    """
    part = np.array(cartoon.part_of)[panes]
    width = np.zeros(panes.shape)
    leads = np.array(cartoon.leads)
    corners = np.zeros(panes.shape, dtype=bool)
    for axis in (0, 1):
        here = tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1))
        there = tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))
        later = np.maximum(part[here], part[there])
        line = np.where(part[here] == part[there], leads[later, 1], leads[later, 0])
        width[here] = np.maximum(width[here], np.where(panes[here] != panes[there], line, 0))
    a, b, c, d = panes[:-1, :-1], panes[1:, :-1], panes[:-1, 1:], panes[1:, 1:]
    corners[:-1, :-1] = ((a != b).astype(int) + (b != d) + (d != c) + (c != a)) >= 3
    depth = np.full(panes.shape, -np.inf)
    for lead in np.unique(width[width > 0]):
        distance = ndimage.distance_transform_edt(width != lead) / cartoon.scale
        depth = np.maximum(depth, lead / 2 - distance)
    return depth, ndimage.distance_transform_edt(~corners) / cartoon.scale


def stained(cartoon: Cartoon, panes: NDArray[np.int32], rng: np.random.Generator) -> Array:
    """The colour of the bare glass in linear light, [pixels, pixels, 3].

    Gradients and streaks are changes of thickness, and light falls off with the power of the
    thickness (Beer-Lambert): thick yellow glass turns orange, never a muddy olive.
    """
    x, y = cartoon.xy()
    count = len(cartoon.colours)
    tint = np.clip(
        np.array(cartoon.colours) ** 2.2 * rng.uniform(0.92, 1.08, (count, 3)), 0.004, 0.97
    )
    angle, slope = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.003, 0.011, count)
    strength, thick = rng.uniform(0.12, 0.5, count), rng.uniform(0.75, 1.25, count)
    shift = rng.uniform(0, 64, (count, 2))
    cos, sin = np.cos(angle)[panes], np.sin(angle)[panes]
    along, across = x * cos + y * sin, y * cos - x * sin
    sizes = np.maximum(np.bincount(panes.ravel(), minlength=count), 1)
    middle = np.bincount(panes.ravel(), weights=along.ravel(), minlength=count) / sizes
    flow = noise(rng, along / 55 + shift[panes, 0], across / 11 + shift[panes, 1])
    flow = flow + 0.5 * noise(rng, along / 26 + shift[panes, 1], across / 5 + shift[panes, 0])
    ripple = noise(rng, along / 9 + shift[panes, 0], across / 4 + shift[panes, 1])
    thickness = thick[panes] + slope[panes] * (along - middle[panes]) + strength[panes] * flow
    light = 0.97 - 0.10 * (thickness - 1) + 0.06 * ripple + 0.05 * flow
    return tint[panes] ** np.clip(thickness, 0.4, 2.2)[..., None] * light[..., None]


def bubbles(cartoon: Cartoon, rng: np.random.Generator) -> Array:
    """Seeds of air in the glass: a factor on the light, [pixels, pixels],
    bright within a faint dark rim.
    """
    image = Image.new("F", (cartoon.pixels,) * 2, 0.0)
    draw = ImageDraw.Draw(image)
    for x, y, r, stretch in (
        rng.uniform((0, 0, 0.7, 1.0), (UNITS, UNITS, 1.9, 1.7), (BUBBLES, 4)) * cartoon.scale
    ):
        tall = r * stretch / cartoon.scale
        draw.ellipse((x - r * 1.5, y - tall * 1.5, x + r * 1.5, y + tall * 1.5), fill=-0.16)
        draw.ellipse((x - r, y - tall, x + r, y + tall), fill=0.34)
    return 1 + ndimage.gaussian_filter(np.asarray(image, dtype=np.float64), 0.45 * cartoon.scale)


def glaze(cartoon: Cartoon, light: tuple[float, float], rng: np.random.Generator) -> Image.Image:
    """Makes the window: RGB, of the cartoon's size, lit from behind at ``light``, (x, y)."""
    panes = cartoon.panes()
    x, y = cartoon.xy()
    depth, joint = lead_depth(cartoon, panes)
    depth = depth + 0.55 * noise(rng, x / 14, y / 14) + 0.9 * np.exp(-((joint / 5) ** 2))
    cover = np.clip(depth * cartoon.scale / 1.6 + 0.5, 0, 1)
    sunshine = 0.66 + 0.68 * np.exp(-(((x - light[0]) ** 2 + (y - light[1]) ** 2) / 2 / 270**2))
    patina = 1 - 0.38 * np.exp(np.minimum(depth, 0) / 4.0)
    grain = noise(rng, x / 2.2, y / 2.2, 512) * 0.05 + noise(rng, x / 120, y / 120) * 0.10
    shade = (
        sunshine * patina * (1 + grain) * bubbles(cartoon, rng) * (1 - 0.78 * cartoon.brushwork())
    )
    glass = stained(cartoon, panes, rng) * shade[..., None]
    round_top = np.clip(depth / 3.2, 0, 1) ** 1.5
    metal = 0.004 + 0.012 * round_top * (0.7 + 0.5 * noise(rng, x / 5, y / 5, 256))
    metal = metal + 0.012 * np.exp(-((joint / 3) ** 2))
    lead = np.stack([metal * 0.95, metal, metal * 1.12], axis=-1)
    picture = glass * (1 - cover[..., None]) + lead * cover[..., None]
    for spread, strength in ((2.5, 0.045), (10.0, 0.025), (40.0, 0.02)):
        blur = ndimage.gaussian_filter(
            glass * (1 - cover[..., None]), (spread * cartoon.scale,) * 2 + (0,)
        )
        picture = picture + strength * blur
    picture = picture / (1 + 0.18 * picture)
    return Image.fromarray(np.round(np.clip(picture, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))
