"""Method 1 of the report: optimise the pixels of one picture, for one painting,
with no network of our own.

    python -m core.gatys --content photo.jpg --style painting.jpg --out painted.png
    python -m core.gatys --content photo.jpg --style painting.jpg --out painted.png --size 256 --steps 200 --init noise

How it works, and its use from code: `core.baselines.gatys`.
"""

import argparse
import signal
from pathlib import Path

import torch
from tqdm import tqdm

from core.baselines.gatys import INITS, SIZE, STEPS, State, Weights, optimise
from core.commandline import Stopped
from core.files import check_output, printable
from core.images.convert import resize_longest
from core.images.decode import load_image
from core.images.save import save_png
from core.inference.stylizer import STYLE_SIDE
from core.models.registry import CONTENT_WEIGHT, PER_STYLE_WEIGHT, TV_WEIGHT
from core.program import STYLE_SIZE_HELP, command, path_of
from core.runtime import AUTO, DEVICE_HELP, find_device


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--content", type=path_of, required=True, help="the photo")
    add("--style", type=path_of, required=True, help="the painting")
    add("--out", type=path_of, required=True, help="the result, a PNG file")
    add("--steps", type=int, default=STEPS, help=f"default: {STEPS}")
    add(
        "--size",
        type=int,
        help=f"longest side of the result in px (default: the photo's own, at most {SIZE})",
    )
    add("--style-size", type=int, default=STYLE_SIDE, help=STYLE_SIZE_HELP)
    weights = {"content": CONTENT_WEIGHT, "style": PER_STYLE_WEIGHT, "tv": TV_WEIGHT}
    for name, value in weights.items():
        add(f"--{name}-weight", type=float, default=value, help=f"default: {value:g}")
    add("--content-tap", default="", help="a tap of VGG19 (default: relu3_4)")
    add("--style-taps", nargs="+", default=(), help="taps of VGG19 (default: all four)")
    add("--init", choices=INITS, default="content", help="what to start from (default: content)")
    add("--seed", type=int, default=0, help="of the noise")
    add("--fp32", action="store_true", help="float32 even where bfloat16 is faster")
    add("--device", default=AUTO, help=DEVICE_HELP)


def work(options: argparse.Namespace) -> int:
    """Optimise the picture that the options ask for; returns the exit code."""
    options.device = str(find_device(options.device))
    check_output(options.out, unlike=(options.content, options.style))
    if options.out.suffix.lower() != ".png":
        raise ValueError("The result is a PNG; give --out a name that ends in .png.")
    weights = Weights(
        options.content_weight,
        options.style_weight,
        options.tv_weight,
        options.content_tap,
        tuple(options.style_taps),
    )
    photo, painting = load_image(options.content), load_image(options.style)
    reached: State | None = None
    with tqdm(total=options.steps, desc="Optimising", unit="step") as bar:

        def show(state: State) -> None:
            nonlocal reached
            reached = state
            bar.set_postfix(loss=f"{state.loss:.4g}")
            bar.update()

        try:
            final = optimise(
                resize_longest(photo, options.size or min(SIZE, max(photo.size))),
                painting,
                steps=options.steps,
                weights=weights,
                style_side=options.style_size,
                init=options.init,
                seed=options.seed,
                dtype=torch.float32 if options.fp32 else None,
                device=options.device,
                on_step=show,
            )
        except KeyboardInterrupt as notice:
            number = notice.number if isinstance(notice, Stopped) else signal.SIGINT
            raise Stopped(number, kept_so_far(reached, options.out)) from None
    save_png(final.image, options.out)
    losses = (
        f"content {final.content_loss:.4g}, style {final.style_loss:.4g}, "
        f"total variation {final.tv_loss:.4g}"
    )
    print(f"{printable(options.out)}: loss {final.loss:.4g} after {final.done} steps ({losses})")
    return 0


def kept_so_far(reached: State | None, out: Path) -> str:
    """Save what a stopped optimisation has reached, and say so."""
    if reached is None:
        return "Stopped before the first step."
    save_png(reached.image, out)
    done = f"{reached.done} of {reached.steps} steps"
    return f"Stopped after {done}; the picture so far is in {printable(out)}."


main = command("core.gatys", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
