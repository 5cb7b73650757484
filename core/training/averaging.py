"""A running average of a network's weights, which is what a training ships."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def running_average(net: nn.Module, keep: float) -> AveragedModel:
    """An exponential average of a network's weights and buffers, over as many steps as there were at first.

    Args:
        net: whose average follows with each `update_parameters(net)`.
        keep: how much of the average a step keeps once there were many.
    """

    @torch.no_grad()
    def follow(averages: Any, values: Any, count: Tensor | int) -> None:
        kept = min(keep, (1 + float(count)) / (10 + float(count)))
        torch._foreach_lerp_(averages, values, 1 - kept)

    return AveragedModel(net, multi_avg_fn=follow, use_buffers=True)
