"""Method 2 of the report: one TransformNet for one painting, trained on photographs.

    python -m core.johnson --style painting.jpg --content photos/ --iterations 300 --out painting.safetensors
    python -m core.johnson --use painting.safetensors --content photo.jpg photos/ --out out/    # CONTENT__painting.png

How it works, and its use from code: `core.baselines.johnson`.
"""

import argparse
import sys

from tqdm import tqdm

from core.baselines.johnson import BASE, BATCH, CROP, ITERATIONS, load, save, train
from core.commandline import memory_sentence
from core.files import OutputError, check_output, distinct_name, printable, shortened
from core.images.decode import ImageError, load_image
from core.images.find import find_pictures, tell_unread, training_photos
from core.images.save import save_png
from core.inference.styled_model import StyledModel
from core.inference.stylizer import STYLE_SIDE
from core.models.registry import PER_STYLE_WEIGHT
from core.program import STYLE_SIZE_HELP, command, path_of
from core.runtime import AUTO, DEVICE_HELP, find_device
from core.training.refine import RefineStep
from core.training.step import StepResult


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--style", type=path_of, help="train a network for this painting")
    what.add_argument(
        "--use", type=path_of, metavar="FILE", help="stylise photos with a trained network"
    )
    add(
        "--content",
        type=path_of,
        nargs="+",
        help="photos or folders of photos (to train on: the gallery's)",
    )
    add("--out", type=path_of, required=True, help="the network's file, or the results' folder")
    add("--iterations", type=int, default=ITERATIONS, help=f"batches (default: {ITERATIONS})")
    add("--batch", type=int, default=BATCH, help=f"photos a batch (default: {BATCH})")
    add("--crop", type=int, default=CROP, help=f"side of the crops in px (default: {CROP})")
    add("--base", type=int, default=BASE, help=f"channels after the first layer (default: {BASE})")
    add("--style-size", type=int, default=STYLE_SIDE, help=STYLE_SIZE_HELP)
    add("--style-weight", type=float, default=PER_STYLE_WEIGHT, help="(default: %(default)g)")
    add("--device", default=AUTO, help=DEVICE_HELP)


def train_to_file(options: argparse.Namespace) -> str:
    """Train as the command line asks; what there is to say about it."""
    check_output(options.out, unlike=[options.style, *(options.content or ())])
    style = load_image(options.style)
    contents = training_photos(options.content or ())
    results: list[StepResult] = []
    with tqdm(total=options.iterations, desc="Training", unit="batch") as bar:

        def show(step: RefineStep[StyledModel]) -> None:
            result = step.losses
            results.append(result)
            bar.set_postfix(content=f"{result.content_loss:.3g}", style=f"{result.style_loss:.3g}")
            bar.update()

        styled = train(
            style,
            contents,
            options.iterations,
            batch=options.batch,
            crop=options.crop,
            base=options.base,
            style_side=options.style_size,
            style_weight=options.style_weight,
            device=options.device,
            on_step=show,
        )
    last = [result for result in results[-len(results) // 10 :] if not result.skipped]
    losses = {
        name: sum(getattr(result, name) for result in last) / max(1, len(last))
        for name in ("content_loss", "style_loss", "tv_loss")
    }
    save(
        options.out, styled, style=options.style.name, style_side=options.style_size, losses=losses
    )
    return f"{options.out}: content loss {losses['content_loss']:.4g}, style loss {losses['style_loss']:.4g}"


def use_file(options: argparse.Namespace) -> tuple[int, int]:
    """Stylise as the command line asks; how many photos were done, and how many skipped."""
    check_output(options.out, folder=True)
    styled = load(options.use, options.device)
    contents, unread = find_pictures(options.content or ())
    tell_unread(unread)
    done = 0
    names: set[str] = set()
    rest = f"__{shortened(options.use.stem)}.png"
    for path in contents:
        name = distinct_name(path.stem, rest, names)
        try:
            save_png(styled(load_image(path)), options.out / name)
            done += 1
        except (ImageError, OutputError) as error:
            check_output(options.out, folder=True)  # nothing at all can be written
            print(printable(f"skipped: {error}"), file=sys.stderr)
        except (MemoryError, RuntimeError) as error:
            print(f"skipped: {memory_sentence(path, error)}", file=sys.stderr)
    return done, len(contents) + len(unread) - done


def work(options: argparse.Namespace) -> int:
    """Train or use a network, as the options ask; returns the exit code: 0 done, 1 nothing could be
    done, 2 some photos skipped.
    """
    options.device = str(find_device(options.device))
    if options.style:
        print(train_to_file(options))
        return 0
    done, skipped = use_file(options)
    print(f"{done} painted to {printable(options.out)}, {skipped} skipped")
    return 2 if skipped and done else int(not done)


main = command("core.johnson", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
