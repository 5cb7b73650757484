"""VGG16 and VGG19, the frozen ImageNet encoders that every loss and every style
descriptor stands on.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition"
(1409.1556). The architecture is torchvision's, cut after its fourth tap; features are read after
ReLU, just before a max-pool, and are known by name:

    encoder = load_encoder("vgg16")
    features = encoder(normalize(images))       # {"relu1_2": N x 64 x H x W, ..., "relu4_3": N x 512 x H/8 x W/8}

Two sources of weights: `oxford`, the authors' own (CC BY 4.0), shipped in `checkpoints/encoders/`,
and `torchvision`, its retrained ones, through torchvision's own loader and cache. They differ in
scale: a model trained with one does not work with the other, so checkpoints record the hash of the
weights they were trained with.
"""

import hashlib
import pickle
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from core.commandline import UserError
from core.models.fast.winograd import WinogradConv, prefers_winograd
from core.models.weights import load_tensors, unpack
from core.paths import CHECKPOINTS

SOURCES = ("oxford", "torchvision")
# The report prints 3, 8, 5, 22 for VGG16, where 5 is a slip for 15.
TAPS: dict[str, dict[str, int]] = {
    "vgg16": {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22},
    "vgg19": {"relu1_2": 3, "relu2_2": 8, "relu3_4": 17, "relu4_4": 26},
}
STYLE_SIZE = 2 * (64 + 128 + 256 + 512)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3), "vgg19": (2, 2, 4, 4)}  # before each pooling
CHANNELS = (64, 128, 256, 512)


class EncoderError(UserError):
    """The encoder's name, source or weights do not fit what was asked."""


@lru_cache(maxsize=16)
def _constant(
    values: tuple[float, float, float], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """1 x 3 x 1 x 1, made once: copying it to a GPU in each step would wait for the GPU,
    and stop a CUDA graph's capture.
    """
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device).view(1, 3, 1, 1)


def normalize(images: Tensor) -> Tensor:
    """RGB in [0, 1] (N x 3 x H x W) to the ImageNet-normalised values that encoder and
    TransformNet work on.
    """
    mean = _constant(IMAGENET_MEAN, images.dtype, images.device)
    return (images - mean) / _constant(IMAGENET_STD, images.dtype, images.device)


def denormalize(images: Tensor) -> Tensor:
    """The inverse of `normalize`; values outside [0, 1] are kept,
    clamping is the writer's business.
    """
    std = _constant(IMAGENET_STD, images.dtype, images.device)
    return images * std + _constant(IMAGENET_MEAN, images.dtype, images.device)


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names, shapes and float32 values of a state dict,
    independent of how it was stored.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().to("cpu", torch.float32).contiguous()
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def vgg_layers(name: str) -> nn.Sequential:
    """The layers of a VGG up to its fourth tap, numbered as torchvision's `features`."""
    layers: list[nn.Module] = []
    before = 3
    for count, channels in zip(CONVOLUTIONS[name], CHANNELS, strict=True):
        for _ in range(count):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(inplace=True)]
            before = channels
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers[:-1])  # the last pooling comes after the fourth tap


