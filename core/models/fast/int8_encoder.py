"""The encoder in 8-bit integers, for reading paintings on CPUs with VNNI: half of float32's time.

The command: `python -m core.int8`.

    encoder = load_encoder("vgg19")
    reader = Int8Encoder(encoder, load_ranges(encoder))
    descriptor = mean_std(reader(normalize(images)))     # as with an Encoder; no gradients

Post-training quantisation after Krishnamoorthi (1806.08342). An activation, never negative after
its ReLU, is a whole number of steps from 0 to 255; a weight is one from -127 to 127, with a step of
its own for each output channel. Their products are summed as integers, and only the sum becomes a
fraction again. For one weight and one activation:

    activations up to 8.0    in_step = 8.0 / 255 = 0.0314    2.0 is 63.75 steps, rounded to 64
    weights up to 0.5          scale = 0.5 / 127 = 0.0039    0.25 is 63.5 steps, rounded to 64
    sum = 64 * 64 = 4096, and 4096 * 0.0314 * 0.0039 = 0.506, where 2.0 * 0.25 = 0.500

All channels of an activation share one step, so that those of a small range have few steps left.
They are stretched first, by the square root of what they lack, and the next layer's weights take
that back (Nagel et al. 1906.04721):

    largest of each channel       8.0    0.5       in steps of 0.0314: 255 and 16
    stretch, sqrt(largest / 8)    1      0.25      its channel's filter and bias are divided by it
    largest of each channel now   8.0    2.0       in steps of 0.0314: 255 and 64
    next layer's weights          w      0.25 w    multiplied by it, so the sum stays the same

The taps come out in float32 and unstretched. The first layer, whose input is no activation, stays
in float32. For statistics over whole pictures only: losses and measures are taken in
`core.models.encoder.Encoder`.
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
SIDE = 256  # px a side of the pictures on which ranges are measured
LEVELS = 255  # the largest 8-bit activation
Ranges = dict[str, Tensor]  # name of each convolution -> the largest activation of each channel

# Geometry of every convolution of a VGG but its number of channels, as oneDNN's operators take it.
STRIDE, PADDING, DILATION, GROUPS = [1, 1], [1, 1], [1, 1], 1
ZERO_POINT = 0  # the integer that stands for 0.0


def available() -> bool:
    """Whether this CPU multiplies and sums 8-bit integers in one instruction.

    Elsewhere it would be slower, or its sums might overflow.
    """
    return torch.backends.mkldnn.is_available() and "VNNI" in cpu_features()


@torch.inference_mode()
def measure_ranges(encoder: Encoder, images: Sequence[Tensor]) -> Ranges:
    """The largest activation of each channel of each convolution over some images.

    Args:
        encoder: float32.
        images: 1 x 3 x H x W each, in [0, 1].
    """
    ranges: Ranges = {}
    for image in images:
        x = normalize(image)
        for index, layer in enumerate(encoder.features):
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                name = f"features.{index - 1}"
                largest = x.amax(dim=(0, 2, 3))  # channels
                ranges[name] = torch.maximum(ranges.get(name, largest), largest)
    return ranges


def load_ranges(encoder: Encoder) -> Ranges | None:
    """The shipped ranges of an encoder; None where there are none for its weights."""
    path = CHECKPOINTS / "encoders" / encoder.name / RANGES
    try:
        stored = load_file(path)
    except (OSError, SafetensorError):
        return None
    made_for = stored.pop(HASH, torch.empty(0)).numpy().tobytes().hex()
    return stored if made_for == encoder.hash else None


@dataclass(frozen=True)
class _Conv:
    """A convolution between 8-bit activations, then a ReLU.

    Attributes:
        weight: out x in x 3 x 3, int8, in the order in which oneDNN reads it.
        scale: what one step of the weights stands for, out.
        in_step: what one step of its input stands for.
        bias: out, float32.
    """

    weight: Tensor
    scale: Tensor
    in_step: float
    bias: Tensor

    @classmethod
    def pack(cls, weight: Tensor, bias: Tensor, in_step: float) -> "_Conv":
        """Quantise a convolution's weight, out x in x 3 x 3, float32."""
        rows, scale = pack_rows(weight.flatten(1))  # out x (in 9), out
        packed = torch.ops.onednn.qconv_prepack(
            rows.view_as(weight),
            scale,
            in_step,
            ZERO_POINT,
            STRIDE,
            PADDING,
            DILATION,
            GROUPS,
            None,  # the shape of its input, which may change
        )
        return cls(packed, scale, in_step, bias)

    def __call__(self, x: Tensor, out_step: float | None) -> Tensor:
        """Convolve N x in x H x W, uint8.

        Args:
            x: in steps of `in_step`.
            out_step: what one step of the result shall stand for; None for float32.

        Returns:
            N x out x H x W, uint8 in steps of `out_step`, or float32.
        """
        result: Tensor = torch.ops.onednn.qconv2d_pointwise(
            x,
            self.in_step,
            ZERO_POINT,
            self.weight,
            self.scale,
            torch.zeros(len(self.scale), dtype=torch.int32),  # the weights' zero points
            self.bias,
            STRIDE,
            PADDING,
            DILATION,
            GROUPS,
            1.0 if out_step is None else out_step,
            ZERO_POINT,
            torch.float32 if out_step is None else torch.uint8,
            "relu",
            [],  # the ReLU's parameters: none
            "",  # nor an algorithm to compute it by
        )
        return result


