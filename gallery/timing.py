"""How long the report's networks take beside each other: a training iteration, refining a painting,
and what each of the three methods does for a picture.

    python -m gallery.timing                              # half an hour on a quiet machine, to gallery/timings.json
    python -m gallery.timing --rounds 3 --refine-rounds 0 --method-rounds 0 --out /tmp/timings.json

The contenders take turns in one run, so that a busy machine is busy for all of them; times are told
as ratios within a round (report, table 1 and section 4: about 1.6 times as long an epoch, 12 to 14
against 8 to 10 minutes a painting). Training and refining are timed in float32, which nothing in
the report speaks against, and where bfloat16 is faster, in that too.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from tqdm import tqdm

from core.commandline import run_command
from core.files import check_output, write_atomic
from core.images.library import library
from core.inference.styled_model import StyleCache
from core.inference.stylizer import Stylizer
from core.models.checkpoint import Model
from core.models.encoder import load_encoder
from core.models.model_card import WHOLE, ModelCard
from core.models.registry import VARIANTS, Variant
from core.paths import WORK
from core.program import command_parser, path_of
from core.runtime import AUTO, DEVICE_HELP, fast_dtype, find_device
from core.training.batches import TrainingBatches
from core.training.data import SEED
from core.training.objective import Objective
from core.training.refine import REFINE_BATCHES, refine
from core.training.step import train_step
from core.training.weight_growth import make_optimizer
from gallery.pictures import FOLDER, STYLES
from gallery.timed_methods import LONG, method_tasks

TIMINGS = FOLDER / "timings.json"
LR = 1e-3  # the recipe's; no time depends on it
COMPARED = ("original-500", "improved-500")  # by the report
# All of the report's of 500 images. By name, as the registry may hold models of one's own.
CONTENDERS = (*COMPARED, "ablation-vgg16", "ablation-resnet", "ablation-mse")
Work = Callable[[], object]


def take_turns(
    work: Mapping[str, Work], rounds: int, what: str, *, warm_up: bool = True
) -> dict[str, list[float]]:
    """Seconds of each piece of work in each round, after one round to warm up (if asked for);
    every round starts with another.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    names = list(work)
    first = 0 if warm_up else 1
    with tqdm(total=(rounds + 1 - first) * len(names), desc=what, unit="turn") as bar:
        for turn in range(first, rounds + 1):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                start = time.perf_counter()
                work[name]()
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                if turn:
                    seconds[name].append(round(time.perf_counter() - start, 4))
                bar.update()
    return seconds


def iteration(variant: Variant, batch: int, crop: int, device: str, dtype: torch.dtype) -> Work:
    """One training step of a freshly made network on crops of the gallery's contents."""
    contents, styles = library().refining_contents, [STYLES[0].path()]
    batches = TrainingBatches(contents, styles, batch, crop, seed=SEED)
    objective = Objective(variant, load_encoder(variant.encoder).for_compute(dtype).to(device))
    net = variant.build().to(device).train()
    net.compute_dtype = dtype
    optimizer = make_optimizer(net, LR)
    style = objective.style(batches.style_crop(0).to(device))
    crops = batches.content_crops(0).to(device)
    return lambda: train_step(net, objective, optimizer, crops, style)


def refining(variant: Variant, batches: int, device: str, dtype: torch.dtype) -> Work:
    """A painting taken up by so many batches on the gallery's contents, as the page does it."""
    encoder = load_encoder(variant.encoder)
    card = {
        "format": WHOLE,
        "variant": asdict(variant),
        "encoder": {"name": encoder.name, "source": encoder.source, "hash": encoder.hash},
        "weights": {"bytes": 0, "hash": ""},
        "training": {"style_weight": variant.style_weight, "lr": LR},
    }
    net = variant.build().eval().requires_grad_(False)
    model = Model(variant, net, ModelCard.model_validate(card))
    style, contents = STYLES[0].image(), library().refining_contents

    def taken_up() -> object:
        stylizer = Stylizer(model, encoder, device, StyleCache())
        return refine(stylizer, style, contents, batches, dtype=dtype)

    return taken_up


def time_training(
    options: argparse.Namespace, names: Sequence[str], dtype: torch.dtype
) -> dict[str, Any]:
    """Seconds of training iterations of these models, and of refining the two that are compared."""
    device, steps, paintings = options.device, {}, {}
    for name in names:
        steps[name] = iteration(VARIANTS[name], options.batch, options.crop, device, dtype)
    found = {"iteration": take_turns(steps, options.rounds, f"Training iterations, {dtype}")}
    steps.clear()  # some gigabytes each
    if rounds := options.refine_rounds:
        for name in COMPARED:
            paintings[name] = refining(VARIANTS[name], options.refine_batches, device, dtype)
        found["refining"] = take_turns(paintings, rounds, f"Refining, {dtype}", warm_up=False)
    return found


def time_methods(device: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of what each method does; what takes minutes has one turn, the rest so many."""
    tasks = method_tasks(device)
    long = {name: tasks.pop(name) for name in LONG}
    found = take_turns(tasks, rounds, "Methods")
    return found | take_turns(long, 1, "Methods that take minutes", warm_up=False)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser("gallery.timing", __doc__)
    numbers = {
        "--rounds": (9, "training iterations of each model"),
        "--batch": (8, "crops of an iteration"),
        "--crop": (256, "side of the crops in pixels"),
        "--refine-rounds": (2, "paintings refined with each model"),
        "--refine-batches": (REFINE_BATCHES, "batches of refining"),
        "--method-rounds": (9, "pictures of each method; what takes minutes is timed once"),
    }
    for name, (default, about) in numbers.items():
        parser.add_argument(name, type=int, default=default, help=f"{about} (default: {default})")
    parser.add_argument("--device", default=AUTO, help=DEVICE_HELP)
    parser.add_argument(
        "--out",
        type=path_of,
        default=WORK / "gallery" / TIMINGS.name,
        help="the JSON file (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    least = min(options.rounds, options.refine_batches, options.batch)
    if least < 1 or min(options.refine_rounds, options.method_rounds) < 0:
        said = "rounds and batches must be 1 or more; --refine-rounds and --method-rounds may be 0"
        parser.error(said)
    return options


def work(options: argparse.Namespace) -> int:
    """Measure, and write the file that the options name; returns the exit code."""
    check_output(options.out)
    options.device = str(find_device(options.device))
    found: dict[str, Any] = {
        "batch": options.batch,
        "crop": options.crop,
        "base": VARIANTS[CONTENDERS[0]].base,
        "device": options.device,
        "dtype": "float32",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "refining_batches": options.refine_batches,
    }
    found |= time_training(options, CONTENDERS, torch.float32)
    fast = fast_dtype(options.device)
    if fast != torch.float32:
        found["fast"] = {"dtype": str(fast).removeprefix("torch.")}
        found["fast"] |= time_training(options, COMPARED, fast)
    if options.method_rounds:
        found["methods"] = time_methods(options.device, options.method_rounds)
    write_atomic(options.out, json.dumps(found, indent=1).encode())
    print(options.out)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = parse(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
