"""Flicker of a stylised video: measured along the true motion, and lowered by following the motion of the input.

    python -m core.flicker --content photo.jpg --style painting.jpg --model original-500    # a table, plain and smoothed

Measured as warping error (Ruder et al. 1604.08610; Lai et al. 1808.00449): each frame against the one before it, moved as
the scene moved. `pan_and_zoom` makes a clip from one photograph, so the motion is known exactly.

Lowered by `Smoother`: the previous result, moved along the optical flow of the input, is blended into the new one wherever
the input itself agrees with its predecessor moved in that way; so an uncovered background, or a cut, takes nothing over.
Holding the statistics of the instance norms over time was tried too, and lowered the error by 3 % at most.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.registration import optical_flow_ilk
from torch import Tensor

from core.encoder import EncoderError
from core.images import ImageError, load_image, resize_longest, to_image, to_tensor
from core.packing import WeightsError
from core.stylizer import default_model, get_stylizer

FLOW_SIDE = 160  # px, longest side at which motion is estimated: at full size it would cost more than stylising
FLOW_RADIUS = 7  # px
FLOW_WARPS = 3
MOST_KEPT = 0.9  # share of the previous result at smoothing 1: more, and nothing new would show
AGREES = 0.1  # colour difference (of 1) at which the share falls to 1/e
SHARES = (0.0, 0.5, 1.0)  # what the table compares


def warp(picture: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Move a picture along a backward flow (bicubic).

    Args:
        picture: C x H x W.
        flow: H x W x 2 in px: pixel (x, y) of the result is what `picture` shows at (x + flow[y, x, 0], y + flow[y, x, 1]).

    Returns:
        C x H x W, and H x W bool: whether the place was inside the picture.
    """
    height, width = picture.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    moved = F.grid_sample(picture[None], grid[None], mode="bicubic", padding_mode="border", align_corners=False)
    return moved[0], inside


def motion(current: Tensor, previous: Tensor) -> Tensor:
    """Backward optical flow (see `warp`) from `current` to `previous`, both 3 x H x W in [0, 1]; H x W x 2 in px.

    Iterative Lucas-Kanade (Le Besnerais and Champagnat 2005) on small grey copies, longest side 160 px.
    """
    height, width = current.shape[-2:]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    grey = (F.interpolate(p.mean(0)[None, None], size=size, mode="area")[0, 0].numpy() for p in (current, previous))
    down, right = optical_flow_ilk(*grey, radius=FLOW_RADIUS, num_warp=FLOW_WARPS)
    small = torch.from_numpy(np.stack([right * (width / size[1]), down * (height / size[0])]))[None]
    return F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)[0].permute(1, 2, 0).float()


