"""Training pictures: which ones, in what order, cropped where. All of it follows from the seed and the iteration's number.

A data folder holds `content/`, `style/` and, for the flagship, `graphic/`: posters, comics, mosaics, textures. From each,
pictures that look like one of the gallery's are left out (perceptual hash), then 40 paintings and 24 graphic pictures are
set aside for measuring (by a hash of their name, so that every run sets the same aside), then a set is drawn with seed 42
(report: "set 500", "set 1000"). The gallery's training pictures belong to every set.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from tqdm import tqdm

from core.files import write_atomic
from core.images.decode import list_images, load_image

SEED = 42
HELD_OUT, HELD_OUT_GRAPHIC = 40, 24
NEAR_COPY_BITS = 10
MAX_SMALLER_SIDE = 480


@dataclass(frozen=True)
class Pools:
    """What a training set may be drawn from, and what must never be trained on.

    Attributes:
        content, style, graphic: to be trained on.
        held_out, held_out_graphic: set aside from `style` and from `graphic`.
        near_copies: of the gallery's pictures.
    """

    content: tuple[Path, ...]
    style: tuple[Path, ...]
    held_out: tuple[Path, ...]
    near_copies: tuple[Path, ...]
    graphic: tuple[Path, ...] = ()
    held_out_graphic: tuple[Path, ...] = ()


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


def is_near_duplicate(hashes: Sequence[int], others: Sequence[int]) -> list[bool]:
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
            raise ValueError(
                f"Training needs pictures in {folder}; see the README's section on training."
            )
    if (data / "graphic").is_dir():
        folders["graphic"] = data / "graphic"
    gallery_hashes = hash_pictures(gallery)
    kept: dict[str, list[tuple[Path, int]]] = {"graphic": []}
    copies: list[Path] = []
    for kind, folder in folders.items():
        paths = list_images(folder)
        hashes = hash_pictures(paths, cache)
        is_copy = is_near_duplicate(hashes, gallery_hashes)
        copies += [path for path, copy in zip(paths, is_copy, strict=True) if copy]
        kept[kind] = [(p, h) for p, h, copy in zip(paths, hashes, is_copy, strict=True) if not copy]
    aside = _set_aside(kept["style"], HELD_OUT)
    aside_graphic = _set_aside(kept["graphic"], HELD_OUT_GRAPHIC)
    # What the report's models train on must not change with a folder that only the flagship reads.
    style = _unlike(kept["style"], aside)
    graphic = _unlike(kept["graphic"], [*aside, *aside_graphic])
    return Pools(
        tuple(path for path, _ in kept["content"]),
        style,
        tuple(path for path, _ in aside),
        tuple(copies),
        graphic,
        tuple(path for path, _ in aside_graphic),
    )


def _set_aside(pictures: Sequence[tuple[Path, int]], most: int) -> list[tuple[Path, int]]:
    """The first by their names' hash; a fixed share at most, so that a small folder is not swallowed whole."""
    count = min(most, len(pictures) // 10)
    return sorted(pictures, key=lambda picture: name_order(picture[0]))[:count]


def _unlike(
    pictures: Sequence[tuple[Path, int]], aside: Sequence[tuple[Path, int]]
) -> tuple[Path, ...]:
    """Those pictures that are not like one that was set aside."""
    others = [value for _, value in aside]
    is_twin = is_near_duplicate([value for _, value in pictures], others)
    return tuple(path for (path, _), twin in zip(pictures, is_twin, strict=True) if not twin)


def draw_set(
    pool: Sequence[Path], always: Sequence[Path], size: int, seed: int = SEED
) -> list[Path]:
    """A training set: `always`, then pictures drawn from the pool without replacement, `size` in all.

    Raises:
        ValueError: the pool is too small.
    """
    wanted = size - len(always)
    if wanted > len(pool):
        raise ValueError(
            f"A set of {size} needs {wanted} pictures beside the gallery's, and there are {len(pool)}."
        )
    chosen = np.random.default_rng(seed).permutation(len(pool))[:wanted]
    return [*always, *(pool[i] for i in sorted(chosen))]
