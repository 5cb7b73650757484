"""How much a stylised video flickers: warping error and sharpness."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.images.convert import to_image, to_tensor
from core.inference.temporal import warp

SHARES = (0.0, 0.5, 1.0)  # what the table compares


def pan_and_zoom(
    photo: Image.Image,
    frames: int = 16,
    size: tuple[int, int] = (320, 240),
    pan: tuple[float, float] = (0.12, 0.05),
    zoom: float = 1.25,
) -> tuple[list[Image.Image], list[Tensor]]:
    """A clip in which the camera glides over a photograph and closes in, with its exact motion.

    Args:
        photo: RGB, at least 1.5 times `size`, so that the frames are sharp.
        frames: how many.
        size: width and height of a frame in px.
        pan: how far the centre moves from the first to the last frame,
            in widths and heights of the photo.
        zoom: by how much things grow from the first to the last frame, 1 or more.

    Returns:
        The frames, and for each but the first its backward flow to the frame before (see `warp`).
    """
    width, height = size
    room = min((1 - pan[0]) * photo.width / width, (1 - pan[1]) * photo.height / height)
    smallest = room / zoom
    if smallest > 1:  # otherwise the frames would skip pixels of the photo, and alias
        smaller = round(photo.width / smallest), round(photo.height / smallest)
        photo = photo.resize(smaller, Image.Resampling.LANCZOS)
        room /= smallest
    source = to_tensor(photo)
    rows, columns = np.mgrid[:height, :width] + 0.5
    right, down = columns - width / 2, rows - height / 2
    steps = [step / max(1, frames - 1) for step in range(frames)]
    scales = [room / zoom**step for step in steps]
    centres = [
        (photo.width * (0.5 + pan[0] * (s - 0.5)), photo.height * (0.5 + pan[1] * (s - 0.5)))
        for s in steps
    ]
    clip, flows = [], []
    for scale, (x, y) in zip(scales, centres, strict=True):
        grid = np.stack(
            [2 * (x + scale * right) / photo.width - 1, 2 * (y + scale * down) / photo.height - 1],
            -1,
        )
        at = torch.from_numpy(grid)[None].float()
        frame = F.grid_sample(
            source[None], at, mode="bicubic", padding_mode="border", align_corners=False
        )
        clip.append(to_image(frame))
    for (before, (x0, y0)), (now, (x1, y1)) in pairwise(zip(scales, centres, strict=True)):
        there = np.stack(
            [(x1 + now * right - x0) / before - right, (y1 + now * down - y0) / before - down], -1
        )
        flows.append(torch.from_numpy(there).float())
    return clip, flows


def warping_error(pictures: Sequence[Image.Image], flows: Sequence[Tensor]) -> float:
    """How much the pictures of a clip change beyond their motion:
    RMS in steps of 1/255 over all pixels seen in both.

    Args:
        pictures: RGB, N of one size.
        flows: the N - 1 backward flows of the true motion (see `warp`), without occlusion.

    Returns:
        0 for a clip that moves and does nothing else (up to interpolation:
        compare with the input's own error).

    Raises:
        ValueError: the numbers do not fit, or no pixel is seen twice.
    """
    total, count = 0.0, 0
    for (before, now), flow in zip(pairwise(map(to_tensor, pictures)), flows, strict=True):
        expected, inside = warp(before, flow)
        total += (now - expected).square().mean(0)[inside].sum().item()
        count += int(inside.sum())
    if not count:
        raise ValueError("no pixel is seen in two pictures")
    return 255 * (total / count) ** 0.5


def sharpness(pictures: Iterable[Image.Image]) -> float:
    """RMS difference of neighbouring pixels in steps of 1/255: what smoothing costs in detail."""
    squares = []
    for picture in map(to_tensor, pictures):
        squares += [picture.diff(dim=dim).square().mean().item() for dim in (1, 2)]
    return float(255 * np.mean(squares) ** 0.5)
