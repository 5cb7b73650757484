"""Whether refining from a stored network, in factors, ends as well as from the whole one.

    python -m tests.bench_refining --model FOLDER      # of a model saved whole (`save_model`); a quarter of an hour

The gallery's eight paintings, each refined by 20 batches from the whole network and from what is left of it in factors
(`core.models.factored`), with the same crops. Losses are means over the last five batches.
"""

import argparse
from dataclasses import replace
from typing import cast

import torch

from core.images.decode import load_image
from core.images.library import library
from core.inference.model_store import model_store
from core.inference.styled_model import StyleCache
from core.inference.stylizer import Stylizer
from core.models.checkpoint import Model
from core.models.factored import factorise, is_factored
from core.models.style_net import StyleNet
from core.program import command
from core.runtime import keep_freed_memory
from core.training.refine import REFINE_BATCHES, refine
from core.training.step import StepResult
from core.training.storage import descriptor

LAST = 5


def stored(model: Model) -> Model:
    """The model with its network in factors, as it would be shipped.

    Raises:
        ValueError: it is in factors already, or is no model of the report.
    """
    if not isinstance(model.net, StyleNet) or is_factored(model.net):
        raise ValueError(f"{model.variant.name} is not stored whole.")
    encoder = model.encoder()
    pictures = [*library().styles, *library().contents]
    descriptors = torch.stack([descriptor(picture.image(), encoder) for picture in pictures])
    return replace(model, net=factorise(cast(StyleNet, model.net), descriptors, rank=8))


def last_losses(model: Model, painting_number: int, batches: int) -> tuple[float, float]:
    """Content loss and weighted style loss at the end of refining on one of the gallery's paintings."""
    results: list[StepResult] = []
    refine(
        Stylizer(model, model.encoder(), cache=StyleCache()),
        load_image(library().styles[painting_number].path()),
        library().refining_contents,
        batches,
        on_step=lambda step: results.append(step.losses),
    )
    kept = [result for result in results[-LAST:] if not result.skipped]
    return (
        sum(result.content_loss for result in kept) / len(kept),
        sum(result.style_loss for result in kept) / len(kept),
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="folder of one that is stored whole")
    parser.add_argument("--batches", type=int, default=REFINE_BATCHES)
    parser.add_argument("--paintings", type=int, default=8)


def work(options: argparse.Namespace) -> int:
    keep_freed_memory()
    whole = model_store().load(options.model)
    contenders = {"whole": whole, "in factors": stored(whole)}
    print("| painting | from | content loss | weighted style loss |\n|---|---|---|---|")
    totals = {name: [0.0, 0.0] for name in contenders}
    for number, painting in enumerate(library().styles[: options.paintings]):
        for name, model in contenders.items():
            content, style = last_losses(model, number, options.batches)
            totals[name][0] += content
            totals[name][1] += style
            print(f"| {painting.name} | {name} | {content:.2f} | {style:.2f} |", flush=True)
    for name, (content, style) in totals.items():
        count = options.paintings
        print(f"| mean | {name} | {content / count:.3f} | {style / count:.3f} |")
    return 0


main = command("tests.bench_refining", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
