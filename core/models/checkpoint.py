"""Trained models on disk: `checkpoints/NAME/` with weights, `model.json` and the training's logs.

    model = load_model(Path("checkpoints/improved-500"))
    model.net.transform_net(contents, model.net.meta_net(descriptor))

Weights are safetensors in shards (`core.models.weights`), in one of two formats:

- 1, whole: every tensor under its own name. The flagship's, and that of any network saved whole.
  The flagship's largest matrix is int8 rows with `NAME.scale`.
- 2, factored: the report's networks in the form of `core.models.factored`. Of each generated layer
  L there are `meta_net.L.base`, `.columns`, `.scales`, `.projection` and `.centre`; the other large
  matrices are int8 rows with `NAME.scales`.

`model.json` holds the variant, the training's settings and the hashes by which a checkpoint refuses
an encoder, or weights, that are not its own.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.files import read_json, write_atomic
from core.models.encoder import Encoder, EncoderError, load_encoder, weights_hash
from core.models.factored import FactoredLinear, is_factored
from core.models.model_card import (
    CARD,
    FACTORED,
    WHOLE,
    ModelCard,
    WeightsCard,
    read_card,
    write_card,
)
from core.models.registry import Net, Variant, parameter_counts
from core.models.style_net import StyleNet
from core.models.style_reader import StyleReader
from core.models.weights import (
    WeightsError,
    load_tensors,
    pack_rows,
    save_tensors,
    unpack,
    unpack_rows,
)

ROWS_FROM = 100_000  # numbers in a matrix that is worth storing as int8
OUTPUTS = "meta_net.outputs."
# Most of the flagship's numbers, which generate small changes: 8 bits are enough.
MIXES = "meta_net.mix_out.1.weight"
READER = "reader"  # a folder in a model's folder
READER_CARD = "reader.json"


@dataclass(frozen=True)
class Model:
    """A trained network and what is known of it.

    Attributes:
        card: what its `model.json` says; its `weights` are not None.
        reader: what reads a painting in the encoder's place, where the model has one.
    """

    variant: Variant
    net: Net
    card: ModelCard
    reader: StyleReader | None = None

    @property
    def weights(self) -> WeightsCard:
        """What its card says of the weights."""
        assert self.card.weights is not None
        return self.card.weights

    @property
    def style_weight(self) -> float:
        """What its training multiplied the style loss by."""
        assert self.card.training.style_weight is not None
        return self.card.training.style_weight

    def check_encoder(self, encoder: Encoder) -> None:
        """Raises EncoderError, in one sentence,
        where the encoder is not the one this model was trained with.
        """
        mine = self.card.encoder
        if (encoder.name, encoder.hash) != (mine.name, mine.hash):
            raise EncoderError(
                f"The model {self.variant.name} was trained with {mine.name} ({mine.source} weights, "
                f"{mine.hash[:8]}) and does not work with {encoder.name} ({encoder.source} weights, "
                f"{encoder.hash[:8]})."
            )

    def encoder(self) -> Encoder:
        """The encoder that this model was trained with, loaded and checked."""
        encoder = load_encoder(self.card.encoder.name, self.card.encoder.source)
        self.check_encoder(encoder)
        return encoder


def pack(net: Net) -> dict[str, Tensor]:
    """The tensors to store of a network: as they are but for the flagship's `MIXES`, or,
    of a network in factors, by layer and in int8 rows.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    packed: dict[str, Tensor] = {}
    if not (isinstance(net, StyleNet) and is_factored(net)):
        packed = {name: value.float() for name, value in state.items()}
        if MIXES in packed:
            packed[MIXES], packed[f"{MIXES}.scale"] = pack_rows(packed[MIXES])
        return packed
    for name, value in state.items():
        if name.startswith(OUTPUTS):
            index, part = name.removeprefix(OUTPUTS).split(".")
            packed[f"meta_net.{net.meta_net.names[int(index)]}.{part}"] = value
        elif value.ndim > 1 and value.numel() >= ROWS_FROM:
            rows, packed[f"{name}.scales"] = pack_rows(value.flatten(1))
            packed[name] = rows.view_as(value)
        else:
            packed[name] = value
    return packed


def build_packed(variant: Variant, packed: dict[str, Tensor], format_: int) -> Net:
    """The network of a variant with the weights that `pack` gave, ready to use.

    Raises:
        RuntimeError, KeyError, ValueError: names, shapes or types are not the variant's.
    """
    with torch.device("meta"):  # without memory, and without the time of drawing random weights
        net = variant.build()
    if format_ == FACTORED:
        if not isinstance(net, StyleNet):
            raise ValueError("only the report's networks are stored in factors")
        sizes = net.transform_net.generated
        with torch.device("meta"):
            outputs = [
                FactoredLinear(size, len(packed[f"meta_net.{name}.scales"]))
                for name, size in sizes.items()
            ]
        net.meta_net.outputs = nn.ModuleList(outputs)
        state = _unpack_factored(packed, net.meta_net.names)
    else:
        state = unpack(packed)
    wanted = {name: value.dtype for name, value in net.state_dict().items()}
    if any(wanted.get(name) != value.dtype for name, value in state.items()):
        raise ValueError("a tensor has another name or type")
    net.load_state_dict({name: value.clone() for name, value in state.items()}, assign=True)
    return net.eval().requires_grad_(False)


