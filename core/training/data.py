"""Training pictures: which ones may be trained on, and which belong to a set.
All of it follows from the seed and the iteration's number.

A data folder holds `content/`, `style/` and, for the flagship, `graphic/`: posters, comics,
mosaics, textures. From each, pictures that look like one of the gallery's are left out (perceptual
hash), then 40 paintings and 24 graphic pictures are set aside for measuring (by a hash of their
name, so that every run sets the same aside), then a set is drawn with seed 42 (report: "set 500",
"set 1000"). The gallery's training pictures belong to every set.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from tqdm import tqdm

from core.commandline import sentence_of
from core.files import read_json, write_atomic
from core.images.decode import ImageError, list_images, load_image
from core.images.library import library
from core.training.run_folder import content_hash

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
        refused: a sentence for each picture that cannot be read, with its name.
    """

    content: tuple[Path, ...]
    style: tuple[Path, ...]
    held_out: tuple[Path, ...]
    near_copies: tuple[Path, ...]
    graphic: tuple[Path, ...] = ()
    held_out_graphic: tuple[Path, ...] = ()
    refused: tuple[str, ...] = ()


def perceptual_hash(path: Path) -> int:
    """64-bit DCT hash (imagehash.phash); near-copies of a picture differ in few bits,
    whatever their size or aspect.
    """
    return int(str(imagehash.phash(load_image(path, at_least=64))), 16)


def hash_pictures(
    paths: Sequence[Path], cache: Path | None = None
) -> tuple[dict[Path, int], list[str]]:
    """Perceptual hashes of those of many pictures that can be read, and a sentence for each of the others.

    Args:
        paths: of the pictures.
        cache: a JSON file in which hashes are remembered by what is in the picture's file, also those found before an error.
    """
    known: dict[str, int] = read_json(cache) if cache else {}
    before = len(known)
    hashes: dict[Path, int] = {}
    refused: list[str] = []
    try:
        for path in tqdm(paths, desc="Hashing pictures", disable=len(paths) < 200):
            try:
                key = content_hash(path)
                if key not in known:
                    known[key] = perceptual_hash(path)
                hashes[path] = known[key]
            except (ImageError, OSError) as error:
                refused.append(sentence_of(error))
    finally:
        if cache and len(known) > before:
            write_atomic(cache, json.dumps(known).encode())
    return hashes, refused


def is_near_duplicate(hashes: Sequence[int], others: Sequence[int]) -> list[bool]:
    """For each hash, whether one of the others differs from it in at most `NEAR_COPY_BITS` bits."""
    return [any((a ^ b).bit_count() <= NEAR_COPY_BITS for b in others) for a in hashes]


def name_order(path: Path) -> str:
    return hashlib.sha256(path.name.encode()).hexdigest()


def find_pools(data: Path, gallery: Sequence[Path], cache: Path | None = None) -> Pools:
    """Sort the pictures of a data folder into what may be trained on and what may not.

    Args:
        data: folder with `content/` and `style/`.
        gallery: all pictures of the gallery, contents and styles;
            no copy of them is trained on or set aside.
        cache: JSON file for the perceptual hashes.

    Raises:
        ValueError: a folder is missing or empty, or none of its pictures can be read.
    """
    folders = {kind: data / kind for kind in ("content", "style")}
    for folder in folders.values():
        if not folder.is_dir() or not list_images(folder):
            raise ValueError(
                f"Training needs pictures in {folder}; see the README's section on training."
            )
    if (data / "graphic").is_dir():
        folders["graphic"] = data / "graphic"
    gallery_hashes = list(hash_pictures(gallery)[0].values())
    kept: dict[str, list[tuple[Path, int]]] = {"graphic": []}
    copies: list[Path] = []
    refused: list[str] = []
    for kind, folder in folders.items():
        hashes, unread = hash_pictures(list_images(folder), cache)
        if unread and not hashes:
            raise ValueError(f"None of the pictures in {folder} can be used: {unread[0]}")
        is_copy = is_near_duplicate(list(hashes.values()), gallery_hashes)
        copies += [path for path, copy in zip(hashes, is_copy, strict=True) if copy]
        kept[kind] = [pair for pair, copy in zip(hashes.items(), is_copy, strict=True) if not copy]
        refused += unread
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
        tuple(refused),
    )


def pools_of(data: Path, runs: Path) -> Pools:
    """What may be trained on of a data folder, and what not, because it is like one of the gallery's
    pictures; the hashes of its pictures are kept in the folder of the runs. Raises as `find_pools`.
    """
    return find_pools(data, library().files, runs / "hashes.json")


def _set_aside(pictures: Sequence[tuple[Path, int]], most: int) -> list[tuple[Path, int]]:
    """The first by their names' hash; a fixed share at most,
    so that a small folder is not swallowed whole.
    """
    count = min(most, len(pictures) // 10)
    return sorted(pictures, key=lambda picture: name_order(picture[0]))[:count]


def _unlike(
    pictures: Sequence[tuple[Path, int]], aside: Sequence[tuple[Path, int]]
) -> tuple[Path, ...]:
    """Those pictures that are not like one that was set aside."""
    others = [value for _, value in aside]
    near = is_near_duplicate([value for _, value in pictures], others)
    return tuple(path for (path, _), is_near in zip(pictures, near, strict=True) if not is_near)


def draw_set(
    pool: Sequence[Path], always: Sequence[Path], size: int, seed: int = SEED
) -> list[Path]:
    """A training set: `always`, then pictures drawn from the pool without replacement,
    `size` in all.

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
