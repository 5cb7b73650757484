"""Stylise files from the command line.

    python -m core.stylize --content photo.jpg --style painting.jpg
    python -m core.stylize --content photos/ --style paintings/ --model improved-500 --out out/
    python -m core.stylize --content photo.jpg --style painting.jpg --refine 20

Every content is painted in every style, to `OUT/CONTENT__STYLE__MODEL.png`. A file that cannot be used is named and skipped.
Exit code: 0 all done, 1 nothing could be done, 2 some files were skipped.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from tqdm import tqdm

from core.checkpoint import available_models
from core.encoder import EncoderError
from core.images import ImageError, list_images, load_image, resize_longest, save_png
from core.packing import WeightsError
from core.stylizer import REFINE_BATCHES, STYLE_SIDE, FixedStyle, Stylizer, get_stylizer

T = TypeVar("T")
PREFERRED = ("flagship", "improved-500", "improved-1000", "original-500", "original-1000")


def default_model() -> str:
    """The best of the models that are shipped.

    Raises:
        WeightsError: none is.
    """
    have = available_models()
    if not have:
        raise WeightsError("No trained model is in checkpoints/; train one with `python -m core.train improved-500`.")
    return next((name for name in PREFERRED if name in have), have[0])


def find_pictures(given: Iterable[Path]) -> list[Path]:
    """Files as they are, folders replaced by the pictures in them.

    Raises:
        ImageError: a folder without pictures.
    """
    found: list[Path] = []
    for path in given:
        inside = list_images(path) if path.is_dir() else [path]
        if not inside:
            raise ImageError(f'There is no picture in the folder "{path}".')
        found += inside
    return found


class Batch:
    """All pairs of some contents and styles; bad files are reported once and skipped.

    Args:
        stylizer: the model.
        size: longest side of the result in px, None for the photo's own.
        style_side: smaller side at which a painting is read.
        refine: batches of refining, 0 for instant.
        refine_contents: photographs to refine on.
        report: takes one sentence about each file that is skipped.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        out: Path,
        *,
        size: int | None = None,
        style_side: int = STYLE_SIDE,
        refine: int = 0,
        refine_contents: Sequence[Path] = (),
        report: Callable[[str], None] = tqdm.write,
    ) -> None:
        self.stylizer, self.out, self.size, self.style_side = stylizer, out, size, style_side
        self.batches, self.refine_contents, self.report = refine, refine_contents, report
        self.done: list[Path] = []
        self.skipped: list[Path] = []

    def run(self, contents: Sequence[Path], styles: Sequence[Path]) -> None:
        """Write every pair; see `done` and `skipped` afterwards."""
        with tqdm(total=len(contents) * len(styles), desc="Stylising", unit="picture") as bar:
            for style in styles:
                fixed = self._guarded(style, lambda path: self._fix(load_image(path)))
                for content in contents:
                    if fixed is not None and content not in self.skipped:
                        self._guarded(content, partial(self._paint, style=style, fixed=fixed))
                    bar.update()

    def _fix(self, style: Image.Image) -> FixedStyle:
        if not self.batches:
            return self.stylizer.fix(style, self.style_side)
        with tqdm(total=self.batches, desc="Refining", unit="batch", leave=False) as bar:
            return self.stylizer.refine(
                style, self.refine_contents, self.batches, self.style_side, on_step=lambda *_: bar.update()
            )

    def _paint(self, content: Path, style: Path, fixed: FixedStyle) -> Path:
        image = load_image(content)
        if self.size:
            image = resize_longest(image, self.size)
        path = self.out / f"{content.stem}__{style.stem}__{self.stylizer.name}.png"
        painted = fixed(image)
        self.out.mkdir(parents=True, exist_ok=True)
        save_png(painted, path)
        self.done.append(path)
        return path

    def _guarded(self, path: Path, work: Callable[[Path], T]) -> T | None:
        try:
            return work(path)
        except ImageError as error:
            self.skipped.append(path)
            self.report(f"skipped: {error}")
            return None


def refining_contents(folder: Path | None) -> list[Path]:
    """The pictures of a folder, or the gallery's contents."""
    if folder is not None:
        return find_pictures([folder])
    from gallery.pictures import CONTENTS

    return [picture.path() for picture in CONTENTS]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.stylize", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--content", type=Path, nargs="+", required=True, help="photos, or folders of photos")
    parser.add_argument("--style", type=Path, nargs="+", required=True, help="paintings, or folders of paintings")
    parser.add_argument("--model", help="a model of checkpoints/, or a checkpoint folder (default: the best shipped)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the results (default: out)")
    parser.add_argument("--size", type=int, help="longest side of the result in px (default: the photo's own)")
    parser.add_argument("--style-size", type=int, default=STYLE_SIDE, help="smaller side at which a painting is read")
    parser.add_argument("--refine", type=int, nargs="?", const=REFINE_BATCHES, default=0, metavar="BATCHES")
    parser.add_argument("--refine-content", type=Path, help="folder of photos to refine on (default: the gallery's)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = parse(arguments)
    try:
        contents, styles = find_pictures(options.content), find_pictures(options.style)
        batch = Batch(
            get_stylizer(options.model or default_model(), options.device),
            options.out,
            size=options.size,
            style_side=options.style_size,
            refine=options.refine,
            refine_contents=refining_contents(options.refine_content) if options.refine else (),
        )
        batch.run(contents, styles)
    except (ImageError, WeightsError, EncoderError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(batch.done)} pictures in {options.out}, {len(batch.skipped)} files skipped")
    return 2 if batch.skipped and batch.done else int(not batch.done)


if __name__ == "__main__":
    raise SystemExit(main())
