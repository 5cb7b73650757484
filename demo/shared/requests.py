"""What the page asks of the models: a photo painted in the style of paintings, at once or after refining.

    request = StylizeRequest("photo.jpg", ["painting.jpg"], Settings(model="improved-500", size=512))
    for result in repaint(request):                                  # one, at once
        print(result.file_name, result.after.size, command_line(result.recipe))
    request = replace(request, settings=Settings(model="improved-500", refine=20))
    for result in repaint(request):                                  # drafts, then the result
        print(result.batches_done, result.after.size)

Nothing here knows of the page, and nothing computes: pictures are read by `core.images.decode`, painted by `core.pipeline`
(Shen et al. 1709.04111; refining is the report's own way, 风格迁移 with 20 more batches on one painting).
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from core.baselines.adapter import METHODS
from core.commandline import UserError
from core.files import short
from core.images.decode import load_mask, load_with_alpha
from core.images.metadata import date_taken
from core.inference.model_store import model_store
from core.inference.style_file import Painting, load_painting
from core.inference.stylizer import Cancelled
from core.pipeline import stylize_image
from core.provenance import Provenance, Source, picture_bytes, provenance_of
from core.rendering import DRAFT_SIZE
from core.result import PaintStep, StylizeResult
from core.runtime import release_freed_memory
from core.settings import Settings
from demo.server.turns import TURNS, Job
from demo.shared.background import in_background
from demo.shared.gpu import stylize_instantly
from demo.shared.pace import PACE

INSTANT, REFINED = "instant", "refined"
LARGEST = 2048  # px a side
LARGE_SIDE = 1024  # px a side; of a larger result pages show a light copy
MIN_STYLE_SIZE, MAX_STYLE_SIZE = 64, 512
MAX_BATCHES = 100
MAX_OPTIMISED = 512  # px a side, for pixels that are optimised one photo at a time
DRAFT_EVERY = 2  # batches
GIVEN_BACK = 20_000_000  # pixels of a picture above which memory is given back at once
TRAIN_FIRST = "There is no trained model yet: make one with `python -m core.train improved-500`, then start the page again."
CHOOSE_PAINTING = "Choose a painting first: drop one in, or click one of those below."
STOPPED_AT_ONCE = (
    "Refining was stopped before there was anything to show, so the picture is as it was."
)


class RequestError(UserError):
    """Something is missing from what was asked, or outside its limits; the message is one sentence for the visitor."""


@dataclass(frozen=True)
class StylizeRequest:
    """What to paint, from which files.

    Attributes:
        content: the photo.
        styles: the paintings, in the order of the weights of `settings.mix`.
        settings: the page paints at most 2048 px a side, which is also what `size` None comes to for larger photos.
        masks, outside: the mask, or one for each painting, and the painting outside.
    """

    content: str | None
    styles: Sequence[str | None]
    settings: Settings
    masks: Sequence[str] = ()
    outside: str | None = None


@dataclass(frozen=True)
class JobResult:
    """A photo before and after, of one size, with what there is to say about it.

    Attributes:
        painted: the picture, the settings it has, times in seconds.
        recipe: what it was made from and how; None for a draft.
        file_name: CONTENT__STYLE__MODEL.png.
        content_size, style_size: width and height in px of the photo and of the first painting as they came.
        seconds: `model`, `style`, `transform` as in `painted`; `total` also holds reading the pictures.
        batches: of refining that were asked for, 0 at once.
        batches_done: how many of them this picture has behind it.
        seconds_left: of refining, for a draft.
    """

    painted: StylizeResult = field(repr=False)
    recipe: Provenance | None
    file_name: str
    content_size: tuple[int, int]
    style_size: tuple[int, int]
    seconds: dict[str, float]
    batches: int = 0
    batches_done: int = 0
    seconds_left: float = 0.0

    @property
    def before(self) -> Image.Image:
        return self.painted.before

    @property
    def after(self) -> Image.Image:
        return self.painted.image

    @property
    def draft(self) -> bool:
        """Refining goes on, and this is a look at it, at most 512 px."""
        return self.recipe is None

    @property
    def is_large(self) -> bool:
        """Whether a page shows a light copy in its place."""
        return max(self.after.size) > LARGE_SIDE

    def png(self) -> bytes:
        """The result as a PNG file with its recipe. Raises ValueError for a draft, which has none."""
        if self.recipe is None:
            raise ValueError("a draft carries no recipe")
        return picture_bytes(self.painted.image, self.recipe)

    def to_json(self) -> dict[str, Any]:
        """All but the pictures; sizes in px as [width, height], times in seconds."""
        return {
            "file_name": self.file_name,
            "model": self.painted.settings.model,
            "content_size": self.content_size,
            "style_size": self.style_size,
            "working_size": self.painted.working_size,
            "output_size": self.after.size,
            "seconds": {key: round(value, 3) for key, value in self.seconds.items()},
            "batches": self.batches,
            "batches_done": self.batches_done,
            "style_loss": self.painted.style_loss,
            "draft": self.draft,
            "note": self.painted.note,
            "settings": self.painted.settings.to_json(),
        }


def paintings_in_masks(
    styles: Sequence[str | None], masks: Mapping[int, str], alone: str
) -> list[str | None]:
    """The paintings that have a mask, where others than the first have one.

    Args:
        styles: the files of all places, None for an empty one.
        masks: the file of each mask by its painting's place, 0 to 3.
        alone: what is said of a mask without a painting, `{0}` standing for its number.

    Raises:
        RequestError: one of them has a mask but no painting.
    """
    for place in masks:
        if not styles[place]:
            raise RequestError(alone.format(place + 1))
    return [styles[place] for place in masks]


def file_name(content: str, style: str, model: str) -> str:
    """CONTENT__STYLE__MODEL.png from the names of two files: letters, digits, - and _, at most 60 bytes of each."""
    stems = [Path(Path(file).name.lstrip(".")).stem for file in (content, style)]
    return "__".join(_safe(part) or "picture" for part in (*stems, model)) + ".png"


def _safe(text: str) -> str:
    kept = "".join(char if char.isalnum() or char in "-_" else "-" for char in text)
    return kept.encode()[:60].decode(errors="ignore").strip("-_")


def repaint(request: StylizeRequest, stop: threading.Event | None = None) -> Iterator[JobResult]:
    """Paint the photo; with refining, drafts come first: after one batch, then every two.

    Args:
        request: what to paint.
        stop: once set, refining ends and the last item is what it had reached.

    Raises:
        RequestError, SettingsError, ImageError, WeightsError, EncoderError: one sentence for the visitor.
    """
    files = checked(request)
    with TURNS:  # one at a time: a photo of 85 million pixels takes a gigabyte while it is read
        painting = _Painting(request, *files)
        result = None if request.settings.refine else painting.instant()
        give_back(painting.read)
    if result:
        yield result
        return
    try:
        yield from in_background(painting.refined, stop or threading.Event())
    except Cancelled as error:
        raise RequestError(STOPPED_AT_ONCE) from error


def give_back(pictures: Iterable[Painting | None]) -> None:
    """After these pictures were read: what a large one took is the system's again.

    Else each thread that has read a large picture keeps a gigabyte in a heap of its own.
    """
    if any(math.prod(picture.size) > GIVEN_BACK for picture in pictures if picture):
        release_freed_memory()


class _Painting:
    """A request on its way, its pictures read; the files are those that `checked` gives.

    Raises:
        ImageError: one sentence for the visitor.
    """

    def __init__(self, request: StylizeRequest, content: str, styles: list[str]) -> None:
        self.request, self.started = request, time.perf_counter()
        self.photo = load_with_alpha(content)
        self.paintings = [load_painting(style) for style in styles]
        masks = [load_mask(mask) for mask in request.masks]
        outside = load_painting(request.outside) if request.outside else None
        self.read = (self.photo, *self.paintings, *masks, outside)
        self.settings = request.settings
        if self.settings.size is None and max(self.photo.size) > LARGEST:
            self.settings = replace(self.settings, size=LARGEST)
        # What `core.pipeline.stylize_image` takes.
        self.pictures = self.photo, self.paintings, self.settings, masks, outside
        names = "-".join(Path(style).stem for style in styles)
        self.file_name = file_name(content, f"{names}.png", self.settings.model)

    def instant(self) -> JobResult:
        """Paint it at once."""
        return self._finished(stylize_instantly(*self.pictures))

    def refined(
        self, give: Callable[[JobResult], None], job: Job, stopped: Callable[[], bool]
    ) -> None:
        """Refine and paint it, handing each draft and then the result on, and telling others in the queue how long it takes."""
        before = time.perf_counter()

        def on_step(step: PaintStep) -> None:
            nonlocal before
            now = time.perf_counter()
            PACE.saw(self.settings.model or model_store().default(), now - before)
            before = now
            left = (now - self.started) / step.done * (step.batches - step.done)
            job.say(left)
            if step.done < step.batches and (step.done == 1 or step.done % DRAFT_EVERY == 0):
                draft = self._described(step.draft(DRAFT_SIZE), step.done)
                give(replace(draft, seconds_left=left))

        give(self._finished(stylize_image(*self.pictures, on_step=on_step, stop=stopped)))

    def _finished(self, painted: StylizeResult) -> JobResult:
        """A result, with its recipe."""
        result, request = self._described(painted, painted.settings.refine), self.request
        content, *styles = (Source.of(file) for file in (request.content, *request.styles) if file)
        masks = [Source.of(mask) for mask in request.masks]
        outside = Source.of(request.outside) if request.outside else None
        taken = date_taken(request.content) if request.content else ""
        recipe = provenance_of(painted, content, styles, masks=masks, outside=outside, taken=taken)
        return replace(result, recipe=recipe)

    def _described(self, painted: StylizeResult, done: int) -> JobResult:
        """A picture that has so many batches behind it, with what is known of all."""
        seconds = painted.seconds | {"total": time.perf_counter() - self.started}
        sizes, asked = (self.photo.size, self.paintings[0].size), self.settings.refine
        return JobResult(painted, None, self.file_name, *sizes, seconds, asked, done)


def check_trained(model: str | None) -> None:
    """Raise RequestError where there is no trained model of that name."""
    have = model_store().names()
    if not have:
        raise RequestError(TRAIN_FIRST)
    if model not in have:
        known = ", ".join(have)
        raise RequestError(
            f"There is no trained model named {short(model)}; choose one of {known}."
        )


def checked(request: StylizeRequest) -> tuple[str, list[str]]:
    """The photo and the paintings of a request that can be painted here.

    That its numbers are within the page's limits, `demo.shared.controls.settings_of` has seen to.

    Raises:
        RequestError: one sentence.
    """
    settings = request.settings
    if settings.model not in METHODS:
        check_trained(settings.model)
    if not request.content:
        raise RequestError("Choose a photo first: drop one in, or click one of those below.")
    styles = [style for style in request.styles if style]
    if not styles or len(styles) < len(request.styles):
        raise RequestError(CHOOSE_PAINTING)
    if settings.model == "gatys" and (settings.detail or settings.size or LARGEST) > MAX_OPTIMISED:
        raise RequestError(
            f"Optimising pixels takes minutes; choose a longest side of at most {MAX_OPTIMISED} px for it."
        )
    return request.content, styles
