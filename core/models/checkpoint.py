"""Trained models on disk: `checkpoints/NAME/` with weights, `model.json` and the training's logs.

    model = load_model("improved-500")
    model.net.transform_net(contents, model.net.meta_net(descriptor))

Weights are safetensors (see `core.models.weights`); `model.json` holds the variant, the training's settings and
the hashes by which
a checkpoint refuses an encoder, or weights, that are not its own.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from core.files import write_atomic
from core.models.encoder import Encoder, EncoderError, load_encoder, weights_hash
from core.models.registry import MODELS, Net, Variant
from core.models.weights import WeightsError, load_tensors, pack_rows_in_six, save_tensors, unpack
from core.paths import CHECKPOINTS

FORMAT = 1
ROWS_FROM = 100_000
WHOLE_BELOW = 2_000_000


@dataclass(frozen=True)
class Model:
    """A trained network and what is known of it (`info` is the content of `model.json`)."""

    variant: Variant
    net: Net
    info: dict[str, Any]

    def check_encoder(self, encoder: Encoder) -> None:
        """Raises EncoderError, in one sentence, where the encoder is not the one this model was trained with."""
        mine = self.info["encoder"]
        if encoder.name != mine["name"] or encoder.hash != mine["hash"]:
            raise EncoderError(
                f"The model {self.variant.name} was trained with {mine['name']} ({mine['source']} weights, "
                f"{mine['hash'][:8]}) and does not work with {encoder.name} ({encoder.source} weights, "
                f"{encoder.hash[:8]})."
            )

    def encoder(self) -> Encoder:
        """The encoder that this model was trained with, loaded and checked."""
        encoder = load_encoder(self.info["encoder"]["name"], self.info["encoder"]["source"])
        self.check_encoder(encoder)
        return encoder


def pack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """6-bit rows for the MetaNet's large matrices, float32 for all else (biases, the TransformNet's own filters).

    A small network stays whole: the flagship's few generated numbers each weigh more in the picture.
    """
    if sum(value.numel() for value in state.values()) < WHOLE_BELOW:
        return {name: value.contiguous() for name, value in state.items()}
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.startswith("meta_net.") and value.ndim == 2 and value.numel() >= ROWS_FROM:
            packed[name], packed[f"{name}.scale"] = pack_rows_in_six(value)
        else:
            packed[name] = value.contiguous()
    return packed


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
        training: settings and results of the training, for the record.
        quantisation: what `core.inference.quantisation.quantisation_change` measured, for the record.
    """
    packed = pack({name: value.detach().float().cpu() for name, value in net.state_dict().items()})
    size = save_tensors(folder, packed)
    info = {
        "format": FORMAT,
        "variant": variant.to_json(),
        "encoder": {"name": encoder.name, "source": encoder.source, "hash": encoder.hash},
        "parameters": net.counts(),
        "weights": {
            "bytes": size,
            "hash": weights_hash(unpack(packed)),
            "quantisation": quantisation,
        },
        "training": training,
    }
    write_atomic(folder / "model.json", json.dumps(info, indent=1, ensure_ascii=False).encode())
    return size


def load_model(name_or_folder: str | Path) -> Model:
    """Load a shipped model by name, or any checkpoint folder.

    Raises:
        WeightsError: it is missing, broken, of a newer format, or its weights are not those it was saved with.
    """
    folder = Path(name_or_folder)
    if not folder.is_dir():
        folder = CHECKPOINTS / str(name_or_folder)
    if not (folder / "model.json").is_file():
        have = ", ".join(available_models()) or "none yet"
        raise WeightsError(
            f"There is no trained model named {name_or_folder}; shipped are: {have}."
        )
    try:
        info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if info["format"] != FORMAT:
            raise WeightsError(
                f"The model {folder.name} has format {info['format']}; this version reads {FORMAT}."
            )
        known = {field.name for field in fields(Variant)}
        variant = Variant(**{key: value for key, value in info["variant"].items() if key in known})
        net = variant.build()
        wanted = info["weights"]["hash"]
        state = unpack(load_tensors(folder))
        net.load_state_dict(state)
    except WeightsError:
        raise
    except RuntimeError as error:
        raise WeightsError(
            f"The model {folder.name} does not fit this program: its weights have other shapes."
        ) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WeightsError(f"The model {folder.name} does not fit this program: {error}") from error
    if weights_hash(state) != wanted:
        raise WeightsError(f"The weights of {folder.name} are not those its model.json describes.")
    return Model(variant, net.eval().requires_grad_(False), info)


def available_models() -> list[str]:
    """Names of the models that are shipped, the flagship first, then the registry's order, then any others."""
    have = {path.parent.name for path in CHECKPOINTS.glob("*/model.json")}
    return [name for name in MODELS if name in have] + sorted(have - set(MODELS))


def model_title(name: str) -> str:
    """What a reader sees of a model: the title in its model.json, else the registry's, else its name."""
    try:
        info = json.loads((CHECKPOINTS / name / "model.json").read_text(encoding="utf-8"))
        return str(info["variant"]["title"])
    except (OSError, ValueError, KeyError, TypeError):  # found out, in words, when it is loaded
        return MODELS[name].title if name in MODELS else name
