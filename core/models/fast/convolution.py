"""Convolutions of the TransformNets rearranged for a CPU where nothing is trained: the same values, fewer or fuller products.

A CPU's vectors hold 16 numbers, so a convolution to three or sixteen channels leaves them nearly empty, and a convolution of an
enlarged picture multiplies every pixel again for each of its copies. Both compute a block of 2 x 2 pixels as four times the
channels and then put the pixels in place.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_MERGE = (
    ((1, 0, 0), (0, 1, 1)),
    ((1, 1, 0), (0, 0, 1)),
)  # [row of the pair][of the two taps][of the filter's rows]


def needs_autograd() -> bool:
    """Whether gradients or a trace are wanted, for which the plain convolution stands."""
    return torch.is_grad_enabled() or torch.jit.is_tracing()


def conv2d_by_fours(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias)` for few output channels, in a third of the time.

    Args:
        x: N x C x H x W, padded.
        weight, bias: as for `F.conv2d`; the kernel is square.
    """
    out_channels, in_channels, kernel, _ = weight.shape
    if x.device.type != "cpu" or any((side - kernel) % 2 == 0 for side in x.shape[-2:]):
        return F.conv2d(x, weight, bias)
    four = weight.new_zeros(out_channels, 2, 2, in_channels, kernel + 1, kernel + 1)
    for top in range(2):
        for left in range(2):
            four[:, top, left, :, top : top + kernel, left : left + kernel] = weight
    wide = four.flatten(0, 2).contiguous(memory_format=torch.channels_last)
    return F.pixel_shuffle(
        F.conv2d(x, wide, None if bias is None else bias.repeat_interleave(4), stride=2), 2
    )


def conv2d_upsampled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Nearest neighbour times two, reflection padding, 3x3 convolution: four convolutions of 2x2 on the small picture instead.

    The copies of a pixel share its product (Shi et al. 1609.05158 the other way round), so 16 products do for 36; the enlarged
    picture's reflection is the small one's border repeated.

    Args:
        x: N x C x H x W.
        weight: out x C x 3 x 3.
        bias: out.

    Returns:
        N x out x 2H x 2W, channels last.
    """
    n, _, height, width = x.shape
    out_channels = len(weight)
    merge = torch.tensor(_MERGE, dtype=weight.dtype, device=weight.device)
    small = torch.einsum("atr,bus,oirs->aboitu", merge, merge, weight).flatten(0, 2)
    wide = F.conv2d(
        F.pad(x, (1, 1, 1, 1), mode="replicate"),
        small.contiguous(memory_format=torch.channels_last),
        bias.repeat(4),
    ).permute(0, 2, 3, 1)
    result = torch.empty(
        (n, out_channels, 2 * height, 2 * width),
        dtype=x.dtype,
        device=x.device,
        memory_format=torch.channels_last,
    )
    blocks = result.permute(0, 2, 3, 1).view(n, height, 2, width, 2, out_channels)
    for top in range(2):
        for left in range(2):
            channels = slice((2 * top + left) * out_channels, (2 * top + left + 1) * out_channels)
            blocks[:, :, top, :, left] = wide[:, top : top + height, left : left + width, channels]
    return result
