"""One photo painted with all that can be set about it: the one function behind the page, the command line and code.

    painted = paint(load_image("photo.jpg"), load_image("painting.jpg"))                   # at once, the photo's size
    painted = paint(photo, [starry_night, great_wave], Settings(mix=(0.7, 0.3), strength=0.8, colours="photo"))
    painted = paint(photo, painting, Settings(size=2048, detail=512, refine=20), mask=load_image("mask.png"))
    painted.image, painted.working_size, painted.seconds, painted.note

- **Strength** blends the numbers that the MetaNet generates between the photo's own style and the painting's, and adds back what
  the network loses of a photo even in its own style, so that 0 is the photo itself (`core.inference.style_mixing`).
- **Mixing** blends them between paintings. **Colours** are kept or moved in `core.images.colours`.
- **Style size** is the size at which the painting is read. **Detail** is the size at which the photo is painted, before it is
  resized: a network's strokes have a fixed width in px, so they are the broader in the picture the smaller this is.
- **Masks** keep the style inside, with another painting or the photo outside (`core.images.masks`).

Networks see sRGB: `core.images.decode.load_image` converts embedded colour profiles. Results are sRGB, with the
photo's pixel size.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from core.baselines.adapter import Backend, Method, Style, find_backend
from core.images.colours import keep_colours, recolour
from core.images.convert import resize_longest, split_alpha, with_alpha
from core.images.decode import ImageError
from core.images.library import library
from core.images.masks import composite, soft_mask
from core.inference.style_mixing import blend, restore
from core.inference.stylizer import MAX_SIDE, MAX_WHOLE, Cancelled, StyledModel, default_model
from core.inference.tiled import stylize_tiled
from core.settings import PHOTO, RECOLOUR, Settings, SettingsError
from core.training.refine import refine
from core.training.step import StepResult

USUAL_SIZE = 512
DRAFT_SIZE = 512
INSIDE, OUTSIDE = "inside", "outside"
OUTSIDE_NEEDS_MASK = "A painting for outside the mask needs a mask."
Share = Callable[[float], None]


@dataclass(frozen=True)
class StylizeResult:
    """A painted photo and what there is to say about it.

    Attributes:
        image: the result, sRGB; RGB, or RGBA where the photo has transparency.
        before: the photo, at the result's size, of the same mode.
        settings: those it was painted with: model and mix filled in, `refine` the batches that it has behind it.
        model_hash: of the model's weights; of the encoder's for a method without a model.
        device: where it was computed, `cpu` or `cuda`.
        working_size: width and height in px at which the network painted.
        seconds: `model` (loading it), `style` (reading paintings, refining), `transform` (painting), `total`.
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
class Step:
    """What refining has reached: batch `done` of `batches`, its losses, and a look at it with `draft(longest_side)`.

    `draft` may only be called before the function that was given the step returns.
    """

    done: int
    batches: int
    losses: StepResult
    draft: Callable[..., StylizeResult] = field(repr=False)


def stroke_note(working_size: tuple[int, int]) -> str:
    """How wide strokes are in a picture painted at this size, against one painted at 512 px; nothing where about as wide."""
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


