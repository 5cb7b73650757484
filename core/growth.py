"""Why the weights grow, and two ways to stop it (the report's figure 5, which it leaves unsolved).

Every filter that feeds an instance norm without affine is scale-invariant: its gradient is orthogonal to it, so a step can only
lengthen it, and with Adam's steps of about lr its RMS grows like sqrt(w0^2 + lr^2 t). A longer filter turns less with each step:
growth is a hidden decay of the learning rate. The cures make that decay an open one:

- `fixed-norm`: after each step those filters return to their first norm, and the rate falls by a cosine
  (Karras et al. 2312.02696; Loshchilov et al. 2410.01131);
- `decay`: AdamW's weight decay, under which the RMS settles near sqrt(lr / (2 wd)).
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from core.nets import StyleNet

GROWTH = ("free", "fixed-norm", "decay")
WEIGHT_DECAY = 0.1


def cosine(lr: float, iteration: int, total: int) -> float:
    """The learning rate of an iteration (0 .. total - 1) that falls by half a cosine from `lr` towards 0."""
    return lr * (1 + math.cos(math.pi * iteration / total)) / 2


def make_optimizer(net: nn.Module, lr: float = 1e-3, growth: str = "free") -> torch.optim.Optimizer:
    """Adam on everything (report); with `decay`, AdamW.

    Raises:
        ValueError: no such way.
    """
    if growth not in GROWTH:
        raise ValueError(f"There is no growth option {growth!r}; choose {', '.join(GROWTH)}.")
    if growth == "decay":
        return torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=WEIGHT_DECAY, fused=True)
    return torch.optim.Adam(net.parameters(), lr=lr, fused=True)


class FixedNorms:
    """Remembers the norms of a network's scale-invariant filters, and restores them.

    These are the filters of the trained first convolution, and for each filter that the MetaNet generates the rows (weights and
    biases of the linear map) that it comes from.

    Args:
        net: as freshly initialised.
    """

    def __init__(self, net: StyleNet) -> None:
        self._groups = _groups(net)
        self._norms = [_norm(group) for group in self._groups]

    @torch.no_grad()
    def restore(self) -> None:
        """Scale every filter back to its first norm."""
        for group, first in zip(self._groups, self._norms, strict=True):
            factor = first / _norm(group)
            for part in group:
                part.mul_(factor.view(-1, *[1] * (part.ndim - 1)))


def _groups(net: StyleNet) -> list[list[Tensor]]:
    """Views of the parameters, each with one row per filter; what stands in one list shares a norm."""
    first = cast(nn.Conv2d, net.transform_net.downsampling[1])
    groups = [[first.weight.detach()]]
    for layer in net.transform_net.generated_layers():
        out = cast(nn.Linear, net.meta_net.outputs[net.meta_net.names.index(layer.name)])
        filters = layer.shape[0]
        weights = layer.size - filters
        groups.append([out.weight.detach()[:weights].view(filters, -1), out.bias.detach()[:weights].view(filters, -1)])
    return groups


def _norm(group: list[Tensor]) -> Tensor:
    return torch.stack([part.flatten(1).square().sum(dim=1) for part in group]).sum(dim=0).sqrt()
