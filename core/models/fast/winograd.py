"""3x3 convolutions by Winograd's minimal filtering, a quarter of the products of the direct sum, for a CPU in float32.

Lavin and Gray, "Fast algorithms for convolutional neural networks" (1509.09308), F(4x4, 3x3). For a frozen encoder: the filters
are transformed once, and no gradient goes to them. Layers with few channels gain nothing, since moving the tiles costs more
than the products that are saved.

    conv = WinogradConv(weight, bias)     # out x in x 3 x 3
    y = conv(x)                           # N x in x H x W -> N x out x H x W, zero-padded, any H and W
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 4  # px of output a side; a tile of input has two more
POINTS = (TILE + 2) ** 2
CHUNK_BYTES = 16 * 1024 * 1024  # of tiles at once: they shall stay in the processor's cache
MIN_IN, MIN_OUT = 64, 128  # channels from which it pays

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
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    dtype=torch.float64,
)
_INPUT_2D, _OUTPUT_2D = (torch.kron(matrix, matrix).float() for matrix in (_INPUT, _OUTPUT))


def prefers_winograd(weight: Tensor) -> bool:
    """Whether a convolution with these filters (out x in x 3 x 3) is faster this way than by the library's own."""
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.shape[2:] == (3, 3)
        and weight.shape[0] >= MIN_OUT
        and weight.shape[1] >= MIN_IN
    )


def transform_filters(weight: Tensor) -> Tensor:
    """out x in x 3 x 3 -> 36 x in x out, by way of float64."""
    out_channels, in_channels = weight.shape[:2]
    rows = weight.detach().double().permute(2, 3, 1, 0).reshape(9, in_channels * out_channels)
    return (torch.kron(_FILTER, _FILTER) @ rows).view(POINTS, in_channels, out_channels).float()


def convolve(x: Tensor, filters: Tensor, bias: Tensor | None = None) -> Tensor:
    """N x in x H x W with `transform_filters`' 36 x in x out: N x out x H x W, channels last."""
    n, in_channels, height, width = x.shape
    out_channels = filters.shape[2]
    rows, columns = -(-height // TILE), -(-width // TILE)
    padded = F.pad(
        x.permute(0, 2, 3, 1), (0, 0, 1, 1 + columns * TILE - width, 1, 1 + rows * TILE - height)
    )
    result = torch.empty(
        (n, out_channels, rows * TILE, columns * TILE), memory_format=torch.channels_last
    )
    into = result.permute(0, 2, 3, 1).view(n, rows, TILE, columns, TILE, out_channels)
    step = max(1, CHUNK_BYTES // (4 * POINTS * columns * max(in_channels, out_channels)))
    per_image, per_row, per_pixel, _ = padded.stride()
    for image in range(n):
        for first in range(0, rows, step):
            count = min(step, rows - first)
            tiles = padded.as_strided(
                (TILE + 2, TILE + 2, count, columns, in_channels),
                (per_row, per_pixel, TILE * per_row, TILE * per_pixel, 1),
                image * per_image + first * TILE * per_row,
            )
            points = (_INPUT_2D @ tiles.reshape(POINTS, -1)).view(
                POINTS, count * columns, in_channels
            )
            values = (_OUTPUT_2D @ torch.bmm(points, filters).view(POINTS, -1)).view(
                TILE, TILE, count, columns, out_channels
            )
            if bias is not None:
                values += bias
            into[image, first : first + count] = values.permute(2, 0, 3, 1, 4)
    if (height, width) == result.shape[2:]:
        return result
    return result[..., :height, :width].clone(memory_format=torch.channels_last)


class _Function(torch.autograd.Function):
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
        self.weight, self.bias = weight, bias
        self.filters = transform_filters(weight)
        self._backward: Tensor | None = None

    @property
    def backward_filters(self) -> Tensor:
        """Those of the transposed convolution, made when the first gradient comes: four times the weights' memory."""
        if self._backward is None:
            self._backward = transform_filters(self.weight.transpose(0, 1).flip(2, 3))
        return self._backward

    def __call__(self, x: Tensor) -> Tensor:
        """N x in x H x W, float32: N x out x H x W, within float32's rounding (relative error about 3e-6)."""
        return (
            cast(Tensor, _Function.apply(x, self))
            if x.requires_grad
            else convolve(x, self.filters, self.bias)
        )