class Int8Encoder:
    """An `Encoder` whose convolutions, but for the first, multiply 8-bit integers, where
    `available`.

    Args:
        encoder: float32, on the CPU.
        ranges: the largest activation to expect of each channel; larger ones are cut off.
    """

    def __init__(self, encoder: Encoder, ranges: Ranges) -> None:
        self.taps = {index: name for name, index in encoder.taps.items()}
        self._kinds = [type(layer) for layer in encoder.features]
        self._steps: list[float] = []  # of each convolution's result, the first one's included
        self._convs: list[_Conv] = []  # all but the first
        stretch_before: Tensor | None = None
        for index, layer in enumerate(encoder.features):
            if not isinstance(layer, nn.Conv2d):
                continue
            assert layer.bias is not None
            largest = ranges[f"features.{index}"].clamp(min=1e-6)  # out; no channel is divided by 0
            is_tap = index + 1 in self.taps  # its ReLU's result is read, and so not stretched
            stretch = torch.ones_like(largest) if is_tap else (largest / largest.max()).sqrt()
            weight = layer.weight.float() / stretch.view(-1, 1, 1, 1)  # out x in x 3 x 3
            bias = layer.bias.float() / stretch  # out
            step = (largest / stretch).max().item() / LEVELS
            if stretch_before is None:
                # Its result is in steps, and a half more, for `_to_uint8`.
                weight = (weight / step).contiguous(memory_format=torch.channels_last)
                self._first = weight, bias / step + 0.5
            else:
                weight = weight * stretch_before.view(1, -1, 1, 1)
                self._convs.append(_Conv.pack(weight, bias, in_step=self._steps[-1]))
            self._steps.append(step)
            stretch_before = stretch

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Features of ImageNet-normalised images.

        Args:
            images: N x 3 x H x W, float32; H, W >= 8.

        Returns:
            Tap name -> N x C x H' x W', float32, channels last, shallow to deep.
        """
        x = images.contiguous(memory_format=torch.channels_last)
        weight, bias = self._first
        x = F.conv2d(x, weight, bias, padding=1)  # N x 64 x H x W, in steps
        x = _to_uint8(x)
        features: dict[str, Tensor] = {}
        convs = zip(self._convs, self._steps[1:], strict=True)
        step = self._steps[0]
        # The first convolution and its ReLU are done.
        for index, kind in enumerate(self._kinds[2:], 2):
            if kind is nn.Conv2d:
                conv, step = next(convs)
                x = conv(x, out_step=None if index + 1 in self.taps else step)
            elif kind is nn.ReLU and index in self.taps:
                features[self.taps[index]] = x  # float32
            elif kind is nn.MaxPool2d:
                # Each pooling follows a tap, so that this quantises what is float32 still.
                x = F.max_pool2d(x, 2, 2)  # N x C x H'/2 x W'/2
                x = _to_uint8(x.div_(step).add_(0.5))
        return features


def _to_uint8(steps: Tensor) -> Tensor:
    """Round float32 steps, to which a half was added, by cutting off the fraction; the tensor is
    overwritten.
    """
    return steps.clamp_(0, LEVELS).to(torch.uint8)
