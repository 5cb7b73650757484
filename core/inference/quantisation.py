"""What storing a model costs: how far the pictures of its stored form move from those of the
network it came from.

    # the smallest form that costs less than the limits
    stored, change = store(net, variant, descriptors, pairs)
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from PIL import Image
from torch import Tensor

from core.images.convert import resize_smaller, to_tensor
from core.inference.stylizer import STYLE_SIDE, StyledModel
from core.models.checkpoint import FACTORED, build_packed, pack
from core.models.encoder import Encoder, normalize
from core.models.factored import factorise
from core.models.losses import mean_std
from core.models.registry import Net, Variant
from core.models.style_net import StyleNet

CONTENT_SIDE = 256
RANKS = (4, 5, 6, 8, 16, 32, 64)
MAX_MEAN, MAX_LARGEST = 0.25, 0.5  # of 1/255, RMS of a picture


@dataclass(frozen=True)
class Pair:
    """A painting, as a MetaNet sees it, and a photo: 1920 numbers, and 1 x 3 x 256 x 256 in [0, 1]."""

    descriptor: Tensor
    photo: Tensor


@dataclass(frozen=True)
class Change:
    """Root mean square changes of the output over pairs of a painting and a photo,
    in steps of 1/255.
    """

    mean: float
    largest: float
    pairs: int

    @property
    def is_small(self) -> bool:
        """Whether it may be shipped."""
        return self.mean < MAX_MEAN and self.largest < MAX_LARGEST

    def to_json(self) -> dict[str, float]:
        return asdict(self)


@torch.inference_mode()
def descriptor(painting: Image.Image, encoder: Encoder) -> Tensor:
    """The 1920 numbers of a painting read at smaller side 256, in float32."""
    device = next(encoder.parameters()).device
    pixels = to_tensor(resize_smaller(painting, STYLE_SIDE))[None].to(device)
    return mean_std(encoder(normalize(pixels)))[0]


def photo_pixels(photo: Image.Image) -> Tensor:
    """A photo at 256 x 256 px, 1 x 3 x 256 x 256 in [0, 1]."""
    return to_tensor(photo.resize((CONTENT_SIDE, CONTENT_SIDE)))[None]


@torch.inference_mode()
def paint_pairs(net: Net, pairs: Sequence[Pair]) -> list[Tensor]:
    """The picture of each pair, 1 x 3 x 256 x 256 in [0, 1]."""
    device = next(net.parameters()).device
    pictures = []
    for pair in pairs:
        filters = net.meta_net(pair.descriptor.to(device))
        pictures.append(StyledModel(net.transform_net, filters).apply(pair.photo.to(device)))
    return pictures


def change(before: Sequence[Tensor], after: Sequence[Tensor]) -> Change:
    """How far pictures have moved."""
    pairs = zip(before, after, strict=True)
    moved = [255 * (one - other).square().mean().sqrt().item() for one, other in pairs]
    return Change(sum(moved) / len(moved), max(moved), len(moved))


def store(
    net: StyleNet, variant: Variant, descriptors: Tensor, pairs: Sequence[Pair]
) -> tuple[StyleNet, dict[str, float]]:
    """The form of a network to be stored: in factors,
    of the lowest rank that costs less than the limits.

    Args:
        descriptors: M x 1920, of the paintings that it was trained on.
        pairs: what the cost is measured on; not all of them among those paintings.

    Returns:
        The network in factors, and for the record its `rank` and the `mean` and `largest` change
        over the `pairs`. Where no rank costs less than the limits, the highest;
        the record says what it costs.
    """
    net = net.eval()
    before = paint_pairs(net, pairs)
    for rank in RANKS:
        stored = factorise(net, descriptors, rank)
        loaded = build_packed(variant, pack(stored), FACTORED).to(descriptors.device)
        found = change(before, paint_pairs(loaded, pairs))
        if found.is_small:
            break
    return stored, {"rank": rank, **found.to_json()}
