"""What a model makes of paintings and photos it has never seen: losses on held-out pairs,
written beside the model.

    python -m core.heldout improved-500 original-500 --data data       # writes checkpoints/NAME/heldout.csv
    python -m core.heldout out/improved-500-crop128-seed1 --data data            # any model's folder
    python -m core.heldout improved-500                                          # the four outside styles alone

How it works, and its use from code: `core.analysis.heldout_losses`.
"""

import argparse

from tqdm import tqdm

from core.analysis.heldout_losses import FIELDS, HELDOUT, evaluate, refuse_to_lose, unseen_paintings
from core.files import check_output, write_atomic
from core.images.library import library, unseen
from core.inference.model_store import model_store
from core.inference.stylizer import Stylizer
from core.models.encoder import load_encoder
from core.program import command
from core.train_options import add_folders
from core.training.log_writer import csv_table


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("models", nargs="+", metavar="NAME", help="trained models, or their folders")
    add_folders(
        parser,
        "content/ and style/, for the paintings set aside in it",
        "hashes of pictures are",
        None,
    )


def work(options: argparse.Namespace) -> int:
    """Measure the models that the options name; returns the exit code."""
    store = model_store()
    folders = [store.path(name) for name in options.models]
    for folder in folders:
        check_output(folder / HELDOUT)
    vgg19 = load_encoder("vgg19")
    contents = {picture.name: picture.image() for picture in unseen(library().contents)}
    paintings = unseen_paintings(options.data, options.runs)
    for folder in folders:
        refuse_to_lose(folder / HELDOUT, paintings)
        model = store.load(folder)
        stylizer = Stylizer(model, model.encoder())
        total = len(paintings) * len(contents)
        pairs = evaluate(stylizer, contents, paintings, vgg19)
        rows = list(tqdm(pairs, total=total, desc=folder.name))
        write_atomic(folder / HELDOUT, csv_table(FIELDS, rows))
        print(f"{len(rows)} pairs in {folder / HELDOUT}")
    return 0


main = command("core.heldout", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
