"""JPEG files whose end is missing: whether what is there is the whole picture, or very nearly.

Browsers show such files, Pillow refuses them. The missing end is replaced in two different ways;
where both give the same pixels, these follow from the file alone.
"""

import io

import numpy as np
from PIL import Image

END = b"\xff\xd9"
# Bits that mean something else than the zeros a decoder puts for missing ones.
FILLER = b"\x55\xaa\x33" * 20_000
MAX_MISSING = 0.01  # of the picture's pixels
VISIBLE = 16  # levels of 255; below it are details that the last bytes of a progressive file refine


def completed(data: bytes) -> bytes | None:
    """A JPEG file with an end, where at most a hundredth of its pixels is missing; else None.

    Raises:
        Exception: Pillow's, where the file is broken in another way.
    """
    kept = data.removesuffix(b"\xff")
    ended = kept + END
    first = _pixels(ended)  # H x W x 3
    second = _pixels(kept + FILLER + END)
    apart = np.abs(first.astype(np.int16) - second).max(axis=-1)  # H x W
    missing = np.mean(apart > VISIBLE)
    return ended if missing <= MAX_MISSING else None


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]
