"""The command line's options, and the settings that they make."""

import argparse
from dataclasses import fields, replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from core import provenance
from core.images.save import QUALITY
from core.inference.stylizer import STYLE_SIDE
from core.program import path_of
from core.runtime import AUTO, DEVICE_HELP
from core.settings import COLOURS, MAX_JSON, NEITHER, Settings, SettingsError
from core.training.refine import REFINE_BATCHES

# Of an option that takes several files or folders, and may be given several times.
FILES: dict[str, Any] = {"type": path_of, "nargs": "+", "action": "extend", "default": []}
REFINE_HELP = f"train on the painting first, {REFINE_BATCHES} batches if no number is given"
ALPHA_HELP = (
    f". Or {provenance.ALPHA}: a transparent photo's own transparency, style where it is opaque"
)
DESCRIPTION = """Stylise files. Every content is painted in every style, or, with --mix, in all styles at once."""


def percent(text: str) -> float:
    """ "80" or "80%" -> 0.8, exactly as a person writes it."""
    try:
        return float(Decimal(text.removesuffix("%")) / 100)
    except ArithmeticError as error:  # no number, or one beyond all bounds
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage") from error


def crop(text: str) -> tuple[float, ...]:
    """ "0.1,0.1,0.9,0.9" -> its numbers; `Settings` say whether they are a crop."""
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not left,top,right,bottom") from error


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `core.stylize`; a setting that is not given is None."""
    add = parser.add_argument
    add("--content", **FILES, help="photos, or folders of photos; - reads standard input")
    add("--style", **FILES, help="paintings, style files, or folders of paintings")
    add("--model", help="a model of checkpoints/, a checkpoint folder, or a method that needs none: gatys, johnson (default: "
        "the best model shipped)")  # fmt: skip
    add("--out", type=path_of, default=Path("out"), help="folder for the results (default: out), or, for a single result, "
        "a .png, .jpg or .webp file, or - for standard output; the photo's date is kept in it, its place is not")  # fmt: skip
    add(
        "--format",
        choices=("png", "jpg", "webp"),
        default="png",
        help="of the results in a folder, and on standard output (default: png)",
    )
    add(
        "--quality",
        type=int,
        default=QUALITY,
        metavar="1-100",
        help=f"of JPEG and WebP (default: {QUALITY})",
    )
    longest = "longest side of the result (default: the photo's own)"
    add("--size", type=int, metavar="PX", help=longest)

    style = add_style(parser)
    add_refining(style)
    add_mask(parser, ALPHA_HELP)

    more = parser.add_argument_group("more")
    add_settings(more)
    add = more.add_argument
    add("--sheet", action="store_true", help="one labelled sheet of each photo in all paintings of the "
                      "gallery, or in those of --style; --out may be a .png, .jpg or .webp file")  # fmt: skip
    add("--save-style", type=path_of, metavar="FILE", help="write the style of the painting, or of the mix, to a "
                      "small file, usually NAME.style.safetensors, that --style takes; needs no photo")  # fmt: skip
    add("--tiles", action="store_const", const=True, help="paint in tiles: slower, in little memory "
                      "(always so above 4096 px)")  # fmt: skip
    add(
        "--json",
        action="store_true",
        help="a JSON object for each result, a line each, on standard output",
    )
    add("--device", default=AUTO, help=DEVICE_HELP)


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if not (options.content or options.save_style):
        parser.error("the following arguments are required: --content")


def add_style(parser: argparse.ArgumentParser) -> Any:
    """Add the options on how a painting's style is used; returns their group."""
    style = parser.add_argument_group("style")
    add = style.add_argument
    add("--strength", type=percent, metavar="PERCENT", help="0 (the photo) to 150, 100 by default")
    add(
        "--mix",
        type=float,
        nargs="+",
        action="extend",
        metavar="WEIGHT",
        help="paint in up to four styles at once, with a weight for each, as in "
        "--style a.jpg b.jpg --mix 0.7 0.3",
    )
    add("--colours", choices=COLOURS, help="style: the painting's, as the network takes them up; match: each "
                       "nearly as often as the painting has it; auto (default): match with the flagship, "
                       "else style; photo: the photo's, with the result's lightness; recolour: the "
                       "painting is given the photo's first")  # fmt: skip
    add("--style-size", type=int, metavar="PX", help="smaller side at which the painting is read: the larger, "
                       f"the finer the strokes that count (default: {STYLE_SIDE})")  # fmt: skip
    add("--style-crop", type=crop, nargs="+", action="extend", metavar="L,T,R,B",
                       help="the part of each painting that counts, in shares of its width and height, "
                       "as in 0.1,0.1,0.9,0.9 for one without its frame")  # fmt: skip
    add("--detail", type=int, metavar="PX", help="longest side at which the photo is painted before it is "
                       "resized to the result: the smaller, the broader the strokes (default: the result's)")  # fmt: skip
    return style


def add_refining(style: Any) -> None:
    """Add the options on refining to the group that `add_style` gives."""
    add = style.add_argument
    add("--refine", type=int, nargs="?", const=REFINE_BATCHES, metavar="BATCHES", help=REFINE_HELP)
    refined_on = "photos, or folders of photos, to refine on (default: the gallery's)"
    add("--refine-content", **FILES, metavar="PHOTO", help=refined_on)


def add_mask(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add the options on where the style goes; `more` is what else --mask takes."""
    mask = parser.add_argument_group("mask")
    add = mask.add_argument
    add("--mask", **FILES, help="a picture, white where the style goes; what is transparent counts as black. Up to "
        f"four, one for each painting of --style, later ones above{more}")  # fmt: skip
    outside = "a painting for outside the mask (default: the photo stays)"
    add("--mask-style", type=path_of, help=outside)
    add("--mask-softness", type=float, metavar="PX", help="width of its soft edge in the result "
        "(default: a fiftieth of the longest side)")  # fmt: skip
    add("--mask-invert", action="store_const", const=True, help="style where the mask is black")


def add_settings(group: Any) -> None:
    """Add the option that reads settings from a file."""
    group.add_argument("--settings", type=path_of, metavar="FILE", help="settings from a JSON file, or from the recipe in a "
                       "picture that was made here; options beside it take precedence")  # fmt: skip


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings of --settings, where given, changed by the other options that the command has.

    Raises:
        SettingsError, ProvenanceError: one sentence.
        OSError: the file cannot be read.
    """
    base = read_settings(options.settings) if options.settings else Settings()
    masks = getattr(options, "mask", [])
    if masks:
        options.mask_alpha = masks == [Path(provenance.ALPHA)]
        options.mask = [] if options.mask_alpha else masks
    given = {field.name: getattr(options, field.name, None) for field in fields(Settings)}
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def read_settings(path: Path) -> Settings:
    """Settings from a JSON file, or from the recipe in a picture.

    Raises:
        SettingsError, ProvenanceError: one sentence.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:  # once: what a pipe gives can be read a single time
        data = file.read(MAX_JSON + 1)
        if provenance.is_picture(data[:4]):
            return provenance.read(BytesIO(data + file.read())).settings
    if len(data) > MAX_JSON:  # or without an end
        raise SettingsError(NEITHER)
    return Settings.from_json(data)
