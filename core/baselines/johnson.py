"""Method 2 of the report: one TransformNet for one painting, trained on photographs.

The command: `python -m core.johnson`.

Johnson, Alahi, Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution"
(1603.08155), with the network, losses and training step of this project's models. There is no
MetaNet: all filters are the network's own.

    styled = train(load_image("painting.jpg"), list_images("photos"))
    save("painting.safetensors", styled)
    load("painting.safetensors")(load_image("photo.jpg"))               # an image of the photo's size
"""

import copy
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from core.images.convert import resize_smaller, to_tensor
from core.images.decode import ImageError
from core.inference.styled_model import StyledModel
from core.inference.stylizer import STYLE_SIDE, Cancelled
from core.models.encoder import Encoder, load_encoder
from core.models.layers import Filters
from core.models.registry import PER_STYLE_WEIGHT, VARIANTS
from core.models.style_net import TransformNet
from core.models.weights import WeightsError, load_one, save_one
from core.runtime import fast_dtype
from core.training.batches import TrainingBatches
from core.training.data import SEED
from core.training.objective import Objective
from core.training.refine import Progress, RefineStep
from core.training.step import train_step
from core.training.weight_growth import cosine, make_optimizer

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
    "style_weight": PER_STYLE_WEIGHT,
}


class PerStyleNet(nn.Module):
    """A TransformNet whose filters are parameters; called as `core.models.style_net.StyleNet` is.

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
        """N x 3 x H x W, ImageNet-normalised -> the same shape in float32,
        and the filters that did it.
        """
        filters = self.filters
        return self.transform_net.in_dtype(self.compute_dtype, contents, filters), filters

    @torch.no_grad()
    def styled(self, iterations: int) -> StyledModel:
        """A copy of the network as it stands."""
        transform_net = copy.deepcopy(self.transform_net).eval().requires_grad_(False)
        filters = {name: flat.clone() for name, flat in self.filters.items()}
        return StyledModel(transform_net, filters, iterations)


def _fresh(shape: tuple[int, int, int, int]) -> Tensor:
    """A flat vector (values + bias) as PyTorch initialises a convolution of that
    shape (out x in x k x k).
    """
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
    style_weight: float = PER_STYLE_WEIGHT,
    seed: int = SEED,
    encoder: Encoder | None = None,
    device: torch.device | str = "cpu",
    on_step: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> StyledModel:
    """Train a network for one painting.

    Args:
        style: RGB.
        contents: photographs to train on.
        iterations: batches.
        batch, crop: photographs a batch, and the side in px of the square cut from each.
        lr: Adam's rate, which falls to 0 by half a cosine over all iterations; over the first 30 (a
            third of fewer than 90), a share of it that rises to 1.
        base: see `core.models.style_net.TransformNet`.
        style_side: the painting's smaller side in px when it is read.
        style_weight: what the Gram loss is multiplied by.
        encoder: float32; by default the shipped VGG19.
        on_step: called after each batch.
        stop: asked before each batch; true cancels.

    Raises:
        Cancelled: `stop` said so.
        ImageError: there is no content, or one cannot be read.
        ValueError: fewer than one iteration or photograph a batch, or crops under 16 px.
    """
    if not contents:
        raise ImageError("Training needs at least one photo.")
    if iterations < 1 or batch < 1 or crop < 16:
        raise ValueError(
            "Training takes at least one iteration, one photo a batch and crops of 16 px."
        )
    dtype = fast_dtype(device)
    encoder = copy.deepcopy(encoder or load_encoder(OBJECTIVE.encoder)).to(device)
    objective = Objective(OBJECTIVE, encoder.for_compute(dtype), style_weight)
    target = objective.style(to_tensor(resize_smaller(style, style_side))[None].to(device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = PerStyleNet(base).to(device)
    net.compute_dtype = dtype
    optimizer = make_optimizer(net, lr)
    batches = TrainingBatches(contents, (), batch, crop, seed=seed)
    warmup = max(1, min(WARMUP, iterations // 3))
    for iteration, crops in batches.batches(0, iterations):
        if stop():
            raise Cancelled(f"Training was cancelled after {iteration} of {iterations} iterations.")
        rate = cosine(lr, iteration, iterations) * min(1, (iteration + 1) / warmup)
        optimizer.param_groups[0]["lr"] = rate
        result = train_step(net, objective, optimizer, crops.to(device), target)
        if on_step:
            done = iteration + 1
            on_step(RefineStep(done, iterations, result, partial(net.styled, done)))
    return net.styled(iterations)


def save(path: str | Path, styled: StyledModel, **about: Any) -> None:
    """Write a network to one safetensors file, whole or not at all.

    Args:
        styled: what `train` returned.
        about: anything for the record that `json.dumps` takes.
    """
    state = styled.transform_net.state_dict()
    tensors = {f"transform_net.{name}": value for name, value in state.items()}
    tensors |= {f"filters.{name}": value for name, value in styled.filters.items()}
    info = {**about, "iterations": styled.refined}
    text = json.dumps(info, ensure_ascii=False, sort_keys=True)
    save_one(Path(path), tensors, {"format": FORMAT, "info": text})


def load(path: str | Path, device: torch.device | str = "cpu") -> StyledModel:
    """Read what `save` wrote.

    Raises:
        WeightsError: it is missing, broken or something else.
    """
    name = Path(path).name
    try:
        metadata, tensors = load_one(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f'"{name}" cannot be read: {error}') from error
    if metadata.get("format") != FORMAT:
        raise WeightsError(
            f'"{name}" is not a network for one painting, as `python -m core.johnson` writes it.'
        )
    try:
        net = PerStyleNet(len(tensors[FIRST]))
        flat = {f"flat.{i}": tensors[f"filters.{layer}"] for i, layer in enumerate(net.names)}
        own = {key: value for key, value in tensors.items() if key.startswith("transform_net.")}
        net.load_state_dict(own | flat)
        iterations = int(json.loads(metadata["info"])["iterations"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f'"{name}" does not fit this program: its weights have other names or shapes.'
        ) from error
    return net.to(device).styled(iterations)
