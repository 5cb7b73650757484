"""Train a model of the registry by the report's recipe.

    python -m core.train improved-500 --data data                # data/content and data/style hold the pictures
    python -m core.train improved-500 --data data                # again after an interruption: goes on where it was
    torchrun --nproc-per-node 2 -m core.train improved-500 --data data
    python -m core.train improved-500 --data data --pilot        # 300 iterations to see how large the losses are
    python -m core.train improved-500 --data data --snapshot     # export an interrupted run as it stands
    python -m core.train improved-500 --data data --images 200   # sets of 200 contents and 200 styles
    python -m core.train flagship --data data --minutes 10       # a schedule that ends by then (core.training.flagship)

Adam 1e-3, 8 crops of 256 px a batch, a new style every 20 batches, 22 epochs over the contents. State and logs are kept in
`runs/NAME/` while it runs; the finished model goes to `checkpoints/NAME/`.
"""

import argparse
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
import torch.distributed as dist

from core.files import check_output
from core.images.decode import load_image
from core.images.library import library, unseen
from core.inference.model_store import model_store
from core.models.encoder import load_encoder
from core.models.flagship import FlagshipNet
from core.models.registry import FLAGSHIP, MODELS, Variant
from core.program import command
from core.runtime import DistributedContext, fast_dtype, init_distributed
from core.train_options import PILOT_ITERATIONS, add_options, recipe_parts, run_folder
from core.training.data import Pools, draw_set, pools_of
from core.training.flagship import FlagshipTraining
from core.training.flagship_recipe import ON_CPU, FlagshipConfig, going_on
from core.training.learning_curve import SIDE, HeldOut
from core.training.log_writer import read_rows
from core.training.run_folder import check_pictures, forget_pictures, held, remember_pictures
from core.training.state import STATE, saved_config
from core.training.trainer import Trainer, TrainingConfig


def training_set(variant: Variant, pools: Pools) -> tuple[list[Path], list[Path]]:
    """Contents and styles of a variant's training set: the gallery's eight, then a draw from the data folder."""
    gallery = library()
    if not (dist.is_initialized() and dist.get_rank()):
        for sentence in pools.refused:
            print(f"left out: {sentence}", file=sys.stderr)
    drawn = []
    for kind, pictures, pool in (
        ("photographs", gallery.contents, pools.content),
        ("paintings", gallery.styles, pools.style),
    ):
        always = [picture.path() for picture in pictures if picture.in_training]
        size = variant.images or len(always) + len(pool)
        drawn.append(draw_set(pool, always, size, kind=kind))
    contents, styles = drawn
    return contents, styles


def run_dtype(folder: Path, place: DistributedContext) -> str:
    """What a run computes in: what it began with, else the fastest on its device; the same in all its processes."""
    started = saved_config(folder).get("recipe")
    if started is not None:
        return str(started.get("dtype", "float32"))
    is_bfloat16 = fast_dtype(place.device) == torch.bfloat16
    if dist.is_initialized():
        vote = torch.tensor(float(is_bfloat16), device=place.device)
        dist.broadcast(vote, src=0)
        is_bfloat16 = bool(vote)
    return "bfloat16" if is_bfloat16 else "float32"


def make_trainer(
    variant: Variant, options: argparse.Namespace, place: DistributedContext
) -> Trainer | FlagshipTraining:
    """The run that the command line asks for."""
    name, folder = run_folder(variant, options)
    if variant.is_flagship:
        return make_flagship_training(variant, options, place)
    for option in ("start", "minutes"):
        if getattr(options, option) is not None:
            raise ValueError(f"--{option} is for the flagship.")
    config = TrainingConfig(
        seed=options.seed,
        style_weight=options.style_weight,
        encoder_source=options.encoder,
        dtype="float32" if options.fp32 else run_dtype(folder, place),
        iterations=PILOT_ITERATIONS if options.pilot else options.iterations or None,
        growth=options.growth,
        allow_constant_images=options.allow_constant_images,
    )
    if options.crop:
        config = replace(config, crop=options.crop)
    variant = variant.with_images(options.images or variant.images)
    pools = pools_of(options.data, options.runs)
    contents, styles = training_set(variant, pools)
    check_pictures(folder, [*contents, *styles])
    variant = replace(
        variant,
        name=name,
        title=", ".join([variant.title, *recipe_parts(options)]),
        base=options.base or variant.base,
    )
    measured_on = () if options.pilot else pools.held_out
    return Trainer(variant, config, contents, styles, folder, place, measured_on)