def stylize_image(
    photo: Image.Image,
    paintings: Image.Image | Sequence[Image.Image],
    settings: Settings | None = None,
    mask: Image.Image | None = None,
    outside: Image.Image | None = None,
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
        photo: RGB, or RGBA as `load_with_alpha` gives it, whose transparency the result then has; drafts are opaque.
            Its shorter side has at least 16 px.
        paintings: RGB, one or up to four.
        settings: by default as `stylizer.fix(painting)(photo)`, to the byte.
        mask: white where the style goes; resized to the photo.
        outside: with a mask, the painting for what is outside it; by default the photo itself shows there.
        stylizer: in place of the model or method (`core.baselines.adapter`) that the settings name, which is loaded to `device`
            (by default the program's own, `core.runtime.default_device`).
        refine_contents: photographs to refine on; by default the gallery's.
        on_step: called after each batch of refining.
        on_share: called with the share of painting that is done, 0 to 1, where the picture is painted in tiles.
        stop: asked before each batch; true ends refining, and what it had reached is the result, with `refine` in its
            settings lowered to that.

    Raises:
        SettingsError: the settings do not go with the paintings or the mask.
        Cancelled: stopped before the first batch, or before the last where the painting outside is refined too.
        ImageError: the picture would be larger than 8192 px a side, or refining has no photographs.
        WeightsError, EncoderError: see `get_stylizer`.
    """
    opaque, alpha = split_alpha(photo)
    painter = _Painter(opaque, paintings, settings or Settings(), mask, outside, stylizer, device)
    if painter.settings.refine and painter.settings.strength:
        painter.refine(refine_contents or library().refining_contents, on_step, stop)
    result = painter.render(painter.settings, on_share)
    if alpha is None:
        return result
    return replace(
        result, image=with_alpha(result.image, alpha), before=with_alpha(result.before, alpha)
    )


class _Painter:
    """One order: styles are fixed when it is made, refined where asked, and rendered as often as there are drafts."""

    def __init__(
        self,
        photo: Image.Image,
        paintings: Image.Image | Sequence[Image.Image],
        settings: Settings,
        mask: Image.Image | None,
        outside: Image.Image | None,
        stylizer: Backend | None,
        device: str | None,
    ) -> None:
        paintings = [paintings] if isinstance(paintings, Image.Image) else list(paintings)
        weights = settings.weights(len(paintings))
        if outside is not None and mask is None:
            raise SettingsError(OUTSIDE_NEEDS_MASK)
        self.photo, self.mask = photo, mask
        self.started = time.perf_counter()
        self.stylizer = stylizer or find_backend(settings.model or default_model(), device)
        if isinstance(self.stylizer, Method):
            settings = self.stylizer.fitting(settings)
            self.stylizer = type(self.stylizer)(str(self.stylizer.device), self._sizes(settings)[1])
        mix = (settings.mix or (1.0,) * len(paintings)) if len(paintings) > 1 else ()
        self.settings = replace(settings, model=settings.model or self.stylizer.name, mix=mix)
        self.loaded = time.perf_counter()
        if settings.colours == RECOLOUR:
            paintings = [recolour(painting, photo) for painting in paintings]
            outside = outside and recolour(outside, photo)
        side = settings.style_size
        self.originals = {
            INSIDE: next(p for p, weight in zip(paintings, weights, strict=True) if weight)
        }
        self.styles: dict[str, Style] = {INSIDE: self.stylizer.mix(paintings, weights, side)}
        if outside:
            self.originals[OUTSIDE], self.styles[OUTSIDE] = (
                outside,
                self.stylizer.encode_style(outside, side),
            )
        self.losses: StepResult | None = None
        self.styled = time.perf_counter()

    def refine(
        self,
        contents: Sequence[Path],
        on_step: Callable[[Step], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        """Refine the style inside, then the one outside; one alone stays as far as it came when stopped."""
        for place in self.originals:
            try:
                self._refine(place, contents, on_step, stop)
            except Cancelled:
                if len(self.originals) > 1 or not self.styles[INSIDE].refined:
                    raise  # two styles stopped at different batches are a picture that no settings give again
        self.styled = time.perf_counter()

    def _refine(
        self,
        place: str,
        contents: Sequence[Path],
        on_step: Callable[[Step], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        batches = self.settings.refine
        before = 0 if place == INSIDE else batches

        def reached(done: int, _: int, losses: StepResult, style: Callable[[], Style]) -> None:
            self.losses, latest[:] = losses, [style]

            def draft(longest: int = DRAFT_SIZE) -> StylizeResult:
                self.styles[place] = style()
                return self.draft(longest)

            if on_step:
                on_step(Step(before + done, batches * len(self.originals), losses, draft))

        latest: list[Callable[[], Style]] = []
        original, side = self.originals[place], self.settings.style_size
        try:
            if isinstance(self.stylizer, Method):
                style = self.stylizer.refine(original, contents, batches, side, reached, stop)
            else:
                style = refine(self.stylizer, original, contents, batches, side, reached, stop)
            self.styles[place] = style
        except Cancelled:
            if latest:
                self.styles[place] = latest[0]()
            raise

    def draft(self, longest: int = DRAFT_SIZE) -> StylizeResult:
        """The picture as it stands, with at most `longest` px on its longest side."""
        whole = self.settings.size or max(self.photo.size)
        size = min(longest, whole)
        softness = self.settings.mask_softness
        softness = None if softness is None else softness * size / whole
        return self.render(replace(self.settings, size=size, detail=None, mask_softness=softness))

    def render(self, settings: Settings, on_share: Share | None = None) -> StylizeResult:
        """The photo painted with the styles as they are."""
        begun = time.perf_counter()
        before, working = self._sizes(settings)
        if not settings.strength:
            working = before  # the photo itself, whatever the detail
        if max(before.size + working.size) > MAX_SIDE:
            raise ImageError(
                f"The photo has {before.width} x {before.height} px; choose a size of at most {MAX_SIDE} px."
            )
        passes = len(self.styles) * (1 if settings.strength == 1 else 2)
        reports = iter([_part(on_share, number, passes) for number in range(passes)])
        painted = [
            self._styled(style, working, settings, reports) for style in self.styles.values()
        ]
        same = working.size == before.size
        results = [
            image if same else image.resize(before.size, Image.Resampling.LANCZOS)
            for image in painted
        ]
        if settings.colours == PHOTO and settings.strength:
            results = [keep_colours(image, before) for image in results]
        result = results[0]
        if self.mask is not None:
            inside = soft_mask(self.mask, before.size, settings.mask_softness, settings.mask_invert)
            result = composite(result, results[1] if len(results) > 1 else before, inside)
        ended = time.perf_counter()
        return StylizeResult(
            image=result,
            before=before,
            settings=replace(self.settings, refine=self.styles[INSIDE].refined),
            model_hash=self.stylizer.hash,
            device=self.stylizer.device.type,
            working_size=working.size,
            seconds={
                "model": self.loaded - self.started,
                "style": self.styled - self.loaded,
                "transform": ended - begun,
                "total": ended - self.started,
            },
            style_loss=self.losses.style_loss if self.losses else None,
        )

    def _sizes(self, settings: Settings) -> tuple[Image.Image, Image.Image]:
        """The photo at the result's size, and at the size at which it is painted."""
        before = resize_longest(self.photo, settings.size) if settings.size else self.photo
        return before, resize_longest(self.photo, settings.detail) if settings.detail else before

    def _styled(
        self, style: Style, working: Image.Image, settings: Settings, reports: Iterator[Share]
    ) -> Image.Image:
        """The working picture in one style at the strength asked for."""
        strength = settings.strength
        if strength == 0:
            return working
        if strength == 1 or isinstance(self.stylizer, Method) or not isinstance(style, StyledModel):
            return _applied(style, working, settings, next(reports))
        own = self.stylizer.identity_style(style, self.photo, settings.style_size)
        filters = blend(
            style.transform_net, [(strength, style.filters), (1 - strength, own.filters)]
        )
        blended = _applied(replace(style, filters=filters), working, settings, next(reports))
        lost = _applied(own, working, settings, next(reports))
        small = resize_longest(working, DRAFT_SIZE) if max(working.size) > DRAFT_SIZE else working
        return restore(blended, working, lost, style(small), strength)


def _applied(style: Style, working: Image.Image, settings: Settings, report: Share) -> Image.Image:
    if isinstance(style, StyledModel) and (settings.tiles or max(working.size) > MAX_WHOLE):
        return stylize_tiled(style, working, report)
    return style(working)


def _part(on_share: Share | None, number: int, of: int) -> Share:
    """Reports the share of one pass among several as the share of them all."""
    return lambda share: on_share((number + share) / of) if on_share else None
