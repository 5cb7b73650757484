"""Training pictures: which ones, in what order, cropped where. All of it follows from the seed and the iteration's number.

A data folder holds `content/` and `style/`. From each, pictures that look like one of the gallery's are left out (perceptual
hash), then 40 paintings are set aside for measuring (by a hash of their name, so that every run sets the same aside), then a
set is drawn with seed 42 (report: "set 500", "set 1000"). The gallery's training pictures belong to every set.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import imagehash
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from core.images import list_images, load_image, resize_smaller, to_tensor
from core.packing import write_atomic

SEED = 42
HELD_OUT = 40
NEAR_COPY_BITS = 10
CROP_SCALE = (256 / 480, 1.0)
LARGEST_SMALLER_SIDE = 480
FLAT_STD = 1e-3


@dataclass(frozen=True)
class Pools:
    """What a training set may be drawn from, and what must never be trained on."""

    content: tuple[Path, ...]
    style: tuple[Path, ...]
    held_out: tuple[Path, ...]
    near_copies: tuple[Path, ...]


def perceptual_hash(path: Path) -> int:
    """64-bit DCT hash (imagehash.phash); near-copies of a picture differ in few bits, whatever their size or aspect."""
    return int(str(imagehash.phash(load_image(path, at_least=64))), 16)


def hash_pictures(paths: Sequence[Path], cache: Path | None = None) -> list[int]:
    """Perceptual hashes of many pictures, remembered in a JSON file by file name and size."""
    known: dict[str, int] = json.loads(cache.read_text()) if cache and cache.is_file() else {}
    keys = [f"{path.name}:{path.stat().st_size}" for path in paths]
    todo = [(key, path) for key, path in zip(keys, paths, strict=True) if key not in known]
    for key, path in tqdm(todo, desc="Hashing pictures", disable=len(todo) < 200):
        known[key] = perceptual_hash(path)
    if cache and todo:
        write_atomic(cache, json.dumps(known).encode())
    return [known[key] for key in keys]


def near(hashes: Sequence[int], others: Sequence[int]) -> list[bool]:
    """For each hash, whether one of the others differs from it in at most `NEAR_COPY_BITS` bits."""
    return [any((a ^ b).bit_count() <= NEAR_COPY_BITS for b in others) for a in hashes]


def name_order(path: Path) -> str:
    return hashlib.sha256(path.name.encode()).hexdigest()


def find_pools(data: Path, gallery: Sequence[Path], cache: Path | None = None) -> Pools:
    """Sort the pictures of a data folder into what may be trained on and what may not.

    Args:
        data: folder with `content/` and `style/`.
        gallery: all pictures of the gallery, contents and styles; no copy of them is trained on or set aside.
        cache: JSON file for the perceptual hashes.

    Raises:
        ValueError: a folder is missing or empty.
    """
    folders = {kind: data / kind for kind in ("content", "style")}
    for folder in folders.values():
        if not folder.is_dir() or not list_images(folder):
            raise ValueError(f"Training needs pictures in {folder}; see the README's section on training.")
    gallery_hashes = hash_pictures(gallery)
    kept: dict[str, list[tuple[Path, int]]] = {}
    copies: list[Path] = []
    for kind, folder in folders.items():
        paths = list_images(folder)
        hashes = hash_pictures(paths, cache)
        is_copy = near(hashes, gallery_hashes)
        copies += [path for path, copy in zip(paths, is_copy, strict=True) if copy]
        kept[kind] = [(p, h) for p, h, copy in zip(paths, hashes, is_copy, strict=True) if not copy]
    # A fixed share, so that a small folder of one's own is not swallowed whole by what is set aside.
    count = min(HELD_OUT, len(kept["style"]) // 10)
    aside = sorted(kept["style"], key=lambda item: name_order(item[0]))[:count]
    aside_hashes = [value for _, value in aside]
    twins = near([value for _, value in kept["style"]], aside_hashes)
    style = [path for (path, _), twin in zip(kept["style"], twins, strict=True) if not twin]
    return Pools(tuple(p for p, _ in kept["content"]), tuple(style), tuple(p for p, _ in aside), tuple(copies))


def draw_set(pool: Sequence[Path], always: Sequence[Path], size: int, seed: int = SEED) -> list[Path]:
    """A training set: `always`, then pictures drawn from the pool without replacement, `size` in all.

    Raises:
        ValueError: the pool is too small.
    """
    wanted = size - len(always)
    if wanted > len(pool):
        raise ValueError(f"A set of {size} needs {wanted} pictures beside the gallery's, and there are {len(pool)}.")
    chosen = np.random.default_rng(seed).permutation(len(pool))[:wanted]
    return [*always, *(pool[i] for i in sorted(chosen))]


@lru_cache(maxsize=4096)
def _decoded(path: Path) -> Image.Image:
    image = load_image(path, at_least=LARGEST_SMALLER_SIDE)
    return resize_smaller(image, LARGEST_SMALLER_SIDE) if min(image.size) > LARGEST_SMALLER_SIDE else image


def random_crop(image: Image.Image, size: int, rng: np.random.Generator, zoom: float = 1.0) -> Tensor:
    """torchvision's RandomResizedCrop(size, scale=(256/480, 1), ratio=(1, 1)), from a generator of its own.

    Args:
        zoom: how much smaller than that the sides of the part are.

    Returns:
        3 x size x size in [0, 1].
    """
    width, height = image.size
    for _ in range(10):
        side = max(1, round(float(np.sqrt(width * height * rng.uniform(*CROP_SCALE))) / zoom))
        if side <= min(width, height):
            left, top = int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
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
class Sampler:
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
        return random_crop(_decoded(self.style_path(iteration)), self.crop, rng)[None]

    def crop_at(self, iteration: int) -> int:
        """Side of the content crops of an iteration."""
        return self.crop

    def content_crop(self, image: Image.Image, iteration: int, rng: np.random.Generator) -> Tensor:
        """3 x crop x crop of one photograph."""
        return random_crop(image, self.crop_at(iteration), rng)

    def content_crops(self, iteration: int, rank: int = 0, world: int = 1) -> Tensor:
        """This rank's share of the batch: batch/world x 3 x crop x crop in [0, 1]."""
        epoch, place = divmod(iteration, self.per_epoch)
        order = self._rng(3, epoch).permutation(len(self.contents))
        chosen = np.resize(order[place * self.batch : (place + 1) * self.batch], self.batch)
        crops = [
            self.content_crop(_decoded(self.contents[index]), iteration, self._rng(4, iteration, slot))
            for slot, index in enumerate(chosen.tolist())
            if slot % world == rank
        ]
        return torch.stack(crops)

    def batches(self, start: int, stop: int, rank: int = 0, world: int = 1) -> Iterator[tuple[int, Tensor]]:
        """(iteration, contents) from `start` to before `stop`; the next batches are cropped while one is used."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = [pool.submit(self.content_crops, i, rank, world) for i in range(start, min(start + 3, stop))]
            for iteration in range(start, stop):
                contents = waiting.pop(0).result()
                if iteration + 3 < stop:
                    waiting.append(pool.submit(self.content_crops, iteration + 3, rank, world))
                yield iteration, contents