def make_flagship_training(
    variant: Variant, options: argparse.Namespace, place: DistributedContext
) -> FlagshipTraining:
    """The flagship's run that the command line asks for: on all paintings and graphic pictures that there are."""
    for option in ("allow_constant_images", "crop", "images"):
        if getattr(options, option):
            raise ValueError(f"--{option.replace('_', '-')} is for the report's models.")
    if options.growth != "free":
        raise ValueError(
            "--growth is for the report's models; the flagship's learning rate falls in the open anyway."
        )
    if place.world > 1:
        raise ValueError("The flagship trains in one process.")
    name, folder = run_folder(variant, options)
    config = FlagshipConfig() if place.device.type == "cuda" else ON_CPU
    if options.start:
        config = going_on(config)
    iterations = PILOT_ITERATIONS if options.pilot else options.iterations or config.iterations
    config = replace(
        config,
        iterations=iterations,
        seed=options.seed,
        style_weight=options.style_weight,
        encoder_source=options.encoder,
        dtype="float32" if options.fp32 else run_dtype(folder, place),
    )
    variant = replace(variant, name=name, base=options.base or variant.base)
    pools = pools_of(options.data, options.runs)
    contents, styles = training_set(variant, pools)
    few = None if place.device.type == "cuda" else 8
    held_out = {} if options.pilot else held_out_pairs(pools, place, options.encoder, few)
    net = None
    if options.start:
        start = model_store().load(options.start)
        if not (start.variant.is_flagship and start.variant.base == variant.base):
            raise ValueError(f"{options.start} is no {FLAGSHIP.name} of {variant.base} channels.")
        net = cast(FlagshipNet, variant.build())
        net.load_state_dict(start.net.state_dict())
    paintings = [*styles, *pools.graphic]
    check_pictures(folder, [*contents, *paintings])
    return FlagshipTraining(variant, config, contents, paintings, folder, place, held_out, net)


def held_out_pairs(
    pools: Pools, place: DistributedContext, source: str, count: int | None = None
) -> dict[str, HeldOut]:
    """What the flagship's learning curve is measured on: the gallery's outside photographs by what was set aside.

    Args:
        count: of the pictures set aside in each group; all of them where None is given.
    """
    encoder = load_encoder("vgg19", source).to(place.device)
    photos = [picture.image() for picture in unseen(library().contents)]
    return {
        group: HeldOut(photos, [load_image(path, at_least=SIDE) for path in paths], encoder)
        for group, paths in pools.held_out_groups(count).items()
    }


def train(options: argparse.Namespace) -> int:
    """Do what the options say; returns the exit code.

    Raises:
        Stopped: by a signal; a run's state is saved.
    """
    place = init_distributed(options.device)
    try:
        variant = MODELS[options.name]
        name, folder = run_folder(variant, options)
        if place.rank == 0 and not options.pilot:
            check_output(options.out / name, folder=True)
        with nullcontext() if options.snapshot or place.rank else held(folder):
            trainer = make_trainer(variant, options, place)
            if not options.snapshot:
                run(trainer, options)
            elif not trainer.done:
                raise ValueError(f"There is no unfinished run in {folder} to take a snapshot of.")
            if place.rank == 0:
                print(finish(trainer, options))
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    return 0


def run(trainer: Trainer | FlagshipTraining, options: argparse.Namespace) -> None:
    """Train to the end. Raises ValueError where the run has been finished, Stopped after a signal."""
    folder = trainer.folder
    if not trainer.done and len(read_rows(folder / "log.csv")) == trainer.total:
        raise ValueError(f"The run in {folder} is finished; remove that folder to train it again.")
    if trainer.place.rank == 0:
        if not trainer.done:
            forget_pictures(folder)  # of a run that was stopped before its first state was saved
        drawn = trainer if isinstance(trainer, FlagshipTraining) else trainer.sampler
        remember_pictures(folder, [*drawn.contents, *drawn.styles])
    if isinstance(trainer, FlagshipTraining):
        trainer.run(None if options.minutes is None else 60 * options.minutes)
    else:
        trainer.run()


def finish(trainer: Trainer | FlagshipTraining, options: argparse.Namespace) -> str:
    """Export what was trained, unless it is a pilot; returns what is to be said."""
    summary = f"{trainer.done} iterations done"
    if options.snapshot:
        summary = f"{trainer.done} of {trainer.total} iterations"
    if options.pilot:
        return summary
    out = options.out / trainer.variant.name
    size = trainer.export(out)
    if not options.snapshot:
        (trainer.folder / STATE).unlink(missing_ok=True)
        forget_pictures(trainer.folder)
    return f"{summary}; {size / 1e6:.1f} MB of weights in {out}"


ABOUT = "Train one of the report's models by its recipe, or the flagship by its own."
main = command("core.train", ABOUT, add_options, train, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
