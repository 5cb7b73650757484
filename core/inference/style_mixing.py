"""Between styles: the numbers that a MetaNet generated for several pictures,
blended into one style.

    filters = blend(net, [(0.7, starry_night.filters), (0.3, great_wave.filters)])    # mixing
    filters = blend(net, [(0.8, starry_night.filters), (0.2, own.filters)])           # strength: own is the photo's style

A generated filter of the report's networks feeds an instance norm without affine, so its length
means nothing: blended as it is, the painting with the longer filters would win. Each is brought to
length 1 first. (Blending the MetaNet's hidden vectors would not help: its output is linear in them,
which makes it the same as blending the filters as they are.) The flagship's numbers are scales,
shifts and colours, whose size does count; they are blended as they are (Dumoulin et al.
1610.07629).
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.images.colours import Palette, transfer
from core.images.convert import by_rows
from core.models.flagship import FlagshipTransformNet
from core.models.layers import Filters, GeneratedConv2d
from core.models.style_net import TransformNet


@torch.no_grad()
def blend(
    net: TransformNet | FlagshipTransformNet, parts: Sequence[tuple[float, Filters]]
) -> Filters:
    """The weighted sum of several styles' filters for one network, in the order given.

    Args:
        net: the network that the filters are for.
        parts: weight and filters of each style. Weights sum to 1;
            a negative one leads away from its style.

    Returns:
        Name -> flat vector, as the MetaNet gives them; one part alone is returned as it is.
    """
    if len(parts) == 1:
        return parts[0][1]
    if isinstance(net, TransformNet):
        layers = net.generated_layers()
        parts = [
            (weight, {layer.name: _unit(layer, filters) for layer in layers})
            for weight, filters in parts
        ]
    names = parts[0][1]
    return {
        name: torch.stack([weight * filters[name] for weight, filters in parts]).sum(dim=0)
        for name in names
    }


def _unit(layer: GeneratedConv2d, filters: Filters) -> Tensor:
    """A layer's flat vector with each filter divided by its length; the biases,
    which the instance norm takes away, 0.
    """
    weight, bias = layer.split(filters)
    flat = weight.flatten(1)
    lengths = torch.linalg.vector_norm(flat, dim=1, keepdim=True).clamp(min=1e-12)
    return torch.cat([(flat / lengths).flatten(), torch.zeros_like(bias)])


def restore(
    blended: Image.Image, photo: Image.Image, own: Image.Image, full: Image.Image, strength: float
) -> Image.Image:
    """Add (1 - strength) of what the networks lose of a photo even when they paint
    it in its own style.

    At strength 0, where `blended` is `own`, this gives the photo itself; at 1 it changes nothing;
    above 1 it leads away from the photo. Where a network paints all styles nearly alike, this is a
    fade between photo and painting. A fade of two pictures has less contrast than either, so mean
    and covariance of the colours are set to what lies between theirs.

    Args:
        blended: the photo in the style at this strength.
        photo, own: the photo, and the photo in its own style, of the same size.
        full: the photo in the style at strength 1, of any size: for its colours.
    """

    def restored(_: slice, styled: np.ndarray, kept: np.ndarray, ours: np.ndarray) -> np.ndarray:
        return styled + np.float32(1 - strength) * (kept - ours)

    result = by_rows(restored, blended, photo, own)
    return transfer(result, Palette.of(photo).towards(Palette.of(full), min(strength, 1)))
