"""A model with one painting in place, ready to stylise photographs, and a memory of such.

    painted = stylizer.encode_style(load_image("painting.jpg"))    # a StyledModel
    painted(load_image("photo.jpg")).save("out.png")               # the photo's exact size

A `StyledModel` is a TransformNet with its filters in place. Instant styles share the model's
networks; a refined style (`core.training.refine`) has its own copies.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.images.convert import to_image, to_tensor
from core.images.decode import MIN_SIDE, ImageError
from core.models.encoder import denormalize, normalize
from core.models.flagship import FlagshipMetaNet, FlagshipTransformNet
from core.models.layers import Filters
from core.models.style_net import MULTIPLE, MetaNet, TransformNet

MAX_WHOLE = 4096  # px a side, in one piece
MAX_SIDE = 8192  # px a side, in tiles (core.inference.tiled)
CACHE_BYTES = 256 * 1024 * 1024


def check_sides(photo: Image.Image, most: int) -> None:
    """Raises ImageError for a photo with a side of under 16 px, or of more than so many."""
    if min(photo.size) < MIN_SIDE or max(photo.size) > most:
        measured = f"{photo.width} x {photo.height} px"
        raise ImageError(f"The photo has {measured}; each side must have {MIN_SIDE} to {most}.")


def pad_to_multiple(images: Tensor) -> Tensor:
    """Reflect the right and lower edges so that height and width become multiples of 4;
    crop back after the network.
    """
    height, width = images.shape[-2:]
    return F.pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="reflect")


@dataclass(frozen=True)
class StyledModel:
    """One model with one painting in place.

    Attributes:
        transform_net: shared with the model, or this style's own after refining.
        filters: name -> flat vector for each generated convolution.
        refined: number of batches it was refined with, 0 for instant.
        meta_net: generates this network's filters for other pictures: the model's,
            or this style's own after refining.
        emphasis: what the filters were generated at (`Stylizer.emphasis_at`).
    """

    transform_net: TransformNet | FlagshipTransformNet
    filters: Filters
    refined: int = 0
    meta_net: MetaNet | FlagshipMetaNet | None = None
    emphasis: float = 0.0

    @torch.inference_mode()
    def apply(self, images: Tensor) -> Tensor:
        """Stylise N x 3 x H x W in [0, 1], 16 to 4096 px a side; returns the same shape,
        clamped to [0, 1]. A CPU takes one image after the other, a GPU all N at once, so that its
        memory says how many there may be.
        """
        height, width = images.shape[-2:]
        padded = pad_to_multiple(normalize(images)).contiguous(memory_format=torch.channels_last)
        # A CPU is not sooner with several images at once, which take as many times the memory.
        at_once = 1 if padded.device.type == "cpu" else len(padded)
        outputs = [self.transform_net(part, self.filters) for part in padded.split(at_once)]
        return denormalize(torch.cat(outputs)[..., :height, :width]).clamp_(0, 1)

    def __call__(self, image: Image.Image) -> Image.Image:
        """Stylise one RGB picture; the result has its exact size.

        Raises:
            ImageError: a side is shorter than 16 or longer than 4096 px.
        """
        check_sides(image, MAX_WHOLE)
        device = next(self.transform_net.parameters()).device
        return to_image(self.apply(to_tensor(image)[None].to(device)))

    @property
    def nbytes(self) -> int:
        nets = [self.transform_net, self.meta_net] if self.refined else []
        own = sum(value.nbytes for net in nets if net for value in net.state_dict().values())
        return own + sum(value.nbytes for value in self.filters.values())


class StyleCache:
    """The most recently used styles, up to a number of bytes in all.
    Safe to use from several threads.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.limit = limit
        self._styles: OrderedDict[tuple[object, ...], StyledModel] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> StyledModel | None:
        with self._lock:
            if key in self._styles:
                self._styles.move_to_end(key)
            return self._styles.get(key)

    def put(self, key: tuple[object, ...], style: StyledModel) -> None:
        """Keep a style, and let the oldest go;
        one that alone is larger than the limit is kept until `trim`.
        """
        with self._lock:
            self._styles[key] = style
            self._styles.move_to_end(key)
            while len(self._styles) > 1 and self.nbytes > self.limit:
                self._styles.popitem(last=False)

    def trim(self) -> None:
        """Forget a style that alone is larger than the limit."""
        with self._lock:
            if self.nbytes > self.limit:
                self._styles.clear()

    def keep_refined(self) -> None:
        """Forget instant styles, which are soon made again and hold their model's networks."""
        with self._lock:
            kept = [(key, style) for key, style in self._styles.items() if style.refined]
            self._styles = OrderedDict(kept)

    @property
    def nbytes(self) -> int:
        return sum(style.nbytes for style in self._styles.values())

    def __len__(self) -> int:
        return len(self._styles)
