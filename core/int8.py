"""The encoder in 8-bit integers, for reading paintings on CPUs with VNNI:
half the time of float32, a quarter of the size.

    python -m core.int8 vgg16 vgg19      # write checkpoints/encoders/NAME/ranges.safetensors from the gallery's pictures

How it works, and its use from code: `core.models.fast.int8_encoder`.
"""

import argparse

import torch

from core.files import check_output
from core.images.convert import resize_smaller, to_tensor
from core.images.library import library
from core.models.encoder import TAPS, load_encoder
from core.models.fast.int8_encoder import HASH, RANGES, SIDE, measure_ranges
from core.models.weights import save_one
from core.paths import CHECKPOINTS
from core.program import command


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("names", nargs="+", choices=tuple(TAPS), help="which encoders")


def work(options: argparse.Namespace) -> int:
    """Measure the encoders that the options name; returns the exit code."""
    targets = {name: CHECKPOINTS / "encoders" / name / RANGES for name in options.names}
    for target in targets.values():
        check_output(target)
    images = [
        to_tensor(resize_smaller(picture.image(), SIDE))[None]
        for picture in (*library().styles, *library().more_styles, *library().contents)
    ]
    for name, target in targets.items():
        encoder = load_encoder(name)
        digest = torch.frombuffer(bytearray.fromhex(encoder.hash), dtype=torch.uint8)
        save_one(target, {**measure_ranges(encoder, images), HASH: digest})
    return 0


main = command("core.int8", __doc__, add_options, work)

if __name__ == "__main__":
    raise SystemExit(main())
