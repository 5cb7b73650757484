"""One photo painted with all that can be set about it: the one function behind the page,
the command line and code.

    result = stylize_image(photo, painting)                    # at once, the photo's size
    settings = Settings(mix=(0.7, 0.3), strength=0.8, colours="photo")
    result = stylize_image(photo, [starry_night, great_wave], settings)
    settings = Settings(size=2048, detail=512, refine=20)
    result = stylize_image(photo, painting, settings, mask=load_image("mask.png"))
    result.image, result.working_size, result.seconds, result.note

- **Strength** blends the numbers that the MetaNet generates between the photo's own style and the
  painting's, and adds back what the network loses of a photo even in its own style, so that 0 is
  the photo itself (`core.inference.style_mixing`).
- **Mixing** blends them between paintings. **Colours** are kept or moved in `core.images.colours`.
- **Style crop** is the part of each painting that is read, so that a frame does not count.
- **Style size** is the size at which the painting is read. **Detail** is the size at which the
  photo is painted, before it is resized: a network's strokes have a fixed width in px, so they are
  the broader in the picture the smaller this is.
- **Masks** keep the style inside, with another painting or the photo outside (`core.images.masks`);
  up to four paintings may have one each.
  The photo's own transparency can be one (`mask_alpha`).

Networks see sRGB: `core.images.decode.load_image` converts embedded colour profiles. Results are
sRGB, with the photo's pixel size.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from core.baselines.adapter import Backend, Method, Style, find_backend
from core.images.colours import keep_colours
from core.images.convert import resize_longest, split_alpha, with_alpha
from core.images.decode import ImageError
from core.images.library import library
from core.images.masks import layered, soft_mask
from core.images.normalise import on_white
from core.inference.style_file import Painting, SavedStyle
from core.inference.style_mixing import blend, restore
from core.inference.stylizer import (
    MAX_SIDE,
    MAX_WHOLE,
    Cancelled,
    StyledModel,
    Stylizer,
)
from core.inference.tiled import stylize_tiled
from core.paintings import (
    NO_PAINTING,
    Masks,
    check_outside,
    mask_list,
    prepared,
    recoloured,
    styles_of_areas,
    weights_of,
)
from core.result import Step, StylizeResult
from core.settings import PHOTO, RECOLOUR, Settings, SettingsError
from core.training.refine import refine
from core.training.step import StepResult

DRAFT_SIZE = 512  # px, longest side
OUTSIDE_NEEDS_MASK = "A painting for outside the mask needs a mask."
ONE_MASK = "Take either a mask or the photo's own transparency, not both."
OPAQUE = "The photo has no transparency that could be its mask."
Share = Callable[[float], None]  # gets what is done, 0 to 1


def stylize_image(
    photo: Image.Image,
    paintings: Painting | Sequence[Painting],
    settings: Settings | None = None,
    mask: Masks = None,
    outside: Painting | None = None,
    *,
    stylizer: Backend | None = None,
    device: str | None = None,
    refine_contents: Sequence[Path] | None = None,
    on_step: Callable[[Step], None] | None = None,
    on_share: Share | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> StylizeResult:
    """Paint a photo in the style of a painting, or between several.

    Args:
        photo: RGB, or RGBA as `load_with_alpha` gives it, whose transparency the result then has,
            unless it serves as the mask; drafts are opaque. Its shorter side has at least 16 px.
        paintings: RGB, one or up to four; or styles from files (`core.inference.style_file`).
        settings: by default as `stylizer.encode_style(painting)(photo)`, to the byte.
        mask: white where the style goes; resized to the photo. Up to four, one for each painting,
            which are not mixed then; where they overlap, the later one lies above.
        outside: with a mask, the painting for what is outside all of them;
            by default the photo itself shows there.
        stylizer: in place of the model or method (`core.baselines.adapter`) that the settings name,
            which is loaded to `device` (by default the program's own,
            `core.runtime.default_device`).
        refine_contents: photographs to refine on; by default the gallery's.
        on_step: called after each batch of refining.
        on_share: called with the share of painting that is done, 0 to 1,
            where the picture is painted in tiles.
        stop: asked before each batch; true ends refining, and what it had reached is the result,
            with `refine` in its settings lowered to that.

    Raises:
        SettingsError: the settings do not go with the paintings or the mask.
        Cancelled: stopped before the first batch,
            or before the last where the painting outside is refined too.
        ImageError: the picture would be larger than 8192 px a side, refining has no photographs,
            a part of a painting is too small, or an opaque photo's transparency is to be its mask.
        WeightsError, EncoderError: see `ModelStore.stylizer`.
    """
    settings = settings or Settings()
    opaque, alpha = split_alpha(photo)
    if settings.mask_alpha:
        mask, opaque, alpha = _own_mask(photo, mask), on_white(photo), None
    work = _begin(opaque, paintings, settings, mask_list(mask), outside, stylizer, device)
    if work.settings.refine and work.settings.strength:
        work.refine(refine_contents or library().refining_contents, on_step, stop)
    result = work.render(work.settings, on_share)
    if alpha is None:
        return result
    return replace(
        result, image=with_alpha(result.image, alpha), before=with_alpha(result.before, alpha)
    )


def _own_mask(photo: Image.Image, mask: Masks) -> Image.Image:
    """The photo's transparency as a mask, white where it is opaque; `mask` must be none."""
    if mask_list(mask):
        raise SettingsError(ONE_MASK)
    _, alpha = split_alpha(photo)
    if alpha is None:
        raise ImageError(OPAQUE)
    return alpha


