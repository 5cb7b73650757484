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
from collections.abc import Iterable, Sequence
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
Hashes = dict[Path, int]  # pictures and their perceptual hashes


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

    def held_out_groups(self, count: int | None = None) -> dict[str, tuple[Path, ...]]:
        """What was set aside, `classical` and `graphic` apart, without a group of which there is nothing.

        Args:
            count: of each group, at most; all where None is given.
        """
        groups = {"classical": self.held_out, "graphic": self.held_out_graphic}
        return {group: paths[:count] for group, paths in groups.items() if paths}


def perceptual_hash(path: Path) -> int:
    """64-bit DCT hash (imagehash.phash); near-copies of a picture differ in few bits,
    whatever their size or aspect.
    """
    return int(str(imagehash.phash(load_image(path, at_least=64))), 16)


def hash_pictures(paths: Sequence[Path], cache: Path | None = None) -> tuple[Hashes, list[str]]:
    """Perceptual hashes of those of many pictures that can be read, and a sentence for each of the others.

    Args:
        paths: of the pictures.
        cache: a JSON file in which hashes are remembered by what is in the picture's file, also those found before an error.
    """
    known: dict[str, int] = read_json(cache) if cache else {}
    before = len(known)
    hashes: Hashes = {}
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


def is_near_duplicate(value: int, others: Iterable[int]) -> bool:
    """Whether one of the other hashes differs from this one in at most `NEAR_COPY_BITS` bits."""
    return any((value ^ other).bit_count() <= NEAR_COPY_BITS for other in others)


def unlike(pictures: Hashes, others: Hashes) -> Hashes:
    """Those of some pictures that are no near copies of others."""
    values = list(others.values())
    return {path: value for path, value in pictures.items() if not is_near_duplicate(value, values)}


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
    gallery_hashes, _ = hash_pictures(gallery)
    kept: dict[str, Hashes] = {"graphic": {}}
    copies: list[Path] = []
    refused: list[str] = []
    for kind, folder in folders.items():
        hashes, unread = hash_pictures(list_images(folder), cache)
        if unread and not hashes:
            raise ValueError(f"None of the pictures in {folder} can be used: {unread[0]}")
        kept[kind] = unlike(hashes, gallery_hashes)
        copies += [path for path in hashes if path not in kept[kind]]
        refused += unread
    aside = _set_aside(kept["style"], HELD_OUT)
    aside_graphic = _set_aside(kept["graphic"], HELD_OUT_GRAPHIC)
    # What the report's models train on must not change with a folder that only the flagship reads.
    style = unlike(kept["style"], aside)
    graphic = unlike(kept["graphic"], aside | aside_graphic)
    return Pools(
        tuple(kept["content"]),
        tuple(style),
        tuple(aside),
        tuple(copies),
        tuple(graphic),
        tuple(aside_graphic),
        tuple(refused),
    )


def pools_of(data: Path, runs: Path) -> Pools:
    """What may be trained on of a data folder, and what not, because it is like one of the gallery's
    pictures; the hashes of its pictures are kept in the folder of the runs. Raises as `find_pools`.
    """
    return find_pools(data, library().files, runs / "hashes.json")


def _set_aside(pictures: Hashes, most: int) -> Hashes:
    """The first by their names' hash; a fixed share at most,
    so that a small folder is not swallowed whole.
    """
    count = min(most, len(pictures) // 10)
    by_name = sorted(pictures, key=lambda path: hashlib.sha256(path.name.encode()).digest())
    return {path: pictures[path] for path in by_name[:count]}


def draw_set(
    pool: Sequence[Path],
    always: Sequence[Path],
    size: int,
    seed: int = SEED,
    kind: str = "pictures",
) -> list[Path]:
    """A training set: `always`, then pictures drawn from the pool without replacement,
    `size` in all.

    Args:
        size: at least as many as there are in `always`.
        kind: what the pictures are called where there are too few.

    Raises:
        ValueError: the pool is too small.
    """
    wanted = size - len(always)
    if wanted > len(pool):
        raise ValueError(
            f"A set of {size} needs {wanted} {kind} beside the gallery's, and there are {len(pool)}; "
            "add some, or choose a smaller set with --images."
        )
    chosen = np.random.default_rng(seed).permutation(len(pool))[:wanted]
    return [*always, *(pool[i] for i in sorted(chosen))]
