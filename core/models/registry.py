"""The registry of trained models: the report's seven (原模型, 改进模型, 消融实验), each a few words of configuration.

variant = VARIANTS["improved-500"]
net = variant.build()
"""

from dataclasses import asdict, dataclass
from typing import Any

from core.models.flagship import FlagshipNet
from core.models.style_net import StyleNet

Net = StyleNet | FlagshipNet
CONTENT_WEIGHT = 1.0
TV_WEIGHT = 1e-6
# The report's 50 and 3e5 hold for torchvision's VGG. These follow its rule, style and content loss of about the same size,
# for the encoders shipped here: see `python -m core.train --pilot` and the README's section on training.
STYLE_WEIGHTS = {"mse": 12.0, "gram": 2e4, "relative": 8.0}


@dataclass(frozen=True)
class Variant:
    """What distinguishes one model from another (report, sections on the improved model and the ablations).

    Attributes:
        name: folder name in `checkpoints/`.
        encoder: `vgg16` or `vgg19`.
        block: `resnet` (five ResidualBlocks), `resnext` (one ResNeXtBlock), or `modulated` (the flagship's own network).
        style_loss: `mse` (mean and standard deviation), `gram`, or `relative` (the flagship's).
        images: how many contents and how many styles it is trained on; 0 for all there are.
        base: channels after the first convolution.
        title: what a visitor reads.
    """

    name: str
    encoder: str
    block: str
    style_loss: str
    images: int
    title: str
    base: int = 8

    @property
    def style_weight(self) -> float:
        return STYLE_WEIGHTS[self.style_loss]

    def build(self) -> Net:
        """A freshly initialised network of this variant."""
        return (
            FlagshipNet(self.base) if self.block == "modulated" else StyleNet(self.base, self.block)
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

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
    "flagship", "vgg19", "modulated", "relative", 0, "Flagship: any painting, at once", base=16
)
MODELS: dict[str, Variant] = {FLAGSHIP.name: FLAGSHIP, **VARIANTS}


def find_variant(name: str) -> Variant:
    """The variant of that name.

    Raises:
        ValueError: one sentence naming those that exist.
    """
    if name not in MODELS:
        raise ValueError(f"There is no model named {name!r}; choose one of {', '.join(MODELS)}.")
    return MODELS[name]
