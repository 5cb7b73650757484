"""Convolutions of the TransformNets rearranged for a CPU where nothing is trained.

A CPU's vectors hold 16 numbers, so a convolution to three or sixteen channels leaves them nearly
empty, and a convolution of an enlarged picture multiplies every pixel again for each of its copies.
Both functions here compute a block of 2 x 2 pixels of the result as four channels, and then put the
four in their places.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# Which of a filter's three taps fall on the same pixel of the small picture, see
# `conv2d_upsampled`: [pixel of the pair][tap of the small filter][tap of the filter].
_MERGE = (
    ((1, 0, 0), (0, 1, 1)),
    ((1, 1, 0), (0, 0, 1)),
)


def needs_autograd() -> bool:
    """Whether gradients or a trace are wanted, for which the plain convolution stands."""
    return torch.is_grad_enabled() or torch.jit.is_tracing()


def conv2d_by_fours(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias)` for few output channels, in a third of the time.

    Two neighbours of the result see one input through the same filter, moved by a pixel. So one
    filter that is a tap longer gives both, in steps of two. In one dimension, with the
    filter (1 2 3) and the input 1 1 2 2 3 3:

        filter for even pixels  1 2 3 0    at 0: 1 + 2 + 6 = 9        at 2: 2 + 4 + 9 = 15
        filter for odd pixels   0 1 2 3    at 0: 1 + 4 + 6 = 11       at 2: 2 + 6 + 9 = 17
        the result, interleaved                     9  11  15  17

    In two dimensions four filters give a block of 2 x 2 pixels, and `pixel_shuffle` interleaves
    them.

    Args:
        x: N x C x H x W, padded.
        weight, bias: as for `F.conv2d`; the kernel is square.

    Returns:
        N x out x (H - k + 1) x (W - k + 1). Where that is odd, by the plain convolution.
    """
    out_channels, in_channels, kernel, _ = weight.shape
    odd = any((side - kernel) % 2 == 0 for side in x.shape[-2:])
    if x.device.type != "cpu" or odd:
        return F.conv2d(x, weight, bias)
    moved = weight.new_zeros(out_channels, 2, 2, in_channels, kernel + 1, kernel + 1)
    for top in range(2):
        for left in range(2):
            moved[:, top, left, :, top : top + kernel, left : left + kernel] = weight
    filters = moved.flatten(0, 2)  # 4 out x C x k+1 x k+1, ordered as pixel_shuffle reads channels
    filters = filters.contiguous(memory_format=torch.channels_last)
    biases = None if bias is None else bias.repeat_interleave(4)  # 4 out
    blocks = F.conv2d(x, filters, biases, stride=2)  # N x 4 out x H'/2 x W'/2
    return F.pixel_shuffle(blocks, 2)  # N x out x H' x W'


def conv2d_upsampled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Nearest neighbour times two, reflection padding, 3x3 convolution: fewer products.

    A filter of three taps covers three pixels of the enlarged picture, but only two of the small
    one, since two of the three are copies of one pixel. In one dimension, with the filter (a b c)
    and the picture p q:

        enlarged and padded        p  p p  q q  q     reflecting repeats the small picture's border
        result, left of a pair     a p + (b + c) p    a p + (b + c) q         filter (a, b + c)
        result, right of a pair    (a + b) p + c q    (a + b) q + c q         filter (a + b, c)

    So four filters of 2 x 2 on the small picture give a block of 2 x 2 pixels: 16 products in place
    of 36 (Shi et al. 1609.05158 the other way round).

    Args:
        x: N x C x H x W.
        weight: out x C x 3 x 3.
        bias: out.

    Returns:
        N x out x 2H x 2W, channels last.
    """
    n, _, height, width = x.shape
    out_channels = len(weight)
    merge = torch.tensor(_MERGE, dtype=weight.dtype, device=weight.device)  # 2 x 2 x 3
    # Of the block: y, x. Of the small filter: u, v. Of the filter: r, s. Channels: out, in.
    filters = torch.einsum("yur,xvs,oirs->yxoiuv", merge, merge, weight)  # 2 x 2 x out x C x 2 x 2
    filters = filters.flatten(0, 2)  # 4 out x C x 2 x 2
    filters = filters.contiguous(memory_format=torch.channels_last)
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")  # N x C x H+2 x W+2
    wide = F.conv2d(padded, filters, bias.repeat(4))  # N x 4 out x H+1 x W+1
    wide = wide.permute(0, 2, 3, 1)  # N x H+1 x W+1 x 4 out
    result = torch.empty(
        (n, out_channels, 2 * height, 2 * width),
        dtype=x.dtype,
        device=x.device,
        memory_format=torch.channels_last,
    )
    blocks = result.permute(0, 2, 3, 1)  # N x 2H x 2W x out, a view of the same memory
    blocks = blocks.view(n, height, 2, width, 2, out_channels)
    for top in range(2):
        for left in range(2):
            # A lower or right pixel's filter begins a pixel later than an upper or left one's.
            number = 2 * top + left
            channels = slice(number * out_channels, (number + 1) * out_channels)
            blocks[:, :, top, :, left] = wide[:, top : top + height, left : left + width, channels]
    return result
