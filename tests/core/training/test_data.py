"""Which pictures may be trained on: near-copies left out, some set aside, a set drawn by the seed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.training import data
from core.training.data import (
    NEAR_COPY_BITS,
    Pools,
    draw_set,
    find_pools,
    hash_pictures,
    is_near_duplicate,
    perceptual_hash,
)
from tests.conftest import draw_folder

# ---- pools and sets ----

COPIES: dict[str, Callable[[Image.Image, Path], None]] = {
    "half_size.png": lambda image, path: image.resize((image.width // 2, image.height // 2)).save(
        path
    ),
    "thumbnail.png": lambda image, path: image.resize((96, 96 * image.height // image.width)).save(
        path
    ),
    "squeezed_to_a_square.png": lambda image, path: image.resize((256, 256)).save(path),
    "recompressed.jpg": lambda image, path: image.save(path, quality=25),
    "grey.png": lambda image, path: image.convert("L").save(path),
    "brighter.png": lambda image, path: image.point(lambda v: min(255, int(v * 1.15))).save(path),
    "exactly.png": lambda image, path: image.save(path),
}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, Image.Image]) -> list[Path]:
    folder = tmp_path_factory.mktemp("gallery")
    for name, image in photos.items():
        image.save(folder / f"{name}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, Image.Image]) -> Path:
    """30 drawn contents and 60 drawn styles, with copies of gallery pictures hidden among both."""
    folder = tmp_path_factory.mktemp("data")
    draw_folder(folder / "content", 30)
    draw_folder(folder / "style", 60, first_seed=100)
    for index, (name, copy) in enumerate(COPIES.items()):
        copy(photos["coffee"], folder / "content" / f"{index}_{name}")
        copy(photos["astronaut"], folder / "style" / f"{index}_{name}")
    return folder


@pytest.fixture(scope="module")
def pools(data_folder: Path, gallery: list[Path]) -> Pools:
    return find_pools(data_folder, gallery)


def test_copies_of_gallery_pictures_are_found_and_nothing_else(pools: Pools) -> None:
    names = sorted(f"{index}_{name}" for index, name in enumerate(COPIES))
    assert sorted(path.name for path in pools.near_copies if path.parent.name == "content") == names
    assert sorted(path.name for path in pools.near_copies if path.parent.name == "style") == names
    assert len(pools.content) == 30
    assert len(pools.style) + len(pools.held_out) == 60


def test_copies_differ_in_few_bits_and_other_pictures_in_many(
    photos: dict[str, Image.Image], tmp_path: Path
) -> None:
    hashes = {}
    for name, image in photos.items():
        image.save(tmp_path / f"{name}.png")
        hashes[name] = perceptual_hash(tmp_path / f"{name}.png")
    for name, copy in COPIES.items():
        copy(photos["chelsea"], tmp_path / name)
        found = perceptual_hash(tmp_path / name)
        assert is_near_duplicate(found, [hashes["coffee"], hashes["chelsea"]]), name
        assert not is_near_duplicate(found, [hashes["rocket"], hashes["coffee"]]), name
    assert is_near_duplicate(0b1111, [0b0111 << 20])
    assert is_near_duplicate((1 << NEAR_COPY_BITS) - 1, [0])
    assert not is_near_duplicate((1 << NEAR_COPY_BITS + 1) - 1, [0])


def test_what_is_set_aside_is_a_tenth_of_the_styles_and_never_trained_on(pools: Pools) -> None:
    assert len(pools.held_out) == 6
    assert all(path.parent.name == "style" for path in pools.held_out)
    assert not set(pools.held_out) & {*pools.style, *pools.content, *pools.near_copies}


def test_what_is_set_aside_does_not_depend_on_the_order_of_the_folder(
    data_folder: Path, gallery: list[Path], pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = data.list_images
    monkeypatch.setattr(data, "list_images", lambda folder: listed(folder)[::-1])
    again = find_pools(data_folder, gallery)
    assert set(again.held_out) == set(pools.held_out)
    assert set(again.style) == set(pools.style)


def test_more_pictures_hardly_change_what_is_set_aside(
    data_folder: Path, gallery: list[Path], pools: Pools, tmp_path: Path
) -> None:
    """By a hash of the name, not by place: a picture more does not move every other one in or out."""
    (tmp_path / "content").symlink_to(data_folder / "content")
    (tmp_path / "style").mkdir()
    for path in (data_folder / "style").iterdir():
        (tmp_path / "style" / path.name).symlink_to(path)
    draw_folder(tmp_path / "style", 1, first_seed=999)
    again = find_pools(tmp_path, gallery)
    names = [{path.name for path in p.held_out} for p in (pools, again)]
    assert len(names[0] & names[1]) >= 5


def test_a_twin_of_a_painting_that_is_set_aside_is_not_trained_on(
    data_folder: Path, gallery: list[Path], pools: Pools, tmp_path: Path
) -> None:
    (tmp_path / "content").symlink_to(data_folder / "content")
    (tmp_path / "style").mkdir()
    for path in (data_folder / "style").iterdir():
        (tmp_path / "style" / path.name).symlink_to(path)
    twin = tmp_path / "style" / f"{pools.held_out[0].stem}_again.jpg"
    with Image.open(pools.held_out[0]) as image:
        image.resize((80, 80)).convert("RGB").save(twin, quality=60)
    again = find_pools(tmp_path, gallery)
    assert twin.name not in {path.name for path in again.style}


def test_a_hash_cache_gives_the_same_pools_without_reading_again(
    data_folder: Path,
    gallery: list[Path],
    pools: Pools,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = tmp_path / "hashes.json"
    assert find_pools(data_folder, gallery, cache) == pools
    files = {path.read_bytes() for path in data_folder.glob("*/*")}
    assert len(json.loads(cache.read_text())) == len(files) > 90
    read: list[Path] = []
    hashed = data.perceptual_hash

    def watched(path: Path) -> int:
        read.append(path)
        return hashed(path)

    monkeypatch.setattr(data, "perceptual_hash", watched)
    assert find_pools(data_folder, gallery, cache) == pools
    assert set(read) <= set(gallery)


def test_a_cached_hash_is_of_what_is_in_the_file(
    photos: dict[str, Image.Image], tmp_path: Path
) -> None:
    """Not of its name and size: two BMP files of the same name and size in two folders are two pictures."""
    paths = [tmp_path / kind / "1.bmp" for kind in ("content", "style")]
    for path, name in zip(paths, ("coffee", "rocket"), strict=True):
        path.parent.mkdir()
        photos[name].resize((96, 64)).save(path)
    assert paths[0].stat().st_size == paths[1].stat().st_size
    cache = tmp_path / "hashes.json"
    for _ in range(2):
        one, other = (hash_pictures([path], cache)[0][path] for path in paths)
        assert one != other
    assert [one, other] == [perceptual_hash(path) for path in paths]


def test_pictures_that_cannot_be_used_are_named_all_at_once_and_left_out(
    data_folder: Path, gallery: list[Path], pools: Pools, tmp_path: Path
) -> None:
    for kind in ("content", "style"):
        (tmp_path / kind).mkdir()
        for path in (data_folder / kind).iterdir():
            (tmp_path / kind / path.name).symlink_to(path)
    (tmp_path / "content" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    Image.new("RGB", (12, 12)).save(tmp_path / "style" / "tiny.png")
    Image.new("RGB", (440, 20)).save(tmp_path / "style" / "long.png")
    found = find_pools(tmp_path, gallery, tmp_path / "hashes.json")
    assert sorted(sentence.split('"')[1] for sentence in found.refused) == [
        "broken.jpg",
        "long.png",
        "tiny.png",
    ]
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in found.refused)
    assert [path.name for path in found.content] == [path.name for path in pools.content]
    assert [path.name for path in found.style] == [path.name for path in pools.style]


def test_hashes_are_kept_when_finding_them_is_interrupted(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted((data_folder / "content").iterdir())
    cache, hashed = tmp_path / "hashes.json", data.perceptual_hash

    def stopped(path: Path) -> int:
        if path == paths[5]:
            raise KeyboardInterrupt
        return hashed(path)

    monkeypatch.setattr(data, "perceptual_hash", stopped)
    with pytest.raises(KeyboardInterrupt):
        hash_pictures(paths, cache)
    assert len(json.loads(cache.read_text())) == 5


def test_a_broken_cache_is_made_again(data_folder: Path, tmp_path: Path) -> None:
    paths, cache = sorted((data_folder / "content").iterdir())[:3], tmp_path / "hashes.json"
    cache.write_text('{"half')
    assert hash_pictures(paths, cache) == hash_pictures(paths)
    assert len(json.loads(cache.read_text())) == 3


def test_a_folder_of_which_nothing_can_be_used_is_refused(
    tmp_path: Path, gallery: list[Path]
) -> None:
    for kind in ("content", "style"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.png").write_bytes(b"nothing")
    with pytest.raises(
        ValueError, match=r'^None of the pictures in .*content can be used: "a.png"'
    ):
        find_pools(tmp_path, gallery)


def test_data_folders_must_be_there_and_hold_pictures(tmp_path: Path, gallery: list[Path]) -> None:
    with pytest.raises(
        ValueError,
        match=r"^Training needs pictures in .*content; see the README's section on training",
    ):
        find_pools(tmp_path, gallery)
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "notes.txt").write_text("none")
    with pytest.raises(ValueError, match=r"^Training needs pictures in .*content"):
        find_pools(tmp_path, gallery)


def test_a_set_starts_with_the_gallerys_and_is_drawn_by_the_seed(
    pools: Pools, gallery: list[Path]
) -> None:
    chosen = draw_set(pools.content, gallery[:4], 20)
    assert chosen[:4] == gallery[:4]
    assert len(chosen) == len(set(chosen)) == 20
    assert set(chosen[4:]) <= set(pools.content)
    assert (
        draw_set(pools.content, gallery[:4], 20)
        == draw_set(pools.content, gallery[:4], 20, 42)
        == chosen
    )
    assert draw_set(pools.content, gallery[:4], 20, 43) != chosen
    assert draw_set(list(range(10)), [], 5) == sorted(np.random.default_rng(42).permutation(10)[:5])  # type: ignore[arg-type]


def test_neither_copies_nor_what_is_set_aside_are_ever_drawn(pools: Pools) -> None:
    everything = draw_set(pools.style, [], len(pools.style))
    assert not set(everything) & {*pools.held_out, *pools.near_copies}


def test_a_pool_too_small_is_refused(pools: Pools, gallery: list[Path]) -> None:
    with pytest.raises(
        ValueError,
        match=r"^A set of 500 needs 496 photographs beside the gallery's, and there are 30; "
        r"add some, or choose a smaller set with --images\.$",
    ):
        draw_set(pools.content, gallery[:4], 500, kind="photographs")


def test_graphic_pictures_are_a_pool_of_their_own_with_some_set_aside(
    data_folder: Path, gallery: list[Path], pools: Pools, tmp_path: Path
) -> None:
    """What the report's models train on stays the same; nothing like what is set aside is trained on."""
    for kind in ("content", "style"):
        (tmp_path / kind).symlink_to(data_folder / kind)
    draw_folder(tmp_path / "graphic", 40, 500)
    with Image.open(pools.held_out[0]) as image:
        image.save(tmp_path / "graphic" / "twin.png")
    found = find_pools(tmp_path, gallery)
    assert [path.name for path in found.style] == [path.name for path in pools.style]
    assert len(found.held_out_graphic) == 4
    assert not set(found.graphic) & set(found.held_out_graphic)
    assert "twin.png" not in [path.name for path in found.graphic]
    assert len(found.graphic) + len(found.held_out_graphic) >= 40
    assert not pools.graphic and not pools.held_out_graphic
