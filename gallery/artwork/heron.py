"""The heron of the window that `gallery.artwork.mosaic` paints."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gallery.artwork.glass import Array, Cartoon, Colour
from gallery.artwork.palette import AMBER, COBALT, GOLD, PALE_BLUE, SLATE, TURQUOISE, VIOLET, WHITE
from gallery.artwork.shapes import cuts, disc, petal, smooth, stroke


def veined(
    c: Cartoon, x: float, y: float, angle: float, length: float, width: float, colour: Colour
) -> None:
    """A petal, leaf or feather: one pane with a painted rib."""
    c.pane(petal(x, y, angle, length, width, 0.68), colour)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    c.brush([(x + s * length * cos, y + s * length * sin) for s in (0.45, 0.93)], 1.5, 0.5)


def legs(c: Cartoon) -> None:
    """Two legs, and the rings they draw on the water."""
    leg = ("#d9722b", "#e88b3a", "#c95f26")
    c.part(5, 4)
    for x, y in ((552, 884), (640, 868)):
        for r, colour in ((62, TURQUOISE), (38, PALE_BLUE), (18, COBALT)):
            c.pane(disc(x, y, r, 0.26), colour)
    c.part(7, 4)
    for hip, knee, foot in (
        ((560, 640), (572, 766), (552, 886)),
        ((604, 640), (634, 756), (640, 870)),
    ):
        c.pane(stroke([hip, knee], [34, 15], 8), SLATE)
        c.pane(stroke([knee, foot], [15, 12], 8), leg)
        c.pane(disc(*knee, 11), leg)


def body(c: Cartoon) -> None:
    """Tail, trunk, breast plumes and neck, then the three rows of the wing over them."""
    c.part(10, 5)
    back = [(462, 540), (500, 478), (580, 474), (672, 540), (752, 640)]
    belly = [(700, 672), (600, 690), (520, 668), (474, 610)]
    trunk = c.pane(smooth(back + belly), WHITE)
    c.split(
        trunk, cuts([430, 480, 540, 590, 640], lambda x, y: x + 0.6 * (y - 600)), [PALE_BLUE] * 6
    )
    c.part(7, 4.5)
    for k, (angle, length) in enumerate(((124, 128), (116, 158), (88, 150), (97, 176), (107, 180))):
        veined(c, 462 + 8 * (k % 3), 560 + 8 * (k % 3), angle, length, 30, WHITE + PALE_BLUE[2:])
    neck(c)
    c.part(9, 4.5)
    for k, (angle, length) in enumerate(
        ((54, 176), (49, 205), (44, 232), (39, 244), (34, 236), (29, 212))
    ):
        veined(c, 590 - 2 * k, 560 - 9 * k, angle, length, 46, COBALT + VIOLET + SLATE[2:3])
    for k, angle in enumerate((66, 57, 49, 41, 34, 26)):
        veined(c, 556 - 3 * k, 562 - 11 * k, angle, 140, 48, SLATE)
    for k, angle in enumerate((84, 70, 58, 47, 37, 27)):
        veined(c, 522 - 3 * k, 560 - 12 * k, angle, 94, 46, PALE_BLUE + TURQUOISE[:1])


def neck(c: Cartoon) -> None:
    """The S of the neck, cut into scales."""
    c.part(10, 4.8)
    line = [
        (498, 612), (484, 556), (450, 494), (428, 436),
        (448, 376), (480, 322), (474, 268), (438, 242),
    ]  # fmt: skip
    number = c.pane(stroke(line, [16, 92, 92, 72, 56, 46, 40, 38]), WHITE)
    middle = smooth(line, closed=False, count=2000)
    along = np.gradient(middle, axis=0)
    tree = cKDTree(middle)
    joints = np.array([0.17, 0.3, 0.42, 0.54, 0.66, 0.78, 0.89])

    def cells(x: Array, y: Array) -> NDArray[np.int64]:
        away, nearest = tree.query(np.stack([x, y], -1))
        step = along[nearest]
        front = step[:, 0] * (y - middle[nearest, 1]) < step[:, 1] * (x - middle[nearest, 0])
        return np.searchsorted(joints, nearest / 2000 + 0.0015 * away + 0.06 * front) * 2 + front

    c.split(number, cells, [WHITE if k % 2 else PALE_BLUE[2:] + WHITE[1:2] for k in range(16)])
    for start in range(300, 1600, 110):
        c.brush(middle[start : start + 60 : 10] - (2, 0), 3.2, 0.6)


def head(c: Cartoon) -> None:
    """Crest, head, beak and eye."""
    c.part(6, 4)
    for angle, length in ((10, 168), (22, 140)):
        c.pane(petal(440, 222, angle, length, 24, 0.4), VIOLET[2:] + COBALT[1:2])
    c.part(6, 4)
    c.pane([(394, 224), (256, 264), (388, 256)], AMBER)
    c.pane([(388, 252), (256, 264), (402, 278)], ("#e8742a", "#d9602a"))
    c.part(9, 4)
    skull = [(374, 248), (390, 216), (430, 200), (468, 214), (478, 246), (446, 270), (400, 272)]
    c.pane(smooth(skull), WHITE)
    c.part(4.5, 3)
    cap = [(400, 222), (432, 206), (472, 218), (512, 244), (464, 240), (430, 230)]
    c.pane(smooth(cap), COBALT[1:2])
    c.part(3.5, 3)
    c.pane(disc(409, 242, 10), GOLD)
    c.pane(disc(407, 242, 4.5), "#101018")
