"""Stylise files from the command line.

    python -m core.stylize --content photo.jpg --style painting.jpg
    python -m core.stylize --content photos/ --style paintings/ --model improved-500 --out out/
    python -m core.stylize --content photo.jpg --style painting.jpg --refine 20
    python -m core.stylize --content photo.jpg --style a.jpg b.jpg --mix 0.7 0.3 --strength 80 --colours photo
    python -m core.stylize --content photo.jpg --style painting.jpg --mask mask.png --mask-style other.jpg
    python -m core.stylize --content photo.jpg --sheet
    cat photo.jpg | python -m core.stylize --content - --style painting.jpg --out - > painted.png

Every content is painted in every style, to `OUT/CONTENT__STYLE__MODEL.png`; with --mix in all styles at once. Each file carries
the recipe to make it again (`core.provenance`). A file that cannot be used is named and skipped.
Exit code: 0 all done, 1 nothing could be done, 2 some files were skipped.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from tqdm import tqdm

from core.baselines.adapter import Backend, find_backend
from core.files import write_atomic
from core.images.contact_sheet import SHEET_SIZE, sheet, sheet_bytes
from core.images.decode import ImageError, load_image, load_mask, load_with_alpha
from core.images.find import find_pictures
from core.images.library import paintings
from core.inference.stylizer import default_model
from core.models.encoder import EncoderError
from core.models.weights import WeightsError
from core.options import STDIO, parse, settings_of
from core.pipeline import OUTSIDE_NEEDS_MASK, Step, StylizeResult, stylize_image
from core.provenance import ProvenanceError, Source, command_line, picture_bytes, provenance_of
from core.settings import Settings, SettingsError

T = TypeVar("T")
Facts = dict[str, Any]
USER_ERRORS = (ImageError, SettingsError, ProvenanceError, WeightsError, EncoderError, OSError)


@dataclass(frozen=True)
class File:
    """A picture with where it came from; `-` is standard input."""

    path: Path
    image: Image.Image
    source: Source

    @classmethod
    def read(cls, path: Path, load: Callable[..., Image.Image] = load_image) -> "File":
        """Raises ImageError, one sentence, for a file that cannot be used."""
        if path == STDIO:
            data = sys.stdin.buffer.read()
            return cls(path, load(data), Source.of("stdin", data))
        return cls(path, load(path), Source.of(path))

    @property
    def stem(self) -> str:
        return Path(self.source.name).stem


class Batch:
    """Many pictures with one model and one set of settings; bad files are reported once and skipped.

    Args:
        stylizer: the model.
        settings: for each picture.
        out: folder of the results, a file for a single one, or `-` for standard output.
        mask, outside: files of the mask and of the painting outside it.
        refine_contents: files of photographs to refine on, none for the gallery's.
        report: takes one sentence about each file that is skipped.
        tell: takes what there is to say about each result, a JSON object.
    """

    def __init__(
        self,
        stylizer: Backend,
        settings: Settings,
        out: Path,
        *,
        mask: Path | None = None,
        outside: Path | None = None,
        refine_contents: Sequence[Path] = (),
        report: Callable[[str], None] = tqdm.write,
        tell: Callable[[Facts], None] = lambda facts: None,
    ) -> None:
        self.stylizer, self.settings, self.out, self.report, self.tell = (
            stylizer,
            settings,
            out,
            report,
            tell,
        )
        self.mask = File.read(mask, load_mask) if mask else None
        self.outside = File.read(outside) if outside else None
        self.refine_contents = refine_contents
        self.done: list[Path] = []
        self.skipped: list[Path] = []
        self.notes: dict[str, None] = {}

    def run(self, contents: Sequence[Path], groups: Sequence[Sequence[Path]]) -> None:
        """Paint every content in every group of styles; see `done`, `skipped` and `notes` afterwards."""
        with tqdm(total=len(contents) * len(groups), desc="Stylising", unit="picture") as bar:
            for group in groups:
                styles = [self._guarded(path, File.read) for path in group]
                for content in contents:
                    if None not in styles and content not in self.skipped:
                        self._guarded(
                            content, partial(self._one, styles=[style for style in styles if style])
                        )
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
        mask, outside = (file.source if file else None for file in (self.mask, self.outside))
        on = [Source.of(file) for file in self.refine_contents]
        recipe = provenance_of(
            painted,
            content.source,
            [s.source for s in styles],
            mask=mask,
            outside=outside,
            refine_contents=on,
        )
        target = self._write(
            content, "+".join(style.stem for style in styles), picture_bytes(painted, recipe)
        )
        files = {
            file.source.sha256: file.path
            for file in (content, *styles, self.mask, self.outside)
            if file
        }
        files |= {
            source.sha256: file for source, file in zip(on, self.refine_contents, strict=True)
        }
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
        cells: list[tuple[str, Image.Image]] = []
        used: list[File] = []
        for label, painting in styles:
            style = self._guarded(painting, File.read) if painting not in self.skipped else None
            if style:
                painted = self._paint(content, [style])
                cells = [*(cells or [("Photo", painted.before)]), (label, painted.image)]
                used.append(style)
            bar.update()
        if cells:
            whole = sheet(cells)
            target = self._write(content, "sheet", sheet_bytes(whole, self.out.suffix))
            self.tell(_facts(target, content, used, whole))

    def _paint(self, content: File, styles: Sequence[File]) -> StylizeResult:
        mask, outside = (file.image if file else None for file in (self.mask, self.outside))
        images = [style.image for style in styles]
        with tqdm(
            total=self.settings.refine, desc="Refining", unit="batch", leave=False, disable=None
        ) as bar:

            def on_step(step: Step) -> None:
                bar.total = step.batches
                bar.update(step.done - bar.n)

            return stylize_image(
                content.image,
                images,
                self.settings,
                mask,
                outside,
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
                target = target / f"{content.stem}__{style}__{self.stylizer.name}.png"
            write_atomic(target, data)
        self.done.append(target)
        return target

    def _guarded(self, path: Path, work: Callable[[Path], T]) -> T | None:
        try:
            return work(path)
        except ImageError as error:
            self.skipped.append(path)
            self.report(f"skipped: {error}")
            return None


def _facts(target: Path, content: File, styles: Sequence[File], image: Image.Image) -> Facts:
    names = [str(style.path) for style in styles]
    return {"file": str(target), "content": str(content.path), "styles": names, "size": image.size}


def is_file(out: Path) -> bool:
    """Whether --out names one picture rather than a folder."""
    return out.suffix.lower() in (".png", ".jpg", ".jpeg") and not out.is_dir()


def labelled(styles: Sequence[Path]) -> list[tuple[str, Path]]:
    """The paintings of a sheet: those given, or the gallery's with their titles."""
    if styles:
        return [(path.stem, path) for path in styles]
    return [(picture.title, picture.path()) for picture in paintings()]


