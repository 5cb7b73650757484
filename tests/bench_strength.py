"""Does more strength bring a picture nearer to the painting? Every photo and painting of the gallery.

    python -m tests.bench_strength                    # the page's default model
    python -m tests.bench_strength --model improved-500 --count 2

The style distance is that of `tests.validation`: the share left of the Gram and of the mean/std distance
(the photo itself: 1),
geometric mean over both and over the four taps of VGG19, at 256 px. Content change is that of tap 4.
"""

import argparse
import math
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image
from tqdm import tqdm

from core.inference.model_store import model_store
from core.models.encoder import load_encoder
from core.pipeline import stylize_image
from core.program import command
from core.settings import Settings
from core.training.learning_curve import NAMES
from gallery.pictures import CONTENTS, STYLES
from tests.validation import Validation

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
SHARES = NAMES[:8]
UNTIL = STRENGTHS.index(1.0) + 1


def measured(model: str, count: int) -> list[list[tuple[float, float]]]:
    """For each pair of the first `count` photos and paintings, style distance and content change at each strength."""
    validation = Validation(
        [picture.image() for picture in CONTENTS[:count]],
        [picture.image() for picture in STYLES[:count]],
        load_encoder("vgg19"),
    )
    stylizer = model_store().stylizer(model)
    columns: list[list[tuple[float, float]]] = []
    for strength in tqdm(STRENGTHS, desc="Strengths"):
        settings = Settings(strength=strength)

        def stylise(
            photo: Image.Image, painting: Image.Image, settings: Settings = settings
        ) -> Image.Image:
            return stylize_image(photo, painting, settings, stylizer=stylizer).image

        pairs = [found for _, _, found in validation.pairs(stylise)]
        columns.append(
            [
                (geometric([found[name] for name in SHARES]), found["content_change_4"])
                for found in pairs
            ]
        )
    return [list(row) for row in zip(*columns, strict=True)]


def geometric(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def falls(row: Sequence[float]) -> bool:
    """Whether each value is below the one before."""
    return all(later < earlier for earlier, later in pairwise(row))


def run(model: str, count: int) -> None:
    rows = measured(model, count)
    steps = list(zip(*rows, strict=True))
    left = [geometric([distance for distance, _ in step]) for step in steps]
    change = [sum(content for _, content in step) / len(rows) for step in steps]
    print(
        f"| {model}, {len(rows)} pairs: strength | {' | '.join(f'{strength:.0%}' for strength in STRENGTHS)} |"
    )
    print(f"|{'---|' * (len(STRENGTHS) + 1)}")
    print(
        f"| style distance left, geometric mean | {' | '.join(f'{100 * mean:.1f} %' for mean in left)} |"
    )
    print(f"| content change, mean | {' | '.join(f'{mean:.2f}' for mean in change)} |")
    nearer = sum(falls([distance for distance, _ in row[:UNTIL]]) for row in rows)
    further = sum(falls([-content for _, content in row]) for row in rows)
    print(
        f"Nearer to the painting at every step up to 100 %: {nearer} of {len(rows)} pairs;", end=" "
    )
    print(f"further from the photo at every step up to 150 %: {further}.")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=model_store().default())
    parser.add_argument(
        "--count", type=int, default=8, help="photos and paintings of the gallery (default: all 8)"
    )


def work(options: argparse.Namespace) -> int:
    run(options.model, options.count)
    return 0


main = command("tests.bench_strength", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
