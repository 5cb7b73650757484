"""Pictures in a device's memory, read once and cut by the batch:
what a GPU needs so as not to wait for files.

    store = PictureStore(paths, device, smaller=288, longer=432)
    cuts = store.random_cuts(numbers, generator)      # the usual random crops, as numbers
    images = store.cut(numbers, cuts, side=160)       # N x 3 x 160 x 160 in [0, 1]
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from core.images.convert import resize_smaller
from core.images.decode import load_image
from core.training.batches import CROP_SCALE


@dataclass(frozen=True)
class Cuts:
    """Which part of each picture is taken, in pixels of it;
    a part beyond the edges is filled by reflection.

    Attributes:
        left, top, side: N each.
        mirrored: N, bool.
    """

    left: Tensor
    top: Tensor
    side: Tensor
    mirrored: Tensor


class PictureStore:
    """Pictures as bytes in the memory of a device, each in the corner of a square.

    Args:
        paths: of P pictures.
        device: where they are kept: P * 3 * longer^2 bytes.
        smaller, longer: a picture larger than this is reduced to that smaller side,
            then cut to that longer one.

    Raises:
        ImageError: a picture cannot be read.
    """

    def __init__(
        self, paths: Sequence[Path], device: torch.device, smaller: int, longer: int
    ) -> None:
        self.paths, self.longer, self.sides = list(paths), longer, [smaller, longer]
        self.device = device
        self.pixels = torch.zeros(len(paths), 3, longer, longer, dtype=torch.uint8, device=device)
        sizes = []
        pool = ThreadPoolExecutor(os.cpu_count())
        try:
            read = pool.map(lambda path: _reduced(path, smaller, longer), paths)
            bar = tqdm(read, total=len(paths), desc="Reading pictures", disable=len(paths) < 200)
            for number, image in enumerate(bar):
                values = torch.from_numpy(np.array(image)).permute(2, 0, 1)  # 3 x H x W
                self.pixels[number, :, : image.height, : image.width] = values.to(device)
                sizes.append((image.width, image.height))
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C nobody waits for thousands more
        self.sizes = torch.tensor(sizes, dtype=torch.float32, device=device)  # P x 2: width, height

    def __len__(self) -> int:
        return len(self.paths)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """The numbers of so many pictures, taken at random."""
        return torch.randint(len(self), (count,), generator=generator, device=self.device)

    def random_cuts(
        self, numbers: Tensor, generator: torch.Generator, zoom: float | Tensor = 1.0
    ) -> Cuts:
        """As `core.training.batches.random_crop` draws them, mirrored at random.

        Args:
            numbers: of N pictures.
            zoom: how much smaller than that the sides of the parts are; a number,
                or one for each (N).
        """
        sizes = self.sizes[numbers]
        draws = torch.rand(4, len(numbers), generator=generator, device=self.device)
        low, high = CROP_SCALE
        area = (low + (high - low) * draws[0]) * sizes.prod(dim=1)
        side = (area.sqrt() / zoom).minimum(sizes.amin(dim=1)).clamp(min=1)
        room = sizes - side[:, None]
        return Cuts(draws[1] * room[:, 0], draws[2] * room[:, 1], side, draws[3] < 0.5)

    def cut(self, numbers: Tensor, cuts: Cuts, side: int) -> Tensor:
        """N x 3 x side x side in [0, 1], each from its part of its picture.

        Each output pixel is the mean of 2 x 2 interpolated points, so that a part that is reduced
        does not flicker.
        """
        sizes = self.sizes[numbers]
        steps = (torch.arange(2 * side, device=sizes.device) + 0.5) / (2 * side)  # S, in (0, 1)
        across = torch.where(cuts.mirrored[:, None], 1 - steps, steps)  # N x S
        x = _reflect(cuts.left[:, None] + cuts.side[:, None] * across, sizes[:, :1])
        y = _reflect(cuts.top[:, None] + cuts.side[:, None] * steps, sizes[:, 1:])
        columns = (2 * x / self.longer - 1)[:, None, :]  # N x 1 x S, -1 .. 1 over the square
        rows = (2 * y / self.longer - 1)[:, :, None]  # N x S x 1
        grid = torch.stack(torch.broadcast_tensors(columns, rows), dim=-1)  # N x S x S x 2: x, y
        points = F.grid_sample(self.pixels[numbers].float(), grid, align_corners=False)
        return F.avg_pool2d(points, 2) / 255


def _reflect(place: Tensor, length: Tensor) -> Tensor:
    """Places on a line (N x S) beyond 0 .. length (N x 1) thrown back,
    and kept half a pixel off its ends.
    """
    folded = length - (place.remainder(2 * length) - length).abs()
    return folded.clamp(min=0.5).minimum(length - 0.5)


def _reduced(path: Path, smaller: int, longer: int) -> Image.Image:
    image = load_image(path, at_least=smaller)
    if min(image.size) > smaller:
        image = resize_smaller(image, smaller)
    left, top = max(0, image.width - longer) // 2, max(0, image.height - longer) // 2
    return image.crop((left, top, left + min(longer, image.width), top + min(longer, image.height)))