@dataclass
class _Area:
    """What is painted in one style: the photo, or what is inside or outside its mask.

    Attributes:
        painting: what its style is of; of several, the first that counts.
        style: instant at first, refined later.
        latest: gives the style as far as refining came, once it began.
    """

    painting: Painting
    style: Style
    latest: Callable[[], Style] | None = None


@dataclass
class _Work:
    """One request on its way: styles refined where asked, rendered as often as there are drafts.

    Attributes:
        photo: RGB.
        masks: as they were given.
        settings: those of the request, with model and mix filled in.
        backend: what paints.
        areas: one, or what is inside each mask, and then what is outside.
        started, loaded, styled: by `time.perf_counter`; the last is when the styles were ready.
        losses: of the last batch of refining.
    """

    photo: Image.Image
    masks: list[Image.Image]
    settings: Settings
    backend: Backend
    areas: list[_Area]
    started: float
    loaded: float
    styled: float
    losses: StepResult | None = None

    def refine(
        self,
        contents: Sequence[Path],
        on_step: Callable[[Step], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        """Refine one style after the other; one alone stays as far as it came when stopped."""
        for number, area in enumerate(self.areas):
            try:
                self._refine(area, number * self.settings.refine, contents, on_step, stop)
            except Cancelled:
                # Two styles stopped at different batches are a picture that no settings give again.
                if len(self.areas) > 1 or area.latest is None:
                    raise
                area.style = area.latest()
        self.styled = time.perf_counter()

    def _refine(
        self,
        area: _Area,
        before: int,
        contents: Sequence[Path],
        on_step: Callable[[Step], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        """Refine the style of one area; `before` batches were spent on others."""
        batches = self.settings.refine
        side = self.settings.style_size

        def reached(done: int, _: int, losses: StepResult, style: Callable[[], Style]) -> None:
            self.losses = losses
            area.latest = style

            def draft(longest: int = DRAFT_SIZE) -> StylizeResult:
                area.style = style()
                return self.draft(longest)

            if on_step:
                on_step(Step(before + done, batches * len(self.areas), losses, draft))

        assert not isinstance(area.painting, SavedStyle)  # `prepared` refuses to refine one
        if isinstance(self.backend, Method):
            area.style = self.backend.refine(area.painting, contents, batches, side, reached, stop)
        else:
            area.style = refine(self.backend, area.painting, contents, batches, side, reached, stop)

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
        before, working = _sizes(self.photo, settings)
        if max(before.size + working.size) > MAX_SIDE:
            raise ImageError(
                f"The photo has {before.width} x {before.height} px; "
                f"choose a size of at most {MAX_SIDE} px."
            )
        painted = self._paint_areas(working, settings, on_share)
        if working.size != before.size:
            painted = [image.resize(before.size, Image.Resampling.LANCZOS) for image in painted]
        if settings.colours == PHOTO and settings.strength:
            painted = [keep_colours(image, before) for image in painted]
        softness, invert = settings.mask_softness, settings.mask_invert
        insides = (soft_mask(mask, before.size, softness, invert) for mask in self.masks)
        around = painted[-1] if len(painted) > len(self.masks) else before
        image = layered(painted, insides, around)
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
        blended = any(self._is_blended(area.style, settings.strength) for area in self.areas)
        passes = 2 if blended else 1  # over the picture, for each area
        total = passes * len(self.areas)
        painted = []
        for number, area in enumerate(self.areas):
            first = number * passes
            shares = [_part(on_share, first + done, total) for done in range(passes)]
            painted.append(self._paint(area.style, working, settings, shares))
        return painted

    def _is_blended(self, style: Style, strength: float) -> bool:
        """Whether this strength is a blend with the photo's own style.

        It is not where the network itself was asked for it, nor for what knows no strength.
        """
        if isinstance(self.backend, Method) or not isinstance(style, StyledModel):
            return False
        return strength not in (0, 1) and not style.emphasis

    def _paint(
        self, style: Style, working: Image.Image, settings: Settings, shares: Sequence[Share]
    ) -> Image.Image:
        """The working picture in one style at the strength asked for.

        Args:
            shares: told how much is done, one for each pass over the picture.
        """
        strength = settings.strength
        if strength == 0:
            return working
        if not self._is_blended(style, strength):
            return _applied(style, working, settings, shares[0])
        assert isinstance(self.backend, Stylizer) and isinstance(style, StyledModel)
        own = self.backend.identity_style(style, self.photo, settings.style_size)
        filters = blend(
            style.transform_net, [(strength, style.filters), (1 - strength, own.filters)]
        )
        blended = _applied(replace(style, filters=filters), working, settings, shares[0])
        lost = _applied(own, working, settings, shares[1])
        small = resize_longest(working, DRAFT_SIZE) if max(working.size) > DRAFT_SIZE else working
        return restore(blended, working, lost, style(small), strength)


def _begin(
    photo: Image.Image,
    paintings: Painting | Sequence[Painting],
    settings: Settings,
    masks: list[Image.Image],
    outside: Painting | None,
    backend: Backend | None,
    device: str | None,
) -> _Work:
    """Load what paints, and read the paintings; arguments as for `stylize_image`."""
    paintings = [paintings] if isinstance(paintings, Painting) else list(paintings)
    weights = weights_of(settings, len(paintings), len(masks))
    paintings = prepared(paintings, settings)
    check_outside(outside, settings)
    if outside is not None and not masks:
        raise SettingsError(OUTSIDE_NEEDS_MASK)
    started = time.perf_counter()
    backend = backend or find_backend(settings.model, device)
    if isinstance(backend, Method):
        if any(isinstance(painting, SavedStyle) for painting in paintings):
            raise SettingsError(f"{NO_PAINTING}painted with {backend.name}.")
        settings = backend.fitting(settings)
        # Optimised pixels are those of one photo, at the size at which it is painted.
        _, working = _sizes(photo, settings)
        backend = type(backend)(str(backend.device), working)
    mix = settings.mix or (1.0,) * len(paintings)
    settings = replace(
        settings,
        model=settings.model or backend.name,
        mix=mix if len(paintings) > 1 and len(masks) < 2 else (),
    )
    loaded = time.perf_counter()
    if settings.colours == RECOLOUR:
        paintings = [recoloured(painting, photo) for painting in paintings]
        outside = outside and recoloured(outside, photo)
    side = settings.style_size
    first = next(p for p, weight in zip(paintings, weights, strict=True) if weight)
    # Refining changes the networks: then strength is a blend, as for a model of one balance.
    emphasis = 0.0 if settings.refine else backend.emphasis_at(settings.strength)
    styles = styles_of_areas(backend, paintings, weights, outside, len(masks), side, emphasis)
    sources = [*paintings] if len(masks) > 1 else [first]
    sources += [outside] if outside else []
    areas = [_Area(source, style) for source, style in zip(sources, styles, strict=True)]
    styled = time.perf_counter()
    return _Work(photo, masks, settings, backend, areas, started, loaded, styled)


def _sizes(photo: Image.Image, settings: Settings) -> tuple[Image.Image, Image.Image]:
    """The photo at the result's size, and at the size at which it is painted."""
    before = resize_longest(photo, settings.size) if settings.size else photo
    if settings.detail and settings.strength:  # at strength 0 the result is the photo, all of it
        return before, resize_longest(photo, settings.detail)
    return before, before


def _applied(style: Style, working: Image.Image, settings: Settings, share: Share) -> Image.Image:
    """A picture in a style, in strips where it is large or the settings say so."""
    if isinstance(style, StyledModel) and (settings.tiles or max(working.size) > MAX_WHOLE):
        return stylize_tiled(style, working, share)
    return style(working)


def _part(on_share: Share | None, number: int, of: int) -> Share:
    """Reports the share of one pass among several as the share of them all."""
    return lambda share: on_share((number + share) / of) if on_share else None
