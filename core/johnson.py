"""Method 2 of the report: one TransformNet for one painting, trained on photographs.

Johnson, Alahi, Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution" (1603.08155), with the network,
losses and training step of this project's models. There is no MetaNet: all filters are the network's own.

    python -m core.johnson --style painting.jpg --content photos/ --iterations 300 --out painting.safetensors
    python -m core.johnson --use painting.safetensors --content photo.jpg photos/ --out out/    # CONTENT__painting.png

    fixed = train(load_image("painting.jpg"), list_images("photos"))
    save("painting.safetensors", fixed)
    load("painting.safetensors")(load_image("photo.jpg"))               # an image of the photo's size
"""

import argparse
import copy
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from tqdm import tqdm

from core.data import SEED, Sampler
from core.encoder import Encoder, fast_dtype, load_encoder
from core.engine import Objective, StepResult, train_step
from core.growth import cosine, make_optimizer
from core.images import ImageError, load_image, resize_smaller, save_png, to_tensor
from core.inputs import find_pictures, refining_contents
from core.nets import Filters, TransformNet
from core.packing import WeightsError, save_one
from core.stylizer import SHARED_CACHE, STYLE_SIDE, Cancelled, FixedStyle, Progress, picture_hash
from core.variants import VARIANTS

ITERATIONS = 300
BATCH = 4
CROP = 192
LR = 2e-3
WARMUP = 30  # iterations until the rate is at its height: first steps at the full rate ruin the network for good
BASE = 16
BLOCK = "resnet"
FORMAT = "johnson-1"
FIRST = "transform_net.downsampling.1.weight"  # base x 3 x 9 x 9
OBJECTIVE = VARIANTS["improved-500"]  # whose losses and encoder these are
SETTINGS: dict[str, Any] = {
    "iterations": ITERATIONS,
    "batch": BATCH,
    "crop": CROP,
    "lr": LR,
    "warmup": WARMUP,
    "base": BASE,
    "style_weight": OBJECTIVE.style_weight,
}


class OwnNet(nn.Module):
    """A TransformNet whose filters are parameters; called as `core.nets.StyleNet` is.

    Args:
        base: channels after the first convolution.
    """

    def __init__(self, base: int = BASE) -> None:
        super().__init__()
        self.compute_dtype = torch.float32
        self.transform_net = TransformNet(base, BLOCK)
        layers = self.transform_net.generated_layers()
        self.names = tuple(layer.name for layer in layers)
        self.flat = nn.ParameterList(_fresh(layer.shape) for layer in layers)

    @property
    def filters(self) -> Filters:
        """Name of each convolution -> its flat vector (values + bias)."""
        return dict(zip(self.names, self.flat, strict=True))

    def forward(self, contents: Tensor, _: Tensor | None = None) -> tuple[Tensor, Filters]:
        """N x 3 x H x W, ImageNet-normalised -> the same shape in float32, and the filters that did it."""
        device = contents.device.type
        contents = contents.contiguous(memory_format=torch.channels_last)
        parts = contents.split(1) if device == "cpu" else (contents,)
        with torch.autocast(device, self.compute_dtype, enabled=self.compute_dtype != torch.float32):
            outputs = [self.transform_net(part, self.filters) for part in parts]
        return torch.cat(outputs).float(), self.filters

    @torch.no_grad()
    def fixed(self, iterations: int) -> FixedStyle:
        """A copy of the network as it stands."""
        transform_net = copy.deepcopy(self.transform_net).eval().requires_grad_(False)
        return FixedStyle(transform_net, {name: flat.clone() for name, flat in self.filters.items()}, iterations)


def _fresh(shape: tuple[int, int, int, int]) -> Tensor:
    """A flat vector (values + bias) as PyTorch initialises a convolution of that shape (out x in x k x k)."""
    conv = nn.Conv2d(shape[1], shape[0], shape[2])
    return torch.cat([conv.weight.detach().flatten(), cast(Tensor, conv.bias).detach()])


