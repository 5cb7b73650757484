"""What the page asks of the models: a photograph repainted in the style of a painting, instantly or after refining.

    for painting in repaint("photo.jpg", "painting.jpg", "improved-500", size=512):        # one, instantly
        save_png(painting.after, painting.file_name)
    for painting in repaint("photo.jpg", "painting.jpg", "improved-500", REFINED, 20):     # drafts, then the result
        print(painting.batches_done, painting.after.size)

Nothing here knows of the page, and nothing computes: pictures are read by `core.images`, models run in `core.stylizer`
(Shen et al. 1709.04111; refining is the report's own way, 风格迁移 with 20 more batches on one painting).
"""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue

from PIL import Image

from core import checkpoint
from core.encoder import EncoderError
from core.engine import StepResult
from core.images import ImageError, load_image, resize_longest
from core.packing import WeightsError
from core.stylize import PREFERRED, refining_contents
from core.stylizer import REFINE_BATCHES, STYLE_SIDE, Cancelled, FixedStyle, Stylizer, get_stylizer

INSTANT, REFINED = "instant", "refined"
SIZES = (256, 384, 512, 768, 1024)
DEFAULT_SIZE = 512
ORIGINAL = 0  # as a size: the photograph's own, up to LARGEST
LARGEST = 2048
STYLE_SIDES = (128, STYLE_SIDE, 512)
MOST_BATCHES = 100
DRAFT_EVERY = 2  # batches
DRAFT_SIZE = 512
TRAIN_FIRST = (
    "There is no trained model yet: make one with `python -m core.train improved-500`, then start the page again."
)


class OrderError(ValueError):
    """Something is missing from what was asked, or outside its limits; the message is one sentence for the visitor."""


USER_ERRORS = (OrderError, ImageError, WeightsError, EncoderError)


@dataclass(frozen=True)
class Seconds:
    """Where the time went; `total` also holds reading the two pictures."""

    model: float
    style: float
    transform: float
    total: float


@dataclass(frozen=True)
class Painting:
    """A photograph before and after, of one size, with what there is to say about it.

    Attributes:
        file_name: CONTENT__STYLE__MODEL.png.
        content_size, style_size: width and height of the two pictures as they came, in px.
        batches: how many batches of refining were asked for, 0 for instant.
        batches_done: how many of them this picture has behind it.
        style_loss: weighted, of the last batch; None for instant.
        draft: refining goes on, and this is a look at it, at most `DRAFT_SIZE` px.
    """

    before: Image.Image = field(repr=False)
    after: Image.Image = field(repr=False)
    file_name: str
    model: str
    content_size: tuple[int, int]
    style_size: tuple[int, int]
    seconds: Seconds
    batches: int = 0
    batches_done: int = 0
    style_loss: float | None = None
    draft: bool = False

    def to_json(self) -> dict[str, object]:
        """All but the pictures; sizes in px as [width, height], times in seconds."""
        pictures = ("before", "after")
        facts = {key: value for key, value in asdict(self).items() if key not in pictures}
        facts["seconds"] = {key: round(value, 3) for key, value in facts["seconds"].items()}
        return facts | {"output_size": self.after.size}


def model_titles() -> dict[str, str]:
    """Name -> title of every trained model there is, the one to offer first coming first."""
    have = checkpoint.available_models()
    names = [name for name in PREFERRED if name in have]
    return {name: _title(name) for name in names + [name for name in have if name not in names]}


def _title(name: str) -> str:
    try:
        info = json.loads((checkpoint.CHECKPOINTS / name / "model.json").read_text(encoding="utf-8"))
        return str(info["variant"]["title"])
    except (OSError, ValueError, KeyError, TypeError):  # found out, in words, when it is loaded
        return name


def file_name(content: str, style: str, model: str) -> str:
    """CONTENT__STYLE__MODEL.png from the names of two files: letters, digits, - and _, at most 60 bytes of each."""
    return "__".join(_safe(part) or "picture" for part in (Path(content).stem, Path(style).stem, model)) + ".png"


def _safe(text: str) -> str:
    kept = "".join(char if char.isalnum() or char in "-_" else "-" for char in text)
    return kept.encode()[:60].decode(errors="ignore").strip("-_")


