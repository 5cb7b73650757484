"""A video repainted: file in, file out, the style computed once, sound kept.

    python -m core.video --video in.mp4 --style painting.jpg --model original-500 --out out.mp4
    python -m core.video --video in.mov --style painting.jpg --size 512 --smooth 0.5     # out/in__painting__MODEL.mp4
    python -m core.video --video in.mp4 --style a.jpg b.jpg --mix 0.7 0.3 --strength 80 --colours photo
    python -m core.video --video in.mp4 --style painting.jpg --mask mask.png --mask-style other.jpg
    python -m core.video --video in.mp4 --style painting.jpg --model improved-500 --refine      # 20 batches, once

How it works, and its use from code: `core.inference.video`. `core.inference.temporal` lowers flicker.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from core.baselines.adapter import METHODS
from core.files import check_output, printable, shortened
from core.frames import FrameStylizer
from core.images.decode import MIN_SIDE, load_mask
from core.images.find import training_photos
from core.images.video_file import MAX_SIDE, probe
from core.inference.model_store import model_store
from core.inference.style_file import load_painting
from core.inference.video import stylize_video
from core.options import FILES, add_mask, add_refining, add_settings, add_style, settings_of
from core.program import MODEL_HELP, command, path_of
from core.runtime import AUTO, DEVICE_HELP, find_device
from core.settings import SettingsError


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--video", type=path_of, required=True, help="the video to repaint")
    add(
        "--style",
        **FILES,
        required=True,
        help="paintings or style files; up to four are mixed, or each goes where its mask says",
    )
    add("--model", help=MODEL_HELP)
    add("--out", type=path_of, help="the MP4 to write (default: out/VIDEO__STYLE__MODEL.mp4)")
    add("--size", type=int, help="longest side of the result in px (default: the video's own)")
    smoothed = "0 to 1: how much flicker is smoothed away (default: 0)"
    add("--smooth", type=float, default=0.0, help=smoothed)
    add_refining(add_style(parser))
    add_mask(parser)
    add_settings(parser)
    add("--device", default=AUTO, help=DEVICE_HELP)


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.out and options.out.suffix.lower() != ".mp4":
        parser.error("the result is an MP4: give --out a name that ends in .mp4")
    if options.size is not None and not MIN_SIDE <= options.size <= MAX_SIDE:
        parser.error(f"--size must be {MIN_SIDE} to {MAX_SIDE}")
    if not 0 <= options.smooth <= 1:
        parser.error("--smooth must be between 0 and 1")


def frame_stylizer(options: argparse.Namespace) -> FrameStylizer:
    """What paints the frames as the options say."""
    settings = settings_of(options)
    model = options.model or settings.model
    if model in METHODS:
        raise SettingsError(
            f"{model} takes minutes for one picture; a video needs a trained model."
        )
    return FrameStylizer(
        [load_painting(style) for style in options.style],
        settings,
        [load_mask(mask) for mask in options.mask],
        load_painting(options.mask_style) if options.mask_style else None,
        model_store().stylizer(model, options.device),
        training_photos(options.refine_content) if settings.refine else (),
    )


def refine(paint: FrameStylizer) -> None:
    """Refine before the first frame, where the settings ask for it, with a bar of its own."""
    if not paint.settings.refine:
        return
    with tqdm(total=0, desc="Refining", unit="batch", leave=False, disable=None) as bar:

        def on_step(done: int, batches: int) -> None:
            bar.total = batches
            bar.update(done - bar.n)

        paint.refine(on_step)


def work(options: argparse.Namespace) -> int:
    """Repaint the video that the options name; returns the exit code."""
    options.device = str(find_device(options.device))
    if options.out:
        check_output(options.out, unlike=[options.video])
    else:
        check_output(Path("out"), folder=True)
    frames = probe(options.video).frames
    paint = frame_stylizer(options)
    refine(paint)
    styles = "+".join(style.stem for style in options.style)
    stems = [shortened(stem) for stem in (options.video.stem, styles)]
    out = options.out or Path("out") / f"{'__'.join([*stems, paint.stylizer.name])}.mp4"
    with tqdm(total=frames, desc="Painting", unit="frame") as bar:
        result = stylize_video(
            options.video,
            out,
            paint,
            paint.settings.size,
            options.smooth,
            on_frame=lambda _: bar.update(),
        )
    width, height = result.size
    print(
        f"{printable(out)}: {result.done} frames of {width} x {height} px, "
        f"{result.fps:.1f} frames/s"
    )
    return 0


main = command("core.video", __doc__, add_options, work, check=check)

if __name__ == "__main__":
    raise SystemExit(main())