class Smoother:
    """Blends each result of a video with the one before it, moved as the input moved.

    Args:
        smooth: 0 changes nothing; 1 keeps nine tenths of the previous result where the input agrees.

    Raises:
        ValueError: `smooth` is outside [0, 1].
    """

    def __init__(self, smooth: float) -> None:
        if not 0 <= smooth <= 1:
            raise ValueError("Smoothing must be between 0 and 1.")
        self.share = MOST_KEPT * smooth
        self._content: Tensor | None = None
        self._result: Tensor | None = None

    def __call__(self, content: Image.Image, result: Image.Image) -> Image.Image:
        """The smoothed result of the next frame; `content` and `result` are RGB, all frames of one size."""
        if not self.share:
            return result
        now, mixed = to_tensor(content), to_tensor(result)
        if self._content is not None and self._result is not None:
            flow = motion(now, self._content)
            expected, inside = warp(self._content, flow)
            difference = F.avg_pool2d((now - expected).square().mean(0)[None], 5, stride=1, padding=2)[0]
            share = self.share * torch.exp(-difference / AGREES**2) * inside
            mixed = torch.lerp(mixed, warp(self._result, flow)[0].clamp(0, 1), share)
        self._content, self._result = now, mixed
        return to_image(mixed)


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
        pan: how far the centre moves from the first to the last frame, in widths and heights of the photo.
        zoom: by how much things grow from the first to the last frame, 1 or more.

    Returns:
        The frames, and for each but the first its backward flow to the frame before (see `warp`).
    """
    width, height = size
    room = min((1 - pan[0]) * photo.width / width, (1 - pan[1]) * photo.height / height)
    smallest = room / zoom
    if smallest > 1:  # otherwise the frames would skip pixels of the photo, and alias
        photo = photo.resize((round(photo.width / smallest), round(photo.height / smallest)), Image.Resampling.LANCZOS)
        room /= smallest
    source = to_tensor(photo)
    rows, columns = np.mgrid[:height, :width] + 0.5
    right, down = columns - width / 2, rows - height / 2
    steps = [step / max(1, frames - 1) for step in range(frames)]
    scales = [room / zoom**step for step in steps]
    centres = [(photo.width * (0.5 + pan[0] * (s - 0.5)), photo.height * (0.5 + pan[1] * (s - 0.5))) for s in steps]
    clip, flows = [], []
    for scale, (x, y) in zip(scales, centres, strict=True):
        grid = np.stack([2 * (x + scale * right) / photo.width - 1, 2 * (y + scale * down) / photo.height - 1], -1)
        frame = F.grid_sample(
            source[None],
            torch.from_numpy(grid)[None].float(),
            mode="bicubic",
            padding_mode="border",
            align_corners=False,
        )
        clip.append(to_image(frame))
    for (before, (x0, y0)), (now, (x1, y1)) in pairwise(zip(scales, centres, strict=True)):
        there = np.stack([(x1 + now * right - x0) / before - right, (y1 + now * down - y0) / before - down], -1)
        flows.append(torch.from_numpy(there).float())
    return clip, flows


def warping_error(pictures: Sequence[Image.Image], flows: Sequence[Tensor]) -> float:
    """How much the pictures of a clip change beyond their motion: RMS in steps of 1/255 over all pixels seen in both.

    Args:
        pictures: RGB, N of one size.
        flows: the N - 1 backward flows of the true motion (see `warp`), without occlusion.

    Returns:
        0 for a clip that moves and does nothing else (up to interpolation: compare with the input's own error).

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
        squares += [picture.diff(dim=1).square().mean().item(), picture.diff(dim=2).square().mean().item()]
    return float(255 * np.mean(squares) ** 0.5)


def compare(photo: Image.Image, paint: Callable[[Image.Image], Image.Image]) -> list[tuple[str, float, float]]:
    """(what, warping error, sharpness) for the pan and zoom itself, and painted with the smoothing of `SHARES`."""
    clip, flows = pan_and_zoom(photo)
    painted = [paint(frame) for frame in clip]
    rows = [("the clip itself", warping_error(clip, flows), sharpness(clip))]
    for smooth in SHARES:
        smoother = Smoother(smooth)
        shown = [smoother(frame, result) for frame, result in zip(clip, painted, strict=True)]
        rows.append((f"painted, smoothing {smooth:g}", warping_error(shown, flows), sharpness(shown)))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core.flicker", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--content", type=Path, required=True, help="photo that the clip glides over")
    parser.add_argument("--style", type=Path, required=True, help="painting")
    parser.add_argument("--model", help="a model of checkpoints/, or a checkpoint folder (default: the best shipped)")
    options = parser.parse_args(arguments)
    try:
        fixed = get_stylizer(options.model or default_model()).fix(load_image(options.style))
        rows = compare(resize_longest(load_image(options.content), 512), fixed)
    except (ImageError, WeightsError, EncoderError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("warping error and sharpness, RMS in steps of 1/255")
    for what, flicker, sharp in rows:
        print(f"{what:24} {flicker:8.2f} {sharp:8.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
