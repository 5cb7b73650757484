"""The README's pictures of the controls: for each one a strip that shows what it does to a picture.

    python -m gallery.figures.controls                                    # all, with the best model shipped, at once
    python -m gallery.figures.controls --model original-500 --refine 20   # each painting refined first
    python -m gallery.figures.controls strength mask                      # only these

Written to gallery/shown/controls/NAME.jpg. What each control does is in `core.pipeline`, and for
video in `core.inference.temporal`. Refining takes one painting, so with --refine the strips of
mixing are left out.
"""

import argparse
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image, ImageDraw

from core.commandline import run_command
from core.files import write_atomic
from core.frames import FrameStylizer
from core.images.contact_sheet import GAP, sheet
from core.images.convert import center_crop, resize_longest, to_image, to_tensor
from core.images.library import library
from core.images.save import srgb_profile
from core.inference.model_store import model_store
from core.inference.styled_model import StyleCache
from core.inference.stylizer import Stylizer
from core.inference.temporal import Smoother, warp
from core.metrics.flicker import SHARES, pan_and_zoom
from core.pipeline import stylize_image
from core.program import MODEL_HELP, command_parser
from core.settings import MATCH, PHOTO, RECOLOUR, STYLE, Settings, SettingsError
from gallery.pictures import FOLDER, MORE_STYLES, STYLES, Picture, find_content, find_style

SHOWN = FOLDER / "shown" / "controls"
WIDEST = 1200  # px
MAX_BYTES = 120_000
QUALITIES = range(85, 40, -5)  # the first that is small enough
CACHE_BYTES = 2 * 1024**3  # refined styles hold networks, and several strips need the same ones
WAVE, KANDINSKY = "hokusai_great_wave", "kandinsky_composition_viii"
CAFE = "vangogh_cafe_terrace_at_night"
PAINTINGS = (WAVE, KANDINSKY, CAFE, "stained_glass")  # at the corners of the square
REFINED_PAINTINGS = PAINTINGS[:3]  # of the sheet, where each costs a minute
LARGE_SIDE = 1536  # px, of the picture in tiles
DIFFERENCE_GAIN = 4  # of the flicker shown
FRAMES = 6

Cells = list[tuple[str, Image.Image]]


def cell_side(columns: int) -> int:
    """Side in px of the largest cells of which so many fit beside each other."""
    return min(280, (WIDEST - GAP) // columns - GAP)


@dataclass(frozen=True)
class Studio:
    """A model, and with how many batches each painting is refined (0 for instant)."""

    stylizer: Stylizer
    refine: int = 0

    def painted(
        self,
        side: int,
        photo: Image.Image,
        paintings: Sequence[str],
        mask: Image.Image | None = None,
        outside: str = "",
        **settings: Any,
    ) -> Image.Image:
        """The middle of a photo, painted at twice `side`, shown at it; `settings` of Settings."""
        result = stylize_image(
            center_crop(photo, 2 * side),
            [find_style(name).image() for name in paintings],
            Settings(refine=self.refine, **settings),
            mask,
            find_style(outside).image() if outside else None,
            stylizer=self.stylizer,
        )
        return result.image.resize((side, side), Image.Resampling.LANCZOS)


def given(label: str, picture: Picture, side: int) -> tuple[str, Image.Image]:
    """The cell of a picture as it is."""
    return label, center_crop(picture.image(), side)


def strength(studio: Studio) -> tuple[Cells, int]:
    photo, side, steps = find_content("china").image(), cell_side(7), (0, 25, 50, 75, 100, 125, 150)
    return [(f"{n} %", studio.painted(side, photo, [WAVE], strength=n / 100)) for n in steps], 7


def mixing(studio: Studio) -> tuple[Cells, int]:
    photo, side, ends = find_content("china").image(), cell_side(7), (WAVE, KANDINSKY)
    shares = ((1, 0), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0, 1))
    mixes = [(f"{a:g} : {b:g}", studio.painted(side, photo, ends, mix=(a, b))) for a, b in shares]
    first, last = (given(find_style(name).title, find_style(name), side) for name in ends)
    return [first, *mixes, last], 7


