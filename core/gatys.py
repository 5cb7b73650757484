"""Method 1 of the report: optimise the pixels of one picture, for one painting, with no network of our own.

Gatys, Ecker, Bethge, "A neural algorithm of artistic style" (1508.06576), with the losses of the improved model (改进模型):
content at VGG19's third tap, Gram matrices at all four, total variation. What it reaches is the floor for every network that
is trained on those losses.

    python -m core.gatys --content photo.jpg --style painting.jpg --out painted.png
    python -m core.gatys --content photo.jpg --style painting.jpg --out painted.png --size 256 --steps 200 --init noise

    painted = stylize(load_image("photo.jpg"), load_image("painting.jpg"))          # an image of the photo's size
    state = optimise(photo, painting, steps=100, on_step=lambda state: print(state.done, state.loss))

The optimiser is L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995; scipy's): every pixel stays between black and white. Without these
bounds a tenth of the values end outside, and cutting them off when the picture is saved undoes part of the work. A step is
one evaluation of loss and gradient, those of the line search included.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from core.baselines.gatys import INITS, SIZE, STEPS, State, Weights, optimise
from core.images.convert import resize_longest
from core.images.decode import ImageError, load_image
from core.images.save import save_png
from core.inference.stylizer import STYLE_SIDE
from core.models.registry import CONTENT_WEIGHT, PER_STYLE_WEIGHT, TV_WEIGHT
from core.program import called_as


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=called_as("core.gatys"), description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--content", type=Path, required=True, help="the photo")
    parser.add_argument("--style", type=Path, required=True, help="the painting")
    parser.add_argument("--out", type=Path, required=True, help="the result, a PNG file")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"default: {STEPS}")
    parser.add_argument(
        "--size",
        type=int,
        help=f"longest side of the result in px (default: the photo's own, at most {SIZE})",
    )
    parser.add_argument(
        "--style-size",
        type=int,
        default=STYLE_SIDE,
        help="smaller side at which the painting is read",
    )
    for name, value in (
        ("content", CONTENT_WEIGHT),
        ("style", PER_STYLE_WEIGHT),
        ("tv", TV_WEIGHT),
    ):
        parser.add_argument(
            f"--{name}-weight", type=float, default=value, help=f"default: {value:g}"
        )
    parser.add_argument("--content-tap", default="", help="a tap of VGG19 (default: relu3_4)")
    parser.add_argument(
        "--style-taps", nargs="+", default=(), help="taps of VGG19 (default: all four)"
    )
    parser.add_argument(
        "--init", choices=INITS, default="content", help="what to start from (default: content)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--fp32", action="store_true", help="float32 even where bfloat16 is faster")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code (0 done, 1 bad input, 3 interrupted with the picture so far saved)."""
    options = parse(arguments)
    reached: State | None = None
    try:
        if options.out.is_dir():
            raise ImageError(f"{options.out} is a folder; --out names the file to write.")
        weights = Weights(
            *(options.content_weight, options.style_weight, options.tv_weight),
            *(options.content_tap, tuple(options.style_taps)),
        )
        photo, painting = load_image(options.content), load_image(options.style)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with tqdm(total=options.steps, desc="Optimising", unit="step") as bar:

            def show(state: State) -> None:
                nonlocal reached
                reached = state
                bar.set_postfix(loss=f"{state.loss:.4g}")
                bar.update()

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
        save_png(final.image, options.out)
    except KeyboardInterrupt:
        if reached is None:
            print("Stopped before the first step.", file=sys.stderr)
        else:
            save_png(reached.image, options.out)
            print(
                f"Stopped after {reached.done} of {reached.steps} steps; the picture so far is in {options.out}."
            )
        return 3
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    losses = f"content {final.content_loss:.4g}, style {final.style_loss:.4g}, total variation {final.tv_loss:.4g}"
    print(f"{options.out}: loss {final.loss:.4g} after {final.done} steps ({losses})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
