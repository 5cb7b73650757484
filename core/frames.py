"""Frame after frame painted with all that can be set about a picture: behind videos and the camera.

    paint = FrameStylizer([load_image("painting.jpg")], Settings(strength=0.8, colours="photo"))
    stylize_video("in.mp4", "out.mp4", paint, size=512)

The first frame is painted as `core.pipeline.stylize_image` paints a photo. What is read from the
photo there is read from the first frame here and then kept, so that nothing jumps from frame to
frame: the colours that a painting is given, the table that matches colours to a painting, and the
photo's own style, towards which a strength other than 1 leads (`core.inference.style_mixing`).
A frame of one colour, as before a film fades in, tells none of it, so nothing of it is kept; and
while what was kept is of a dim frame, a frame with clearly more contrast is read in its place, so
that a film which fades in slowly has the colours of what it shows then. Where masks leave parts of
the frame as they are, these do not count.

Refining, the report's own way, comes once, before the first frame; then the fixed network paints
them all:

    paint = FrameStylizer([painting], Settings(refine=20), refine_contents=library().refining_contents)
    paint.refine(on_step=lambda done, batches: print(done, batches))
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.baselines.adapter import Style
from core.images.colour_transport import ColourTable
from core.images.convert import resize_longest
from core.images.masks import soft_mask
from core.inference.model_store import model_store
from core.inference.style_file import Painting
from core.inference.stylizer import Stylizer
from core.matching import colour_match, is_matched, places_shown
from core.paintings import Masks, Paintings, mask_list
from core.rendering import Area, StyleAtStrength, put_together, refine_areas
from core.settings import RECOLOUR, Settings, SettingsError
from core.training.refine import RefineStep

REFINED_FRAMES = (
    "Refining comes before the first frame and needs photographs; give some to refine on."
)
RECOLOURED_FRAMES = (
    "Refining comes before the first frame, whose colours the painting cannot have yet; "
    "choose other colours, or leave refining out."
)
OPAQUE_FRAMES = "Moving pictures have no transparency that could be their mask."
# Contrast is the most levels, of 255, that a channel of a frame spans where a style is shown.
FLAT = 16  # a frame of less is of one colour
CLEAR = 192  # what was read from a frame of so much is kept for good
CLEARER = 1.25  # times the contrast: this much more is worth another reading


class FrameStylizer:
    """Repaints RGB frames, each at its own size; the styles are made with the first.

    Args:
        paintings: RGB, or styles from files, one to four, with the weights of `settings.mix`.
        settings: for each frame; `size` and `tiles` do not count, as frames keep their size.
        mask: white where the style goes; the same for all frames, and resized to them. One for each
            of several paintings, as in `core.pipeline`.
        outside: with a mask, the painting for outside it; by default the frame itself shows there.
        stylizer: in place of the model that the settings name.
        refine_contents: photographs to refine on; without any, refining is refused.

    Raises:
        SettingsError: the settings do not go with the paintings or the mask, or ask for refining
            without photographs or with recoloured paintings, or for a mask of their own transparency.
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
        refine_contents: Sequence[Path] = (),
    ) -> None:
        self.masks = mask_list(mask)
        if settings.refine and not refine_contents:
            raise SettingsError(REFINED_FRAMES)
        if settings.refine and settings.colours == RECOLOUR:
            raise SettingsError(RECOLOURED_FRAMES)
        if settings.mask_alpha:
            raise SettingsError(OPAQUE_FRAMES)
        self.paintings = Paintings.of(paintings, settings, len(self.masks), outside)
        self.settings = settings
        self.stylizer = stylizer or model_store().stylizer(settings.model)
        self.refine_contents = refine_contents
        self._refined: list[Style] = []  # as `_styles`, where the settings ask for refining
        self._contrast = 0  # of the frame that the next two were read from
        self._styles: list[StyleAtStrength] = []  # inside each mask, then outside
        self._matches: list[ColourTable | None] = []  # of the same areas, where colours are matched
        self._insides: list[np.ndarray] = []  # H x W, how much of each pixel is inside each mask

    def refine(
        self,
        on_step: Callable[[int, int], object] = lambda done, batches: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Refine one style after the other, with as many batches as the settings say; where this is
        not called, the first frame does it.

        Args:
            on_step: called after each batch with how many are done, and with how many there are.
            stop: asked before each batch; true cancels.

        Raises:
            Cancelled: `stop` said so; the styles are as before.
            ImageError: a photograph cannot be read.
        """
        if not (self.settings.refine and self.settings.strength):
            return
        side = self.settings.style_size
        styles = self.paintings.styles(self.stylizer, side, emphasis=0.0)
        areas = [Area(*style) for style in styles]

        def report(_: Area, done: int, total: int, step: RefineStep[Style]) -> None:
            on_step(done, total)

        refine_areas(areas, self.stylizer, self.refine_contents, self.settings, report, stop)
        self._refined = [area.style for area in areas]

    def __call__(self, frame: Image.Image) -> Image.Image:
        """The frame repainted, of the same size."""
        if self.settings.strength == 0:
            return frame
        if self.settings.refine and not self._refined:
            self.refine()
        settings = self.settings
        working = resize_longest(frame, settings.detail) if settings.detail else frame
        styles, matches, contrast = self._styles, self._matches, self._contrast
        if self.masks and (not self._insides or self._insides[0].shape != frame.size[::-1]):
            softness, invert = settings.mask_softness, settings.mask_invert
            self._insides = [soft_mask(each, frame.size, softness, invert) for each in self.masks]
        if contrast < CLEAR:
            contrast = self._contrast_of(frame)
        if contrast >= CLEARER * self._contrast:
            styles, matches = self._read_styles(frame), []
        painted = [style(working) for style in styles]
        if is_matched(settings, self.stylizer):
            matches = matches or self._read_matches(painted, frame)
            pairs = zip(matches, painted, strict=True)
            painted = [match(image) if match else image for match, image in pairs]
        if contrast >= FLAT and styles is not self._styles:
            self._styles, self._matches, self._contrast = styles, matches, contrast
        return put_together(painted, frame, settings, len(self.masks), self._insides)

    def _contrast_of(self, frame: Image.Image) -> int:
        """The contrast of what is shown in a style; of the whole frame where masks show nothing so."""
        pixels = np.asarray(frame)
        if self.masks and not self.paintings.outside:
            shown = np.max(self._insides, axis=0) >= 0.5
            pixels = pixels[shown] if shown.any() else pixels
        return int(np.ptp(pixels.reshape(-1, 3), axis=0).max())

    def _read_styles(self, first: Image.Image) -> list[StyleAtStrength]:
        side, strength, paintings = self.settings.style_size, self.settings.strength, self.paintings
        if self.settings.colours == RECOLOUR:
            paintings = paintings.recoloured(first, self._shown(first))
        emphasis = self.stylizer.emphasis_at(strength)
        styles = self._refined or [
            style for _, style in paintings.styles(self.stylizer, side, emphasis)
        ]
        return [StyleAtStrength.of(self.stylizer, style, strength, first, side) for style in styles]

    def _read_matches(
        self, painted: list[Image.Image], first: Image.Image
    ) -> list[ColourTable | None]:
        strength, colours = self.settings.strength, self.paintings.colours()
        return [
            colour_match(image, goal, first, strength, place) if goal else None
            for image, goal, place in zip(painted, colours, self._shown(first), strict=False)
        ]

    def _shown(self, frame: Image.Image) -> list[Image.Image | None]:
        """Where each style is shown in a frame."""
        return places_shown(self.masks, frame.size, self.settings)
