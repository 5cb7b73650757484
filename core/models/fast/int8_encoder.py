"""The encoder in 8-bit integers, for reading paintings on CPUs with VNNI: half the time of float32, a quarter of the size.

The command: `python -m core.int8`.

    encoder = load_encoder("vgg19")
    reader = Int8Encoder(encoder, load_ranges(encoder))
    descriptor = mean_std(reader(normalize(images)))     # as with an Encoder; no gradients

Post-training quantisation after Krishnamoorthi (1806.08342): 8 bits for activations, and for weights with a scale for each output
channel. Channels whose range is small are first stretched by the square root of what they lack, which the next layer takes
back (Nagel et al. 1906.04721), and the taps come out in float32. The first layer, whose input is no activation, stays in float32.
For statistics over whole pictures only: losses and measures are taken in `core.models.encoder.Encoder`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from core.models.encoder import Encoder, normalize
from core.models.weights import pack_rows
from core.paths import CHECKPOINTS
from core.runtime import cpu_features

RANGES = "ranges.safetensors"
HASH = "encoder_hash"
SIDE = 256
LEVELS = 255
Ranges = dict[str, Tensor]


def available() -> bool:
    """Whether this CPU multiplies 8-bit integers in one instruction; elsewhere it would be slower, or its sums might overflow."""
    return torch.backends.mkldnn.is_available() and "VNNI" in cpu_features()


@torch.inference_mode()
def measure_ranges(encoder: Encoder, images: Sequence[Tensor]) -> Ranges:
    """Name of each convolution -> the largest activation of each of its channels over some images (1 x 3 x H x W in [0, 1])."""
    ranges: Ranges = {}
    for image in images:
        x = normalize(image)
        for index, layer in enumerate(encoder.features):
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                name, largest = f"features.{index - 1}", x.amax(dim=(0, 2, 3))
                ranges[name] = torch.maximum(ranges.get(name, largest), largest)
    return ranges


def load_ranges(encoder: Encoder) -> Ranges | None:
    """The shipped ranges of an encoder; None where there are none for its weights."""
    path = CHECKPOINTS / "encoders" / encoder.name / RANGES
    try:
        stored = load_file(path)
    except (OSError, SafetensorError):
        return None
    return (
        stored if stored.pop(HASH, torch.empty(0)).numpy().tobytes().hex() == encoder.hash else None
    )


@dataclass(frozen=True)
class _Conv:
    """A convolution between 8-bit activations.

    Attributes:
        weight: packed by oneDNN.
        scale: of the weights, one for each output channel.
        in_step: what one step of its input stands for.
        bias: float32.
    """

    weight: Tensor
    scale: Tensor
    in_step: float
    bias: Tensor

    def __call__(self, x: Tensor, out_step: float | None) -> Tensor:
        """With ReLU; uint8 in steps of `out_step`, or float32 where that is None."""
        zeros = torch.zeros(len(self.scale), dtype=torch.int32)
        step, dtype = (1.0, torch.float32) if out_step is None else (out_step, torch.uint8)
        result: Tensor = torch.ops.onednn.qconv2d_pointwise(
            x,
            self.in_step,
            0,
            self.weight,
            self.scale,
            zeros,
            self.bias,
            *_GEOMETRY,
            step,
            0,
            dtype,
            "relu",
            [],
            "",
        )
        return result


_GEOMETRY: tuple[list[int] | int, ...] = (
    [1, 1],
    [1, 1],
    [1, 1],
    1,
)  # stride, padding, dilation, groups


class Int8Encoder:
    """An `Encoder` whose convolutions, but for the first, multiply 8-bit integers. On a CPU with VNNI (`available`).

    Args:
        encoder: float32, on the CPU.
        ranges: the largest activation to expect of each channel; larger ones are cut off.
    """

    def __init__(self, encoder: Encoder, ranges: Ranges) -> None:
        self.taps = {index: name for name, index in encoder.taps.items()}
        self._steps: list[float] = []
        self._convs: list[_Conv] = []
        before: Tensor | None = None
        for index, layer in enumerate(encoder.features):
            if not isinstance(layer, nn.Conv2d):
                continue
            assert layer.bias is not None
            largest = ranges[f"features.{index}"].clamp(min=1e-6)
            # A tap's channels keep their size, so that it comes out as it is.
            stretch = (
                torch.ones_like(largest)
                if index + 1 in self.taps
                else (largest / largest.max()).sqrt()
            )
            weight = layer.weight.float() / stretch.view(-1, 1, 1, 1)
            bias = layer.bias.float() / stretch
            if before is None:
                self.first = (weight, bias)
            else:
                self._convs.append(_pack(weight * before.view(1, -1, 1, 1), bias, self._steps[-1]))
            self._steps.append((largest / stretch).max().item() / LEVELS)
            before = stretch
        weight, bias = (value / self._steps[0] for value in self.first)
        self.first = (
            weight.contiguous(memory_format=torch.channels_last),
            bias + 0.5,
        )  # the half rounds to nearest
        self._kinds = [type(layer) for layer in encoder.features]

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Features of ImageNet-normalised images.

        Args:
            images: N x 3 x H x W, float32; H, W >= 8.

        Returns:
            Tap name -> N x C x H' x W', float32, channels last, shallow to deep.
        """
        x = F.conv2d(images.contiguous(memory_format=torch.channels_last), *self.first, padding=1)
        x = x.clamp_(0, LEVELS).to(torch.uint8)
        features: dict[str, Tensor] = {}
        number = 0
        for index, kind in enumerate(self._kinds[2:], 2):
            if kind is nn.Conv2d:
                x = self._convs[number](
                    x, None if index + 1 in self.taps else self._steps[number + 1]
                )
                number += 1
            elif kind is nn.ReLU and index in self.taps:
                features[self.taps[index]] = x
            elif kind is nn.MaxPool2d:
                x = (
                    F.max_pool2d(x, 2, 2)
                    .div_(self._steps[number])
                    .add_(0.5)
                    .clamp_(0, LEVELS)
                    .to(torch.uint8)
                )
        return features


def _pack(weight: Tensor, bias: Tensor, in_step: float) -> _Conv:
    rows, scale = pack_rows(weight.flatten(1))
    packed = torch.ops.onednn.qconv_prepack(
        rows.view_as(weight), scale, in_step, 0, *_GEOMETRY, None
    )
    return _Conv(packed, scale, in_step, bias)