def check(
    options: argparse.Namespace, settings: Settings, groups: Sequence[Sequence[Path]], contents: int
) -> None:
    """Raises SettingsError where options do not go together."""
    results = contents * (1 if options.sheet else len(groups))
    if not options.style and not options.sheet:
        raise SettingsError("Give a painting with --style, or --sheet for all of the gallery's.")
    single = options.out == STDIO or is_file(options.out)
    if single and results > 1:
        raise SettingsError(f"There are {results} results; give --out a folder for them.")
    if is_file(options.out) and options.out.suffix.lower() != ".png" and not options.sheet:
        raise SettingsError(
            "Results are PNG files; give --out a name that ends in .png, or a folder."
        )
    if options.out == STDIO and options.json:
        raise SettingsError(
            "The picture and the JSON cannot both go to standard output; give --out a file or a folder."
        )
    if options.mask_style and not options.mask:
        raise SettingsError(OUTSIDE_NEEDS_MASK)
    if options.sheet and settings.mix:
        raise SettingsError("A sheet shows one painting at a time; leave out --mix.")
    for group in groups:
        settings.weights(len(group))


def run(options: argparse.Namespace) -> Batch:
    """Do what the options say; see the batch for what came of it."""
    settings = settings_of(options)
    contents, styles = find_pictures(options.content), find_pictures(options.style)
    groups = [styles] if settings.mix and styles else [[style] for style in styles]
    check(options, settings, groups, len(contents))
    quiet = options.json or options.out == STDIO
    batch = Batch(
        find_backend(settings.model or default_model(), options.device),
        settings,
        options.out,
        mask=options.mask,
        outside=options.mask_style,
        refine_contents=find_pictures(options.refine_content),
        report=partial(tqdm.write, file=sys.stderr if quiet else sys.stdout),
        tell=(lambda facts: print(json.dumps(facts), flush=True))
        if options.json
        else lambda facts: None,
    )
    if options.sheet:
        batch.sheets(contents, labelled(styles))
    else:
        batch.run(contents, groups)
    return batch


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = parse(arguments)
    try:
        batch = run(options)
    except USER_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    messages = sys.stderr if options.json or options.out == STDIO else sys.stdout
    place = "standard output" if options.out == STDIO else options.out
    print(f"{len(batch.done)} painted to {place}, {len(batch.skipped)} skipped", file=messages)
    for note in filter(None, batch.notes):
        print(note, file=messages)
    return 2 if batch.skipped and batch.done else int(not batch.done)


if __name__ == "__main__":
    raise SystemExit(main())
