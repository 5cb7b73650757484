"""Take a model and a painting once, stylise many photographs.

    stylizer = model_store().stylizer("improved-500")
    painted = stylizer.encode_style(load_image("painting.jpg"))        # instant: one MetaNet pass, remembered
    painted(load_image("photo.jpg")).save("out.png")           # the photo's exact size
    both = stylizer.mix([first, second], [0.7, 0.3])           # between paintings

What a painting becomes is a `core.inference.styled_model.StyledModel`. Strength, colours, masks and
sizes are in `core.pipeline`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from core.images.convert import resize_smaller, to_tensor
from core.inference.style_file import Painting, SavedStyle
from core.inference.style_mixing import blend
from core.inference.styled_model import StyleCache, StyledModel
from core.models.checkpoint import Model
from core.models.encoder import Encoder, normalize
from core.models.flagship import FlagshipMetaNet
from core.models.layers import Filters
from core.models.losses import Features, mean_std
from core.models.style_net import MetaNet

STYLE_SIDE = 256
EMPHASIS_OF_STRENGTH = 5.0  # for each 100 % beyond 100 %: 150 % is the end of what was trained


class Cancelled(Exception):
    """Work of some length was stopped on request; nothing was changed."""


def picture_hash(image: Image.Image) -> str:
    """SHA-256 of a picture's size and pixels."""
    return hashlib.sha256(repr((image.mode, image.size)).encode() + image.tobytes()).hexdigest()


Reader = Callable[[Tensor], Features]


class Stylizer:
    """A model with its encoder.

    Args:
        model: from `core.models.checkpoint.load_model`.
        encoder: the one the model was trained with, in the dtype that paintings shall be read in.
        device: where to compute.
        cache: where styles are kept; by default one of its own.
        reader: what paintings' features are taken with, in the encoder's place:
            a faster form of it.

    Raises:
        EncoderError: the encoder is not the model's.
    """

    def __init__(
        self,
        model: Model,
        encoder: Encoder,
        device: torch.device | str = "cpu",
        cache: StyleCache | None = None,
        reader: Reader | None = None,
    ) -> None:
        model.check_encoder(encoder)
        self.model, self.device = model, torch.device(device)
        self.cache = StyleCache() if cache is None else cache
        self.net = model.net.to(self.device)
        self.encoder = encoder.to(self.device)
        self.reader = reader or self.encoder
        self.style_reader = model.reader.to(self.device) if model.reader else None

    @property
    def name(self) -> str:
        return self.model.variant.name

    @property
    def hash(self) -> str:
        """Of the model's weights."""
        return self.model.weights.hash

    def key(self, style: Image.Image, style_side: int, *more: object) -> tuple[object, ...]:
        return (self.hash, type(self.reader), picture_hash(style), style_side, *more)

    @torch.inference_mode()
    def descriptor(self, style: Image.Image, style_side: int = STYLE_SIDE) -> Tensor:
        """The 1920 numbers that the MetaNet sees of a painting read with its smaller side at
        `style_side` px.
        """
        return mean_std(self.reader(self._pixels(style, style_side)))[0]

    def _pixels(self, picture: Image.Image, side: int) -> Tensor:
        """A picture as an encoder takes it, 1 x 3 x H x W."""
        return normalize(to_tensor(resize_smaller(picture, side))[None].to(self.device))

    def emphasis_at(self, strength: float) -> float:
        """How much more a painting shall count for a strength beyond 1, for `encode_style`.

        Returns:
            The binary logarithm of its weight over the training's balance; 0 up to a strength of 1,
            and for the report's models, which were trained at one balance: they are blended beyond
            the painting (`core.inference.style_mixing`).
        """
        meta_net = self.net.meta_net
        if strength <= 1 or not isinstance(meta_net, FlagshipMetaNet):
            return 0.0
        return EMPHASIS_OF_STRENGTH * (strength - 1)

    def _generate(
        self,
        meta_net: MetaNet | FlagshipMetaNet,
        picture: Image.Image,
        side: int,
        emphasis: float = 0.0,
    ) -> Filters:
        """What a MetaNet of this model makes of a picture,
        read by the model's own small reader where it has one.
        """
        if not isinstance(meta_net, FlagshipMetaNet):
            return meta_net(self.descriptor(picture, side))
        if self.style_reader is None:
            return meta_net(self.descriptor(picture, side), emphasis)
        return meta_net.generate(self.style_reader(self._pixels(picture, side))[0], emphasis)

    @torch.inference_mode()
    def encode_style(
        self, style: Painting, style_side: int = STYLE_SIDE, emphasis: float = 0.0
    ) -> StyledModel:
        """Instant: the filters for a painting, from the cache if it was seen before.

        Args:
            style: RGB, or a style from a file (`core.inference.style_file`), which was read at
                the size and emphasis at which it was saved.
            style_side: the painting's smaller side when it is read;
                larger makes finer strokes count.
            emphasis: from `emphasis_at`.

        Raises:
            WeightsError: the style is not of this model.
        """
        if isinstance(style, SavedStyle):
            return self._with_filters(style.filters_for(self))
        key = self.key(style, style_side, emphasis)
        styled = self.cache.get(key)
        if styled is None:
            filters = self._generate(self.net.meta_net, style, style_side, emphasis)
            styled = self._with_filters(filters, emphasis)
            self.cache.put(key, styled)
        return styled

    def mix(
        self,
        styles: Sequence[Painting],
        weights: Sequence[float],
        style_side: int = STYLE_SIDE,
        emphasis: float = 0.0,
    ) -> StyledModel:
        """Instant: a style between paintings (`core.inference.style_mixing`); their order makes no
        difference, not even in the last bit.

        Args:
            styles: RGB, or from files.
            weights: one for each, not negative, summing to 1.
            style_side, emphasis: as for `encode_style`; without emphasis where one is from a file.
        """
        if any(isinstance(style, SavedStyle) for style in styles):
            emphasis = 0.0
        kept = [
            (style.digest if isinstance(style, SavedStyle) else picture_hash(style), weight, style)
            for style, weight in zip(styles, weights, strict=True)
            if weight
        ]
        kept.sort(key=lambda part: part[:2])
        parts = [
            (weight, self.encode_style(style, style_side, emphasis).filters)
            for _, weight, style in kept
        ]
        return self._with_filters(blend(self.net.transform_net, parts), emphasis)

    def _with_filters(self, filters: Filters, emphasis: float = 0.0) -> StyledModel:
        """The networks with a style in place."""
        net = self.net
        return StyledModel(net.transform_net, filters, meta_net=net.meta_net, emphasis=emphasis)

    @torch.inference_mode()
    def identity_style(
        self, styled: StyledModel, photo: Image.Image, style_side: int = STYLE_SIDE
    ) -> StyledModel:
        """The photo's own style in a style's networks:
        what its MetaNet generates when the photo is the painting.

        Raises:
            ValueError: the style was made without its MetaNet.
        """
        if styled.meta_net is None:
            raise ValueError("this style has no MetaNet to generate another picture's filters with")
        if styled.meta_net is self.net.meta_net:
            return self.encode_style(photo, style_side)
        return replace(styled, filters=self._generate(styled.meta_net, photo, style_side))
