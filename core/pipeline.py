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
- **Mixing** blends them between paintings. **Colours** are matched in `core.matching`, with the
  flagship unless the settings say otherwise; kept or moved in `core.images.colours`.
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
from dataclasses import replace
from pathlib import Path

from PIL import Image

from core.baselines.adapter import Backend, Method, find_backend
from core.images.colour_transport import ColourSample
from core.images.convert import split_alpha, with_alpha
from core.images.decode import ImageError
from core.images.library import library
from core.images.normalise import on_white
from core.inference.style_file import Painting, SavedStyle
from core.matching import is_matched, places_shown
from core.paintings import Masks, Paintings, mask_list, no_painting_for
from core.rendering import Area, Rendering, Share, sizes
from core.result import PaintStep, StylizeResult
from core.settings import RECOLOUR, Settings, SettingsError

ONE_MASK = "Take either a mask or the photo's own transparency, not both."
OPAQUE = "The photo has no transparency that could be its mask."


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
    on_step: Callable[[PaintStep], None] | None = None,
    on_share: Share | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> StylizeResult:
    """Paint a photo in the style of a painting, or between several.

    Args:
        photo: RGB, or RGBA as `load_with_alpha` gives it, whose transparency the result then has,
            unless it serves as the mask; drafts are opaque. Its shorter side has at least 16 px.
        paintings: RGB, one or up to four; or styles from files (`core.inference.style_file`).
        settings: by default as `stylizer.encode_style(painting)(photo)`, to the byte; with the flagship
            so where `colours` is `style`.
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
    masks = mask_list(mask)
    if settings.mask_alpha:
        if masks:
            raise SettingsError(ONE_MASK)
        if alpha is None:
            raise ImageError(OPAQUE)
        # The photo lies on white then: all of it is seen.
        masks, opaque, alpha = [alpha], on_white(photo), None
    work = _begin(opaque, alpha, paintings, settings, masks, outside, stylizer, device)
    if work.settings.refine and work.settings.strength:
        work.refine(refine_contents or library().refining_contents, on_step, stop)
    result = work.render(work.settings, on_share)
    before = with_alpha(result.before, alpha)
    return replace(result, image=with_alpha(result.image, alpha), before=before)


def _begin(
    photo: Image.Image,
    alpha: Image.Image | None,
    paintings: Painting | Sequence[Painting],
    settings: Settings,
    masks: list[Image.Image],
    outside: Painting | None,
    backend: Backend | None,
    device: str | None,
) -> Rendering:
    """Load what paints, and read the paintings; arguments as for `stylize_image`, the photo RGB and,
    if it is transparent, its alpha.
    """
    paintings = [paintings] if isinstance(paintings, Painting) else list(paintings)
    sources = Paintings.of(paintings, settings, len(masks), outside)
    started = time.perf_counter()
    backend = backend or find_backend(settings.model, device)
    if isinstance(backend, Method):
        if any(isinstance(painting, SavedStyle) for painting in (*paintings, outside)):
            raise no_painting_for(backend.name)
        settings = backend.fitting(settings)
        # Optimised pixels are those of one photo, at the size at which it is painted.
        _, working = sizes(photo, settings)
        backend = type(backend)(str(backend.device), working)
    mix = settings.mix or (1.0,) * len(paintings)
    settings = replace(
        settings,
        model=settings.model or backend.name,
        mix=mix if len(paintings) > 1 and len(masks) < 2 else (),
    )
    loaded = time.perf_counter()
    if settings.colours == RECOLOUR:
        before, _ = sizes(photo, settings)
        shown = places_shown(masks, before.size, settings, alpha)
        sources = sources.recoloured(photo, shown)
    # Refining changes the networks: then strength is a blend, as for a model of one balance.
    emphasis = 0.0 if settings.refine else backend.emphasis_at(settings.strength)
    styles = sources.styles(backend, settings.style_size, emphasis)
    colours: Sequence[ColourSample | None] = [None] * len(styles)
    if is_matched(settings, backend):
        colours = sources.colours()
    areas = [Area(*style, goal) for style, goal in zip(styles, colours, strict=True)]
    styled = time.perf_counter()
    return Rendering(photo, alpha, masks, settings, backend, areas, started, loaded, styled)
