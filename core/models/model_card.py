"""What is known of a trained model or of a run: `model.json` beside the weights,
`run.json` while it is trained.

    card = read_card(Path("checkpoints/improved-500"))
    card.variant.encoder, card.training.lr, card.training.growth     # vgg19, 0.001, free
    card.weights                                # None where only the logs of a run were kept

Whoever needs a fact about a training reads it here; the name of a folder is a name and no more.
"""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.files import short, write_atomic
from core.models.flagship import FLAGSHIP_BLOCK
from core.models.losses import STYLE_LOSSES
from core.models.registry import MODELS, Variant
from core.models.style_net import BLOCKS
from core.models.weights import WeightsError, is_lfs_pointer, lfs_sentence

NAME = r"^[\w-][\w.-]{0,99}$"  # it comes into the names of files
ENCODER = "^vgg1[69]$"
CARD, RUN_CARD = "model.json", "run.json"
WHOLE, FACTORED = 1, 2  # formats of weights, see `core.models.checkpoint`


def _one_of(*names: str) -> str:
    """The pattern that matches each of the names, and nothing else."""
    return f"^({'|'.join(names)})$"


class _Part(BaseModel):
    """What this program needs to find in a part of a card; there may be more, which is kept."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)


class VariantCard(_Part):
    """A `core.models.registry.Variant` as it was trained."""

    name: str = Field(pattern=NAME)
    encoder: str = Field(pattern=ENCODER)
    block: str = Field(pattern=_one_of(*BLOCKS, FLAGSHIP_BLOCK))
    style_loss: str = Field(pattern=_one_of(*STYLE_LOSSES))
    images: int = Field(ge=0)
    title: str
    base: int = Field(ge=1, le=1024)

    def variant(self) -> Variant:
        """The variant, from which the network is built."""
        return Variant(**self.model_dump(include={field.name for field in fields(Variant)}))

    @property
    def kind(self) -> str:
        """The registry's name of a model with this encoder, block, loss and number of images;
        its own where there is none.
        """
        told_apart = ("encoder", "block", "style_loss", "images")
        for name, variant in MODELS.items():
            if all(getattr(variant, part) == getattr(self, part) for part in told_apart):
                return name
        return self.name


class EncoderCard(_Part):
    """Which encoder a model was trained with; `hash` is that of its weights."""

    name: str = Field(pattern=ENCODER)
    source: str = Field(pattern=_one_of("oxford", "torchvision"))
    hash: str


class WeightsCard(_Part):
    """The stored weights.

    Attributes:
        bytes: their size on disk.
        hash: of what they unpack to.
        quantisation: what storing them does to pictures, 1/255 RMS: `mean` and `largest` over so
            many `pairs`; in the factored form also its `rank`.
    """

    bytes: int = Field(ge=0)
    hash: str
    quantisation: dict[str, float] | None = None


class TrainingCard(_Part):
    """How a model was trained, a `core.training.trainer.TrainingConfig`, and what came of it.

    Attributes:
        lr: learning rate of the first iteration.
        growth: one of `core.training.weight_growth.GROWTH`.
        of_iterations: how long the run was planned to be, over which a falling learning rate falls.
        iterations: how many of them were done.
        crop: side of the training crops, pixels.
        last_epoch: mean content, weighted style and total variation loss.
    """

    lr: float = Field(gt=0)
    growth: str = "free"
    style_weight: float | None = Field(default=None, gt=0)
    seed: int | None = None
    crop: int | None = None
    dtype: str | None = None
    of_iterations: int | None = None
    iterations: int | None = None
    styles_seen: int | None = None
    hours: float | None = None
    last_epoch: dict[str, float] | None = None


class RunCard(_Part):
    """What a training writes beside its logs from its first moment on."""

    variant: VariantCard
    training: TrainingCard


class ModelCard(RunCard):
    """What a trained model writes beside its weights.

    Attributes:
        format: how the weights are stored, see `core.models.checkpoint`.
        parameters: how many each of the two networks has.
        weights: None where only the logs of a run were kept.
    """

    format: int
    parameters: dict[str, int] = {}
    encoder: EncoderCard
    weights: WeightsCard | None


def read_card(folder: Path) -> ModelCard:
    """The `model.json` of a model's folder.

    Raises:
        WeightsError: it is missing, broken, of another format,
            or lacks what this program needs; one sentence.
    """
    unfit = f"The model {folder.name} does not fit this program:"
    if is_lfs_pointer(folder / CARD):
        raise WeightsError(f"The model {folder.name} cannot be read: {lfs_sentence(CARD)}")
    try:
        found = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"The model {folder.name} has no {CARD} that can be read.") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{unfit} its {CARD} is broken.") from error
    stored_as = found.get("format") if isinstance(found, dict) else None
    if stored_as not in (None, WHOLE, FACTORED):
        raise WeightsError(
            f"The model {folder.name} has format {short(stored_as)}; "
            f"this version reads {WHOLE} and {FACTORED}."
        )
    try:
        return ModelCard.model_validate(found)
    except ValidationError as error:
        raise WeightsError(f"{unfit} in its {CARD}, {_first_fault(error)}.") from error


def _first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, in a few words:
    `encoder.name is missing or not valid ('vgg11')`.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "what it describes"
    value = f" ({first['input']!r:.40})" if first["type"] == "string_pattern_mismatch" else ""
    return f"{place} is missing or not valid{value}"


def read_run(folder: Path) -> RunCard | None:
    """What is known of the training in a folder, a finished model's or a run's;
    None where nothing is.
    """
    for name, kind in ((CARD, ModelCard), (RUN_CARD, RunCard)):
        try:
            return kind.model_validate_json((folder / name).read_bytes())
        except (OSError, ValidationError):
            continue
    return None


def write_card(folder: Path, card: ModelCard | dict[str, Any]) -> None:
    """Write `model.json`, whole."""
    checked = ModelCard.model_validate(card)
    text = json.dumps(checked.model_dump(exclude_unset=True), indent=1, ensure_ascii=False)
    write_atomic(folder / CARD, text.encode())
