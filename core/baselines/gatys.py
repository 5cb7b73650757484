"""Method 1 of the report: optimise the pixels of one picture, for one painting,
with no network of our own.

The command: `python -m core.gatys`.

Gatys, Ecker, Bethge, "A neural algorithm of artistic style" (1508.06576), with the losses of the
improved model (改进模型): content at VGG19's third tap, Gram matrices at all four, total variation.
What it reaches is the floor for every network that is trained on those losses.

    painted = optimise(load_image("photo.jpg"), load_image("painting.jpg")).image   # of the photo's size
    state = optimise(photo, painting, steps=100, on_step=lambda state: print(state.done, state.loss))

The optimiser is L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995; scipy's): every pixel stays between black
and white. Without these bounds a tenth of the values end outside, and cutting them off when the
picture is saved undoes part of the work. A step is one evaluation of loss and gradient, those of
the line search included.
"""

import copy
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import Bounds, minimize
from torch import Tensor

from core.images.convert import resize_smaller, to_image, to_tensor
from core.images.decode import MIN_SIDE, ImageError
from core.inference.stylizer import STYLE_SIDE, Cancelled
from core.models.encoder import Encoder, load_encoder, normalize
from core.models.losses import CONTENT_TAP, ContentLoss, GramLoss, total_variation
from core.models.registry import CONTENT_WEIGHT, PER_STYLE_WEIGHT, TV_WEIGHT
from core.runtime import fast_dtype

STEPS = 100
SIZE = 512  # px: where nobody asks for a size on the command line, larger photos are made smaller
MAX_SIDE = 1024  # px: the optimiser remembers 2 x 20 pictures in float64
MEMORY = 20
INITS = ("content", "noise")


@dataclass(frozen=True)
class Weights:
    """What is minimised: content + style + total variation.

    Attributes:
        content, style, tv: factors of the three losses of `core.models.losses`; not negative.
        content_tap: where in the encoder content is compared; empty for the third tap.
        style_taps: where Gram matrices are compared; empty for all four.

    Raises:
        ValueError: a factor is negative or not finite.
    """

    content: float = CONTENT_WEIGHT
    style: float = PER_STYLE_WEIGHT
    tv: float = TV_WEIGHT
    content_tap: str = ""
    style_taps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("content", "style", "tv"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"The {name} weight must be 0 or more, not {value}.")


DEFAULT_WEIGHTS = Weights()
SETTINGS: dict[str, Any] = {
    "steps": STEPS,
    "style_side": STYLE_SIDE,
    **asdict(DEFAULT_WEIGHTS),
    "style_taps": [],
}


@dataclass(frozen=True)
class State:
    """Where an optimisation stands: the best picture so far and its weighted losses.

    Attributes:
        done, steps: evaluations made, and asked for.
        pixels: 1 x 3 x H x W in [0, 1].
    """

    done: int
    steps: int
    content_loss: float
    style_loss: float
    tv_loss: float
    pixels: Tensor = field(repr=False)

    @property
    def loss(self) -> float:
        return self.content_loss + self.style_loss + self.tv_loss

    @property
    def image(self) -> Image.Image:
        return to_image(self.pixels)


def _state(done: int, steps: int, losses: Tensor, pixels: Tensor) -> State:
    content_loss, style_loss, tv_loss = losses.tolist()
    return State(done, steps, content_loss, style_loss, tv_loss, pixels.detach())


class PixelLoss:
    """The three losses as a function of one picture.

    Args:
        content: 1 x 3 x H x W in [0, 1].
        style: 1 x 3 x H' x W' in [0, 1].
        encoder: in the dtype it shall compute in, on the pictures' device.

    Raises:
        EncoderError: it has no such tap.
    """

    def __init__(
        self, content: Tensor, style: Tensor, encoder: Encoder, weights: Weights = DEFAULT_WEIGHTS
    ) -> None:
        self.encoder, self.weights = encoder, weights
        self.content_loss = ContentLoss(weights.content_tap or encoder.tap_names[CONTENT_TAP])
        self.style_loss = GramLoss()
        taps = weights.style_taps or encoder.tap_names
        with torch.no_grad():
            self.content = encoder(normalize(content), last=self.content_loss.tap)
            style_features = [(tap, encoder(normalize(style), last=tap)[tap]) for tap in taps]
            self.target = self.style_loss.target(dict(style_features))
        self.last = max((self.content_loss.tap, *taps), key=encoder.tap_names.index)

    def __call__(self, pixels: Tensor) -> Tensor:
        """1 x 3 x H x W in [0, 1] -> the weighted content, style and total-variation loss:
        3, float32.
        """
        images = normalize(pixels)
        features = self.encoder(images, last=self.last)
        return torch.stack(
            [
                self.weights.content * self.content_loss(features, self.content),
                self.weights.style * self.style_loss(features, self.target),
                self.weights.tv * total_variation(images),
            ]
        )


