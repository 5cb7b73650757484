"""How near a model comes to paintings it has never seen,
and what it makes of the photo's content: one table row a model.

    validation = Validation(contents, paintings, load_encoder("vgg19"))
    validation.measure(lambda photo, painting: stylizer.encode_style(painting)(photo))   # {"gram_share_1": 0.04, ...}

Per tap of VGG19 the share left of the Gram distance and of the mean/std distance (photo = 1,
painting = 0; geometric means over all pairs), and the content change at taps 3 and 4 (see
`core.metrics.features.content_change`; means). The benchmarks send any network
through it; `core.training.learning_curve`, which is faster and for the flagship only, is held to it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from core.images.convert import center_crop, resize_smaller
from core.images.decode import load_image
from core.images.library import library, unseen
from core.metrics.features import Analysis, average, feature_measures
from core.models.encoder import Encoder
from core.training.data import HELD_OUT, find_pools
from core.training.learning_curve import NAMES, SIDE

Stylise = Callable[[Image.Image, Image.Image], Image.Image]


class Validation:
    """Pairs to measure with, each picture looked at once.

    Args:
        contents: photos, RGB; the middle square of each at smaller side `side`.
        paintings: RGB; measured at smaller side 256 and handed to the model in full.
        encoder: VGG19.
        side: of the photos, in pixels.
    """

    def __init__(
        self,
        contents: Sequence[Image.Image],
        paintings: Sequence[Image.Image],
        encoder: Encoder,
        side: int = SIDE,
    ) -> None:
        self.encoder = encoder
        self.contents = [center_crop(photo, side) for photo in contents]
        self.paintings = list(paintings)
        self._contents = [Analysis(photo, encoder) for photo in self.contents]
        self._paintings = [
            Analysis(resize_smaller(painting, SIDE), encoder) for painting in paintings
        ]

    def pairs(self, stylise: Stylise) -> Iterator[tuple[int, int, dict[str, float]]]:
        """(number of the painting, number of the photo, its measures), painting by painting."""
        for row, painting in enumerate(self.paintings):
            for column, photo in enumerate(self.contents):
                output = Analysis(stylise(photo, painting), self.encoder)
                found = feature_measures(self._contents[column], self._paintings[row], output)
                yield row, column, {name: found[name] for name in NAMES}

    def measure(self, stylise: Stylise) -> dict[str, float]:
        """The averages over all pairs, by the names in `NAMES`."""
        return summary([found for _, _, found in self.pairs(stylise)])


def summary(pairs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Averages over pairs: geometric for shares, arithmetic for content change."""
    return {name: average(name, [found[name] for found in pairs]) for name in NAMES}


def unseen_paintings(
    data: Path | None, cache: Path | None = None, count: int = HELD_OUT
) -> list[Image.Image]:
    """The classical ones of `unseen_groups`."""
    return unseen_groups(data, cache, count)["classical"]


def unseen_groups(
    data: Path | None, cache: Path | None = None, count: int = HELD_OUT
) -> dict[str, list[Image.Image]]:
    """Pictures that no model has trained on, by group: the gallery's four outside styles,
    then those set aside in `data`.

    Args:
        data: folder with `content/`, `style/` and perhaps `graphic/` (see
            `core.training.data.find_pools`), or None for the gallery's four alone.
        cache: JSON file of perceptual hashes.
        count: of each group set aside, at most.

    Returns:
        `classical`, and `graphic` where the folder has such pictures.
    """
    groups = {"classical": [picture.image() for picture in unseen(library().styles)]}
    if data is not None:
        pools = find_pools(data, library().files, cache)
        for group, paths in pools.held_out_groups(count).items():
            groups[group] = [*groups.get(group, ()), *read_pictures(paths)]
    return groups


def read_pictures(paths: Sequence[Path]) -> list[Image.Image]:
    """Pictures that were set aside, RGB."""
    return [load_image(path, at_least=SIDE) for path in paths]
