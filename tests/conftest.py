"""What several tests share: one thread, drawn pictures in folders, photographs that come with scikit-image, tiny networks."""

import dataclasses
import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from core.inference.model_store import model_store
from core.models.checkpoint import Model, load_model, save_model
from core.models.encoder import Encoder, load_encoder
from core.models.registry import MODELS, Variant
from core.runtime import keep_freed_memory, release_freed_memory
from gallery.grids import backends, render

pytest_plugins = ["tests.browser"]
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

LONG = ("browser", "slow", "artifacts")
PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many long tests come first, so that no process has one left when the others are done."""
    long = Counter(item.path for item in items if any(map(item.get_closest_marker, LONG)))
    items.sort(key=lambda item: (-long[item.path], str(item.path)))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests stay fast beside other work, and sums of floats come out the same each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _freed_memory_is_kept() -> None:
    """As in a training and on the page: a fifth of the time would go into fresh pages for tensors."""
    keep_freed_memory()


@pytest.fixture(scope="session", autouse=True)
def _libraries_are_no_garbage() -> None:
    """What is loaded by now stays, so that looking for garbage takes milliseconds in place of a third of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _memory_is_given_back() -> Iterator[None]:
    """After each file, the models and encoders that the product remembers are let go."""
    yield
    for cached in (render._analysed, backends.vgg19):
        cached.cache_clear()
    model_store().forget()
    release_freed_memory()


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


def pixels(image: Image.Image) -> np.ndarray:
    """H x W or H x W x C, 0 to 255, to reckon with."""
    return np.asarray(image, dtype=np.float64)


def draw(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A picture unlike any other seed's: a colourful blur of 5 x 4 random blots under a little noise."""
    rng = np.random.default_rng(seed)
    blots = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    pixels = np.asarray(blots.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray((pixels + rng.normal(0, 8, pixels.shape)).clip(0, 255).astype(np.uint8))


def draw_folder(
    folder: Path, count: int, first_seed: int = 0, size: tuple[int, int] = (96, 72)
) -> list[Path]:
    """Drawn pictures `0000.png` ... in a folder, which is made; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:04d}.png" for seed in range(first_seed, first_seed + count)]
    for seed, path in enumerate(paths, first_seed):
        draw(seed, size).save(path)
    return paths


@cache
def shipped_encoder(name: str) -> Encoder:
    """In float32, loaded once for all tests: not to be changed."""
    return load_encoder(name)


@pytest.fixture(scope="session")
def photos() -> dict[str, Image.Image]:
    """RGB photographs by name."""
    return {name: photo(name) for name in PHOTOS}


@pytest.fixture(scope="session")
def contents(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight drawn pictures to train on."""
    return draw_folder(tmp_path_factory.mktemp("data") / "content", 8)


@pytest.fixture(scope="session")
def styles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four other drawn pictures to train on."""
    return draw_folder(tmp_path_factory.mktemp("data") / "style", 4, first_seed=100)


def tiny(name: str) -> Variant:
    """A variant of the registry with 2 instead of 32 channels after its first convolution."""
    return dataclasses.replace(MODELS[name], base=2)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """name -> the folder of an untrained base-2 checkpoint of that variant, written once."""

    @cache
    def write(name: str) -> Path:
        torch.manual_seed(0)
        variant = tiny(name)
        folder = tmp_path_factory.mktemp("checkpoints") / name
        training = {"style_weight": variant.style_weight, "lr": 1e-3}
        save_model(folder, variant, variant.build(), shipped_encoder(variant.encoder), training)
        return folder

    return write


@pytest.fixture
def tiny_model(tiny_checkpoint: Callable[[str], Path]) -> Callable[[str], Model]:
    """name -> an untrained base-2 model of that variant, freshly loaded."""
    return lambda name: load_model(tiny_checkpoint(name))
