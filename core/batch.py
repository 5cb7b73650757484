"""Many photos in many styles with one model:
what `core.stylize` does between its options and its exit code.

    batch = Batch(model_store().stylizer("flagship"), Settings(), Path("out"))
    batch.run([Path("a.jpg"), Path("b.jpg")], [[Path("painting.jpg")]])
    batch.done, batch.skipped                          # out/a__painting__flagship.png, ...
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from tqdm import tqdm

from core.baselines.adapter import Backend, Method
from core.commandline import memory_sentence
from core.files import OutputError, check_output, distinct_name, printable, shortened, write_atomic
from core.images.contact_sheet import SHEET_SIZE, layout, sheet
from core.images.convert import WHOLE, Box
from core.images.decode import ImageError, load_image, load_mask, load_with_alpha
from core.images.metadata import date_taken
from core.images.save import FORMATS, QUALITY, encode_picture
from core.inference.style_file import SUFFIX, SavedStyle, is_style_file, load_painting
from core.models.weights import WeightsError
from core.paintings import no_painting_for, prepared
from core.pipeline import stylize_image
from core.provenance import Source, picture_bytes, provenance_of
from core.rendering import sizes
from core.reproduce import command_line
from core.result import PaintStep, StylizeResult
from core.settings import Settings, SettingsError
from core.training.batches import remembered_picture, training_picture

STDIO = Path("-")
MAX_REMEMBERED = 160  # photos to refine on: 20 batches draw as many
NOTHING_TO_REFINE_ON = "None of the photos to refine on can be used."
NO_ALPHA = "has no transparency that could be its mask."
T = TypeVar("T")
Facts = dict[str, Any]


@dataclass(frozen=True)
class File:
    """A picture with where it came from; `-` is standard input.

    Attributes:
        image: a Pillow image; of a painting, a style from a file too.
        taken: when the photo was taken, as EXIF writes it; empty where that is not known.
    """

    path: Path
    image: Any
    source: Source
    taken: str = ""

    @classmethod
    def read(cls, path: Path, load: Callable[..., Any] = load_image) -> "File":
        """Raises ImageError, one sentence, for a file that cannot be used."""
        if path == STDIO:
            data = standard_input()
            return cls(path, load(data), Source.of("stdin", data), date_taken(data))
        return cls(path, load(path), Source.of(path), date_taken(path))

    @property
    def stem(self) -> str:
        """The file's name for the name of a result."""
        name = self.path.name.removesuffix(SUFFIX)
        return Path(name).stem if self.path != STDIO else "stdin"


@cache
def standard_input() -> bytes:
    """All that comes on standard input, which can be read a single time."""
    return sys.stdin.buffer.read()


def is_file(out: Path) -> bool:
    """Whether --out names one picture rather than a folder."""
    return out.suffix.lower() in FORMATS and not os.path.isdir(out)


