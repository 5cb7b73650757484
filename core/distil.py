"""Teach a trained flagship's style reader: a small network that looks at paintings in VGG19's place.

    python -m core.distil flagship --data data             # again after an interruption: goes on where it was
    python -m core.distil flagship --data data --variations 5000 --steps 2000

VGG19 looks once at many variations of the training set's paintings, then the reader is taught to see the same
(`core.training.distillation`). At the end both are measured on the paintings that were set aside. The reader goes to
the model's folder, from where it is used by itself, unless a measure is more than 2 % (`--costs`) worse with it.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch

from core.files import check_output, write_atomic
from core.inference.model_store import model_store
from core.models.checkpoint import READER, Model, save_reader
from core.models.flagship import FlagshipNet
from core.models.registry import FLAGSHIP
from core.program import command
from core.runtime import AUTO, DEVICE_HELP, DistributedContext, fast_dtype, init_distributed
from core.train import held_out_pairs, training_set
from core.train_options import add_folders
from core.training.data import Pools, pools_of
from core.training.distillation import Distillation, DistillationConfig
from core.training.flagship_recipe import ON_CPU, FlagshipConfig
from core.training.learning_curve import READER_COSTS, learning_rows, readers_agree
from core.training.lessons import ABOUT as LESSONS
from core.training.lessons import Lessons
from core.training.picture_store import PictureStore
from core.training.run_folder import check_pictures, held, remember_pictures
from core.training.state import STATE

VARIATIONS = 16_000
ABOUT = "reader.json"


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", metavar="NAME", help="a trained flagship, or its folder")
    add_folders(parser, "content/, style/ and graphic/", "the state is")
    add("--device", default=AUTO, help=DEVICE_HELP)
    add("--fp32", action="store_true", help="float32 even where bfloat16 is faster")
    add(
        "--variations",
        type=int,
        default=VARIATIONS,
        help="of paintings, that VGG19 looks at (default: %(default)s)",
    )
    add(
        "--steps",
        type=int,
        default=DistillationConfig.steps,
        help="of 8 variations each, for the convolutions (default: %(default)s)",
    )
    add(
        "--costs",
        type=float,
        default=100 * READER_COSTS,
        metavar="PERCENT",
        help="how much worse a held-out measure may be with the reader (default: %(default)g)",
    )


def work(options: argparse.Namespace) -> int:
    """Do what the options say; returns the exit code, 1 where the reader is not good enough.

    Raises:
        Stopped: by a signal; what was reached is saved.
        ValueError: the model is no flagship, or an option is out of its range.
    """
    for option in ("variations", "steps"):
        if getattr(options, option) < 1:
            raise ValueError(f"--{option} must be 1 or more, not {getattr(options, option)}.")
    model = model_store().load(options.name)
    if not isinstance(model.net, FlagshipNet):
        raise ValueError(
            f"{options.name} is no {FLAGSHIP.name}; only such a model can have a reader."
        )
    home = model_store().path(options.name).resolve()
    name, out = home.name, home / READER
    check_output(out, folder=True)
    place = init_distributed(options.device)
    model.net.to(place.device)
    folder = options.runs / f"{name}-{READER}"
    with held(folder):
        pools = pools_of(options.data, options.runs)
        training = teach(model, options, folder, place, pools)
        rows = compare(training, model, place, pools)
    if not readers_agree(rows, options.costs / 100):
        print(
            f"The reader is not shipped: a held-out measure is more than {options.costs:g} % worse with it "
            f"(figures in {folder / ABOUT}).",
            file=sys.stderr,
        )
        return 1
    size = save_reader(home, training.finished(), json.loads((folder / ABOUT).read_text()))
    (folder / STATE).unlink(missing_ok=True)
    print(f"{training.done} steps done; {size / 1e6:.1f} MB of weights in {out}")
    return 0


def teach(
    model: Model, options: argparse.Namespace, folder: Path, place: DistributedContext, pools: Pools
) -> Distillation:
    """Look at the variations, then train, each from wherever it stands."""
    _, styles = training_set(FLAGSHIP, pools)
    recipe = FlagshipConfig() if place.device.type == "cuda" else ON_CPU
    paintings = [*styles, *pools.graphic]
    check_pictures(folder, paintings, LESSONS)
    remember_pictures(folder, paintings)
    store = PictureStore(paintings, place.device, *recipe.picture_sides)
    dtype = torch.float32 if options.fp32 else fast_dtype(place.device)
    encoder = model.encoder().for_compute(dtype).to(place.device)
    config = DistillationConfig(steps=options.steps)
    lessons = Lessons(store, encoder, options.variations, config.seed, folder)
    lessons.prepare()
    net = cast(FlagshipNet, model.net)
    thinned = model.encoder().to(place.device)  # the other one may compute in bfloat16
    training = Distillation(net, lessons, config, folder, thinned, dtype)
    training.run()
    return training


def compare(
    training: Distillation, model: Model, place: DistributedContext, pools: Pools
) -> list[dict[str, Any]]:
    """Held-out measures of what the encoder reads and of what the reader reads, written down in the run's folder."""
    held_out = held_out_pairs(pools, place, model.card.encoder.source)
    readings = ((0.0, None), (0.0, training.finished()))
    rows = learning_rows(held_out, cast(FlagshipNet, model.net), readings)
    about = {
        "config": asdict(training.config),
        "variations": len(training.lessons),
        "held_out": rows,
    }
    write_atomic(training.folder / ABOUT, json.dumps(about, indent=1).encode())
    return rows


main = command("core.distil", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
