"""3x3 convolutions by Winograd's minimal filtering, with a quarter of the products of the direct
sum.

Lavin and Gray, "Fast algorithms for convolutional neural networks" (1509.09308), F(4x4, 3x3), for a
CPU in float32.

    conv = WinogradConv(weight, bias)     # out x in x 3 x 3
    y = conv(x)                           # N x in x H x W -> N x out x H x W, zero-padded

The convolution of 6 numbers with a filter of 3 gives 4 numbers. Both are first multiplied by fixed
matrices, which give 6 points each; the points are multiplied one by one, and a third matrix makes 4
numbers of the 6 products: 6 multiplications in place of 12. With the input (1 2 3 4 5 6) and the
filter (24 24 24):

    _INPUT  @ input                    -6   -11    -3     6    -2    -6
    _FILTER @ filter                    6   -12    -4     7     3    24
    products, one by one              -36   132    12    42    -6  -144
    _OUTPUT @ products                144 = 24 (1 + 2 + 3)    216    288    360

In two dimensions a tile of 6 x 6 px gives 4 x 4 px with 36 products in place of 144. Points stay
apart while the sum runs over input channels, so all tiles of a picture and all channels are 36
products of matrices, one for each point: (tiles x in) @ (in x out).

This is for a frozen encoder: filters are transformed once, and no gradient goes to them. Layers
with few channels gain nothing, since moving the tiles costs more than the products that are saved.
"""

from functools import cached_property
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 4  # px of output a side
WINDOW = TILE + 2  # px of input a side that a tile depends on
POINTS = WINDOW**2
CHUNK_BYTES = 16 * 1024 * 1024  # of points at once, which shall stay in the processor's cache
MIN_IN, MIN_OUT = 64, 128  # channels from which it is faster

_INPUT = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float64,
)
_FILTER = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)
_OUTPUT = torch.tensor(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ],
    dtype=torch.float64,
)
# Rows and columns at once, for tiles whose pixels are one column of 36 or 16 numbers.
_INPUT_2D = torch.kron(_INPUT, _INPUT).float()  # 36 x 36
_FILTER_2D = torch.kron(_FILTER, _FILTER)  # 36 x 9
_OUTPUT_2D = torch.kron(_OUTPUT, _OUTPUT).float()  # 16 x 36


def prefers_winograd(weight: Tensor) -> bool:
    """Whether filters (out x in x 3 x 3) are applied faster this way than by the library's own."""
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.shape[2:] == (3, 3)
        and weight.shape[0] >= MIN_OUT
        and weight.shape[1] >= MIN_IN
    )


def transform_filters(weight: Tensor) -> Tensor:
    """The points of filters: out x in x 3 x 3 -> 36 x in x out, by way of float64."""
    out_channels, in_channels, _, _ = weight.shape
    columns = weight.detach().double().permute(2, 3, 1, 0)  # 3 x 3 x in x out
    columns = columns.reshape(9, in_channels * out_channels)
    points = _FILTER_2D @ columns  # 36 x (in out)
    return points.view(POINTS, in_channels, out_channels).float()


def convolve(x: Tensor, filters: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve a batch, zero-padded, with the points of filters.

    Args:
        x: N x in x H x W, float32.
        filters: 36 x in x out, from `transform_filters`.
        bias: out.

    Returns:
        N x out x H x W, channels last.
    """
    n, in_channels, height, width = x.shape
    out_channels = filters.shape[2]
    rows = -(-height // TILE)  # of tiles, rounded up
    columns = -(-width // TILE)
    right = 1 + columns * TILE - width
    bottom = 1 + rows * TILE - height
    pixels = x.permute(0, 2, 3, 1)  # N x H x W x in
    padded = F.pad(pixels, (0, 0, 1, right, 1, bottom))  # N x 4 rows + 2 x 4 columns + 2 x in
    result = torch.empty(
        (n, out_channels, rows * TILE, columns * TILE), memory_format=torch.channels_last
    )
    tiled = result.permute(0, 2, 3, 1)  # N x 4 rows x 4 columns x out, a view of the same memory
    tiled = tiled.view(n, rows, TILE, columns, TILE, out_channels)
    bytes_a_row = 4 * POINTS * columns * max(in_channels, out_channels)
    step = max(1, CHUNK_BYTES // bytes_a_row)
    for image in range(n):
        for first in range(0, rows, step):
            last = min(first + step, rows)
            values = _tiles(padded[image], first, last, columns, filters)
            if bias is not None:
                values += bias
            # 4 x 4 x rows x columns x out -> rows x 4 x columns x 4 x out
            tiled[image, first:last] = values.permute(2, 0, 3, 1, 4)
    if (height, width) == result.shape[2:]:
        return result
    return result[..., :height, :width].clone(memory_format=torch.channels_last)


def _tiles(padded: Tensor, first: int, last: int, columns: int, filters: Tensor) -> Tensor:
    """Some rows of tiles of one image.

    Args:
        padded: 4 rows + 2 x 4 columns + 2 x in.
        first, last: rows of tiles, from the first up to, but not including, the last.
        columns: tiles in a row.
        filters: 36 x in x out.

    Returns:
        4 x 4 x (last - first) x columns x out.
    """
    count = last - first
    in_channels, out_channels = filters.shape[1:]
    per_row, per_pixel, _ = padded.stride()
    # Windows of 6 x 6 px begin 4 px apart, so they overlap by 2; this view copies none.
    windows = padded.as_strided(
        size=(WINDOW, WINDOW, count, columns, in_channels),
        stride=(per_row, per_pixel, TILE * per_row, TILE * per_pixel, 1),
        storage_offset=padded.storage_offset() + first * TILE * per_row,
    )
    points = _INPUT_2D @ windows.reshape(POINTS, -1)  # 36 x (count columns in)
    points = points.view(POINTS, count * columns, in_channels)
    products = torch.bmm(points, filters)  # 36 x (count columns) x out
    values = _OUTPUT_2D @ products.view(POINTS, -1)  # 16 x (count columns out)
    return values.view(TILE, TILE, count, columns, out_channels)


class _Function(torch.autograd.Function):
    """The gradient of a convolution's input is a convolution too, of the gradient of its output."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: "WinogradConv") -> Tensor:
        ctx.conv = conv
        return convolve(x, conv.filters, conv.bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return convolve(grads[0], ctx.conv.backward_filters), None


class WinogradConv:
    """A frozen 3x3 convolution, stride 1, zero padding 1; gradients go to its input alone.

    Args:
        weight: out x in x 3 x 3, float32, on the CPU.
        bias: out.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight = weight
        self.bias = bias
        self.filters = transform_filters(weight)

    @cached_property
    def backward_filters(self) -> Tensor:
        """The points of the transposed convolution's filters, 36 x out x in.

        They are made when the first gradient comes, as they take four times the weights' memory.
        """
        # in x out x 3 x 3, rotated by 180 degrees
        return transform_filters(self.weight.transpose(0, 1).flip(2, 3))

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve N x in x H x W, float32, to N x out x H x W, with a relative error of about
        3e-6.
        """
        if x.requires_grad:
            return cast(Tensor, _Function.apply(x, self))
        return convolve(x, self.filters, self.bias)