def mixing_square(studio: Studio) -> tuple[Cells, int]:
    photo, side, steps = find_content("china").image(), 120, (0, 0.25, 0.5, 0.75, 1)
    cells: Cells = []
    for down in steps:
        for right in steps:
            mix = ((1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down)
            label = find_style(PAINTINGS[mix.index(1)]).title if 1 in mix else ""
            cells.append((label, studio.painted(side, photo, PAINTINGS, mix=mix)))
    return cells, 5


def colours(studio: Studio) -> tuple[Cells, int]:
    photo, side = find_content("astronaut"), cell_side(6)
    cells = [given("The photo", photo, side), given("The painting", find_style(CAFE), side)]
    for way in (STYLE, MATCH, PHOTO, RECOLOUR):
        cells.append((way, studio.painted(side, photo.image(), [CAFE], colours=way)))
    return cells, 6


def style_size(studio: Studio) -> tuple[Cells, int]:
    photo, side = find_content("china").image(), cell_side(4)
    cells = [given("The painting", find_style(WAVE), side)]
    for px in (96, 256, 768):
        cells.append((f"{px} px", studio.painted(side, photo, [WAVE], style_size=px)))
    return cells, 4


def detail(studio: Studio) -> tuple[Cells, int]:
    photo, side, sizes = find_content("china").image(), cell_side(4), (128, 256, 512, 1024)
    return [(f"{px} px", studio.painted(side, photo, [WAVE], detail=px)) for px in sizes], 4


def mask(studio: Studio) -> tuple[Cells, int]:
    photo, side = find_content("flower"), cell_side(4)
    inside = Image.new("RGB", (side, side))
    inset = side * 0.12
    ImageDraw.Draw(inside).ellipse((inset, inset, side - inset, side - inset), fill="white")
    cells = [given("Photo", photo, side), ("Mask", inside)]
    for label, outside in (("Photo outside", ""), ("Another painting outside", KANDINSKY)):
        cells.append((label, studio.painted(side, photo.image(), [WAVE], inside, outside)))
    return cells, 4


def tiles(studio: Studio) -> tuple[Cells, int]:
    photo, painting = find_content("china").image(), find_style(WAVE).image()
    side = cell_side(3)
    cells: Cells = []
    for label, in_tiles in (("in tiles", True), ("in one piece", False)):
        settings = Settings(size=LARGE_SIDE, refine=studio.refine, tiles=in_tiles)
        large = stylize_image(photo, painting, settings, stylizer=studio.stylizer).image
        left, top = large.width // 4, large.height // 4
        if in_tiles:
            cells.append((f"{large.width} x {large.height} px", resize_longest(large, side)))
        cells.append((f"Part of it, {label}", large.crop((left, top, left + side, top + side))))
    return cells, 3


def styles(studio: Studio) -> tuple[Cells, int]:
    photo, pictures, columns = find_content("china"), (*STYLES, *MORE_STYLES), 10
    if studio.refine:
        pictures = tuple(map(find_style, REFINED_PAINTINGS))
        columns = len(pictures) + 1
    side = cell_side(columns)
    cells = [given("Photo", photo, side)]
    for picture in pictures:
        cells.append((picture.title, studio.painted(side, photo.image(), [picture.name])))
    return cells, columns


def smoothing(studio: Studio) -> tuple[Cells, int]:
    clip, flows = pan_and_zoom(find_content("astronaut").image())
    clip, flow = clip[:FRAMES], flows[FRAMES - 2]
    paint = FrameStylizer(
        [find_style(WAVE).image()],
        Settings(refine=studio.refine),
        stylizer=studio.stylizer,
        refine_contents=library().refining_contents,
    )
    painted = [(frame, paint(frame)) for frame in clip]
    cells: Cells = []
    for share in SHARES:
        smoother = Smoother(share)
        *_, before, now = [smoother(frame, result) for frame, result in painted]
        moved, inside = warp(to_tensor(before), flow)
        flicker = ((to_tensor(now) - moved).abs() * inside * DIFFERENCE_GAIN).clamp(0, 1)
        shown = {"a frame": before, "the next": now}
        shown[f"beyond motion, x{DIFFERENCE_GAIN}"] = to_image(flicker)
        for what, picture in shown.items():
            cells.append((f"{share:g}: {what}", resize_longest(picture, 240)))
    return cells, 3


STRIPS: dict[str, Callable[[Studio], tuple[Cells, int]]] = {
    "strength": strength,
    "mixing": mixing,
    "mixing-square": mixing_square,
    "colours": colours,
    "style-size": style_size,
    "detail": detail,
    "mask": mask,
    "tiles": tiles,
    "sheet": styles,
    "smoothing": smoothing,
}
NEED_INSTANT = ("mixing", "mixing-square")


def jpeg(image: Image.Image) -> bytes:
    """The picture as a JPEG of at most 120 KB, at the best quality up to 85 that is so small."""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, icc_profile=srgb_profile())
        if buffer.tell() <= MAX_BYTES:
            break
    return buffer.getvalue()


def work(options: argparse.Namespace) -> int:
    """Make the strips that the options name; returns the exit code."""
    for name in options.names:
        if name not in STRIPS:
            have = ", ".join(STRIPS)
            raise SettingsError(f'There is no strip called "{name}"; there are: {have}.')
    Settings(refine=options.refine)
    shared = model_store().stylizer(options.model)
    cache = StyleCache(CACHE_BYTES)
    stylizer = Stylizer(shared.model, shared.encoder, cache=cache, reader=shared.reader)
    studio = Studio(stylizer, options.refine)
    how = f"refined with {options.refine} batches on each painting" if options.refine else "instant"
    for name in options.names or STRIPS:
        if options.refine and name in NEED_INSTANT:
            print(f"{name}: left out, because refining takes one painting")
            continue
        cells, columns = STRIPS[name](studio)
        SHOWN.mkdir(parents=True, exist_ok=True)
        write_atomic(SHOWN / f"{name}.jpg", jpeg(sheet(cells, columns)))
        print(f"{SHOWN / name}.jpg: {shared.name}, {how}", flush=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = command_parser("gallery.figures.controls", __doc__)
    which = f"which strips (default: all): {', '.join(STRIPS)}"
    parser.add_argument("names", nargs="*", help=which)
    parser.add_argument("--model", help=MODEL_HELP)
    batches = "train on each painting first"
    parser.add_argument("--refine", type=int, default=0, metavar="BATCHES", help=batches)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # sums of floats, and so the files, come out the same each time
    return run_command(lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
