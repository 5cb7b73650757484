"""The form in which a report's network is shipped, and what that form costs."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from core.images.decode import load_image
from core.images.library import library
from core.inference.quantisation import Pair, descriptor, photo_pixels, store
from core.models.encoder import Encoder
from core.models.registry import Variant
from core.models.style_net import StyleNet
from core.training.batches import TrainingBatches

FACTOR_STYLES = 200  # paintings of the training set by which a network is factored
FACTOR_CONTENTS = 50


def store_net(
    net: StyleNet,
    variant: Variant,
    encoder: Encoder,
    sampler: TrainingBatches,
    unseen: Sequence[Path],
) -> tuple[StyleNet, dict[str, float]]:
    """The network in factors, and how far that moves its pictures
    (`core.inference.quantisation.store`).

    Args:
        encoder: the network's, in float32, on its device.
        sampler: the training set, whose pictures the factors are fitted to.
        unseen: paintings that it was not trained on, measured beside the gallery's pairs.
    """
    photos = [photo_pixels(picture.image()) for picture in library().contents]
    paintings = [descriptor(picture.image(), encoder) for picture in library().styles]
    pairs = [Pair(painting, photo) for painting in paintings for photo in photos]
    for number, path in enumerate(unseen):
        pairs.append(Pair(descriptor(load_image(path), encoder), photos[number % len(photos)]))
    trained_on = [
        *spread(sampler.styles, FACTOR_STYLES),
        *spread(sampler.contents, FACTOR_CONTENTS),
    ]
    with tqdm(trained_on, desc="Reading pictures", leave=False) as bar:
        descriptors = torch.stack([descriptor(load_image(path), encoder) for path in bar])
    return store(net, variant, descriptors, pairs)


def spread(paths: Sequence[Path], count: int) -> list[Path]:
    """At most so many of some paths, at even distances."""
    if len(paths) <= count:
        return list(paths)
    return [paths[index * len(paths) // count] for index in range(count)]
