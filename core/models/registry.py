"""The registry of trained models: the report's seven (原模型, 改进模型, 消融实验),
each a few words of configuration.

    variant = VARIANTS["improved-500"]
    net = variant.build()
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from core.models.flagship import FLAGSHIP_BLOCK, FlagshipNet
from core.models.style_net import StyleNet

Net = StyleNet | FlagshipNet
CONTENT_WEIGHT = 1.0
TV_WEIGHT = 1e-6
# The report's own weights, by style loss: they hold for torchvision's VGG.
REPORT_STYLE_WEIGHTS: dict[str, float] = {"mse": 50.0, "gram": 3e5}
# These follow its rule for the encoders shipped here, Oxford's: at the end of training the weighted
# style loss and the content loss are of about the same size (`python -m core.train NAME --pilot`
# shows both).
STYLE_WEIGHTS: dict[tuple[str, str], float] = {
    ("vgg16", "mse"): 12.0,
    ("vgg19", "mse"): 6.0,
    ("vgg16", "gram"): 2e4,
    ("vgg19", "gram"): 5e3,
    ("vgg19", "relative"): 8.0,
}
# Of the two methods that learn one painting at a time (`core.baselines.gatys`,
# `core.baselines.johnson`), for Gram matrices.
PER_STYLE_WEIGHT = 2e4
REPORT_BASE = 32  # channels after the first convolution: the report's 850 and 647 MB


def parameter_counts(net: Net) -> dict[str, int]:
    """Number of parameters of each of a network's two parts."""
    parts = {"meta_net": net.meta_net, "transform_net": net.transform_net}
    return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}


@dataclass(frozen=True)
class Variant:
    """What distinguishes one model from another (report,
    sections on the improved model and the ablations).

    Attributes:
        name: folder name in `checkpoints/`.
        encoder: `vgg16` or `vgg19`.
        block: `resnet` (five ResidualBlocks), `resnext` (one ResNeXtBlock), or the flagship's own
            network (`mixed`).
        style_loss: `mse` (mean and standard deviation), `gram`, or `relative` (the flagship's).
        images: how many contents and how many styles it is trained on; 0 for all there are.
        base: channels after the first convolution; the report's models have 32.
        title: what a visitor reads.
    """

    name: str
    encoder: str
    block: str
    style_loss: str
    images: int
    title: str
    base: int = REPORT_BASE

    @property
    def style_weight(self) -> float:
        """What the style loss is multiplied by, see `STYLE_WEIGHTS`."""
        return STYLE_WEIGHTS[self.encoder, self.style_loss]

    def style_weight_for(self, source: str) -> float:
        """What the style loss is multiplied by in an encoder with weights from that source, one of
        `core.models.encoder.SOURCES`. The flagship's loss is relative to the painting's own
        statistics, so its weight is the same in both.
        """
        if source == "torchvision":
            return REPORT_STYLE_WEIGHTS.get(self.style_loss, self.style_weight)
        return self.style_weight

    @property
    def channels_note(self) -> str:
        """`8 channels`; empty for a model of the report's width, and for the flagship."""
        if self.is_flagship or self.base == REPORT_BASE:
            return ""
        return f"{self.base} channel{'s' if self.base > 1 else ''}"

    @property
    def width_note(self) -> str:
        """`8 channels, a quarter of the report's width`; empty where `channels_note` is."""
        if not self.channels_note:
            return ""
        shares = {2: "half", 4: "a quarter of", 8: "an eighth of", 16: "a sixteenth of"}
        share = shares.get(REPORT_BASE // self.base) if REPORT_BASE % self.base == 0 else None
        share = share or f"{self.base / REPORT_BASE:.2g} times"
        return f"{self.channels_note}, {share} the report's width"

    @property
    def is_flagship(self) -> bool:
        """Whether it is no model of the report."""
        return self.block == FLAGSHIP_BLOCK

    def with_images(self, images: int) -> "Variant":
        """The same on sets of another size, which its title then tells where it tells one."""
        told = self.title.replace(f"{self.images:,} images", f"{images:,} images")
        return replace(self, images=images, title=told)

    def build(self) -> Net:
        """A freshly initialised network of this variant."""
        if self.is_flagship:
            return FlagshipNet(self.base)
        return StyleNet(self.base, self.block)

    def identity(self) -> dict[str, Any]:
        """What a trained network depends on: all but the title."""
        return {key: value for key, value in asdict(self).items() if key != "title"}


_ALL = (
    Variant("original-500", "vgg16", "resnet", "mse", 500, "Original, 500 images (原模型)"),
    Variant("original-1000", "vgg16", "resnet", "mse", 1000, "Original, 1,000 images (原模型)"),
    Variant("improved-500", "vgg19", "resnext", "gram", 500, "Improved, 500 images (改进模型)"),
    Variant("improved-1000", "vgg19", "resnext", "gram", 1000, "Improved, 1,000 images (改进模型)"),
    Variant("ablation-vgg16", "vgg16", "resnext", "gram", 500, "Ablation: VGG16 (消融实验)"),
    Variant(
        "ablation-resnet",
        "vgg19",
        "resnet",
        "gram",
        500,
        "Ablation: five ResidualBlocks (消融实验)",
    ),
    Variant("ablation-mse", "vgg19", "resnext", "mse", 500, "Ablation: mean/std loss (消融实验)"),
)
VARIANTS: dict[str, Variant] = {variant.name: variant for variant in _ALL}
FLAGSHIP = Variant(
    "flagship", "vgg19", FLAGSHIP_BLOCK, "relative", 0, "Flagship: any painting, at once", base=16
)
MODELS: dict[str, Variant] = {FLAGSHIP.name: FLAGSHIP, **VARIANTS}


def titled(title: str, note: str) -> str:
    """A title with a note, which comes before the Chinese name that ends it."""
    if not note:
        return title
    name, bracket, chinese = title.partition(" (")
    return f"{name}; {note}{bracket}{chinese}"
