"""Frame after frame painted with all that can be set about a picture: behind videos and the camera.

    paint = FrameStylizer([load_image("painting.jpg")], Settings(strength=0.8, colours="photo"))
    stylize_video("in.mp4", "out.mp4", paint, size=512)

The first frame is painted as `core.pipeline.stylize_image` paints a photo. What is read from the
photo there is read from the first frame here and then kept, so that nothing jumps from frame to
frame: the colours that a painting is given, the map that matches colours to a painting, and the
photo's own style, towards which a strength other than 1 leads (`core.inference.style_mixing`).
A frame of one colour, as before a film fades in, tells none of it, so nothing of it is kept; and
while what was kept is of a dim frame, a frame with clearly more contrast is read in its place, so
that a film which fades in slowly has the colours of what it shows then.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from core.images.colours import ColourMap
from core.images.convert import resize_longest
from core.images.masks import soft_mask
from core.inference.model_store import model_store
from core.inference.style_file import Painting
from core.inference.stylizer import Stylizer
from core.matching import colour_match, places_shown
from core.paintings import Masks, Paintings, mask_list
from core.rendering import StyleAtStrength, put_together
from core.settings import MATCH, RECOLOUR, Settings, SettingsError

REFINED_FRAMES = "Moving pictures are painted at once; refining is for single pictures."
OPAQUE_FRAMES = "Moving pictures have no transparency that could be their mask."
# Contrast is the most levels, of 255, that a channel of a frame spans.
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
    ) -> None:
        self.masks = mask_list(mask)
        if settings.refine:
            raise SettingsError(REFINED_FRAMES)
        if settings.mask_alpha:
            raise SettingsError(OPAQUE_FRAMES)
        self.paintings = Paintings.of(paintings, settings, len(self.masks), outside)
        self.settings = settings
        self.stylizer = stylizer or model_store().stylizer(settings.model)
        self._contrast = 0  # of the frame that the next two were read from
        self._styles: list[StyleAtStrength] = []  # inside each mask, then outside
        self._matches: list[ColourMap] = []  # of the same areas, where colours are matched
        self._insides: list[np.ndarray] = []  # H x W, how much of each pixel is inside each mask

    def __call__(self, frame: Image.Image) -> Image.Image:
        """The frame repainted, of the same size."""
        if self.settings.strength == 0:
            return frame
        settings = self.settings
        working = resize_longest(frame, settings.detail) if settings.detail else frame
        styles, matches, contrast = self._styles, self._matches, self._contrast
        if contrast < CLEAR:
            contrast = int(np.ptp(np.asarray(frame), axis=(0, 1)).max())
        if contrast >= CLEARER * self._contrast:
            styles, matches = self._read_styles(frame), []
        painted = [style(working) for style in styles]
        if settings.colours == MATCH:
            matches = matches or self._read_matches(painted, frame)
            painted = [match(image) for match, image in zip(matches, painted, strict=True)]
        if contrast >= FLAT and styles is not self._styles:
            self._styles, self._matches, self._contrast = styles, matches, contrast
        if self.masks and (not self._insides or self._insides[0].shape != frame.size[::-1]):
            softness, invert = settings.mask_softness, settings.mask_invert
            self._insides = [soft_mask(each, frame.size, softness, invert) for each in self.masks]
        return put_together(painted, frame, settings, len(self.masks), self._insides)

    def _read_styles(self, first: Image.Image) -> list[StyleAtStrength]:
        side, strength, paintings = self.settings.style_size, self.settings.strength, self.paintings
        if self.settings.colours == RECOLOUR:
            paintings = paintings.recoloured(first)
        styles = paintings.styles(self.stylizer, side, self.stylizer.emphasis_at(strength))
        return [
            StyleAtStrength.of(self.stylizer, style, strength, first, side) for _, style in styles
        ]

    def _read_matches(self, painted: list[Image.Image], first: Image.Image) -> list[ColourMap]:
        strength, palettes = self.settings.strength, self.paintings.palettes()
        shown = places_shown(self.masks, first.size, self.settings)
        return [
            colour_match(image, palette, first, strength, place)
            for image, palette, place in zip(painted, palettes, shown, strict=False)
        ]
