"""Take a model and a painting once, stylise many photographs.

    stylizer = get_stylizer("improved-500")
    painted = stylizer.fix(load_image("painting.jpg"))        # instant: one MetaNet pass, remembered
    painted(load_image("photo.jpg")).save("out.png")           # the photo's exact size
    better = stylizer.refine(load_image("painting.jpg"), contents)   # the report's way: 20 more batches on this painting

A `FixedStyle` is a TransformNet with its filters in place. Instant styles share the model's TransformNet; a refined style
has its own copy, so that refining never touches the model.
"""

import copy
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.checkpoint import Model, load_model
from core.data import SEED, Sampler
from core.encoder import Encoder, denormalize, fast_dtype, load_encoder, normalize
from core.engine import Objective, StepResult, train_step
from core.flagship import FlagshipTransformNet
from core.growth import make_optimizer
from core.images import MIN_SIDE, ImageError, resize_smaller, to_image, to_tensor
from core.losses import mean_std
from core.nets import MULTIPLE, Filters, TransformNet
from core.variants import Net

STYLE_SIDE = 256
LARGEST_SIDE = 4096
REFINE_BATCHES = 20
CACHE_BYTES = 256 * 1024 * 1024


class Cancelled(Exception):
    """Refining was stopped on request; nothing was changed."""


def pad_to_multiple(images: Tensor, multiple: int = MULTIPLE) -> Tensor:
    """Reflect the right and lower edges so that height and width become multiples of 4; crop back after the network."""
    height, width = images.shape[-2:]
    return F.pad(images, (0, -width % multiple, 0, -height % multiple), mode="reflect")


@dataclass(frozen=True)
class FixedStyle:
    """One model with one painting in place.

    Attributes:
        transform_net: shared with the model, or this style's own after refining.
        filters: name -> flat vector for each generated convolution.
        refined: number of batches it was refined with, 0 for instant.
    """

    transform_net: TransformNet | FlagshipTransformNet
    filters: Filters
    refined: int = 0

    @torch.inference_mode()
    def apply(self, images: Tensor) -> Tensor:
        """Stylise N x 3 x H x W in [0, 1], 16 to 4096 px a side; returns the same shape, clamped to [0, 1]."""
        height, width = images.shape[-2:]
        padded = pad_to_multiple(normalize(images)).contiguous(memory_format=torch.channels_last)
        outputs = [self.transform_net(part, self.filters) for part in padded.split(1)]
        return denormalize(torch.cat(outputs)[..., :height, :width]).clamp_(0, 1)

    def __call__(self, image: Image.Image) -> Image.Image:
        """Stylise one RGB picture; the result has its exact size.

        Raises:
            ImageError: a side is shorter than 16 or longer than 4096 px.
        """
        if min(image.size) < MIN_SIDE or max(image.size) > LARGEST_SIDE:
            raise ImageError(
                f"The photo has {image.width} x {image.height} px; each side must have {MIN_SIDE} to {LARGEST_SIDE}."
            )
        device = next(self.transform_net.parameters()).device
        return to_image(self.apply(to_tensor(image)[None].to(device)))

    @property
    def nbytes(self) -> int:
        own = sum(p.nbytes for p in self.transform_net.parameters()) if self.refined else 0
        return own + sum(value.nbytes for value in self.filters.values())


class StyleCache:
    """The most recently used fixed styles, up to a number of bytes in all. Safe to use from several threads."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.limit = limit
        self._styles: OrderedDict[tuple[object, ...], FixedStyle] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> FixedStyle | None:
        with self._lock:
            if key in self._styles:
                self._styles.move_to_end(key)
            return self._styles.get(key)

    def put(self, key: tuple[object, ...], style: FixedStyle) -> None:
        with self._lock:
            self._styles[key] = style
            self._styles.move_to_end(key)
            while len(self._styles) > 1 and self.nbytes > self.limit:
                self._styles.popitem(last=False)

    @property
    def nbytes(self) -> int:
        return sum(style.nbytes for style in self._styles.values())

    def __len__(self) -> int:
        return len(self._styles)


def picture_hash(image: Image.Image) -> str:
    """SHA-256 of a picture's size and pixels."""
    return hashlib.sha256(repr((image.mode, image.size)).encode() + image.tobytes()).hexdigest()


Progress = Callable[[int, int, StepResult, FixedStyle], None]
SHARED_CACHE = StyleCache()


