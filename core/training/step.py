"""One training step, and the machines it runs on. Used by training, by refining a style, and by the benchmark.

The step is the report's: contents through the TransformNet with the filters of one style, three losses in the features of
a frozen encoder, Adam on everything else. On a CPU the encoder works one image at a time, so that the activations of its
large layers stay in cache, and in bfloat16 where the processor multiplies that faster (`core.runtime.fast_dtype`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor, nn

from core.models.encoder import normalize
from core.training.batches import is_flat
from core.training.objective import Objective, Style

FLAT = "flat"
NON_FINITE = "non-finite"


@dataclass(frozen=True)
class StepResult:
    """The figures of one step, averaged over all images of the global batch; `skipped` is empty or says why."""

    content_loss: float
    style_loss: float
    tv_loss: float
    filter_norm: float
    filter_max: float
    skipped: str = ""

    @property
    def loss(self) -> float:
        return self.content_loss + self.style_loss + self.tv_loss


def train_step(
    net: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    contents: Tensor,
    style: Style | Sequence[Style],
    clip: float | None = None,
    allow_constant_images: bool = False,
) -> StepResult:
    """One batch (contents: N x 3 x H x W in [0, 1], this process's share). A non-finite step changes nothing.

    Nor does a batch with a flat picture, unless `allow_constant_images` (for networks prepared by
    `core.models.layers.allow_constant_images`).
    """
    world = dist.get_world_size() if dist.is_initialized() else 1
    if not allow_constant_images and _any(is_flat(contents), contents.device):
        return StepResult(0.0, 0.0, 0.0, 0.0, 0.0, FLAT)
    contents = normalize(contents)
    descriptors = (
        style.descriptor
        if isinstance(style, Style)
        else torch.stack([own.descriptor for own in style])
    )
    optimizer.zero_grad(set_to_none=True)
    outputs, filters = net(contents, descriptors)
    gradient, losses = objective.gradient(outputs, contents, style, world)
    outputs.backward(gradient)
    values = torch.stack(losses)
    if world > 1:
        dist.all_reduce(values)
        values /= world
    generated = [value.detach() for value in filters.values()]
    content_loss, style_loss, tv_loss = values.tolist()
    filter_norm = torch.stack(torch._foreach_norm(generated)).norm().item()
    result = StepResult(
        content_loss,
        style_loss,
        tv_loss,
        filter_norm,
        max(value.abs().max().item() for value in generated),
    )
    if clip is not None:
        nn.utils.clip_grad_norm_(
            (p for group in optimizer.param_groups for p in group["params"]), clip
        )
    grads = [
        p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None
    ]
    finite = (
        torch.isfinite(values).all()
        and torch.isfinite(torch.stack(torch._foreach_norm(grads))).all()
    )
    if not finite:
        return replace(result, skipped=NON_FINITE)
    optimizer.step()
    return result


def _any(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process; all must take the same turn."""
    if not dist.is_initialized():
        return flag
    seen = torch.tensor(float(flag), device=device)
    dist.all_reduce(seen, op=dist.ReduceOp.MAX)
    return bool(seen.item())
