"""The trained models of a folder, each loaded once and shared by all that paint with it.

    store = ModelStore(Path("checkpoints"))
    store.titles()                                        # name -> title, the best first
    painted = store.stylizer("flagship").encode_style(painting)(photo)

A program paints with one store, `model_store()`: that of the shipped models, unless it or a test
puts another in use.

    with ModelStore(folder).in_use():
        serve()
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch

from core.files import short
from core.inference.styled_model import StyleCache
from core.inference.stylizer import Reader, Stylizer
from core.models.checkpoint import Model, load_model
from core.models.encoder import Encoder, load_encoder
from core.models.fast import int8_encoder
from core.models.model_card import CARD, ModelCard, read_card
from core.models.registry import MODELS, titled
from core.models.weights import WeightsError
from core.paths import CHECKPOINTS
from core.runtime import AUTO, default_device, fast_dtype, find_device


class ModelStore:
    """A folder of trained models, and those of them that are loaded.

    Args:
        folder: holds a folder for each model, as `core.train` exports it; it need not exist.

    Attributes:
        styles: the styles that its models made, of which they remember the latest.
    """

    def __init__(self, folder: Path = CHECKPOINTS) -> None:
        self.folder, self.styles = folder, StyleCache()
        self._lock = threading.RLock()  # two who ask for a model at once wait for one loading
        self._stylizer = lru_cache(maxsize=16)(self._load_stylizer)
        self._encoder = lru_cache(maxsize=2)(_load_encoder)

    def names(self) -> list[str]:
        """Names of the models that are there, the best first: the flagship, then the registry's
        order, then any others.
        """
        have = {path.parent.name for path in self.folder.glob(f"*/{CARD}")}
        return [name for name in MODELS if name in have] + sorted(have - set(MODELS))

    def titles(self) -> dict[str, str]:
        """Name -> title of every model that is there, the best first."""
        return {name: self.title(name) for name in self.names()}

    def title(self, name: str) -> str:
        """What a reader sees of a model: its title,
        and how wide it is where it is narrower than the report's.

        From its card, else the registry; its name where neither has it.
        """
        try:
            variant = self.card(name).variant.variant()
        except WeightsError:  # found out, in words, when it is loaded
            return MODELS[name].title if name in MODELS else name
        return titled(variant.title, variant.width_note)

    def label(self, name: str) -> str:
        """What stands for a model beside numbers: its name, and how many channels it has where it is not
        as wide as the report's: `original-1000 (8 channels)`. Its name alone where it has no card.
        """
        try:
            note = self.card(name).variant.variant().channels_note
        except WeightsError:
            note = ""
        return f"{name} ({note})" if note else name

    def default(self) -> str:
        """The name of the best model that is there.

        Raises:
            WeightsError: none is.
        """
        for name in self.names():
            return name
        raise WeightsError(
            "No trained model is in checkpoints/; train one with `python -m core.train improved-500`."
        )

    def path(self, name_or_folder: str | Path) -> Path:
        """The folder of a model by its name; one of that name in the current folder comes first.

        Raises:
            WeightsError: there is none.
        """
        own = Path(name_or_folder)
        for folder in (own, self.folder / own):
            if (folder / CARD).is_file():
                return folder
        have = ", ".join(self.names()) or "none yet"
        raise WeightsError(
            f"There is no trained model named {short(name_or_folder)}; shipped are: {have}."
        )

    def card(self, name: str) -> ModelCard:
        """What is known of a model. Raises WeightsError, as `read_card`."""
        return read_card(self.folder / name)

    def load(self, name_or_folder: str | Path) -> Model:
        """A model, freshly loaded, by its name or from any checkpoint folder.

        Raises:
            WeightsError: there is none, or see `load_model`.
        """
        return load_model(self.path(name_or_folder))

    def stylizer(
        self, name_or_folder: str | Path | None = None, device: str | None = None
    ) -> Stylizer:
        """A model ready to paint, loaded once for each device; models share their encoders.

        Args:
            name_or_folder: as for `load`; by default the best model that is there.
            device: by default the program's own (`core.runtime.default_device`).

        Raises:
            WeightsError, EncoderError: see `load` and `load_encoder`.
        """
        name = str(name_or_folder or self.default())
        with self._lock:
            return self._stylizer(name, device or str(default_device()))

    @torch.inference_mode(False)  # what is loaded stays, and may be refined later
    def _load_stylizer(self, name: str, device: str) -> Stylizer:
        model = self.load(name)
        encoder, reader = self._encoder(model.card.encoder.name, model.card.encoder.source, device)
        return Stylizer(model, encoder, device, self.styles, reader)

    def forget(self) -> None:
        """Let go of what is loaded: models are read anew when they are next asked for. Instant styles,
        which hold their model's networks, are forgotten with it; refined ones, which hold their own, stay.
        """
        with self._lock:
            self._stylizer.cache_clear()
            self._encoder.cache_clear()
            self.styles.keep_refined()

    @contextmanager
    def in_use(self) -> Iterator["ModelStore"]:
        """Be the program's store, for all of its threads, until the block ends."""
        global _in_use
        former, _in_use = _in_use, self
        try:
            yield self
        finally:
            _in_use = former
            self.forget()


def _load_encoder(name: str, source: str, device: str) -> tuple[Encoder, Reader | None]:
    """In the dtype that is fastest on the device,
    and in 8 bits for paintings where a CPU multiplies those.
    """
    encoder = load_encoder(name, source)
    reader = None
    if torch.device(device).type == "cpu" and int8_encoder.available():
        ranges = int8_encoder.load_ranges(encoder)
        reader = int8_encoder.Int8Encoder(encoder, ranges) if ranges else None
    return encoder.for_compute(fast_dtype(device)), reader


_in_use = ModelStore()


def model_store() -> ModelStore:
    """The store that the program paints with."""
    return _in_use


def from_pretrained(name_or_folder: str | Path = "flagship", device: str | None = None) -> Stylizer:
    """Load a shipped model, or one of your own.

    Args:
        name_or_folder: a folder that `core.train` exported, with `model.json` and weights, or the
            name of a shipped model. A folder of that name in the current folder comes first.
        device: `cpu`, `cuda`, `cuda:N` or `mps`; by default a GPU if there is one. A model is
            loaded once for each device, and models share their encoders.

    Raises:
        WeightsError: there is no such model, or its files are broken; one sentence.
        EncoderError: the encoder that it was trained with is missing or another one.
    """
    return model_store().stylizer(name_or_folder, device or str(find_device(AUTO)))
