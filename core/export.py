"""Take a style away: one painting and one model,
baked into a small ONNX file and a safetensors file.

    python -m core.export --style painting.jpg                                     # instant, the best shipped model
    python -m core.export --style painting.jpg --model original-500 --refine 20 --out baked/

How it works, and its use from code: `core.inference.onnx_export`.
Exit code: 0 done, 1 an error.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from core.files import check_output
from core.images.decode import load_image
from core.images.find import training_photos
from core.inference.model_store import model_store
from core.inference.onnx_export import export
from core.inference.stylizer import STYLE_SIDE
from core.options import REFINE_HELP
from core.program import MODEL_HELP, STYLE_SIZE_HELP, command, path_of
from core.settings import Settings
from core.training.refine import REFINE_BATCHES, refine


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--style", type=path_of, required=True, help="the painting")
    add("--model", help=MODEL_HELP)
    add(
        "--out",
        type=path_of,
        default=Path("baked"),
        help="folder for the two files (default: baked)",
    )
    add("--style-size", type=int, default=STYLE_SIDE, help=STYLE_SIZE_HELP)
    add(
        "--refine",
        type=int,
        nargs="?",
        const=REFINE_BATCHES,
        default=0,
        metavar="BATCHES",
        help=REFINE_HELP,
    )
    add(
        "--refine-content",
        type=path_of,
        help="folder of photos to refine on (default: the gallery's)",
    )


def work(options: argparse.Namespace) -> int:
    """Export the style that the options name; returns the exit code."""
    Settings(style_size=options.style_size, refine=options.refine)  # within their limits
    check_output(options.out, folder=True)
    painting = load_image(options.style)
    stylizer = model_store().stylizer(options.model)
    if options.refine:
        contents = training_photos([options.refine_content] if options.refine_content else ())
        with tqdm(total=options.refine, desc="Refining", unit="batch", leave=False) as bar:
            styled = refine(
                stylizer,
                painting,
                contents,
                options.refine,
                options.style_size,
                on_step=lambda _: bar.update(),
            )
    else:
        styled = stylizer.encode_style(painting, options.style_size)
    done = export(stylizer, styled, painting, options.style.name, options.out, options.style_size)
    for path in (done.onnx, done.weights):
        print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")
    if done.difference is None:
        print("not compared with PyTorch: onnxruntime is not installed")
    else:
        print(f"ONNX Runtime and PyTorch differ by at most {255 * done.difference:.4f} of 255")
    return 0


main = command("core.export", __doc__, add_options, work)

if __name__ == "__main__":
    raise SystemExit(main())
