"""One training step. Used by training, by refining a style, and by the benchmark.

The step is the report's: contents through the TransformNet with the filters of one style, three losses in the features of
a frozen encoder, Adam on everything else. On a CPU the encoder works one image at a time, so that the activations of its
large layers stay in cache, and in bfloat16 where the processor multiplies that faster (`core.runtime.fast_dtype`).
"""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class PendingStep:
    """A step that a GPU may still be busy with. `result` waits for it.

    Attributes:
        figures: content, style and total variation loss, the filters' norm and largest value, and 1 where all was
            finite, else 0; None for a batch that was skipped at once.
    """

    figures: Tensor | None

    def result(self) -> StepResult:
        """The figures as numbers."""
        if self.figures is None:
            return StepResult(0.0, 0.0, 0.0, 0.0, 0.0, FLAT)
        content, style, smooth, norm, largest, finite = self.figures.tolist()
        return StepResult(content, style, smooth, norm, largest, "" if finite else NON_FINITE)


def train_step(
    net: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    contents: Tensor,
    style: Style,
) -> StepResult:
    """One batch, done: see `start_step`."""
    return start_step(net, objective, optimizer, contents, style).result()


def start_step(
    net: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    contents: Tensor,
    style: Style,
    allow_constant_images: bool = False,
) -> PendingStep:
    """One batch, given to the device without waiting for it.

    A step that is not finite changes nothing. Nor does a batch with a flat picture, unless
    `allow_constant_images` (for networks prepared by `core.models.layers.allow_constant_images`).

    Args:
        contents: N x 3 x H x W in [0, 1], this process's share; best still in the CPU's memory, where looking
            for flat pictures waits for nothing.
    """
    world = dist.get_world_size() if dist.is_initialized() else 1
    device = next(net.parameters()).device
    if not allow_constant_images and _any(is_flat(contents), device):
        return PendingStep(None)
    contents = normalize(contents.to(device, non_blocking=True))
    optimizer.zero_grad(set_to_none=True)
    outputs, filters = net(contents, style.descriptor)
    gradient, losses = objective.gradient(outputs, contents, style, world)
    outputs.backward(gradient)
    values = torch.stack(losses)
    if world > 1:
        dist.all_reduce(values)
        values /= world
    generated = [value.detach() for value in filters.values()]
    filter_norm = torch.stack(torch._foreach_norm(generated)).norm()
    filter_max = torch.stack([value.abs().max() for value in generated]).max()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    grads = [p.grad for p in parameters if p.grad is not None]
    norms = torch.stack(torch._foreach_norm(grads))
    finite = torch.isfinite(values).all() & torch.isfinite(norms).all()
    # On a GPU a fused Adam looks at the flag itself, and nothing waits for it.
    looks_itself = device.type == "cuda" and optimizer.defaults.get("fused")
    if looks_itself:
        optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
    if looks_itself or finite:
        optimizer.step()
    return PendingStep(torch.stack([*values, filter_norm, filter_max, finite.float()]))


def _any(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process; all must take the same turn."""
    if not dist.is_initialized():
        return flag
    seen = torch.tensor(float(flag), device=device)
    dist.all_reduce(seen, op=dist.ReduceOp.MAX)
    return bool(seen.item())
