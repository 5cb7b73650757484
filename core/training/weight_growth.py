"""Why the weights grow, and two ways to stop it (the report's figure 5, which it leaves unsolved).

Every filter that feeds an instance norm without affine is scale-free: its gradient is orthogonal to
it, so a step can only lengthen it, and with Adam's steps of about lr its RMS grows like sqrt(w0^2 +
lr^2 t). A longer filter turns less with each step:
growth is a hidden decay of the learning rate. Two mitigations stop it:

- `fixed-norm`: after each step those filters return to their first norm, and the rate falls by a
  cosine, in the open (Karras et al. 2312.02696; Loshchilov et al. 2410.01131);
- `decay`: AdamW, under which RMS settles near sqrt(lr / (2 wd)); wd is chosen for each layer so
  that this is its first RMS. What is not scale-free does not decay:
  there a decay would change what the network can paint.
"""

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from core.models.layers import InstanceNorm
from core.models.style_net import StyleNet

FREE = "free"
GROWTH = (FREE, "fixed-norm", "decay")
FALLING = "fixed-norm"  # the one whose learning rate falls


def cosine(lr: float, iteration: int, total: int) -> float:
    """The learning rate of an iteration (0 ..
    total - 1) that falls by half a cosine from `lr` towards 0.
    """
    return lr * (1 + math.cos(math.pi * iteration / total)) / 2


def make_optimizer(net: nn.Module, lr: float = 1e-3, growth: str = "free") -> torch.optim.Optimizer:
    """Adam on everything (report); with `decay`, AdamW, whose decay acts on the scale-free layers.

    Args:
        net: with `decay` a StyleNet, as freshly initialised.

    Raises:
        ValueError: no such way.
    """
    if growth not in GROWTH:
        raise ValueError(f"There is no growth option {growth!r}; choose {', '.join(GROWTH)}.")
    if growth != "decay":
        return torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    # The parameters of each layer whose filters feed an instance norm: the network's own
    # convolutions, without their biases, which such a norm takes away, then the MetaNet's linear
    # maps that generate filters.
    style_net = cast(StyleNet, net)
    layers = [[conv.weight] for conv in _own_convs(style_net)]
    layers += [[out.weight, out.bias] for out, _ in _generating(style_net)]
    groups = [{"params": layer, "weight_decay": settling_decay(layer, lr)} for layer in layers]
    decayed = {parameter for layer in layers for parameter in layer}
    others = [parameter for parameter in net.parameters() if parameter not in decayed]
    return torch.optim.AdamW([*groups, {"params": others, "weight_decay": 0.0}], lr=lr, fused=True)


@torch.no_grad()
def settling_decay(parameters: list[Tensor], lr: float) -> float:
    """The weight decay under which Adam's steps of RMS lr keep these parameters' RMS where it is:
    lr / (2 RMS^2).
    """
    squares = sum(parameter.square().sum().item() for parameter in parameters)
    return lr * sum(parameter.numel() for parameter in parameters) / (2 * squares)


class FixedNorms:
    """Remembers the norms of a network's scale-free filters, and restores them.

    These are the filters of the network's own convolutions before an instance norm, and for each
    filter that the MetaNet generates the rows (weights and biases of the linear map)
    that it comes from.

    Args:
        net: as freshly initialised.
    """

    def __init__(self, net: StyleNet) -> None:
        self._groups = _filters(net)
        self._norms = [_norm(group) for group in self._groups]

    @torch.no_grad()
    def restore(self) -> None:
        """Scale every filter back to its first norm."""
        for group, first in zip(self._groups, self._norms, strict=True):
            factor = first / _norm(group)
            for part in group:
                part.mul_(factor.view(-1, *[1] * (part.ndim - 1)))


def _own_convs(net: StyleNet) -> list[nn.Conv2d]:
    pairs = pairwise(net.transform_net.modules())
    return [
        conv
        for conv, after in pairs
        if isinstance(conv, nn.Conv2d) and isinstance(after, InstanceNorm)
    ]


def _generating(net: StyleNet) -> list[tuple[nn.Linear, int]]:
    """The MetaNet's linear maps, each with the number of filters that it generates."""
    pairs = zip(net.meta_net.outputs, net.transform_net.generated_layers(), strict=True)
    return [(cast(nn.Linear, out), layer.shape[0]) for out, layer in pairs]


def _filters(net: StyleNet) -> list[list[Tensor]]:
    """Views of the parameters, each with one row per filter; what stands in one list shares a norm."""
    groups = [[conv.weight.detach()] for conv in _own_convs(net)]
    for out, filters in _generating(net):
        weights = out.out_features - filters  # the last rows generate the filters' biases
        groups.append(
            [part.detach()[:weights].view(filters, -1) for part in (out.weight, out.bias)]
        )
    return groups


def _norm(group: list[Tensor]) -> Tensor:
    return torch.stack([part.flatten(1).square().sum(dim=1) for part in group]).sum(dim=0).sqrt()
