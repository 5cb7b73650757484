"""What storing a model in 6 bits costs: how far its pictures move from those of the float32 network it came from."""

import copy
from collections.abc import Sequence

import torch
from PIL import Image

from core.images.convert import resize_smaller, to_tensor
from core.inference.stylizer import STYLE_SIDE, StyledModel
from core.models.checkpoint import pack
from core.models.encoder import Encoder, normalize
from core.models.losses import mean_std
from core.models.registry import Net
from core.models.weights import unpack

CONTENT_SIDE = 256


@torch.inference_mode()
def quantisation_change(
    net: Net, encoder: Encoder, contents: Sequence[Image.Image], styles: Sequence[Image.Image]
) -> dict[str, float]:
    """Root mean square change of the output (in steps of 1/255) over all pairs, contents resized to 256 x 256 px.

    Returns:
        `mean` and `largest` over the pairs, and their number, `pairs`.
    """
    device = next(net.parameters()).device
    stored = copy.deepcopy(net)
    stored.load_state_dict(
        unpack(pack({name: value.cpu() for name, value in net.state_dict().items()}))
    )
    changes = []
    for style in styles:
        pixels = to_tensor(resize_smaller(style, STYLE_SIDE))[None].to(device)
        descriptor = mean_std(encoder(normalize(pixels)))[0]
        exact, packed = (
            StyledModel(n.transform_net, n.meta_net(descriptor)) for n in (net, stored)
        )
        for content in contents:
            image = to_tensor(content.resize((CONTENT_SIDE, CONTENT_SIDE)))[None].to(device)
            change = exact.apply(image) - packed.apply(image)
            changes.append(255 * change.square().mean().sqrt().item())
    return {"mean": sum(changes) / len(changes), "largest": max(changes), "pairs": len(changes)}
