"""Outlines in the units of `gallery.artwork.glass`: curves, petals, discs and sectors."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import splev, splprep

from gallery.artwork.glass import Array

Cells = Callable[[Array, Array], NDArray[np.int64]]


def smooth(points: Sequence[tuple[float, float]], closed: bool = True, count: int = 120) -> Array:
    """A smooth curve through ``points``, as [count, 2]."""
    through = np.array([*points, points[0]] if closed else points, dtype=np.float64)
    spline, _ = splprep(through.T, s=0, per=closed, k=min(3, len(points) - 1))
    return np.stack(splev(np.linspace(0, 1, count), spline), axis=1)


def stroke(
    points: Sequence[tuple[float, float]], widths: Sequence[float], count: int = 80
) -> Array:
    """The outline, [2 * count, 2], of a curve through ``points``, with the ``widths`` along it."""
    line = smooth(points, closed=False, count=count)
    along = np.gradient(line, axis=0)
    side = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(
        along, axis=1, keepdims=True
    )
    half = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    return np.concatenate([line + side * half, (line - side * half)[::-1]])


def petal(x: float, y: float, angle: float, length: float, width: float, blunt: float) -> Array:
    """A petal, [80, 2], from (x, y) along ``angle`` in degrees; widest at ``blunt``, 0..1."""
    t = np.linspace(0, 1, 40)
    half = width / 2 * np.sin(np.pi * t ** (np.log(0.5) / np.log(blunt))) ** 0.75
    outline = np.concatenate(
        [np.stack([t * length, half], 1), np.stack([t * length, -half], 1)[::-1]]
    )
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return outline @ np.array([[cos, sin], [-sin, cos]]) + (x, y)


def disc(x: float, y: float, r: float, ratio: float = 1.0) -> Array:
    """An ellipse, [48, 2], ``ratio`` times as tall as wide."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([x + r * np.cos(turn), y + r * ratio * np.sin(turn)], axis=1)


def rectangle(left: float, top: float, right: float, bottom: float) -> Array:
    """The four corners, [4, 2]."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def sectors(centre: tuple[float, float], count: int, turn: float = 0.0) -> Cells:
    """Cuts the plane around ``centre`` into ``count`` equal sectors."""
    return lambda x, y: (
        (np.arctan2(y - centre[1], x - centre[0]) / (2 * np.pi) + turn) % 1 * count
    ).astype(np.int64)


def cuts(at: ArrayLike, along: Callable[[Array, Array], Array]) -> Cells:
    """Cuts the plane wherever ``along(x, y)`` passes one of the increasing values ``at``."""
    return lambda x, y: np.searchsorted(np.asarray(at), along(x, y))
