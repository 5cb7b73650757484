"""Batches of crops as pure functions of their number, read and cut ahead of the training."""

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from core.images.convert import resize_smaller, to_tensor
from core.images.decode import load_image
from core.training.data import MAX_SMALLER_SIDE, SEED

CROP_SCALE = (256 / 480, 1.0)
FLAT_STD = 1e-3


def training_picture(path: Path) -> Image.Image:
    """A picture as crops are cut from it, RGB: its smaller side has at most 480 px.
    Raises ImageError, one sentence, for a file that cannot be used.
    """
    image = load_image(path, at_least=MAX_SMALLER_SIDE)
    return resize_smaller(image, MAX_SMALLER_SIDE) if min(image.size) > MAX_SMALLER_SIDE else image


remembered_picture = lru_cache(maxsize=4096)(training_picture)  # about 1 MB each


def random_crop(image: Image.Image, size: int, rng: np.random.Generator) -> Tensor:
    """torchvision's RandomResizedCrop(size, scale=(256/480, 1), ratio=(1, 1)), from a generator of its own.

    Returns:
        3 x size x size in [0, 1].
    """
    width, height = image.size
    for _ in range(10):
        side = max(1, round(float(np.sqrt(width * height * rng.uniform(*CROP_SCALE)))))
        if side <= min(width, height):
            left = int(rng.integers(0, width - side + 1))
            top = int(rng.integers(0, height - side + 1))
            break
    else:
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
    box = (float(left), float(top), float(left + side), float(top + side))
    return to_tensor(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


def is_flat(images: Tensor) -> bool:
    """Whether any image of a batch (N x 3 x H x W in [0, 1]) has a single colour; such batches are skipped (report)."""
    return bool((images.flatten(2).std(dim=2).amax(dim=1) < FLAT_STD).any())


@dataclass(frozen=True)
class TrainingBatches:
    """Contents and styles of each iteration, as pure functions of its number: a resumed run sees what it would have seen.

    Attributes:
        contents, styles: the training set.
        batch: global batch size; an epoch is `len(contents) // batch` iterations, in a new order each time.
        crop: side of the square crops in pixels.
        style_every: iterations for which a style is kept.
    """

    contents: Sequence[Path]
    styles: Sequence[Path]
    batch: int = 8
    crop: int = 256
    style_every: int = 20
    seed: int = SEED

    @property
    def per_epoch(self) -> int:
        return max(1, len(self.contents) // self.batch)

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *key))

    def style_path(self, iteration: int) -> Path:
        turn, place = divmod(iteration // self.style_every, len(self.styles))
        return self.styles[self._rng(1, turn).permutation(len(self.styles))[place]]

    def style_crop(self, iteration: int) -> Tensor:
        """1 x 3 x crop x crop in [0, 1]; the same for all iterations that share a style."""
        rng = self._rng(2, iteration // self.style_every)
        return random_crop(remembered_picture(self.style_path(iteration)), self.crop, rng)[None]

    def content_crops(self, iteration: int, rank: int = 0, world: int = 1) -> Tensor:
        """This rank's share of the batch: batch/world x 3 x crop x crop in [0, 1]."""
        epoch, place = divmod(iteration, self.per_epoch)
        order = self._rng(3, epoch).permutation(len(self.contents))
        chosen = np.resize(order[place * self.batch : (place + 1) * self.batch], self.batch)
        crops = [
            random_crop(
                remembered_picture(self.contents[index]),
                self.crop,
                self._rng(4, iteration, slot),
            )
            for slot, index in enumerate(chosen.tolist())
            if slot % world == rank
        ]
        return torch.stack(crops)

    def batches(
        self, start: int, stop: int, rank: int = 0, world: int = 1, workers: int = 0
    ) -> Iterator[tuple[int, Tensor]]:
        """(iteration, contents) from `start` to before `stop`; the next batches are cropped while one is used.

        Args:
            workers: processes that cut crops, for a GPU, which is faster than one thread; 0 for a thread of this one.
        """
        if workers:
            # Each item of the range is an iteration's number, of which a worker makes its crops.
            ahead: DataLoader[Tensor] = DataLoader(
                range(start, stop),  # type: ignore[arg-type]
                batch_size=None,
                collate_fn=partial(self.content_crops, rank=rank, world=world),
                num_workers=workers,
                prefetch_factor=4,
                worker_init_fn=_leave_signals_to_the_trainer,
                pin_memory=torch.cuda.is_available(),
            )
            yield from zip(range(start, stop), ahead, strict=True)
            return
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = [
                pool.submit(self.content_crops, i, rank, world)
                for i in range(start, min(start + 3, stop))
            ]
            for iteration in range(start, stop):
                contents = waiting.pop(0).result()
                if iteration + 3 < stop:
                    waiting.append(pool.submit(self.content_crops, iteration + 3, rank, world))
                yield iteration, contents


def _leave_signals_to_the_trainer(_: int) -> None:
    """Ctrl-C reaches a worker too, but it is the trainer that ends, and its workers with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