def train(
    style: Image.Image,
    contents: Sequence[Path],
    iterations: int = ITERATIONS,
    *,
    batch: int = BATCH,
    crop: int = CROP,
    lr: float = LR,
    base: int = BASE,
    style_side: int = STYLE_SIDE,
    style_weight: float | None = None,
    seed: int = SEED,
    encoder: Encoder | None = None,
    device: torch.device | str = "cpu",
    on_step: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> FixedStyle:
    """Train a network for one painting.

    Args:
        style: RGB.
        contents: photographs to train on.
        iterations: batches.
        batch, crop: photographs a batch, and the side in px of the square cut from each.
        lr: Adam's rate, which falls to 0 by half a cosine over all iterations; over the first 30 (a third of fewer than 90),
            a share of it that rises to 1.
        base: see `core.nets.TransformNet`.
        style_side: the painting's smaller side in px when it is read.
        style_weight: in place of the improved model's.
        encoder: float32; by default the shipped VGG19.
        on_step: called after each batch with (done, iterations, its losses, the style as it stands).
        stop: asked before each batch; true cancels.

    Raises:
        Cancelled: `stop` said so.
        ImageError: there is no content, or one cannot be read.
        ValueError: fewer than one iteration or photograph a batch, or crops under 16 px.
    """
    if not contents:
        raise ImageError("Training needs at least one photo.")
    if iterations < 1 or batch < 1 or crop < 16:
        raise ValueError("Training takes at least one iteration, one photo a batch and crops of 16 px.")
    dtype = fast_dtype(device)
    compute = copy.deepcopy(encoder or load_encoder(OBJECTIVE.encoder)).to(device).for_compute(dtype)
    objective = Objective(OBJECTIVE, compute, style_weight)
    target = objective.style(to_tensor(resize_smaller(style, style_side))[None].to(device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = OwnNet(base).to(device)
    net.compute_dtype = dtype
    optimizer = make_optimizer(net, lr)
    warmup = max(1, min(WARMUP, iterations // 3))
    for iteration, crops in Sampler(contents, (), batch, crop, seed=seed).batches(0, iterations):
        if stop():
            raise Cancelled(f"Training was cancelled after {iteration} of {iterations} iterations.")
        optimizer.param_groups[0]["lr"] = cosine(lr, iteration, iterations) * min(1, (iteration + 1) / warmup)
        result = train_step(net, objective, optimizer, crops.to(device), target)
        if on_step:
            on_step(iteration + 1, iterations, result, net.fixed(iteration + 1))
    return net.fixed(iterations)


def get_stylizer(style: Image.Image, on_step: Progress | None = None) -> FixedStyle:
    """The network of a painting, trained on the gallery's photographs when it is first asked for, then remembered."""
    key = ("johnson", picture_hash(style), *SETTINGS.values())
    fixed = SHARED_CACHE.get(key)
    if fixed is None:
        fixed = train(style, refining_contents(), on_step=on_step)
        SHARED_CACHE.put(key, fixed)
    return fixed


def save(path: str | Path, fixed: FixedStyle, **about: Any) -> None:
    """Write a network to one safetensors file, whole or not at all.

    Args:
        fixed: what `train` returned.
        about: anything for the record that `json.dumps` takes.
    """
    tensors = {f"transform_net.{name}": value for name, value in fixed.transform_net.state_dict().items()}
    tensors |= {f"filters.{name}": value for name, value in fixed.filters.items()}
    info = {**about, "iterations": fixed.refined}
    save_one(Path(path), tensors, {"format": FORMAT, "info": json.dumps(info, ensure_ascii=False, sort_keys=True)})


def load(path: str | Path, device: torch.device | str = "cpu") -> FixedStyle:
    """Read what `save` wrote.

    Raises:
        WeightsError: it is missing, broken or something else.
    """
    name = Path(path).name
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f'"{name}" cannot be read: {error}') from error
    if metadata.get("format") != FORMAT:
        raise WeightsError(f'"{name}" is not a network for one painting, as `python -m core.johnson` writes it.')
    try:
        net = OwnNet(len(tensors[FIRST]))
        flat = {f"flat.{i}": tensors[f"filters.{layer}"] for i, layer in enumerate(net.names)}
        net.load_state_dict({key: value for key, value in tensors.items() if key.startswith("transform_net.")} | flat)
        iterations = int(json.loads(metadata["info"])["iterations"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f'"{name}" does not fit this program: its weights have other names or shapes.') from error
    return net.to(device).fixed(iterations)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.johnson", description=(__doc__ or "").split("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--style", type=Path, help="train a network for this painting")
    what.add_argument("--use", type=Path, metavar="FILE", help="stylise photos with a trained network")
    parser.add_argument(
        "--content", type=Path, nargs="+", help="photos or folders of photos (to train on: the gallery's)"
    )
    parser.add_argument("--out", type=Path, required=True, help="the network's file, or the results' folder")
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help=f"batches (default: {ITERATIONS})")
    parser.add_argument("--batch", type=int, default=BATCH, help=f"photos a batch (default: {BATCH})")
    parser.add_argument("--crop", type=int, default=CROP, help=f"side of the crops in px (default: {CROP})")
    parser.add_argument("--base", type=int, default=BASE, help=f"channels after the first layer (default: {BASE})")
    parser.add_argument("--style-size", type=int, default=STYLE_SIDE, help="smaller side at which the painting is read")
    parser.add_argument("--style-weight", type=float, default=OBJECTIVE.style_weight, help="(default: %(default)g)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def train_to_file(options: argparse.Namespace) -> str:
    """Train as the command line asks; what there is to say about it."""
    if options.out.is_dir():
        raise ImageError(f"{options.out} is a folder; --out names the network's file.")
    style = load_image(options.style)
    contents = find_pictures(options.content) if options.content else refining_contents()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    results: list[StepResult] = []
    with tqdm(total=options.iterations, desc="Training", unit="batch") as bar:

        def show(_: int, of: int, result: StepResult, fixed: FixedStyle) -> None:
            results.append(result)
            bar.set_postfix(content=f"{result.content_loss:.3g}", style=f"{result.style_loss:.3g}")
            bar.update()

        fixed = train(
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
    save(options.out, fixed, style=options.style.name, style_side=options.style_size, losses=losses)
    return f"{options.out}: content loss {losses['content_loss']:.4g}, style loss {losses['style_loss']:.4g}"


def use_file(options: argparse.Namespace) -> tuple[int, int]:
    """Stylise as the command line asks; how many photos were done, and how many skipped."""
    fixed = load(options.use, options.device)
    done = skipped = 0
    for path in find_pictures(options.content or ()):
        try:
            painted = fixed(load_image(path))
        except ImageError as error:
            print(f"skipped: {error}", file=sys.stderr)
            skipped += 1
            continue
        options.out.mkdir(parents=True, exist_ok=True)
        save_png(painted, options.out / f"{path.stem}__{options.use.stem}.png")
        done += 1
    return done, skipped


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code (0 done, 1 nothing could be done, 2 some photos skipped, 3 interrupted)."""
    options = parse(arguments)
    try:
        if options.style:
            print(train_to_file(options))
            return 0
        done, skipped = use_file(options)
    except KeyboardInterrupt:
        print("Stopped; a file that was not finished was not written.", file=sys.stderr)
        return 3
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{done} painted to {options.out}, {skipped} skipped")
    return 2 if skipped and done else int(not done)


if __name__ == "__main__":
    raise SystemExit(main())
