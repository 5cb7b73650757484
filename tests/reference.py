"""The recipe written down plainly: float32, eager, the whole batch at once, autograd's own derivatives.

The benchmark measures the product's training step against it, and a test compares their losses.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from core.models.encoder import Encoder, normalize
from core.models.losses import CONTENT_TAP
from core.models.registry import CONTENT_WEIGHT, TV_WEIGHT, Variant
from core.models.style_net import StyleNet


def features(encoder: Encoder, images: Tensor) -> list[Tensor]:
    """The four taps, layer by layer, in contiguous float32."""
    taps, x = [], images
    for index, layer in enumerate(encoder.features):
        x = F.relu(x) if isinstance(layer, torch.nn.ReLU) else layer(x)
        if index in encoder.taps.values():
            taps.append(x)
    return taps


def mean_std(taps: list[Tensor]) -> Tensor:
    parts = []
    for tap in taps:
        mean = tap.mean(dim=(2, 3))
        std = (tap.var(dim=(2, 3), correction=0) + 1e-5).sqrt()
        parts.append(torch.stack((mean, std), dim=2).flatten(1))
    return torch.cat(parts, dim=1)


def gram(tap: Tensor) -> Tensor:
    flat = tap.flatten(2)
    return flat @ flat.transpose(1, 2) / (tap.shape[1] * tap.shape[2] * tap.shape[3])


def plain_step(
    variant: Variant,
    net: StyleNet,
    encoder: Encoder,
    optimizer: torch.optim.Optimizer,
    contents: Tensor,
    style: Tensor,
) -> tuple[float, float, float]:
    """One batch; returns the three weighted losses (content, style, total variation)."""
    contents, style = normalize(contents), normalize(style)
    with torch.no_grad():
        style_taps = features(encoder, style)
        content_tap = features(encoder, contents)[CONTENT_TAP]
    optimizer.zero_grad()
    filters = net.meta_net(mean_std(style_taps))
    outputs = net.transform_net(contents, filters)
    taps = features(encoder, outputs)
    content_loss = CONTENT_WEIGHT * F.mse_loss(taps[CONTENT_TAP], content_tap)
    if variant.style_loss == "mse":
        target = mean_std(style_taps)
        style_loss = F.mse_loss(mean_std(taps), target.expand(len(outputs), -1))
    else:
        pairs = zip(taps, style_taps, strict=True)
        style_loss = sum(
            (F.mse_loss(gram(a), gram(b).expand(len(a), -1, -1)) for a, b in pairs), torch.zeros(())
        )
    style_loss = variant.style_weight * style_loss
    tv_loss = TV_WEIGHT * (outputs.diff(dim=3).abs().sum() + outputs.diff(dim=2).abs().sum())
    (content_loss + style_loss + tv_loss).backward()
    optimizer.step()
    return content_loss.item(), style_loss.item(), tv_loss.item()
