"""A video repainted: file in, file out, the style computed once, sound kept.

    python -m core.video --video in.mp4 --style painting.jpg --model original-500 --out out.mp4
    python -m core.video --video in.mov --style painting.jpg --size 512 --smooth 0.5     # out/in__painting__MODEL.mp4

    paint = get_stylizer("original-500").fix(load_image("painting.jpg"))
    stylize_video("in.mp4", "out.mp4", paint, size=512, smooth=0.5, on_frame=lambda p: print(p.fps, p.seconds_left))

Read and written with PyAV (FFmpeg's libraries): out comes an MP4 with H.264, yuv420p, even sides, and the frames' own time
stamps, so that a variable frame rate stays one. Sound is copied where every browser plays it, otherwise encoded as AAC. A
phone's rotation is applied; other metadata, where it was filmed included, is left behind.
`core.inference.temporal` lowers flicker.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from core.images.decode import MIN_SIDE, ImageError, load_image
from core.images.video_file import (
    MAX_SIDE,
    VideoError,
    probe,
)
from core.inference.stylizer import default_model, get_stylizer
from core.inference.video import stylize_video
from core.models.encoder import EncoderError
from core.models.weights import WeightsError
from core.program import called_as


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=called_as("core.video"), description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--video", type=Path, required=True, help="the video to repaint")
    parser.add_argument("--style", type=Path, required=True, help="painting")
    parser.add_argument(
        "--model",
        help="a model of checkpoints/, or a checkpoint folder (default: the best shipped)",
    )
    parser.add_argument(
        "--out", type=Path, help="the MP4 to write (default: out/VIDEO__STYLE__MODEL.mp4)"
    )
    parser.add_argument(
        "--size", type=int, help="longest side of the result in px (default: the video's own)"
    )
    parser.add_argument(
        "--smooth",
        type=float,
        default=0.0,
        help="0 to 1: how much flicker is smoothed away (default: 0)",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    if options.out and options.out.suffix.lower() != ".mp4":
        parser.error("the result is an MP4: give --out a name that ends in .mp4")
    if options.size is not None and not MIN_SIDE <= options.size <= MAX_SIDE:
        parser.error(f"--size must be {MIN_SIDE} to {MAX_SIDE}")
    if not 0 <= options.smooth <= 1:
        parser.error("--smooth must be between 0 and 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = parse(arguments)
    try:
        stylizer = get_stylizer(options.model or default_model(), options.device)
        paint = stylizer.encode_style(load_image(options.style))
        name = f"{options.video.stem}__{options.style.stem}__{stylizer.name}.mp4"
        out = options.out or Path("out") / name
        with tqdm(total=probe(options.video).frames, desc="Painting", unit="frame") as bar:
            result = stylize_video(
                options.video,
                out,
                paint,
                options.size,
                options.smooth,
                on_frame=lambda _: bar.update(),
            )
    except (VideoError, ImageError, WeightsError, EncoderError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cancelled; nothing was written", file=sys.stderr)
        return 130
    width, height = result.size
    print(f"{out}: {result.done} frames of {width} x {height} px, {result.fps:.1f} frames/s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
