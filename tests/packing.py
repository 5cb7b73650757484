"""How some of the shipped weights were packed; the product only unpacks them."""

import torch
from torch import Tensor

from core.models.weights import SIX_MIDDLE, pack_rows


def pack_rows_in_six(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise a matrix (rows x columns) to 6 bits with one float32 scale per row: uint8,
    rows x 3/4 columns.

    Raises:
        ValueError: the number of columns is no multiple of 4.
    """
    if weight.shape[1] % 4:
        raise ValueError(f"6 bits need a multiple of 4 columns, not {weight.shape[1]}")
    rows, scale = pack_rows(weight, SIX_MIDDLE)
    a, b, c, d = (rows.to(torch.int32) + SIX_MIDDLE).view(len(weight), -1, 4).unbind(dim=2)
    packed = torch.stack([a << 2 | b >> 4, (b & 15) << 4 | c >> 2, (c & 3) << 6 | d], dim=2)
    return packed.flatten(1).to(torch.uint8), scale


def pack_levels(weight: Tensor) -> tuple[Tensor, Tensor] | None:
    """Index (uint8) and the sorted distinct values of a tensor,
    or None where there are more than 256.
    """
    levels, index = torch.unique(weight, sorted=True, return_inverse=True)
    return (index.to(torch.uint8), levels) if len(levels) <= 256 else None