@dataclass
class Batch:
    """Many pictures with one model and one set of settings;
    bad files are reported once and skipped.

    Args:
        stylizer: the model.
        settings: for each picture.
        out: folder of the results, a file for a single one, or `-` for standard output.
        masks, outside: files of the mask, or of one for each painting, and of the painting outside.
        refine_contents: files of photographs to refine on, none for the gallery's.
        suffix: what kind of file the results in a folder are, one of `core.images.save.FORMATS`.
        quality: 1 to 100, of JPEG and WebP.
        report: takes one sentence about each file that is skipped.
        tell: takes what there is to say about each result, a JSON object.

    Raises:
        ImageError: the mask or the painting outside it cannot be used, or none of the photographs
            to refine on.
    """

    stylizer: Backend
    settings: Settings
    out: Path
    _: KW_ONLY
    masks: Sequence[Path] = ()
    outside: Path | None = None
    refine_contents: Sequence[Path] = ()
    suffix: str = ".png"
    quality: int = QUALITY
    report: Callable[[str], None] = tqdm.write
    tell: Callable[[Facts], None] = lambda facts: None
    done: list[Path] = field(init=False, default_factory=list)
    skipped: list[Path] = field(init=False, default_factory=list)
    notes: dict[str, None] = field(init=False, default_factory=dict)
    _names: set[str] = field(init=False, default_factory=set)
    _refined_on: list[tuple[Path, Source]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        if is_file(self.out):
            self.suffix = self.out.suffix
        self._masks = [File.read(mask, load_mask) for mask in self.masks]
        self._outside = self._read_painting(self.outside) if self.outside else None
        refines = self.settings.refine or isinstance(self.stylizer, Method)
        if refines and self.refine_contents:
            self._read_refine_contents()

    def run(self, contents: Sequence[Path], groups: Sequence[Sequence[Path]]) -> None:
        """Paint every content in every group of styles; see `done`,
        `skipped` and `notes` afterwards.
        """
        with tqdm(total=len(contents) * len(groups), desc="Stylising", unit="picture") as bar:
            for group in groups:
                boxes = self.settings.crops(len(group))
                styles = [
                    self._guarded(path, partial(self._read_painting, box=box))
                    for path, box in zip(group, boxes, strict=True)
                ]
                usable = [style for style in styles if style]
                for content in contents:
                    if len(usable) == len(group) and content not in self.skipped:
                        self._guarded(content, partial(self._one, styles=usable))
                    bar.update()

    def sheets(self, contents: Sequence[Path], styles: Sequence[tuple[str, Path]]) -> None:
        """For each content one sheet of it in all styles, given with their labels."""
        self.settings = replace(self.settings, size=self.settings.size or SHEET_SIZE)
        with tqdm(total=len(contents) * len(styles), desc="Stylising", unit="picture") as bar:
            for content in contents:
                self._guarded(content, partial(self._sheet, styles=styles, bar=bar))

    def _one(self, path: Path, styles: Sequence[File]) -> None:
        content = File.read(path, load_with_alpha)
        painted = self._paint(content, styles)
        recipe = provenance_of(
            painted,
            content.source,
            [style.source for style in styles],
            masks=[mask.source for mask in self._masks],
            outside=self._outside.source if self._outside else None,
            refine_contents=[source for _, source in self._refined_on],
            taken=content.taken,
        )
        data = picture_bytes(painted.image, recipe, self.suffix, self.quality)
        target = self._write(content, "+".join(style.stem for style in styles), data)
        used = [file for file in (content, *styles, *self._masks, self._outside) if file]
        files = {file.source.sha256: file.path for file in used}
        files |= {source.sha256: path for path, source in self._refined_on}
        self.notes.setdefault(painted.note)
        self.tell(
            {
                **_facts(target, content, styles, painted.image),
                "working_size": painted.working_size,
                "seconds": {name: round(value, 3) for name, value in painted.seconds.items()},
                "style_loss": painted.style_loss,
                "note": painted.note,
                "settings": painted.settings.to_json(),
                "command": command_line(recipe, files),
            }
        )

    def _sheet(self, path: Path, styles: Sequence[tuple[str, Path]], bar: tqdm) -> None:
        content = File.read(path, load_with_alpha)
        assert isinstance(content.image, Image.Image)
        layout(1 + len(styles), sizes(content.image, self.settings)[0].size)  # before the work
        (box,) = self.settings.crops(1)
        cells: list[tuple[str, Image.Image]] = []
        used: list[File] = []
        for label, painting in styles:
            style = None
            if painting not in self.skipped:
                style = self._guarded(painting, partial(self._read_painting, box=box))
            if style:
                painted = self._paint(content, [style])
                cells = [*(cells or [("Photo", painted.before)]), (label, painted.image)]
                used.append(style)
            bar.update()
        if cells:
            whole = sheet(cells)
            target = self._write(
                content, "sheet", encode_picture(whole, self.suffix, quality=self.quality)
            )
            self.tell(_facts(target, content, used, whole))

    def _read_refine_contents(self) -> None:
        """Leave out the photographs to refine on that cannot be used. Raises ImageError: all of them."""
        # Refining holds those that it draws. Few are held from here on; of many, each is let go.
        few = len(self.refine_contents) <= MAX_REMEMBERED
        look = remembered_picture if few else training_picture

        def read(path: Path) -> tuple[Path, Source]:
            look(path)
            return path, Source.of(path)

        found = (self._guarded(path, read) for path in self.refine_contents)
        self._refined_on = [file for file in found if file]
        if not self._refined_on:
            raise ImageError(NOTHING_TO_REFINE_ON)
        self.refine_contents = [path for path, _ in self._refined_on]

    def _read_painting(self, path: Path, box: Box = WHOLE) -> File:
        """A painting, of which the part in a box counts, or its style from a file. Raises ImageError, also for
        a part that is too small, the style of another model, and one of which more is asked than it can give.
        """
        painting = File.read(path, load_painting if is_style_file(path) else load_image)
        try:
            if isinstance(painting.image, SavedStyle):
                if isinstance(self.stylizer, Method):
                    raise no_painting_for(self.stylizer.name)
                painting.image.filters_for(self.stylizer)
            prepared([painting.image], replace(self.settings, style_crop=(box,)))
        except (ImageError, WeightsError, SettingsError) as error:
            raise ImageError(f'"{printable(path.name)}": {error}') from error
        return painting

    def _paint(self, content: File, styles: Sequence[File]) -> StylizeResult:
        if self.settings.mask_alpha and content.image.mode != "RGBA":
            raise ImageError(f'"{printable(content.path.name)}" {NO_ALPHA}')
        batches = self.settings.refine if self.settings.strength else 0
        with tqdm(total=batches, desc="Refining", unit="batch", leave=False, disable=None) as bar:

            def on_step(step: PaintStep) -> None:
                bar.total = step.batches
                bar.update(step.done - bar.n)

            return stylize_image(
                content.image,
                [style.image for style in styles],
                self.settings,
                [mask.image for mask in self._masks],
                self._outside.image if self._outside else None,
                stylizer=self.stylizer,
                refine_contents=self.refine_contents,
                on_step=on_step,
            )

    def _write(self, content: File, style: str, data: bytes) -> Path:
        target = self.out
        if target == STDIO:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            if not is_file(target):
                rest = f"__{shortened(style)}__{self.stylizer.name}{self.suffix}"
                target = target / distinct_name(content.stem, rest, self._names)
            write_atomic(target, data)
        self.done.append(target)
        return target

    def _guarded(self, path: Path, work: Callable[[Path], T]) -> T | None:
        """Do some work on a file; where the file is at fault, or too large for the memory, say so and
        count it as skipped."""
        try:
            return work(path)
        except ImageError as error:
            self._skip(path, str(error))
        except OutputError as error:
            check_output(self.out, folder=not is_file(self.out))  # nothing at all can be written
            self._skip(path, str(error))
        except OSError as error:
            self._skip(path, f'"{printable(path.name)}" cannot be read ({error.strerror}).')
        except (MemoryError, RuntimeError) as error:
            self._skip(path, memory_sentence(path, error))
        return None

    def _skip(self, path: Path, sentence: str) -> None:
        self.skipped.append(path)
        self.report(printable(f"skipped: {sentence}"))


def _facts(target: Path, content: File, styles: Sequence[File], image: Image.Image) -> Facts:
    names = [str(style.path) for style in styles]
    return {"file": str(target), "content": str(content.path), "styles": names, "size": image.size}