class Stylizer:
    """A model with its encoder.

    Args:
        model: from `core.checkpoint.load_model`.
        encoder: float32, the one the model was trained with.
        device: where to compute.
        cache: where fixed styles are kept; by default one cache for the whole process.

    Raises:
        EncoderError: the encoder is not the model's.
    """

    def __init__(
        self, model: Model, encoder: Encoder, device: torch.device | str = "cpu", cache: StyleCache = SHARED_CACHE
    ) -> None:
        model.check_encoder(encoder)
        self.model, self.device, self.cache = model, torch.device(device), cache
        self.net = model.net.to(self.device)
        self.encoder = encoder.to(self.device)

    @property
    def name(self) -> str:
        return self.model.variant.name

    def key(self, style: Image.Image, style_side: int, *more: object) -> tuple[object, ...]:
        return (self.model.info["weights"]["hash"], picture_hash(style), style_side, *more)

    @torch.inference_mode()
    def descriptor(self, style: Image.Image, style_side: int = STYLE_SIDE) -> Tensor:
        """The 1920 numbers that the MetaNet sees of a painting read with its smaller side at `style_side` px."""
        pixels = to_tensor(resize_smaller(style, style_side))[None].to(self.device)
        return mean_std(self.encoder(normalize(pixels)))[0]

    @torch.inference_mode()
    def fix(self, style: Image.Image, style_side: int = STYLE_SIDE) -> FixedStyle:
        """Instant: the filters for a painting, from the cache if it was seen before.

        Args:
            style: RGB.
            style_side: the painting's smaller side when it is read; larger makes finer strokes count.
        """
        key = self.key(style, style_side)
        fixed = self.cache.get(key)
        if fixed is None:
            fixed = FixedStyle(self.net.transform_net, self.net.meta_net(self.descriptor(style, style_side)))
            self.cache.put(key, fixed)
        return fixed

    def refine(
        self,
        style: Image.Image,
        contents: Sequence[Path],
        batches: int = REFINE_BATCHES,
        style_side: int = STYLE_SIDE,
        on_step: Progress | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> FixedStyle:
        """The report's way: train a copy on this painting alone, everything trainable, fresh Adam, then fix its filters.

        Args:
            style: RGB.
            contents: photographs to train on, 8 crops of 256 px a batch.
            batches: how many.
            style_side: as for `fix`.
            on_step: called after each batch with (done, batches, its losses, the style as it stands).
            stop: asked before each batch; true cancels.

        Raises:
            Cancelled: `stop` said so.
            ImageError: there is no content, or one cannot be read.
        """
        if not contents:
            raise ImageError("Refining needs at least one photo.")
        names = tuple((path.name, path.stat().st_size) for path in contents)
        key = self.key(style, style_side, batches, names)
        fixed = self.cache.get(key)
        if fixed is not None:
            return fixed
        dtype = fast_dtype(self.device)
        net = copy.deepcopy(self.net).train().requires_grad_(True)
        net.compute_dtype = dtype
        encoder = copy.deepcopy(self.encoder).for_compute(dtype)
        objective = Objective(self.model.variant, encoder, self.model.info["training"]["style_weight"])
        target = objective.style(to_tensor(resize_smaller(style, style_side))[None].to(self.device))
        optimizer = make_optimizer(net, self.model.info["training"]["lr"])
        sampler = Sampler(contents, (), seed=SEED)
        for iteration, crops in sampler.batches(0, batches):
            if stop():
                raise Cancelled(f"Refining was cancelled after {iteration} of {batches} batches.")
            result = train_step(net, objective, optimizer, crops.to(self.device), target)
            if on_step:
                on_step(iteration + 1, batches, result, _frozen(net, target.descriptor, iteration + 1))
        fixed = _frozen(net, target.descriptor, batches)
        self.cache.put(key, fixed)
        return fixed


@torch.no_grad()
def _frozen(net: Net, descriptor: Tensor, batches: int) -> FixedStyle:
    """A copy of what refining has reached, safe from the batches that follow."""
    return FixedStyle(copy.deepcopy(net.transform_net).eval().requires_grad_(False), net.meta_net(descriptor), batches)


@lru_cache(maxsize=2)
def _shared_encoder(name: str, source: str) -> Encoder:
    return load_encoder(name, source)


@lru_cache(maxsize=16)
def get_stylizer(name: str, device: str = "cpu") -> Stylizer:
    """The stylizer of a shipped model, loaded once; models share their encoders.

    Raises:
        WeightsError, EncoderError: see `load_model` and `load_encoder`.
    """
    model = load_model(name)
    return Stylizer(model, _shared_encoder(model.info["encoder"]["name"], model.info["encoder"]["source"]), device)
