"""The report's way with a painting: 20 more batches of training on it alone,
from a trained model (report, section 4).

    styled = refine(stylizer, load_image("painting.jpg"), contents)
    styled(load_image("photo.jpg"))                  # the photo, painted with the networks as they are now

Everything is trained, on a copy: refining never touches the model. A model of the report's width is
in factors (`core.models.factored`). Refining makes whole matrices of them, which are trained and
then freed: the refined style keeps its filters, and its MetaNet in factors again.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar, cast

import torch
from PIL import Image
from torch import Tensor

from core.images.convert import resize_smaller, to_tensor
from core.images.decode import ImageError, load_image
from core.inference.styled_model import StyledModel
from core.inference.stylizer import STYLE_SIDE, Cancelled, Stylizer
from core.models.encoder import Encoder
from core.models.factored import factorise, is_factored, rebuild
from core.models.registry import Net
from core.models.style_net import StyleNet
from core.runtime import fast_dtype
from core.training.batches import TrainingBatches
from core.training.data import SEED
from core.training.objective import Objective
from core.training.step import StepResult, train_step
from core.training.weight_growth import make_optimizer

REFINE_BATCHES = 20
MAX_SURROUNDINGS = 24  # photos whose filters are kept right when a refined style is factored again
REFINED_RANK = 16
Style = TypeVar("Style", covariant=True)


@dataclass(frozen=True)
class RefineStep(Generic[Style]):
    """What training on one painting has reached: batch `done` of `batches`.

    Attributes:
        losses: of that batch.
        style: gives the style as it stands. Copying one takes a tenth of a batch's time, so it is
            copied only when asked for: before the function that was given the step returns, or
            after the last batch.
    """

    done: int
    batches: int
    losses: StepResult
    style: Callable[[], Style] = field(repr=False)


Progress = Callable[[RefineStep[StyledModel]], object]


def refine(
    stylizer: Stylizer,
    style: Image.Image,
    contents: Sequence[Path],
    batches: int = REFINE_BATCHES,
    style_side: int = STYLE_SIDE,
    on_step: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
    *,
    dtype: torch.dtype | None = None,
) -> StyledModel:
    """Train a copy of the model on one painting, everything trainable, fresh Adam,
    then keep what it generates for it.

    The result is remembered in the stylizer's cache.

    Args:
        stylizer: the model to start from.
        style: RGB.
        contents: photographs to train on, 8 crops of 256 px a batch.
        batches: how many.
        style_side: the painting's smaller side in px when it is read.
        on_step: called after each batch.
        stop: asked before each batch; true cancels.
        dtype: what it computes in; by default the fastest on the device.

    Raises:
        Cancelled: `stop` said so.
        ImageError: there is no content, or one cannot be read.
    """
    if not contents:
        raise ImageError("Refining needs at least one photo.")
    names = tuple((path.name, path.stat().st_size) for path in contents)
    key = stylizer.key(style, style_side, batches, names)
    remembered = stylizer.cache.get(key)
    if remembered is not None:
        return remembered
    dtype = dtype or fast_dtype(stylizer.device)
    encoder = _encoder_in(stylizer.encoder, dtype)
    objective = Objective(stylizer.model.variant, encoder, stylizer.model.style_weight)
    pixels = to_tensor(resize_smaller(style, style_side))[None]
    target = objective.style(pixels.to(stylizer.device))
    pictures = torch.stack([target.descriptor, *_surroundings(stylizer, contents, style_side)])
    net = _trainable(stylizer.net, pictures)
    net.compute_dtype = dtype
    optimizer = make_optimizer(net, stylizer.model.card.training.lr)
    for iteration, crops in TrainingBatches(contents, (), seed=SEED).batches(0, batches):
        if stop():
            raise Cancelled(f"Refining was cancelled after {iteration} of {batches} batches.")
        result = train_step(net, objective, optimizer, crops.to(stylizer.device), target)
        if on_step:
            done = iteration + 1
            on_step(RefineStep(done, batches, result, partial(_kept, net, pictures, done)))
    styled = _kept(net, pictures, batches)
    stylizer.cache.put(key, styled)
    return styled


def _encoder_in(encoder: Encoder, dtype: torch.dtype) -> Encoder:
    """The encoder itself where it computes in that dtype already, else a copy that does."""
    return encoder if encoder.dtype == dtype else copy.deepcopy(encoder).for_compute(dtype)


def _surroundings(stylizer: Stylizer, contents: Sequence[Path], style_side: int) -> list[Tensor]:
    """Descriptors of some photos, to bring a refined MetaNet into factors by;
    none where it stays whole.
    """
    if not isinstance(stylizer.net, StyleNet):
        return []
    every = max(1, len(contents) // MAX_SURROUNDINGS)
    chosen = contents[::every][:MAX_SURROUNDINGS]
    return [stylizer.descriptor(load_image(path), style_side) for path in chosen]


def _trainable(net: Net, pictures: Tensor) -> Net:
    """A copy of a model's networks to train, its matrices whole.

    Args:
        pictures: M x 1920, descriptors of real pictures,
            whose filters it generates as the model does.
    """
    in_factors = isinstance(net, StyleNet) and is_factored(net)
    whole = rebuild(cast(StyleNet, net), pictures) if in_factors else copy.deepcopy(net)
    return whole.train().requires_grad_(True)


@torch.no_grad()
def _kept(net: Net, pictures: Tensor, batches: int) -> StyledModel:
    """What refining has reached, safe from the batches that follow, without the whole matrices.

    Args:
        pictures: M x 1920, the painting's descriptor and some photos'.
    """
    filters = net.meta_net(pictures[0])
    if isinstance(net, StyleNet):
        kept: Net = factorise(net, pictures, REFINED_RANK)
    else:
        kept = copy.deepcopy(net)
    kept.eval().requires_grad_(False)
    return StyledModel(kept.transform_net, filters, batches, kept.meta_net)
