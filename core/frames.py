"""Frame after frame painted with all that can be set about a picture: behind videos and the camera.

    paint = FrameStylizer([load_image("painting.jpg")], Settings(strength=0.8, colours="photo"))
    stylize_video("in.mp4", "out.mp4", paint, size=512)

The first frame is painted as `core.pipeline.stylize_image` paints a photo. What is read from the
photo there is read from the first frame here and then kept, so that nothing jumps from frame to
frame: the colours that a painting is given, and the photo's own style, towards which a strength
other than 1 leads (`core.inference.style_mixing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from core.images.colours import keep_colours
from core.images.convert import resize_longest
from core.images.masks import layered, soft_mask
from core.inference.model_store import model_store
from core.inference.style_file import Painting
from core.inference.style_mixing import blend, restore
from core.inference.stylizer import StyledModel, Stylizer
from core.paintings import (
    Masks,
    check_outside,
    mask_list,
    prepared,
    recoloured,
    styles_of_areas,
    weights_of,
)
from core.rendering import DRAFT_SIZE
from core.settings import PHOTO, RECOLOUR, Settings, SettingsError

REFINED_FRAMES = "Moving pictures are painted at once; refining is for single pictures."
OPAQUE_FRAMES = "Moving pictures have no transparency that could be their mask."


@dataclass(frozen=True)
class FrameStyle:
    """One painting's style at one strength.

    Attributes:
        full: at strength 1.
        own: the first frame's own style, and `blended` the style between the two;
            None where the strength is 1.
    """

    full: StyledModel
    own: StyledModel | None = None
    blended: StyledModel | None = None

    def __call__(self, frame: Image.Image, strength: float) -> Image.Image:
        """The frame, RGB, painted at its size."""
        if self.own is None or self.blended is None:
            return self.full(frame)
        small = resize_longest(frame, DRAFT_SIZE) if max(frame.size) > DRAFT_SIZE else frame
        return restore(self.blended(frame), frame, self.own(frame), self.full(small), strength)


class FrameStylizer:
    """Repaints RGB frames, each at its own size; the styles are made with the first.

    Args:
        paintings: RGB, or styles from files, one to four, with the weights of `settings.mix`.
        settings: for each frame; `size` and `tiles` do not count, as frames keep their size.
        mask: white where the style goes; the same for all frames, and resized to them. One for each
            of several paintings, as in `core.pipeline`.
        outside: with a mask, the painting for outside it; by default the frame itself shows there.
        stylizer: in place of the model that the settings name, which is loaded to `device`
            (by default the program's own, `core.runtime.default_device`).

    Raises:
        SettingsError: the settings do not go with the paintings or the mask, or ask for refining
            or for a mask of their own transparency.
        ImageError: a part of a painting is too small.
        WeightsError, EncoderError: see `ModelStore.stylizer`.
    """

    def __init__(
        self,
        paintings: Sequence[Painting],
        settings: Settings,
        mask: Masks = None,
        outside: Painting | None = None,
        stylizer: Stylizer | None = None,
        device: str | None = None,
    ) -> None:
        self.masks = mask_list(mask)
        self.weights = weights_of(settings, len(paintings), len(self.masks))
        if settings.refine:
            raise SettingsError(REFINED_FRAMES)
        if settings.mask_alpha:
            raise SettingsError(OPAQUE_FRAMES)
        self.paintings = prepared(paintings, settings)
        check_outside(outside, settings, len(self.masks))
        self.settings = settings
        self.outside = outside
        self.stylizer = stylizer or model_store().stylizer(settings.model, device)
        self._styles: list[FrameStyle] = []  # inside each mask, then outside
        self._insides: list[np.ndarray] = []  # H x W, how much of each pixel is inside each mask

    def __call__(self, frame: Image.Image) -> Image.Image:
        """The frame repainted, of the same size."""
        if self.settings.strength == 0:
            return frame
        if not self._styles:
            self._styles = self._read_styles(frame)
        settings = self.settings
        working = resize_longest(frame, settings.detail) if settings.detail else frame
        painted = [self._painted(style, working, frame) for style in self._styles]
        if self.masks and (not self._insides or self._insides[0].shape != frame.size[::-1]):
            softness, invert = settings.mask_softness, settings.mask_invert
            self._insides = [soft_mask(each, frame.size, softness, invert) for each in self.masks]
        around = painted[-1] if len(painted) > len(self.masks) else frame
        return layered(painted, self._insides, around)

    def _read_styles(self, first: Image.Image) -> list[FrameStyle]:
        side, paintings, outside = self.settings.style_size, self.paintings, self.outside
        if self.settings.colours == RECOLOUR:
            paintings = [recoloured(painting, first) for painting in paintings]
            outside = outside and recoloured(outside, first)
        emphasis = self.stylizer.emphasis_at(self.settings.strength)
        styles = styles_of_areas(
            self.stylizer, paintings, self.weights, outside, len(self.masks), side, emphasis
        )
        return [self._at_strength(style, first) for style in styles]

    def _at_strength(self, style: StyledModel, first: Image.Image) -> FrameStyle:
        strength = self.settings.strength
        if strength == 1 or style.emphasis:
            return FrameStyle(style)
        own = self.stylizer.identity_style(style, first, self.settings.style_size)
        parts = [(strength, style.filters), (1 - strength, own.filters)]
        blended = replace(style, filters=blend(style.transform_net, parts))
        return FrameStyle(style, own, blended)

    def _painted(self, style: FrameStyle, working: Image.Image, frame: Image.Image) -> Image.Image:
        image = style(working, self.settings.strength)
        if image.size != frame.size:
            image = image.resize(frame.size, Image.Resampling.LANCZOS)
        return keep_colours(image, frame) if self.settings.colours == PHOTO else image
