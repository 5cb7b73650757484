"""A folder's models: which there are, what they are called, how they are loaded and shared."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from core.inference import model_store as module
from core.inference.model_store import ModelStore, from_pretrained, model_store
from core.models.model_card import write_card
from core.models.registry import MODELS, VARIANTS
from core.models.weights import WeightsError

NAME = "improved-500"


@pytest.fixture
def store(tiny_checkpoint: Callable[[str], Path], tmp_path: Path) -> ModelStore:
    """A folder with two tiny models of the same encoder."""
    for name in (NAME, "ablation-mse"):
        shutil.copytree(tiny_checkpoint(name), tmp_path / "models" / name)
    return ModelStore(tmp_path / "models")


def test_models_are_loaded_once_and_share_their_encoder_and_their_styles(store: ModelStore) -> None:
    first, second = store.stylizer(NAME), store.stylizer("ablation-mse")
    assert store.stylizer(NAME) is first
    assert first.encoder is second.encoder
    assert first.cache is second.cache is store.styles
    store.forget()
    assert store.stylizer(NAME) is not first


def test_what_is_loaded_where_gradients_are_off_can_be_refined_later(store: ModelStore) -> None:
    with torch.inference_mode():
        stylizer = store.stylizer("improved-500")
    modules = (stylizer.net, stylizer.encoder)
    tensors = [value for module in modules for value in module.state_dict().values()]
    assert tensors and not any(value.is_inference() for value in tensors)


def test_two_who_ask_at_once_wait_for_one_loading(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, started, loaded = module.load_model, threading.Barrier(4), []

    def slow(folder: Path) -> object:
        loaded.append(folder)
        return load(folder)

    def ask(_: int) -> object:
        started.wait()
        return store.stylizer(NAME)

    monkeypatch.setattr(module, "load_model", slow)
    with ThreadPoolExecutor(4) as pool:
        assert len(set(map(id, pool.map(ask, range(4))))) == 1
    assert loaded == [store.folder / NAME]


def test_the_best_of_the_models_that_are_there_is_the_default(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with pytest.raises(WeightsError, match=r"^No trained model is in checkpoints/; train one with"):
        store.stylizer()
    for name in ("aardvark", *reversed(MODELS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").touch()
        assert store.default() == name


def test_a_narrower_model_says_so_in_its_title_and_beside_numbers(store: ModelStore) -> None:
    card = store.card(NAME)
    for base, note, label in (
        (32, "", NAME),
        (8, "; 8 channels, a quarter of the report's width", f"{NAME} (8 channels)"),
    ):
        variant = card.variant.model_copy(update={"base": base})
        write_card(store.folder / NAME, card.model_copy(update={"variant": variant}))
        assert store.title(NAME) == f"Improved, 500 images{note} (改进模型)"
        assert store.label(NAME) == label
    assert store.title("original-500") == VARIANTS["original-500"].title
    assert store.title("something") == store.label("something") == "something"


def test_missing_models_name_those_that_are_there(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError,
        match=rf"^There is no trained model named best; shipped are: {NAME}, ablation-mse\.$",
    ):
        store.load("best")
    with pytest.raises(WeightsError, match=r"shipped are: none yet\.$"):
        ModelStore(tmp_path / "empty").load("best")


def test_models_by_name_in_the_registrys_order(store: ModelStore) -> None:
    assert store.load(NAME).variant.name == NAME
    for name in ("aardvark", "original-500"):
        shutil.copytree(store.folder / NAME, store.folder / name)
    (store.folder / "encoders").mkdir()
    assert store.names() == ["original-500", NAME, "ablation-mse", "aardvark"]
    assert list(store.titles()) == store.names()


def test_a_store_is_the_programs_until_its_block_ends(store: ModelStore) -> None:
    before = model_store()
    with store.in_use():
        assert model_store() is store
        assert from_pretrained(NAME, "cpu") is store.stylizer(NAME, "cpu")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(model_store).result() is store
    assert model_store() is before
