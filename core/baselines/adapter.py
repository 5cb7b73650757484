"""The report's methods 1 and 2, each where a model's name can stand: `gatys` optimises the pixels
of one photo, `johnson` trains a network for one painting. They take minutes where a model takes a
second, and are what models are compared with.

    stylize_image(photo, painting, Settings(model="gatys"))               # core.baselines.gatys, 100 steps
    stylize_image(photo, painting, Settings(model="johnson", refine=50))  # core.baselines.johnson, 50 batches

Either takes a fixed number of steps, the `refine` of the settings. There is no MetaNet whose
numbers could be blended: one painting at a time, at full strength. Masks, colours and sizes are as
with a model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from core.baselines import gatys, johnson
from core.images.decode import ImageError
from core.inference.model_store import model_store
from core.inference.styled_model import StyledModel
from core.inference.stylizer import STYLE_SIDE, Stylizer, picture_hash
from core.models.encoder import load_encoder
from core.runtime import default_device
from core.settings import Settings, SettingsError
from core.training.refine import RefineStep
from core.training.step import StepResult


@dataclass(frozen=True)
class PixelStyle:
    """One optimised photo, or none yet, in the place of a `StyledModel`:
    it can paint that photo only, at any size.

    Attributes:
        state: where the optimisation stands.
        refined: number of steps that it has behind it.
    """

    state: gatys.State | None = field(default=None, repr=False)
    refined: int = 0

    def __call__(self, image: Image.Image) -> Image.Image:
        """The optimised photo at the size of `image`, which is that photo; before the first step, the photo."""
        if self.state is None:  # as in a draft, while the painting inside the mask has its turn
            return image
        reached = self.state.image
        same = reached.size == image.size
        return reached if same else reached.resize(image.size, Image.Resampling.LANCZOS)


Style = StyledModel | PixelStyle
Progress = Callable[[RefineStep[StyledModel] | RefineStep[PixelStyle]], object]


class Method:
    """What `core.pipeline` uses of a `Stylizer`, for a method that has no trained model.

    Args:
        device: where to compute.
        photo: the one that is painted, at the size at which it is.
    """

    name = ""
    title = ""
    steps = 0
    refine: Callable[..., Style]  # as `core.training.refine.refine`, but for its first argument

    def __init__(self, device: str = "cpu", photo: Image.Image | None = None) -> None:
        self.device, self.photo = torch.device(device), photo

    @property
    def hash(self) -> str:
        """Of the encoder's weights, the only ones that the method starts with."""
        return _vgg19_hash()

    def fitting(self, settings: Settings) -> Settings:
        """The settings with the method's number of steps, where they name none.

        Raises:
            SettingsError: they ask for what needs a MetaNet.
        """
        if settings.strength != 1:
            raise SettingsError(
                f"{self.name} paints at full strength only; set the strength to 100 %."
            )
        return settings if settings.refine else replace(settings, refine=self.steps)

    def emphasis_at(self, strength: float) -> float:
        """0: a method paints at full strength only."""
        return 0.0

    def encode_style(self, *_: Any, **__: Any) -> Style:
        """The photo as it is, until `refine` makes a style; as for a `Stylizer`."""
        return PixelStyle()

    mix = encode_style  # `Settings` allow one painting in an area


class Gatys(Method):
    """Method 1 (Gatys et al. 1508.06576): the pixels of one photo."""

    name = "gatys"
    title = "Method 1: optimised pixels (Gatys)"
    steps = gatys.STEPS

    def refine(
        self,
        style: Image.Image,
        contents: Sequence[Path],
        batches: int,
        style_side: int = STYLE_SIDE,
        on_step: Progress | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> PixelStyle:
        """Optimise the photo; `contents` play no part.

        Raises:
            Cancelled: `stop` said so. ImageError: the photo is larger than 1,024 px a side.
        """
        if self.photo is None or max(self.photo.size) > gatys.MAX_SIDE:
            raise ImageError(
                f"Optimising pixels is for photos of up to {gatys.MAX_SIDE} px a side; choose a smaller size or detail."
            )

        def reached(state: gatys.State) -> None:
            if on_step:
                losses = StepResult(state.content_loss, state.style_loss, state.tv_loss, 0.0, 0.0)
                style = PixelStyle(state, state.done)
                on_step(RefineStep(state.done, batches, losses, lambda: style))

        optimise = partial(gatys.optimise, steps=batches, style_side=style_side, device=self.device)
        return PixelStyle(optimise(self.photo, style, on_step=reached, stop=stop), batches)


class Johnson(Method):
    """Method 2 (Johnson et al. 1603.08155): a network of the painting's own,
    remembered for the photos that follow.
    """

    name = "johnson"
    title = "Method 2: a network of its own (Johnson)"
    steps = johnson.ITERATIONS

    def refine(
        self,
        style: Image.Image,
        contents: Sequence[Path],
        batches: int,
        style_side: int = STYLE_SIDE,
        on_step: Progress | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> StyledModel:
        """Train the network on the photographs, unless one that was trained so is remembered.
        Raises Cancelled: `stop` said so.
        """
        names = tuple((path.name, path.stat().st_size) for path in contents)
        key = (self.name, picture_hash(style), style_side, batches, names, str(self.device))
        styles = model_store().styles
        styled = styles.get(key)
        if styled is None:
            styled = johnson.train(
                style,
                contents,
                batches,
                style_side=style_side,
                device=self.device,
                on_step=on_step,
                stop=stop,
            )
            styles.put(key, styled)
        return styled


METHODS: dict[str, type[Method]] = {method.name: method for method in (Gatys, Johnson)}
Backend = Stylizer | Method


def find_backend(name: str, device: str | None = None) -> Backend:
    """A method by its name, or the stylizer of a trained model, the best for an empty name.

    Args:
        device: in place of the program's own (`core.runtime.default_device`).

    Raises:
        WeightsError, EncoderError: see `ModelStore.stylizer`.
    """
    if name in METHODS:
        return METHODS[name](device or str(default_device()))
    return model_store().stylizer(name, device)


@lru_cache(maxsize=1)
def _vgg19_hash() -> str:
    return load_encoder("vgg19").hash