class _Done(Exception):
    """All steps are made."""


class _Descent:
    """Minimises until all steps are made, keeping the best picture."""

    def __init__(
        self, start: Tensor, steps: int, on_step: Callable[[State], None], stop: Callable[[], bool]
    ) -> None:
        self.best = State(0, steps, math.inf, 0.0, 0.0, start)
        self.on_step, self.stop = on_step, stop

    def run(self, loss: PixelLoss) -> None:
        """Go on from the best picture so far, until the steps or the optimiser come to an end."""
        values = self.best.pixels.flatten().double().cpu().numpy()
        self.loss = loss
        # Another encoder's losses are not comparable.
        self.best = replace(self.best, content_loss=math.inf)
        steps = self.best.steps
        options = {"maxcor": MEMORY, "ftol": 0, "gtol": 0, "maxfun": steps, "maxiter": steps}
        with suppress(_Done):
            minimize(
                self._evaluate,
                values,
                jac=True,
                method="L-BFGS-B",
                bounds=Bounds(0, 1),
                options=options,
            )

    def _evaluate(self, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        done, steps, before = self.best.done, self.best.steps, self.best.pixels
        if done == steps:
            raise _Done
        if self.stop():
            raise Cancelled(f"Optimising was cancelled after {done} of {steps} steps.")
        pixels = torch.from_numpy(values).to(before.device, torch.float32)
        pixels = pixels.view_as(before).requires_grad_()
        losses = self.loss(pixels)
        total = losses.sum()
        (gradient,) = torch.autograd.grad(total, pixels)
        self.best = replace(self.best, done=done + 1)
        if total.item() < self.best.loss:
            self.best = _state(done + 1, steps, losses, pixels)
        self.on_step(self.best)
        return total.item(), gradient.flatten().double().cpu().numpy()


def optimise(
    content: Image.Image,
    style: Image.Image,
    *,
    steps: int = STEPS,
    weights: Weights = DEFAULT_WEIGHTS,
    style_side: int = STYLE_SIDE,
    init: str = "content",
    seed: int = 0,
    encoder: Encoder | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    on_step: Callable[[State], None] = lambda state: None,
    stop: Callable[[], bool] = lambda: False,
) -> State:
    """Optimise a picture.

    Args:
        content, style: RGB; content 16 to 1024 px a side.
        steps: evaluations of loss and gradient;
            fewer are made only where nothing can be gained any more.
        style_side: the painting's smaller side in px when it is read.
        init: start from the `content`, or from uniform `noise` drawn with `seed`.
        encoder: float32; by default the shipped VGG19.
        dtype: what the encoder computes in; by default the fastest on the device
            (`core.runtime.fast_dtype`). Where it is too coarse for the optimiser to go on,
            the last steps are in float32.
        on_step: called after each step; the losses are those found in `dtype`.
        stop: asked before each step; true cancels.

    Returns:
        The final picture, rounded to 8 bits, with its losses in float32.

    Raises:
        Cancelled: `stop` said so.
        ImageError: the content is too small or too large.
        ValueError: fewer than one step, no such init; EncoderError: no such tap.
    """
    if min(content.size) < MIN_SIDE or max(content.size) > MAX_SIDE:
        measured = f"{content.width} x {content.height} px"
        raise ImageError(
            f"The photo has {measured}; for optimising each side must have {MIN_SIDE} to {MAX_SIDE}."
        )
    if steps < 1:
        raise ValueError(f"Optimising takes at least one step, not {steps}.")
    if init not in INITS:
        raise ValueError(f"A picture cannot start from {init!r}; choose {' or '.join(INITS)}.")
    photo = to_tensor(content)[None].to(device)
    painting = to_tensor(resize_smaller(style, style_side))[None].to(device)
    exact_encoder = (encoder or load_encoder("vgg19")).to(device)
    exact = PixelLoss(photo, painting, exact_encoder, weights)
    dtype = dtype or fast_dtype(device)
    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(seed))
    descent = _Descent(noise.to(device) if init == "noise" else photo, steps, on_step, stop)
    if dtype != torch.float32:
        fast = copy.deepcopy(exact_encoder).for_compute(dtype)
        descent.run(PixelLoss(photo, painting, fast, weights))
    if descent.best.done < steps:
        descent.run(exact)
    pixels = to_tensor(descent.best.image)[None].to(device)
    with torch.no_grad():
        return _state(descent.best.done, steps, exact(pixels), pixels)