class Encoder(nn.Module):
    """A VGG cut after its fourth tap, frozen.

    Args:
        name: `vgg16` or `vgg19`.
        state: float tensors named as in torchvision (`features.0.weight` ...);
            those after the fourth tap are ignored.
        source: where the weights come from, kept for the record.

    Raises:
        EncoderError: unknown name, or weights that do not fit the architecture.
    """

    def __init__(self, name: str, state: Mapping[str, Tensor], source: str = "oxford") -> None:
        super().__init__()
        if name not in TAPS:
            raise EncoderError(f"There is no encoder named {name!r}; choose {' or '.join(TAPS)}.")
        self.name, self.source = name, source
        self.taps = TAPS[name]
        self.tap_names = tuple(self.taps)
        with torch.device("meta"):
            layers = vgg_layers(name)
        used = {f"features.{key}": key for key in layers.state_dict()}
        missing = [key for key in used if key not in state]
        if missing:
            raise EncoderError(f"These weights are not those of {name}: {missing[0]} is missing.")
        kept = {short: state[key].detach().to(torch.float32).clone() for key, short in used.items()}
        try:
            layers.load_state_dict(kept, assign=True)
        except RuntimeError as error:
            raise EncoderError(
                f"These weights are not those of {name}: a layer has another shape."
            ) from error
        self.hash = weights_hash(kept)
        self.features = layers
        self._winograd: dict[int, WinogradConv] = {}
        self.eval().requires_grad_(False)

    @property
    def dtype(self) -> torch.dtype:
        return self.features[0].weight.dtype  # type: ignore[return-value]

    def forward(self, images: Tensor, last: str | None = None) -> dict[str, Tensor]:
        """Features of ImageNet-normalised images.

        Args:
            images: N x 3 x H x W; H, W >= 8.
            last: name of the deepest tap wanted; the layers behind it are not computed.
                Default: all four.

        Returns:
            Tap name -> N x C x H' x W' in the encoder's dtype, shallow to deep.
        """
        if last is not None and last not in self.taps:
            raise EncoderError(
                f"{self.name} has no tap named {last!r}; it has {', '.join(self.taps)}."
            )
        tap_at = {index: name for name, index in self.taps.items()}
        stop = self.taps[last] if last else max(self.taps.values())
        x = images.to(self.dtype).contiguous(memory_format=torch.channels_last)
        features: dict[str, Tensor] = {}
        for index, layer in enumerate(self.features):
            # Nobody reads a convolution's output before its ReLU, so the ReLU may take its memory.
            x = torch.relu_(x) if isinstance(layer, nn.ReLU) else self._layer(index)(x)
            if index in tap_at:
                features[tap_at[index]] = x
            if index == stop:
                break
        return features

    def _layer(self, index: int) -> Callable[[Tensor], Tensor]:
        """A layer of `features`, convolutions by Winograd's method where that is faster."""
        layer = self.features[index]
        if not (isinstance(layer, nn.Conv2d) and prefers_winograd(layer.weight)):
            return layer
        if index not in self._winograd:
            self._winograd[index] = WinogradConv(layer.weight, layer.bias)
        return self._winograd[index]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Encoder":
        self._winograd.clear()  # made of weights that may now have another dtype or device
        return super()._apply(fn, recurse)

    def for_compute(self, dtype: torch.dtype) -> "Encoder":
        """This encoder moved, in place, to the dtype and memory layout that are
        fastest on its device.
        """
        return self.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]


def load_encoder(
    name: str, source: str = "oxford", shipped: Path = CHECKPOINTS / "encoders"
) -> Encoder:
    """Build a named encoder with its weights.

    Args:
        name: `vgg16` or `vgg19`.
        source: `oxford` (shipped) or `torchvision` (its cache;
            downloads 0.5 GB where the cache is empty).
        shipped: where the shipped ones lie, a folder for each.

    Raises:
        EncoderError: unknown name or source, or missing or wrong weights.
    """
    if name not in TAPS:
        raise EncoderError(f"There is no encoder named {name!r}; choose {' or '.join(TAPS)}.")
    if source == "oxford":
        folder = shipped / name
        if not folder.is_dir():
            raise EncoderError(
                f"The encoder {name} is not in checkpoints/encoders; is the repository complete?"
            )
        return Encoder(name, unpack(load_tensors(folder)), source)
    if source == "torchvision":
        # Takes as much memory as a model, and nothing else needs it.
        from torchvision import models

        failed = f"torchvision's weights for {name} could not be loaded:"
        weights = getattr(models, f"{name.upper()}_Weights").IMAGENET1K_V1
        try:
            state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
            return Encoder(name, state, source)
        except (EOFError, pickle.UnpicklingError) as error:
            raise EncoderError(f"{failed} its cached file is broken.") from error
        except (OSError, RuntimeError) as error:
            raise EncoderError(f"{failed} {error}") from error
    raise EncoderError(
        f"There is no source of encoder weights named {source!r}; choose {' or '.join(SOURCES)}."
    )
