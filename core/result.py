"""What painting a photo gives: the picture, how it was made, and what refining has reached meanwhile.

result = stylize_image(photo, painting)       # core.pipeline
result.image, result.working_size, result.seconds, result.note
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from core.settings import Settings
from core.training.step import StepResult

USUAL_SIZE = 512  # px, at which the networks' strokes look as they were trained to


@dataclass(frozen=True)
class StylizeResult:
    """A painted photo and what there is to say about it.

    Attributes:
        image: the result, sRGB; RGB, or RGBA where the photo has transparency.
        before: the photo, at the result's size, of the same mode.
        settings: those it was painted with: model and mix filled in,
            `refine` the batches that it has behind it.
        model_hash: of the model's weights; of the encoder's for a method without a model.
        device: where it was computed, `cpu` or `cuda`.
        working_size: width and height in px at which the network painted.
        seconds: `model` (loading it), `style` (reading paintings, refining),
            `transform` (painting), `total`.
        style_loss: weighted, of the last batch; None for instant.
    """

    image: Image.Image = field(repr=False)
    before: Image.Image = field(repr=False)
    settings: Settings
    model_hash: str
    device: str
    working_size: tuple[int, int]
    seconds: dict[str, float]
    style_loss: float | None = None

    @property
    def note(self) -> str:
        """A sentence where strokes come out much broader or finer than at 512 px, or nothing."""
        return stroke_note(self.working_size) if self.settings.strength else ""


@dataclass(frozen=True)
class PaintStep:
    """What refining has reached: batch `done` of `batches`, its losses,
    and a look at it with `draft(longest_side)`.

    `draft` may only be called before the function that was given the step returns.
    """

    done: int
    batches: int
    losses: StepResult
    draft: Callable[..., StylizeResult] = field(repr=False)


def stroke_note(working_size: tuple[int, int]) -> str:
    """How wide strokes are in a picture painted at this size, against one painted at 512 px;
    nothing where about as wide.
    """
    ratio = USUAL_SIZE / max(working_size)
    if 0.8 < ratio < 1.25:
        return ""
    words = {
        1 / 4: "a quarter as wide",
        1 / 3: "a third as wide",
        1 / 2: "half as wide",
        2.0: "twice as wide",
    }
    near = min(words, key=lambda share: abs(share / ratio - 1))
    width = f"{ratio:.0f} times as wide" if ratio >= 2.5 else f"{ratio:.0%} as wide"
    if abs(near / ratio - 1) < 0.15:
        width = words[near]
    return f"Strokes are about {width} in the picture as at {USUAL_SIZE} px; a detail of {USUAL_SIZE} px gives those."
