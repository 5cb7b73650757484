"""Paints "Heron before the Sun", the stained-glass style of the gallery.

Run it with

    python -m gallery.artwork.mosaic              # writes gallery/style/stained_glass.jpg again
    python -m gallery.artwork.mosaic other.jpg    # writes somewhere else

The picture is drawn by this file alone: the same seed gives the same window. It is painted at twice
its size and scaled down. Lengths are in units of a window of 1000 x 1000 (see
:mod:`gallery.artwork.glass`).
"""

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from core.commandline import run_command
from core.files import check_output, replacing
from core.program import command_parser, path_of
from gallery.artwork.glass import Array, Cartoon, Colour, glaze, noise
from gallery.artwork.heron import body, head, legs, veined
from gallery.artwork.palette import (
    AMBER,
    COBALT,
    CORAL,
    EMERALD,
    GOLD,
    LIME,
    MAGENTA,
    PALE_BLUE,
    PEARL,
    ROSE,
    RUBY,
    TEAL,
    TURQUOISE,
    VIOLET,
    WHITE,
)
from gallery.artwork.shapes import cuts, disc, rectangle, sectors, smooth, stroke

SEED = 1709
SIDE = 1024
FILE = Path(__file__).parents[1] / "style" / "stained_glass.jpg"
SUN = (530.0, 372.0)
HORIZON = 640.0


def sky(c: Cartoon) -> None:
    """Rays of irregular panes around the sun, warm near it and deep blue far away."""
    c.part(5, 4.6)
    back = c.pane(rectangle(0, 0, 1000, 1000), COBALT)
    radius, seeds, colours = 250.0, [], []
    bands: list[tuple[Colour, float]] = [
        (GOLD + AMBER, 38), (AMBER + CORAL, 40), (CORAL + ROSE, 44), (ROSE + MAGENTA, 48), (MAGENTA + VIOLET, 52),
        (VIOLET + COBALT, 56), (COBALT + VIOLET[:1], 66), (COBALT, 80),
    ]  # fmt: skip
    for band, (colour, depth) in enumerate(bands):
        count = 26 + 3 * band
        for i in range(count):
            angle = (i + (band % 2) / 2 + c.rng.uniform(-0.3, 0.3)) * 2 * np.pi / count
            r = radius + depth * c.rng.uniform(0.25, 0.75)
            seeds.append((np.log(r) * 1.15, angle))
            colours.append(TURQUOISE if band > 4 and c.rng.random() < 0.14 else colour)
        radius += depth
    tree = cKDTree([(s, a + turn) for turn in (-2 * np.pi, 0, 2 * np.pi) for s, a in seeds])
    wobble = np.random.default_rng(SEED)

    def cells(x: Array, y: Array) -> NDArray[np.int64]:
        angle = np.arctan2(y - SUN[1], x - SUN[0]) + 0.03 * noise(wobble, x / 60, y / 60)
        return tree.query(
            np.stack([np.log(np.hypot(x - SUN[0], y - SUN[1]) + 1) * 1.15, angle], -1)
        )[1] % len(seeds)

    c.split(back, cells, colours)


def clouds(c: Cartoon) -> None:
    """Banks of cloud coming in from the sides, each lobe one pane."""
    pale = ("#ffe9e4", "#fff1dc", "#ffd9de", "#f3cfe6", "#fbe3f0")
    left = [(70, 30, 46), (118, 44, 40), (232, 10, 34), (160, 12, 60), (200, 26, 34), (92, 8, 52)]
    right = [(930, 40, 40), (884, 46, 36), (772, 8, 30), (906, 8, 56), (842, 14, 50), (808, 20, 36)]
    for lobes, base in ((left, 232), (right, 222)):
        c.part(6.5, 4.5)
        for x, up, r in lobes:
            turn = np.linspace(0, 2 * np.pi, 60)
            squashed = np.where(np.sin(turn) > 0, 0.18, 0.85)
            c.pane(
                np.stack([x + r * np.cos(turn), base - up + r * squashed * np.sin(turn)], 1), pale
            )
            curl = turn[32:46]
            c.brush(
                np.stack([x + 0.66 * r * np.cos(curl), base - up + 0.54 * r * np.sin(curl)], 1),
                1.5,
                0.4,
            )


