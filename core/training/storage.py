"""The form in which a network is shipped, and how far that moves its pictures. A report's network is
shipped in factors (`core.models.factored`), of the lowest rank whose pictures are nearly those of the
network that was trained.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from core.images.convert import resize_smaller, to_tensor
from core.images.decode import load_image
from core.images.library import library
from core.inference.styled_model import StyledModel
from core.inference.stylizer import STYLE_SIDE
from core.models.checkpoint import FACTORED, WHOLE, build_packed, pack
from core.models.encoder import Encoder, normalize
from core.models.factored import factorise
from core.models.flagship import FlagshipNet
from core.models.losses import mean_std
from core.models.registry import Net, Variant
from core.models.style_net import StyleNet
from core.training.batches import TrainingBatches

FACTOR_STYLES = 200  # paintings of the training set by which a network is factored
FACTOR_CONTENTS = 50
CONTENT_SIDE = 256
RANKS = (4, 5, 6, 8, 16, 32, 64)
MAX_MEAN, MAX_LARGEST = 0.25, 0.5  # of 1/255, RMS of a picture
Pair = tuple[Tensor, Tensor]  # a painting's 1920 numbers; a photo, 1 x 3 x 256 x 256 in [0, 1]


def store_net(
    net: StyleNet,
    variant: Variant,
    encoder: Encoder,
    sampler: TrainingBatches,
    unseen: Sequence[Path],
) -> tuple[StyleNet, dict[str, float]]:
    """The network in factors, and how far that moves its pictures.

    Args:
        encoder: the network's, in float32, on its device.
        sampler: the training set, whose pictures the factors are fitted to.
        unseen: paintings that it was not trained on, measured beside the gallery's pairs.

    Returns:
        The network, and for the record its `rank` and the `mean` and the `largest` root mean square
        change of a picture over so many `pairs`, in steps of 1/255. Where no rank costs less than
        the limits, the highest; the record says what it costs.
    """
    net = net.eval()
    pairs = _pairs(encoder, unseen)
    trained_on = spread(sampler.styles, FACTOR_STYLES) + spread(sampler.contents, FACTOR_CONTENTS)
    with tqdm(trained_on, desc="Reading pictures", leave=False) as bar:
        descriptors = torch.stack([descriptor(load_image(path), encoder) for path in bar])
    before = _paint(net, pairs)
    for rank in RANKS:
        stored = factorise(net, descriptors, rank)
        loaded = build_packed(variant, pack(stored), FACTORED).to(descriptors.device)
        cost = _moved(before, _paint(loaded, pairs))
        if cost["mean"] < MAX_MEAN and cost["largest"] < MAX_LARGEST:
            break
    return stored, {"rank": rank, **cost}


def cost_of_rows(net: FlagshipNet, variant: Variant, encoder: Encoder) -> dict[str, float]:
    """How far the form in which the flagship is stored moves the pictures of the gallery's pairs,
    as `store_net` tells it.
    """
    net = net.eval()
    pairs = _pairs(encoder, ())
    loaded = build_packed(variant, pack(net), WHOLE).to(next(net.parameters()).device)
    return _moved(_paint(net, pairs), _paint(loaded, pairs))


@torch.inference_mode()
def descriptor(painting: Image.Image, encoder: Encoder) -> Tensor:
    """The 1920 numbers of a painting read at smaller side 256, in float32."""
    device = next(encoder.parameters()).device
    pixels = to_tensor(resize_smaller(painting, STYLE_SIDE))[None].to(device)
    return mean_std(encoder(normalize(pixels)))[0]


def _pairs(encoder: Encoder, unseen: Sequence[Path]) -> list[Pair]:
    """The gallery's styles by its contents, and each painting that is unseen with one of these."""
    size = (CONTENT_SIDE, CONTENT_SIDE)
    photos = [to_tensor(each.image().resize(size))[None] for each in library().contents]
    paintings = [descriptor(picture.image(), encoder) for picture in library().styles]
    pairs = [(painting, photo) for painting in paintings for photo in photos]
    for number, path in enumerate(unseen):
        pairs.append((descriptor(load_image(path), encoder), photos[number % len(photos)]))
    return pairs


@torch.inference_mode()
def _paint(net: Net, pairs: Sequence[Pair]) -> list[Tensor]:
    """The picture of each pair, 1 x 3 x 256 x 256 in [0, 1]."""
    device = next(net.parameters()).device
    pictures = []
    for painting, photo in pairs:
        filters = net.meta_net(painting.to(device))
        pictures.append(StyledModel(net.transform_net, filters).apply(photo.to(device)))
    return pictures


def _moved(before: Sequence[Tensor], after: Sequence[Tensor]) -> dict[str, float]:
    """By how much pictures differ, RMS in steps of 1/255."""
    moved = [
        255 * (one - other).square().mean().sqrt().item()
        for one, other in zip(before, after, strict=True)
    ]
    return {"mean": sum(moved) / len(moved), "largest": max(moved), "pairs": len(moved)}


def spread(paths: Sequence[Path], count: int) -> list[Path]:
    """At most so many of some paths, at even distances."""
    count = min(count, len(paths))
    return [paths[index * len(paths) // count] for index in range(count)]
