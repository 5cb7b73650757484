"""How the shipped weights of VGG19 were packed; the product only unpacks them."""

import torch
from torch import Tensor


def pack_levels(weight: Tensor) -> tuple[Tensor, Tensor] | None:
    """Index (uint8) and the sorted distinct values of a tensor,
    or None where there are more than 256.
    """
    levels, index = torch.unique(weight, sorted=True, return_inverse=True)
    return (index.to(torch.uint8), levels) if len(levels) <= 256 else None