def sun(c: Cartoon) -> None:
    """A rose window: jewels in an outer ring, a ring of wedges, twelve petals, a heart."""
    c.part(9, 5)
    rim = c.pane(disc(*SUN, 250), RUBY)
    c.split(rim, sectors(SUN, 24), [RUBY if k % 2 else MAGENTA[1:] + VIOLET[2:] for k in range(24)])
    c.part(5, 5)
    for k in range(24):
        turn = (k + 0.5) / 24 * 2 * np.pi
        c.pane(
            disc(SUN[0] + 226 * np.cos(turn), SUN[1] + 226 * np.sin(turn), 14.5),
            GOLD if k % 2 else TURQUOISE,
        )
    c.part(7, 4.5)
    wedges = c.pane(disc(*SUN, 202), AMBER)
    tones: list[Colour] = [AMBER, (*CORAL, "#ee6a24"), GOLD]
    c.split(wedges, sectors(SUN, 36, 0.013), [tones[k % 3] for k in range(36)])
    c.part(6.5, 4.5)
    ground = c.pane(disc(*SUN, 152), RUBY)
    c.split(ground, sectors(SUN, 12), [(*RUBY[:2], "#d8342b")] * 12)
    for k in range(12):
        veined(c, *SUN, 15 + 30 * k, 143, 58, GOLD if k % 2 else AMBER)
    c.part(6, 4.5)
    heart = c.pane(disc(*SUN, 62), GOLD)
    c.split(heart, sectors(SUN, 8, 0.06), [("#ffe676", "#ffdc52", "#fff09a")] * 8)
    c.pane(disc(*SUN, 27), "#fff7c2")


def hills(c: Cartoon) -> None:
    """Two ridges on the far shore."""
    far = [
        (40, 590), (150, 545), (260, 580), (380, 550), (520, 590),
        (660, 555), (800, 575), (880, 535), (960, 565),
    ]  # fmt: skip
    near = [(40, 618), (180, 596), (320, 618), (470, 602), (640, 620), (790, 592), (960, 606)]
    pines = (EMERALD[2], "#0f5a4d", "#1d7f5f", "#12695f")
    for line, colours in ((far, VIOLET + MAGENTA[1:] + COBALT[2:]), (near, pines)):
        c.part(6.5, 4.5)
        ridge = c.pane(
            np.concatenate([smooth(line, closed=False), [(960, 660), (40, 660)]]), colours
        )
        joints = np.linspace(60, 960, 20)[:19] + c.rng.uniform(-18, 18, 19)
        c.split(ridge, cuts(joints, lambda x, y: x + 14 * np.sin(y / 17)), [colours] * 20)


def water(c: Cartoon) -> None:
    """Waves that widen towards the viewer, with the path of the sun upon them."""
    c.part(7, 4.5)
    lake = c.pane(rectangle(0, HORIZON, 1000, 1000), TEAL)
    shifts = c.rng.uniform(0, 90, 16)
    steps = c.rng.uniform(55, 120, (16, 24)) * (0.7 + np.arange(16)[:, None] / 18)
    joints = np.cumsum(steps, axis=1) - shifts[:, None]
    colours: list[Colour] = []
    for k in range(16):
        for joint in joints[k]:
            path = abs(joint - 45 - SUN[0]) < 50 + 7 * k and c.rng.random() < 0.78
            plain = (TEAL + COBALT if k > 6 else TURQUOISE + TEAL) + PALE_BLUE[:1]
            colours.append(
                AMBER + CORAL + GOLD[:1] if path else plain if c.rng.random() < 0.82 else VIOLET
            )

    def cells(x: Array, y: Array) -> NDArray[np.int64]:
        level = np.clip((y - HORIZON) / 300, 0, 1.3) ** 0.86 * 10.5
        level = level + 0.30 * np.sin(x / 47 + y / 31) + 0.22 * np.sin(x / 83 - y / 23 + 1)
        band = np.clip(np.floor(level), 0, 15).astype(np.int64)
        row = (joints[band] < (x + 26 * (level - band))[:, None]).sum(axis=1)
        return band * 24 + np.minimum(row, 23)

    c.split(lake, cells, colours)


