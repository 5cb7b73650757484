"""The options of `core.train`, and what they make of a run's name."""

import argparse
import re
from functools import partial
from pathlib import Path

from core.files import short
from core.models.encoder import SOURCES
from core.models.model_card import NAME
from core.models.registry import MODELS, REPORT_STYLE_WEIGHTS, Variant
from core.models.style_net import MULTIPLE
from core.paths import WORK
from core.program import path_of
from core.runtime import AUTO, DEVICE_HELP
from core.training.data import MAX_SMALLER_SIDE, SEED
from core.training.weight_growth import GROWTH

PILOT_ITERATIONS = 300
MIN_CROP = 32
MAX_BASE = 64
MIN_IMAGES = 8  # a batch; the gallery's four are among them
STYLE_WEIGHT_HELP = (
    "in place of the variant's own: the report's with --encoder torchvision "
    f"({REPORT_STYLE_WEIGHTS['mse']:g} mean/std, {REPORT_STYLE_WEIGHTS['gram']:g} Gram), else one for Oxford's VGG"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", choices=list(MODELS), help="which model")
    add_folders(parser, "content/, style/ and, for the flagship, graphic/", "states and logs are")
    add(
        "--out",
        type=path_of,
        default=WORK / "checkpoints",
        help="folder of the finished model (default: %(default)s)",
    )
    add("--device", default=AUTO, help=DEVICE_HELP)
    add(
        "--encoder",
        choices=SOURCES,
        default="oxford",
        help="encoder weights, each with its own style weights (default: oxford, shipped)",
    )
    add("--fp32", action="store_true", help="float32 even where bfloat16 is faster")
    add("--style-weight", type=float, help=STYLE_WEIGHT_HELP)
    add(
        "--growth",
        choices=GROWTH,
        default="free",
        help="how weights may grow (default: free, the report's)",
    )
    add(
        "--base",
        type=int,
        help="channels after the first convolution (default: 32; the flagship's: 16)",
    )
    add(
        "--images",
        type=int,
        metavar="N",
        help="how many contents and how many styles to train on, in place of the variant's own number",
    )
    add(
        "--allow-constant-images",
        action="store_true",
        help="train on flat (single-colour) pictures too",
    )
    add(
        "--seed",
        type=int,
        default=SEED,
        help=f"of network, order and crops; not of the set ({SEED})",
    )
    add("--crop", type=int, help="side of the square crops in px, in place of the recipe's")
    add("--name", dest="run_name", help="of the run and the model (default: from the options)")
    add("--iterations", type=int, help="in place of the recipe's number")
    add("--start", metavar="MODEL", help="flagship: a trained one to go on from, by name or folder")
    add("--minutes", type=float, help="flagship: shorten the schedule so that it ends by then")
    add(
        "--snapshot",
        action="store_true",
        help="do not train, export what an unfinished run has reached",
    )
    add("--pilot", action="store_true", help=f"{PILOT_ITERATIONS} iterations, nothing exported")


def add_folders(
    parser: argparse.ArgumentParser, data: str, runs: str, default: Path | None = Path("data")
) -> None:
    """Add --data and --runs; the texts say what is in the one and what is kept in the other.

    Args:
        default: the data folder where none is named; with None there is none then.
    """
    add = partial(parser.add_argument, type=path_of)
    add("--data", default=default, help=f"folder with {data} (default: {default or 'none'})")
    add("--runs", default=Path("runs"), help=f"where {runs} kept (default: runs)")


def recipe_parts(options: argparse.Namespace) -> list[str]:
    """What sets a run's recipe apart from the report's, for its name: `improved-500-fixed-norm-crop128-seed1`.

    Raises:
        ValueError: an option out of its range, or a name that is no plain folder name.
    """
    crops = range(MIN_CROP, MAX_SMALLER_SIDE + 1, MULTIPLE)
    if options.crop is not None and options.crop not in crops:
        raise ValueError(
            f"--crop must be a multiple of {MULTIPLE} from {crops[0]} to {crops[-1]}, not {options.crop}."
        )
    if options.base is not None and not 1 <= options.base <= MAX_BASE:
        raise ValueError(f"--base must be from 1 to {MAX_BASE}, not {options.base}.")
    if options.images is not None and options.images < MIN_IMAGES:
        raise ValueError(f"--images must be {MIN_IMAGES} or more, not {options.images}.")
    if options.seed < 0:
        raise ValueError(f"--seed must be 0 or more, not {options.seed}.")
    if options.run_name is not None and not re.fullmatch(NAME, options.run_name):
        raise ValueError(
            f"--name must be at most 100 letters, digits, dots, dashes and underscores, not {short(options.run_name)!r}."
        )
    parts = [options.growth] if options.growth != "free" else []
    parts += [f"base{options.base}"] if options.base is not None else []
    parts += [f"images{options.images}"] if options.images is not None else []
    parts += ["allow-constant-images"] if options.allow_constant_images else []
    parts += [f"crop{options.crop}"] if options.crop else []
    return parts + ([f"seed{options.seed}"] if options.seed != SEED else [])


def run_folder(variant: Variant, options: argparse.Namespace) -> tuple[str, Path]:
    """A run's name and its folder. Raises ValueError, see `recipe_parts`."""
    named_for_recipe = "-".join([variant.name, *recipe_parts(options)])
    name = options.run_name or named_for_recipe
    return name, options.runs / (f"{name}-pilot" if options.pilot else name)
