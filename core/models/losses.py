"""The four losses of the report and those of the flagship, as small objects that can be used alone.

A style loss first turns the style's features into a target,
then compares an output's features with it:

    loss = GramLoss()
    target = loss.target(encoder(normalize(style)))
    value = loss(encoder(output), target)

Features are the encoder's dictionary, tap name -> N x C x H x W. Every loss is the mean over the N
images, except total variation, which the report sums. All arithmetic is float32, whatever the
encoder's dtype.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from core.models.encoder import IMAGENET_STD

Features = dict[str, Tensor]
STD_EPS = 1e-5
CONTENT_TAP = 2


class _ChannelStats(torch.autograd.Function):
    """Mean and standard deviation of each channel in float32,
    with a backward pass that writes the gradient once.

    Autograd's own would make five float32 copies of the largest features, a quarter of a training
    step on a CPU; and torch.var_mean takes six times as long there as two means over rows of
    pixels.
    """

    @staticmethod
    def forward(ctx: Any, feature: Tensor) -> tuple[Tensor, Tensor]:
        rows = feature.permute(0, 2, 3, 1).flatten(1, 2).float()
        mean = rows.mean(dim=1)
        std = torch.sqrt((rows - mean[:, None]).square_().mean(dim=1) + STD_EPS)
        ctx.save_for_backward(feature, mean, std)
        return mean, std

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # type: ignore[override]
        feature, mean, std = ctx.saved_tensors
        slope = grads[1] / std
        offset = grads[0] - slope * mean
        pixels = feature.shape[2] * feature.shape[3]
        slope = (slope / pixels).to(feature.dtype)[:, :, None, None]  # N x C x 1 x 1
        offset = (offset / pixels).to(feature.dtype)[:, :, None, None]
        return torch.addcmul(offset, slope, feature)


class _Gram(torch.autograd.Function):
    """F F^T over C*H*W in float32, with the backward product in the features' own
    dtype and memory layout.
    """

    @staticmethod
    def forward(ctx: Any, feature: Tensor) -> Tensor:
        rows = feature.permute(0, 2, 3, 1).flatten(1, 2)
        ctx.save_for_backward(feature)
        wide = rows.float()
        return torch.bmm(wide.transpose(1, 2), wide) / feature[0].numel()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # type: ignore[override]
        (feature,) = ctx.saved_tensors
        n, c, h, w = feature.shape
        both = ((grads[0] + grads[0].transpose(1, 2)) / feature[0].numel()).to(feature.dtype)
        rows = feature.permute(0, 2, 3, 1).flatten(1, 2)
        return torch.bmm(rows, both).view(n, h, w, c).permute(0, 3, 1, 2)


def mean_std(features: Features) -> Tensor:
    """The style descriptor (report, section on the MetaNet):
    channel mean and sqrt(var + 1e-5) of all taps, interleaved.

    Returns:
        N x 1920, float32: mean, std, mean, std ... of relu1_2's channels, then relu2_2's,
            and so on.
    """
    stats = [torch.stack(_ChannelStats.apply(f), dim=2) for f in features.values()]
    return torch.cat([each.flatten(1) for each in stats], dim=1)


def gram_matrix(feature: Tensor) -> Tensor:
    """Gram matrix of one tap over C*H*W (Johnson et al. 1603.08155, eq. 3):
    N x C x H x W -> N x C x C, float32.
    """
    return cast(Tensor, _Gram.apply(feature))


class ContentLoss:
    """Mean squared error of the features at one tap (the third: relu3_3 of VGG16,
    relu3_4 of VGG19).
    """

    def __init__(self, tap: str) -> None:
        self.tap = tap

    def __call__(self, features: Features, content: Features) -> Tensor:
        return (features[self.tap].float() - content[self.tap].float()).square().mean()


class MeanStdLoss:
    """Mean squared error between the 1920 means and standard deviations (the original
    model's style loss).
    """

    def target(self, style: Features) -> Tensor:
        """1 x 1920."""
        return mean_std(style)

    def __call__(self, features: Features, target: Tensor) -> Tensor:
        return (mean_std(features) - target).square().mean()


class GramLoss:
    """Mean squared error between Gram matrices,
    summed over the taps (the improved model's style loss).
    """

    def target(self, style: Features) -> Features:
        """Tap name -> 1 x C x C."""
        return {name: gram_matrix(value) for name, value in style.items()}

    def __call__(self, features: Features, target: Features) -> Tensor:
        parts = [(gram_matrix(features[n]) - t).square().mean() for n, t in target.items()]
        return torch.stack(parts).sum()


def total_variation(images: Tensor) -> Tensor:
    """Sum over all images, channels and pixels of |dx| + |dy| (ImageNet-normalised values)."""
    return images.diff(dim=3).abs().sum() + images.diff(dim=2).abs().sum()


class SpeckLoss:
    """How far small spots stand out of an output where the content has none (the flagship's last
    iterations).

    On luma (0 .. 1), for light and for dark spots: an image minus the largest of its openings along
    lines of 9 px in four directions, a white top-hat, which leaves what is short in every
    direction, so dots but not strokes. What counts of it exceeds 0.1, and four times the average of
    the 31 x 31 px around, which is brushwork, by more than what the content has within 2 px. N x 1
    x H x W are averaged; 0 for an image without specks. `core.metrics.pixels.specks` counts what
    this weighs.
    """

    LENGTH, LEAST, AROUND, TIMES, SHIFT = 9, 0.1, 31, 4.0, 2
    # of ImageNet-normalised values
    LUMA = tuple(
        share * std for share, std in zip((0.299, 0.587, 0.114), IMAGENET_STD, strict=True)
    )

    def __call__(self, images: Tensor, content: Tensor) -> Tensor:
        """Both N x 3 x H x W, ImageNet-normalised."""
        luma = images.new_tensor(self.LUMA).view(1, 3, 1, 1)
        ours = (images.float() * luma).sum(dim=1, keepdim=True)  # N x 1 x H x W
        theirs = (content.float() * luma).sum(dim=1, keepdim=True)
        light = self._spots(ours, theirs).mean()
        dark = self._spots(-ours, -theirs).mean()
        return light + dark

    def _spots(self, ours: Tensor, theirs: Tensor) -> Tensor:
        spots = self._top_hat(ours)
        with torch.no_grad():
            around = F.avg_pool2d(spots, self.AROUND, 1, self.AROUND // 2, count_include_pad=False)
            there = F.max_pool2d(self._top_hat(theirs), 2 * self.SHIFT + 1, 1, self.SHIFT)
            allowed = (self.TIMES * around).clamp(min=self.LEAST) + there
        return (spots - allowed).clamp(min=0)

    def _top_hat(self, x: Tensor) -> Tensor:
        openings = [
            -self._lowest(-self._lowest(x, step), step)
            for step in ((0, 1), (1, 0), (1, 1), (1, -1))
        ]
        return x - torch.stack(openings).amax(dim=0)

    def _lowest(self, x: Tensor, step: tuple[int, int]) -> Tensor:
        """The smallest value along a line of `LENGTH` px through each pixel."""
        reach = self.LENGTH // 2
        padded = F.pad(x, (reach,) * 4, mode="replicate")
        height, width = x.shape[-2:]
        starts = [(reach + step[0] * k, reach + step[1] * k) for k in range(-reach, reach + 1)]
        moved = [padded[..., y : y + height, x : x + width] for y, x in starts]
        return torch.stack(moved).amin(dim=0)


class NormalizedContentLoss:
    """Mean squared error at some taps after instance norm,
    so that a mere change of colour or contrast costs nothing.

    Per tap 0 to about 4, where 2 is the distance of unrelated pictures; averaged over the taps, by
    `weights` (1 each).
    """

    def __init__(self, taps: Sequence[str]) -> None:
        self.taps = tuple(taps)
        self.weights = (1.0,) * len(self.taps)

    def __call__(self, features: Features, content: Features) -> Tensor:
        return self.each(features, content).mean()

    def each(self, features: Features, content: Features) -> Tensor:
        """The loss of each image, N."""
        total = features[self.taps[0]].new_zeros(len(features[self.taps[0]]), dtype=torch.float32)
        for tap, weight in zip(self.taps, self.weights, strict=True):
            ours = F.instance_norm(features[tap].float())
            theirs = F.instance_norm(content[tap].float())
            total = total + weight * (ours - theirs).square().mean(dim=(1, 2, 3))
        return total / sum(self.weights)


class RelativeStyleLoss:
    """A style loss of equal say whatever the painting (the flagship's).

    Per tap, the squared distance of the Gram matrices over the sum of their squared norms (the
    output's held constant), and the same for means and standard deviations; summed with `weights`
    (a pair for each tap; one half each where none are set, so 0 to about 4). The losses of the
    report have no such scale: there, a few flat paintings with large statistics rule the gradient.
    """

    weights: Sequence[tuple[float, float]] | None = None

    def target(self, style: Features) -> dict[str, tuple[Tensor, Tensor]]:
        """Tap name -> (Gram matrix 1 x C x C, means and standard deviations 1 x 2C)."""
        return {
            name: (gram_matrix(value), mean_std({name: value})) for name, value in style.items()
        }

    def __call__(self, features: Features, target: dict[str, tuple[Tensor, Tensor]]) -> Tensor:
        return self.each(features, target).mean()

    def each(self, features: Features, target: dict[str, tuple[Tensor, Tensor]]) -> Tensor:
        """The loss of each image, N; the targets are of one painting, or of one for each image."""
        shares = []
        for weights, (name, goals) in zip(
            self.weights or [(0.5, 0.5)] * len(target), target.items(), strict=True
        ):
            found = (gram_matrix(features[name]), mean_std({name: features[name]}))
            for weight, ours, theirs in zip(weights, found, goals, strict=True):
                theirs = theirs.float().flatten(1)
                ours = ours.flatten(1)
                norms = ours.detach().square().sum(dim=1) + theirs.square().sum(dim=1)
                shares.append(weight * (ours - theirs).square().sum(dim=1) / norms)
        return torch.stack(shares).sum(dim=0)


StyleLoss = MeanStdLoss | GramLoss | RelativeStyleLoss
STYLE_LOSSES: dict[str, Callable[[], StyleLoss]] = {
    "mse": MeanStdLoss,
    "gram": GramLoss,
    "relative": RelativeStyleLoss,
}