def _unpack_factored(packed: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
    """The state dict of a network in factors from its stored tensors."""
    state: dict[str, Tensor] = {}
    for name, value in packed.items():
        layer, _, part = name.removeprefix("meta_net.").rpartition(".")
        if name.startswith("meta_net.") and layer in layers:
            state[f"{OUTPUTS}{layers.index(layer)}.{part}"] = value
        elif f"{name}.scales" in packed:
            state[name] = unpack_rows(value, packed[f"{name}.scales"])
        elif not name.endswith(".scales"):
            state[name] = value
    return state


def save_model(
    folder: Path,
    variant: Variant,
    net: Net,
    encoder: Encoder,
    training: dict[str, Any],
    quantisation: dict[str, float] | None = None,
) -> int:
    """Write weights and `model.json`; returns the size of the weights in bytes.

    Args:
        net: whole, or in factors (`core.models.factored.factorise`).
        training: settings and results of the training, for the record.
        quantisation: what `core.training.storage` measured of the stored form,
            for the record.

    Raises:
        WeightsError: a weight is not a finite number.
    """
    packed = pack(net)
    format_ = FACTORED if is_factored(net) else WHOLE
    state = build_packed(variant, packed, format_).state_dict()
    _refuse_non_finite(state, variant.name)
    size = save_tensors(folder, packed)
    with torch.device("meta"):
        parameters = parameter_counts(variant.build())
    info = {
        "format": format_,
        "variant": asdict(variant),
        "encoder": {"name": encoder.name, "source": encoder.source, "hash": encoder.hash},
        "parameters": parameters,
        "weights": {"bytes": size, "hash": weights_hash(state), "quantisation": quantisation},
        "training": training,
    }
    shutil.rmtree(folder / READER, ignore_errors=True)  # it was taught for other weights
    write_card(folder, info)
    return size


def load_model(folder: Path) -> Model:
    """Load the model of a checkpoint folder (by name: `core.inference.model_store`).

    Raises:
        WeightsError: it is missing, broken, of a newer format,
            or its weights are not those it was saved with.
    """
    unfit = f"The model {folder.name} does not fit this program:"
    card = read_card(folder)
    if card.weights is None or card.training.style_weight is None:
        missing = "weights" if card.weights is None else "training.style_weight"
        raise WeightsError(f"{unfit} in its {CARD}, {missing} is missing.")
    variant = card.variant.variant()
    packed = load_tensors(folder)
    try:
        net = build_packed(variant, packed, card.format)
    except (RuntimeError, LookupError, TypeError, ValueError) as error:
        raise WeightsError(f"{unfit} its weights have other names, shapes or types.") from error
    state = net.state_dict()
    _refuse_non_finite(state, folder.name)
    if weights_hash(state) != card.weights.hash:
        raise WeightsError(f"The weights of {folder.name} are not those its {CARD} describes.")
    return Model(variant, net, card, _load_reader(folder, card.weights.hash))


def save_reader(folder: Path, reader: StyleReader, about: Mapping[str, Any] | None = None) -> int:
    """Write a style reader beside the model that it reads for, in float16;
    returns its size in bytes.

    Args:
        folder: of the model, which is there already: the reader is for these weights only.
        about: what else is worth knowing, for its `reader.json`.
    """
    known = read_card(folder).weights
    state = {name: value.half() for name, value in reader.state_dict().items()}
    hashes = {"model_hash": known.hash if known else "", "hash": weights_hash(state)}
    card = {**hashes, **(about or {})}
    size = save_tensors(folder / READER, state)
    write_atomic(folder / READER / READER_CARD, json.dumps(card, indent=1).encode())
    return size


def reader_hash(folder: Path) -> str | None:
    """The hash of the reader's weights in a model's folder; None where there is none."""
    path = folder / READER / READER_CARD
    return str(read_json(path).get("hash")) if path.is_file() else None


def _load_reader(folder: Path, model_hash: str) -> StyleReader | None:
    """The reader of a model whose weights have this hash; None where it has none."""
    if not (folder / READER).is_dir():
        return None
    card = read_json(folder / READER / READER_CARD)
    if card.get("model_hash") != model_hash:
        raise WeightsError(
            f"The reader of {folder.name} was not taught for these weights; remove the folder {READER} in it."
        )
    state = {name: value.float() for name, value in load_tensors(folder / READER).items()}
    _refuse_non_finite(state, f"{folder.name}/{READER}")
    if weights_hash(state) != card.get("hash"):
        raise WeightsError(
            f"The reader of {folder.name} is not the one that its {READER_CARD} describes."
        )
    reader = StyleReader()
    try:
        reader.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"The reader of {folder.name} does not fit this program: its weights have other names or shapes."
        ) from error
    reader = reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return reader.eval().requires_grad_(False)


def _refuse_non_finite(state: dict[str, Tensor], name: str) -> None:
    if not all(bool(value.isfinite().all()) for value in state.values()):
        raise WeightsError(f"The model {name} is useless: its weights are not all finite numbers.")