def repaint(
    content: str | None,
    style: str | None,
    model: str | None,
    mode: str = INSTANT,
    batches: float = REFINE_BATCHES,
    size: float = DEFAULT_SIZE,
    style_side: float = STYLE_SIDE,
    stop: threading.Event | None = None,
) -> Iterator[Painting]:
    """Repaint the photograph; with `refined`, drafts come first: after one batch, then every two.

    Args:
        content, style: files of the photograph and of the painting.
        model: name of a trained model.
        mode: `instant` or `refined`.
        batches: of refining, 1 to 100.
        size: longest side of the result in px, up to 2048; 0 for the photograph's own.
        style_side: smaller side in px at which the painting is read, 128, 256 or 512.
        stop: once set, refining ends and the last item is what it had reached.

    Raises:
        OrderError, ImageError, WeightsError, EncoderError: one sentence for the visitor.
    """
    content, style, model = _checked(content, style, model, mode, batches, size, style_side)
    started = time.perf_counter()
    photo, paint = load_image(content), load_image(style)
    before = resize_longest(photo, int(size) or min(max(photo.size), LARGEST))
    loading = time.perf_counter()
    stylizer = get_stylizer(model)
    loaded = time.perf_counter()

    def painting(fixed: FixedStyle, picture: Image.Image, done: int = 0, **more: object) -> Painting:
        styled = time.perf_counter()
        after = fixed(picture)
        ended = time.perf_counter()
        seconds = Seconds(loaded - loading, styled - loaded, ended - styled, ended - started)
        name = file_name(content, style, model)
        asked = int(batches) if mode == REFINED else 0
        return Painting(
            picture,
            after,
            name,
            model,
            photo.size,
            paint.size,
            seconds,
            asked,
            done,
            **more,  # type: ignore[arg-type]
        )

    if mode == INSTANT:
        yield painting(stylizer.fix(paint, int(style_side)), before)
        return
    small = resize_longest(before, DRAFT_SIZE) if max(before.size) > DRAFT_SIZE else before
    step: Step | None = None
    for step in refine(stylizer, paint, refining_contents(None), int(batches), int(style_side), stop):
        if step.done < batches and not step.last and (step.done == 1 or step.done % DRAFT_EVERY == 0):
            yield painting(step.fixed, small, step.done, style_loss=step.style_loss, draft=True)
    if step is None:
        raise OrderError("Refining was stopped before its first batch, so the picture is as it was.")
    yield painting(step.fixed, before, step.done, style_loss=step.style_loss)


def _checked(
    content: str | None, style: str | None, model: str | None, mode: str, batches: float, size: float, style_side: float
) -> tuple[str, str, str]:
    have = checkpoint.available_models()
    if not have:
        raise OrderError(TRAIN_FIRST)
    if not content:
        raise OrderError("Choose a photo first: drop one in, or click one of those below.")
    if not style:
        raise OrderError("Choose a painting first: drop one in, or click one of those below.")
    if model not in have:
        raise OrderError(f"There is no trained model named {model}; choose one of {', '.join(have)}.")
    if mode not in (INSTANT, REFINED):
        raise OrderError(f"There is no mode named {mode}; choose {INSTANT} or {REFINED}.")
    if not _whole(batches, 1, MOST_BATCHES):
        raise OrderError(f"The number of batches must be a whole number from 1 to {MOST_BATCHES}.")
    if size != ORIGINAL and not _whole(size, min(SIZES), LARGEST):
        raise OrderError(f"The longest side must be {min(SIZES)} to {LARGEST} px, or 0 for the photo's own.")
    if style_side not in STYLE_SIDES:
        raise OrderError(f"The painting can be read at {', '.join(map(str, STYLE_SIDES))} px.")
    return content, style, model


def _whole(number: float, least: int, most: int) -> bool:
    return number in range(least, most + 1)  # false too for what is no number at all, which a caller may well send


@dataclass(frozen=True)
class Step:
    """What refining has reached after `done` batches; `last` says that it ended there."""

    done: int
    fixed: FixedStyle
    style_loss: float | None
    last: bool = False


def refine(
    stylizer: Stylizer,
    style: Image.Image,
    contents: Sequence[Path],
    batches: int,
    style_side: int = STYLE_SIDE,
    stop: threading.Event | None = None,
) -> Iterator[Step]:
    """`Stylizer.refine` as an iterator: a step after each batch, the last one twice, the second time marked `last`.

    Training runs in a thread of its own and ends with the iterator, also when that is closed before its end or when
    `stop` is set; then the last step repeats what had been reached, and before the first batch there is none.
    """
    stop = stop or threading.Event()
    steps: SimpleQueue[Step | Exception | None] = SimpleQueue()

    def on_step(done: int, _: int, result: StepResult, fixed: FixedStyle) -> None:
        steps.put(Step(done, fixed, result.style_loss))

    def work() -> None:
        try:
            fixed = stylizer.refine(style, contents, batches, style_side, on_step, stop.is_set)
            steps.put(Step(batches, fixed, None, last=True))
        except Cancelled:
            steps.put(None)
        except Exception as error:  # raised again where the steps are read
            steps.put(error)

    thread = threading.Thread(target=work, name="refine", daemon=True)
    thread.start()
    reached: Step | None = None
    try:
        while isinstance(step := steps.get(), Step):
            loss = step.style_loss if step.style_loss is not None else reached.style_loss if reached else None
            reached = Step(step.done, step.fixed, loss, step.last)
            yield reached
            if reached.last:
                return
        if isinstance(step, Exception):
            raise step
        if reached:
            yield Step(reached.done, reached.fixed, reached.style_loss, last=True)
    finally:
        stop.set()
        thread.join()
