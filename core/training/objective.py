"""The weighted losses of one variant, and what they need to know of a style image."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.models.encoder import Encoder, normalize
from core.models.losses import (
    CONTENT_TAP,
    STYLE_LOSSES,
    ContentLoss,
    NormalizedContentLoss,
    SpeckLoss,
    StyleLoss,
    mean_std,
    total_variation,
)
from core.models.registry import CONTENT_WEIGHT, TV_WEIGHT, Variant

RELATIVE_TV_WEIGHT = 0.01


@dataclass(frozen=True)
class Style:
    """What a training step needs to know of one style image: computed once, used for many batches."""

    descriptor: Tensor
    target: Any


class Objective:
    """The weighted losses of one variant in one encoder.

    Args:
        variant: names the style loss.
        encoder: frozen, in the dtype it shall compute in.
        style_weight: in place of the variant's own for the encoder's weights.
    """

    def __init__(
        self, variant: Variant, encoder: Encoder, style_weight: float | None = None
    ) -> None:
        self.encoder = encoder
        own = variant.style_weight_for(encoder.source)
        self.style_weight = own if style_weight is None else style_weight
        self.style_loss: StyleLoss = STYLE_LOSSES[variant.style_loss]()
        relative = variant.style_loss == "relative"
        taps = encoder.tap_names[CONTENT_TAP : CONTENT_TAP + (2 if relative else 1)]
        self.last_tap = taps[-1]
        self.content_loss = NormalizedContentLoss(taps) if relative else ContentLoss(taps[0])
        self.speck_loss = SpeckLoss()
        self.tv_mean_weight = RELATIVE_TV_WEIGHT if relative else None

    def tv_weight(self, outputs: Tensor, world: int) -> float:
        """What the summed variation is multiplied by,
        such that averaging over `world` processes leaves it right.
        """
        if self.tv_mean_weight is None:
            return TV_WEIGHT * world
        return self.tv_mean_weight / outputs.numel()

    @torch.no_grad()
    def style(self, image: Tensor) -> Style:
        """Descriptor and target of one style image (1 x 3 x H x W in [0, 1])."""
        features = self.encoder(normalize(image))
        return Style(mean_std(features)[0], self.style_loss.target(features))

    def gradient(
        self, outputs: Tensor, contents: Tensor, style: Style, world: int = 1
    ) -> tuple[Tensor, list[Tensor]]:
        """d loss / d outputs, and the three weighted losses.

        Args:
            outputs, contents: N x 3 x H x W, ImageNet-normalised.
            style: of all images.
            world: number of processes whose gradients will be averaged;
                the summed TV loss is scaled to survive it.
        """
        count = len(outputs)
        grads, sums = [], [torch.zeros((), device=outputs.device) for _ in range(3)]
        size = 1 if outputs.device.type == "cpu" else count
        parts = zip(outputs.detach().split(size), contents.split(size), strict=True)
        for output, content in parts:
            output.requires_grad_()
            with torch.no_grad():
                content_features = self.encoder(content, last=self.last_tap)
            features = self.encoder(output)
            share = len(output) / count
            losses = (
                CONTENT_WEIGHT * share * self.content_loss(features, content_features),
                self.style_weight * share * self.style_loss(features, style.target),
                self.tv_weight(outputs, world) * total_variation(output),
            )
            grads.append(torch.autograd.grad(torch.stack(losses).sum(), output)[0])
            sums = [total + loss.detach() for total, loss in zip(sums, losses, strict=True)]
        return torch.cat(grads), sums
