"""What a model makes of paintings and photos it has never seen: losses on held-out pairs,
written beside the model.

The command: `python -m core.heldout`.

Pairs: the gallery's four outside contents by its four outside styles, and by the 40 paintings that
`core.training.data` sets aside in the data folder. Each is painted instantly at 256 px and measured
as it would be saved, in the model's own losses (those that it was trained with, weighted) and in
the fixed VGG19 of `core.metrics.features`, which is the same for all models.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from core.images.convert import center_crop, resize_smaller, to_tensor
from core.images.decode import load_image
from core.images.library import library, unseen
from core.inference.stylizer import STYLE_SIDE, Stylizer
from core.metrics.features import Analysis, feature_measures
from core.models.encoder import Encoder, normalize
from core.training.data import pools_of
from core.training.objective import Objective

HELDOUT = "heldout.csv"
GALLERY, DATA = "gallery", "data"
OWN = ("own_content_loss", "own_style_loss")
FIXED = (
    "content_loss",
    "content_share",
    "gram_distance",
    "gram_share",
    "mean_std_distance",
    "mean_std_share",
)
FIELDS = ("set", "style", "content", *OWN, *FIXED)


@dataclass(frozen=True)
class Unseen:
    """A painting that no model was trained on; `group` is `gallery`,
    or `data` for the training data's held-out ones.
    """

    group: str
    name: str
    image: Image.Image


def unseen_paintings(data: Path | None, runs: Path = Path("runs")) -> list[Unseen]:
    """The gallery's four outside styles, then the paintings set aside in a data folder,
    if one is given.

    Raises:
        ValueError: the data folder holds no pictures (see `core.training.data.find_pools`).
    """
    found = [Unseen(GALLERY, picture.name, picture.image()) for picture in unseen(library().styles)]
    if data is not None:
        for path in pools_of(data, runs).held_out:
            found.append(Unseen(DATA, path.stem, load_image(path, at_least=STYLE_SIDE)))
    return found


def evaluate(
    stylizer: Stylizer,
    contents: dict[str, Image.Image],
    paintings: Sequence[Unseen],
    vgg19: Encoder,
) -> Iterator[dict[str, str | float]]:
    """One row (`FIELDS`) for each pair, painting by painting.

    Args:
        stylizer: the model, with its own encoder.
        contents: name -> photo; the middle 256 x 256 px of each are painted.
        paintings: read and measured at smaller side 256.
        vgg19: what measures all models alike.
    """
    model = stylizer.model
    objective = Objective(model.variant, stylizer.encoder, model.style_weight)
    photos = {name: center_crop(image, STYLE_SIDE) for name, image in contents.items()}
    analyses = {name: Analysis(photo, vgg19) for name, photo in photos.items()}
    for painting in paintings:
        small = resize_smaller(painting.image, STYLE_SIDE)
        styled = stylizer.encode_style(painting.image, STYLE_SIDE)
        target = objective.style(to_tensor(small)[None])
        style = Analysis(small, vgg19)
        for name, photo in photos.items():
            output = styled(photo)
            measured = feature_measures(analyses[name], style, Analysis(output, vgg19))
            own = training_losses(objective, output, photo, target.target)
            pair = {"set": painting.group, "style": painting.name, "content": name}
            yield pair | dict(zip(OWN, own, strict=True)) | {key: measured[key] for key in FIXED}


@torch.inference_mode()
def training_losses(
    objective: Objective, output: Image.Image, content: Image.Image, target: object
) -> tuple[float, float]:
    """Content loss and weighted style loss of one output, as in training."""
    features = objective.encoder(normalize(to_tensor(output)[None]))
    goal = objective.encoder(normalize(to_tensor(content)[None]))
    style_loss = objective.style_weight * objective.style_loss(features, target)  # type: ignore[arg-type]
    return objective.content_loss(features, goal).item(), style_loss.item()


def refuse_to_lose(path: Path, paintings: Sequence[Unseen]) -> None:
    """Raises ValueError where a table holds the paintings set aside and what is to
    replace it would not.
    """
    kept = path.is_file() and f"\n{DATA}," in path.read_text(encoding="utf-8")
    if kept and not any(painting.group == DATA for painting in paintings):
        raise ValueError(
            f"{path} holds paintings that were set aside in a data folder: name it with --data, or remove the file."
        )