def reeds(c: Cartoon) -> None:
    """Blades and bulrushes on both banks."""
    blades = [
        ([(915, 940), (905, 640), (925, 330)], 24), ([(850, 940), (842, 600), (800, 420)], 24),
        ([(885, 940), (872, 560), (876, 250)], 24), ([(825, 940), (812, 760), (796, 560)], 22),
        ([(870, 940), (905, 700), (945, 560)], 24), ([(800, 940), (780, 720), (776, 520)], 22),
        ([(82, 940), (92, 700), (78, 520)], 22), ([(140, 940), (132, 720), (176, 480)], 24),
        ([(112, 940), (118, 640), (112, 380)], 22), ([(165, 940), (176, 730), (214, 560), (268, 568)], 22),
    ]  # fmt: skip
    for x, y, foot in ((826, 285, 846), (150, 440, 124), (914, 410, 890)):
        c.part(5, 4)
        c.pane(stroke([(foot, 940), ((foot + x) / 2, 650), (x, y)], [14, 12, 10]), LIME)
        c.pane(stroke([(x, y - 30), (x, y - 82)], [8, 3]), AMBER)
        c.pane(
            stroke([(x + 3, y + 70), (x, y + 15), (x, y - 40)], [24, 34, 22]),
            ("#8a431c", "#a0531f", "#7a3517"),
        )
    for line, width in blades:
        c.part(5, 4)
        number = c.pane(stroke(line, [width * 0.8, width, width * 0.8, 3]), EMERALD)
        joints = np.sort(c.rng.uniform(line[-1][1] + 90, 890, 3))
        c.split(number, cuts(joints, lambda x, y: y + 0.6 * x - 300), [EMERALD + LIME] * 4)
        c.brush(smooth(line, closed=False), 1.5, 0.55)


def lily(c: Cartoon, x: float, y: float, size: float) -> None:
    """A water lily and its pad."""
    c.part(6, 4.5)
    pad = c.pane(disc(x + size * 0.15, y + size * 0.16, size * 1.35, 0.4), EMERALD)
    c.split(pad, sectors((x + size * 0.15, y + size * 0.1), 11, 0.04), [EMERALD + LIME] * 11)
    c.part(4.5, 3.5)
    for angle in (-170, -10, -148, -32, -90, -122, -58):
        veined(
            c, x, y + size * 0.16, angle, size * 0.98, size * 0.42, (*WHITE, "#f3bccb", "#f0a6bd")
        )
    for angle in (-136, -44, -105, -75):
        veined(c, x, y + size * 0.22, angle, size * 0.64, size * 0.36, (*ROSE[2:], "#f6c7d3"))
    c.pane(disc(x, y + size * 0.12, size * 0.14), GOLD)


def border(c: Cartoon) -> None:
    """Tiles between two fillets, with a rosette in each corner."""
    rows: list[tuple[float, float, int, list[Colour], float]] = [
        (0, 16, 17, [VIOLET + COBALT], 1), (16, 58, 28, [RUBY, AMBER, COBALT, EMERALD], 0.55), (58, 72, 15, [PEARL], 1)
    ]  # fmt: skip
    for side in range(4):
        c.part(8, 5)
        for low, high, count, tones, narrow in rows:
            edges = np.cumsum(
                c.rng.uniform(0.8, 1.2, count) * np.where(np.arange(count) % 2, narrow, 1)
            )
            edges = np.concatenate([[0], edges / edges[-1] * 1000])
            for k, (left, right) in enumerate(itertools.pairwise(edges)):
                box = rectangle(left, low, right, high) - 500
                for _ in range(side):
                    box = box @ np.array([[0, 1], [-1, 0]])
                c.pane(box + 500, tones[k % len(tones)])
    for x, y in ((50, 50), (950, 50), (50, 950), (950, 950)):
        c.part(8, 4.5)
        c.pane(rectangle(x - 50, y - 50, x + 50, y + 50), COBALT)
        for k in range(8):
            veined(c, x, y, 22.5 + 45 * k, 45, 30, RUBY if k % 2 else GOLD)
        c.pane(disc(x, y, 14), TURQUOISE)


def window(side: int = SIDE) -> Image.Image:
    """The whole picture: RGB, ``side`` x ``side`` pixels, the same on every call."""
    rng = np.random.default_rng(SEED)
    cartoon = Cartoon(2 * side, rng)
    for draw in (sky, clouds, sun, hills, water, reeds):
        draw(cartoon)
    lily(cartoon, 270, 850, 88)
    lily(cartoon, 748, 886, 66)
    for draw in (legs, body, head, border):
        draw(cartoon)
    return glaze(cartoon, SUN, rng).resize((side, side), Image.Resampling.LANCZOS)


def work(file: Path) -> int:
    """Paint the window and write it to ``file`` as JPEG, whole or not at all; returns the exit code."""
    check_output(file)
    with replacing(file) as temporary:
        window().save(temporary, format="JPEG", quality=92, subsampling=0)
    print(f"{file}: {file.stat().st_size / 1024:.0f} KiB")
    return 0


def main() -> int:
    """The command line; returns the exit code."""
    parser = command_parser("gallery.artwork.mosaic", __doc__)
    where = "JPEG file to write (default: %(default)s)"
    parser.add_argument("file", nargs="?", type=path_of, default=FILE, help=where)
    file = parser.parse_args().file
    return run_command(lambda: work(file))


if __name__ == "__main__":
    raise SystemExit(main())
