"""One training step, and the machines it runs on. Used by training, by refining a style, and by the benchmark.

The step is the report's: contents through the TransformNet with the filters of one style, three losses in the features of
a frozen encoder, Adam on everything else. On a CPU the encoder works one image at a time, so that the activations of its
large layers stay in cache, and in bfloat16 where the processor multiplies that faster (`core.encoder.fast_dtype`).
"""

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from core.data import is_flat
from core.encoder import Encoder, normalize
from core.losses import (
    CONTENT_TAP,
    STYLE_LOSSES,
    ContentLoss,
    NormalizedContentLoss,
    SpeckLoss,
    StyleLoss,
    TotalVariationLoss,
    mean_std,
)
from core.variants import CONTENT_WEIGHT, TV_WEIGHT, Variant

RELATIVE_TV_WEIGHT = 0.01
FLAT = "flat"
NON_FINITE = "non-finite"
MALLOC_TRIM_THRESHOLD, MALLOC_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


@dataclass(frozen=True)
class Style:
    """What a training step needs to know of one style image: computed once, used for many batches."""

    descriptor: Tensor
    target: Any


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


class Objective:
    """The weighted losses of one variant in one encoder.

    Args:
        variant: names the style loss.
        encoder: frozen, in the dtype it shall compute in.
        style_weight: in place of the variant's own.

    Attributes:
        speck_weight: of `SpeckLoss`, counted with the total variation; 0 at first.
    """

    speck_weight = 0.0

    def __init__(self, variant: Variant, encoder: Encoder, style_weight: float | None = None) -> None:
        self.encoder = encoder
        self.style_weight = variant.style_weight if style_weight is None else style_weight
        self.style_loss: StyleLoss = STYLE_LOSSES[variant.style_loss]()
        relative = variant.style_loss == "relative"
        taps = encoder.tap_names[CONTENT_TAP : CONTENT_TAP + (2 if relative else 1)]
        self.last_tap = taps[-1]
        self.content_loss = NormalizedContentLoss(taps) if relative else ContentLoss(taps[0])
        self.tv_loss = TotalVariationLoss()
        self.speck_loss = SpeckLoss()
        self.tv_mean_weight = RELATIVE_TV_WEIGHT if relative else None

    def tv_weight(self, outputs: Tensor, world: int) -> float:
        """What the summed variation is multiplied by, such that averaging over `world` processes leaves it right."""
        if self.tv_mean_weight is None:
            return TV_WEIGHT * world
        return self.tv_mean_weight / outputs.numel()

    @torch.no_grad()
    def style(self, image: Tensor) -> Style:
        """Descriptor and target of one style image (1 x 3 x H x W in [0, 1])."""
        features = self.encoder(normalize(image))
        return Style(mean_std(features)[0], self.style_loss.target(features))

    def gradient(
        self, outputs: Tensor, contents: Tensor, style: Style | Sequence[Style], world: int = 1
    ) -> tuple[Tensor, list[Tensor]]:
        """d loss / d outputs, and the three weighted losses.

        Args:
            outputs, contents: N x 3 x H x W, ImageNet-normalised.
            style: one for all images, or one for each.
            world: number of processes whose gradients will be averaged; the summed TV loss is scaled to survive it.
        """
        count = len(outputs)
        grads, sums = [], [torch.zeros((), device=outputs.device) for _ in range(3)]
        one = isinstance(style, Style)
        size = count if one and outputs.device.type != "cpu" else 1
        styles = repeat(style) if isinstance(style, Style) else style
        for output, content, own in zip(outputs.detach().split(size), contents.split(size), styles, strict=False):
            output.requires_grad_()
            with torch.no_grad():
                content_features = self.encoder(content, last=self.last_tap)
            features = self.encoder(output)
            share = len(output) / count
            smooth = self.tv_weight(outputs, world) * self.tv_loss(output)
            if self.speck_weight:
                smooth = smooth + self.speck_weight * share * self.speck_loss(output, content)
            losses = (
                CONTENT_WEIGHT * share * self.content_loss(features, content_features),
                self.style_weight * share * self.style_loss(features, own.target),
                smooth,
            )
            grads.append(torch.autograd.grad(torch.stack(losses).sum(), output)[0])
            sums = [total + loss.detach() for total, loss in zip(sums, losses, strict=True)]
        return torch.cat(grads), sums


def train_step(
    net: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    contents: Tensor,
    style: Style | Sequence[Style],
    clip: float | None = None,
    keep_flat: bool = False,
) -> StepResult:
    """One batch (contents: N x 3 x H x W in [0, 1], this process's share). A non-finite step changes nothing.

    Nor does a batch with a flat picture, unless `keep_flat` (for networks prepared by `core.nets.keep_flat`).
    """
    world = dist.get_world_size() if dist.is_initialized() else 1
    if not keep_flat and _any(is_flat(contents), contents.device):
        return StepResult(0.0, 0.0, 0.0, 0.0, 0.0, FLAT)
    contents = normalize(contents)
    descriptors = style.descriptor if isinstance(style, Style) else torch.stack([own.descriptor for own in style])
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
        content_loss, style_loss, tv_loss, filter_norm, max(value.abs().max().item() for value in generated)
    )
    if clip is not None:
        nn.utils.clip_grad_norm_((p for group in optimizer.param_groups for p in group["params"]), clip)
    grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    finite = torch.isfinite(values).all() and torch.isfinite(torch.stack(torch._foreach_norm(grads))).all()
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


@dataclass(frozen=True)
class Place:
    """This process among its peers, and its device."""

    device: torch.device
    rank: int = 0
    world: int = 1


def keep_freed_memory(largest: int = 1 << 30, kept: int = 2**31 - 1) -> None:
    """Have the C library keep what is freed for the next tensor: returning it to the system and touching fresh pages again takes
    longer than many of a network's operations. Does nothing where the library is not glibc.

    Args:
        largest: bytes; larger tensors are returned all the same.
        kept: bytes at most.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(MALLOC_MMAP_THRESHOLD, largest)
        mallopt(MALLOC_TRIM_THRESHOLD, kept)


def join(device: str | None = None) -> Place:
    """The device to use; under torchrun also joins the process group (nccl on GPUs, gloo on CPUs)."""
    cuda = torch.cuda.is_available() if device is None else device.startswith("cuda")
    if not cuda:
        keep_freed_memory()
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    rank = dist.get_rank() if dist.is_initialized() else 0
    if cuda and device in (None, "cuda"):
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}"
    return Place(torch.device(device or "cpu"), rank, world)
