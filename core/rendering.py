"""A photo on its way through `core.pipeline.stylize_image`: its areas, each in a style of its own, refined where asked,
and rendered as often as there are drafts.

    rendering = Rendering(photo, None, masks, settings, backend, areas, started, loaded, styled)
    rendering.refine(contents, on_step, stop)           # drafts to on_step
    result = rendering.render(settings)
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from core.baselines.adapter import Backend, Method, Style
from core.images.colour_transport import ColourSample
from core.images.colours import keep_colours
from core.images.convert import resize_longest
from core.images.decode import ImageError
from core.images.masks import layered, soft_mask
from core.inference.style_file import Painting, SavedStyle
from core.inference.style_mixing import blend, restore
from core.inference.styled_model import MAX_SIDE, MAX_WHOLE, StyledModel
from core.inference.stylizer import Cancelled
from core.inference.tiled import stylize_tiled
from core.matching import colour_match, places_shown
from core.result import PaintStep, StylizeResult
from core.settings import PHOTO, Settings
from core.training.refine import RefineStep, refine
from core.training.step import StepResult

DRAFT_SIZE = 512  # px, longest side
Share = Callable[[float], None]  # gets what is done, 0 to 1


@dataclass(frozen=True)
class StyleAtStrength:
    """One painting's style at one strength.

    Attributes:
        full: at strength 1.
        own: the photo's own style, and `blended` the style between the two; None where there is
            nothing to blend.
    """

    full: Style
    strength: float
    own: StyledModel | None = None
    blended: StyledModel | None = None

    @classmethod
    def of(
        cls, backend: Backend, style: Style, strength: float, photo: Image.Image, style_side: int
    ) -> "StyleAtStrength":
        """A blend with the photo's own style, unless the network itself was asked for the strength,
        or the style knows none.
        """
        if isinstance(backend, Method) or not isinstance(style, StyledModel):
            return cls(style, strength)
        if strength == 1 or style.emphasis:
            return cls(style, strength)
        own = backend.identity_style(style, photo, style_side)
        parts = [(strength, style.filters), (1 - strength, own.filters)]
        blended = replace(style, filters=blend(style.transform_net, parts))
        return cls(style, strength, own, blended)

    def __call__(
        self, picture: Image.Image, paint: Callable[[Style], Image.Image] | None = None
    ) -> Image.Image:
        """The picture, RGB, painted at its size.

        Args:
            paint: the picture in one style, by default in one piece; called once, or twice for a
                blend.
        """
        paint = paint or (lambda style: style(picture))
        if self.own is None or self.blended is None:
            return paint(self.full)
        blended, lost = paint(self.blended), paint(self.own)
        small = resize_longest(picture, DRAFT_SIZE) if max(picture.size) > DRAFT_SIZE else picture
        return restore(blended, picture, lost, self.full(small), self.strength)


@dataclass
class Area:
    """What is painted in one style: the photo, or what is inside or outside its mask.

    Attributes:
        painting: what its style is of; of several, the first that counts.
        style: instant at first, refined later.
        colours: those that the area is matched to, if any.
        latest: gives the style as far as refining came, once it began.
    """

    painting: Painting
    style: Style
    colours: ColourSample | None = None
    latest: Callable[[], Style] | None = None


def refine_areas(
    areas: Sequence[Area],
    backend: Backend,
    contents: Sequence[Path],
    settings: Settings,
    on_step: Callable[[Area, int, int, RefineStep[Style]], object],
    stop: Callable[[], bool],
) -> None:
    """Refine the style of one area after the other, as the settings say.

    Args:
        backend: what made the styles.
        contents: photographs to refine on.
        on_step: called after each batch with the area, how many batches are done, how many there
            are for all areas, and what this area has reached.
        stop: asked before each batch; true cancels.

    Raises:
        Cancelled: `stop` said so; the area whose turn it was has the style that it had.
        ImageError: there is no photograph, or one cannot be read.
    """
    batches, side = settings.refine, settings.style_size
    total = batches * len(areas)
    run = backend.refine if isinstance(backend, Method) else partial(refine, backend)

    def reached(area: Area, before: int, step: RefineStep[Style]) -> None:
        on_step(area, before + step.done, total, step)

    for number, area in enumerate(areas):
        assert not isinstance(area.painting, SavedStyle)  # `prepared` refuses to refine one
        report = partial(reached, area, number * batches)
        area.style = run(area.painting, contents, batches, side, report, stop)


@dataclass
class Rendering:
    """One request on its way: styles refined where asked, rendered as often as there are drafts.

    Attributes:
        photo: RGB.
        alpha: how opaque it is, mode L; None where all of it is seen.
        masks: as they were given.
        settings: those of the request, with model and mix filled in.
        backend: what paints.
        areas: one, or what is inside each mask, and then what is outside.
        started, loaded, styled: by `time.perf_counter`; the last is when the styles were ready.
        losses: of the last batch of refining.
    """

    photo: Image.Image
    alpha: Image.Image | None
    masks: list[Image.Image]
    settings: Settings
    backend: Backend
    areas: list[Area]
    started: float
    loaded: float
    styled: float
    losses: StepResult | None = None

    def refine(
        self,
        contents: Sequence[Path],
        on_step: Callable[[PaintStep], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        """Refine one style after the other; one alone stays as far as it came when stopped."""

        def reached(area: Area, done: int, total: int, step: RefineStep[Style]) -> None:
            self.losses = step.losses
            area.latest = step.style

            def draft(longest: int = DRAFT_SIZE) -> StylizeResult:
                area.style = step.style()
                return self.draft(longest)

            if on_step:
                on_step(PaintStep(done, total, step.losses, draft))

        try:
            refine_areas(self.areas, self.backend, contents, self.settings, reached, stop)
        except Cancelled:
            only, *others = self.areas
            # Two styles stopped at different batches are a picture that no settings give again.
            if others or only.latest is None:
                raise
            only.style = only.latest()
        self.styled = time.perf_counter()

    def draft(self, longest: int) -> StylizeResult:
        """The picture as it stands, with at most `longest` px on its longest side."""
        whole = self.settings.size or max(self.photo.size)
        size = min(longest, whole)
        softness = self.settings.mask_softness
        if softness is not None:
            softness = softness * size / whole
        return self.render(replace(self.settings, size=size, detail=None, mask_softness=softness))

    def render(self, settings: Settings, on_share: Share | None = None) -> StylizeResult:
        """The photo painted with the styles as they are."""
        begun = time.perf_counter()
        before, working = sizes(self.photo, settings)
        if max(before.size + working.size) > MAX_SIDE:
            raise ImageError(
                f"The photo has {before.width} x {before.height} px; "
                f"choose a size of at most {MAX_SIDE} px."
            )
        painted = self._matched(self._paint_areas(working, settings, on_share), before, settings)
        softness, invert = settings.mask_softness, settings.mask_invert
        insides = (soft_mask(mask, before.size, softness, invert) for mask in self.masks)
        image = put_together(painted, before, settings, len(self.masks), insides)
        ended = time.perf_counter()
        return StylizeResult(
            image=image,
            before=before,
            settings=replace(self.settings, refine=self.areas[0].style.refined),
            model_hash=self.backend.hash,
            device=self.backend.device.type,
            working_size=working.size,
            seconds={
                "model": self.loaded - self.started,
                "style": self.styled - self.loaded,
                "transform": ended - begun,
                "total": ended - self.started,
            },
            style_loss=self.losses.style_loss if self.losses else None,
        )

    def _paint_areas(
        self, working: Image.Image, settings: Settings, on_share: Share | None
    ) -> list[Image.Image]:
        """The whole working picture in the style of each area."""
        strength, side = settings.strength, settings.style_size
        if strength == 0:
            return [working] * len(self.areas)
        styles = [
            StyleAtStrength.of(self.backend, area.style, strength, self.photo, side)
            for area in self.areas
        ]
        passes = sum(2 if style.own else 1 for style in styles)  # over the picture
        begun = count()

        def paint(style: Style) -> Image.Image:
            """The picture in a style, in strips where it is large or the settings say so."""
            number = next(begun)  # of this pass

            def on_part(share: float) -> None:
                if on_share:
                    on_share((number + share) / passes)

            if isinstance(style, StyledModel) and (settings.tiles or max(working.size) > MAX_WHOLE):
                return stylize_tiled(style, working, on_part)
            return style(working)

        return [style(working, paint) for style in styles]

    def _matched(
        self, painted: list[Image.Image], before: Image.Image, settings: Settings
    ) -> list[Image.Image]:
        """What was painted for each area, in the colours that the area is matched to, if any."""
        if settings.strength == 0 or all(area.colours is None for area in self.areas):
            return painted
        matched = []
        shown = places_shown(self.masks, before.size, settings, self.alpha)
        for image, area, place in zip(painted, self.areas, shown, strict=False):
            if area.colours is not None:
                match = colour_match(image, area.colours, self.photo, settings.strength, place)
                image = match(image)
            matched.append(image)
        return matched


def put_together(
    painted: list[Image.Image],
    before: Image.Image,
    settings: Settings,
    masks: int,
    insides: Iterable[np.ndarray],
) -> Image.Image:
    """The pictures of all areas as one, of the photo's size, in the colours asked for.

    Args:
        painted: inside each mask, or everywhere, then outside if there is a painting for that.
        before: the photo, which shows outside the masks otherwise.
        insides: of so many masks, as `core.images.masks.soft_mask` gives them.
    """
    if painted[0].size != before.size:
        painted = [image.resize(before.size, Image.Resampling.LANCZOS) for image in painted]
    if settings.colours == PHOTO and settings.strength:
        painted = [keep_colours(image, before) for image in painted]
    around = painted[-1] if len(painted) > masks else before
    return layered(painted, insides, around)


def sizes(photo: Image.Image, settings: Settings) -> tuple[Image.Image, Image.Image]:
    """The photo at the result's size, and at the size at which it is painted."""
    before = resize_longest(photo, settings.size) if settings.size else photo
    if settings.detail and settings.strength:  # at strength 0 the result is the photo, all of it
        return before, resize_longest(photo, settings.detail)
    return before, before
