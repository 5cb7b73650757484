"""Flicker of a stylised video: measured along the true motion,
and lowered by following the motion of the input.

    python -m core.flicker --content photo.jpg --style painting.jpg --model original-500    # a table, plain and smoothed

How it works, and its use from code: `core.inference.temporal`. `core.metrics.flicker` measures.
"""

import argparse
from collections.abc import Callable

from PIL import Image

from core.frames import FrameStylizer
from core.images.convert import resize_longest
from core.images.decode import load_image
from core.inference.temporal import Smoother
from core.metrics.flicker import SHARES, pan_and_zoom, sharpness, warping_error
from core.program import MODEL_HELP, command, path_of
from core.settings import Settings


def compare(
    photo: Image.Image, paint: Callable[[Image.Image], Image.Image]
) -> list[tuple[str, float, float]]:
    """(what, warping error, sharpness) for the pan and zoom itself,
    and painted with the smoothing of `SHARES`.
    """
    clip, flows = pan_and_zoom(photo)
    painted = [paint(frame) for frame in clip]
    rows = [("the clip itself", warping_error(clip, flows), sharpness(clip))]
    for smooth in SHARES:
        smoother = Smoother(smooth)
        shown = [smoother(frame, result) for frame, result in zip(clip, painted, strict=True)]
        error = warping_error(shown, flows)
        rows.append((f"painted, smoothing {smooth:g}", error, sharpness(shown)))
    return rows


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--content", type=path_of, required=True, help="photo that the clip glides over")
    add("--style", type=path_of, required=True, help="painting")
    add("--model", help=MODEL_HELP)


def work(options: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    painting, photo = load_image(options.style), load_image(options.content)
    paint = FrameStylizer([painting], Settings(model=options.model or ""))
    rows = compare(resize_longest(photo, 512), paint)
    print("warping error and sharpness, RMS in steps of 1/255")
    for what, flicker, sharp in rows:
        print(f"{what:24} {flicker:8.2f} {sharp:8.2f}")
    return 0


main = command("core.flicker", __doc__, add_options, work)

if __name__ == "__main__":
    raise SystemExit(main())
