"""The flagship's learning curve: held-out pairs, measured on the device, many at once.

Per tap of VGG19 the share left of the Gram distance and of the mean/std distance (photo = 1,
painting = 0; geometric means over all pairs), and the content change at taps 3 and 4 (see
`core.metrics.features.content_change`; means). Held-out losses of the report's models are in
`core.analysis.heldout_losses`.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from core.files import write_atomic
from core.images.convert import center_crop, resize_smaller, to_tensor
from core.models.encoder import Encoder, denormalize, normalize
from core.models.flagship import FlagshipNet
from core.models.losses import gram_matrix, mean_std
from core.models.style_reader import StyleReader
from core.training.log_writer import csv_table, read_rows

LEARNING = "learning.csv"
SIDE = 256
TAPS = range(1, 5)
NAMES = (
    *(f"gram_share_{tap}" for tap in TAPS),
    *(f"mean_std_share_{tap}" for tap in TAPS),
    "content_change_3",
    "content_change_4",
)
CHANGE_TAPS = ("relu3_4", "relu4_4")
READER_COSTS = 0.02  # at most, of a measure


class HeldOut:
    """Paintings by photographs.

    Args:
        contents: photos, RGB; the middle square of each.
        paintings: RGB, read at that smaller side too.
        encoder: VGG19.
        side: of both, in pixels.
    """

    def __init__(
        self,
        contents: Sequence[Image.Image],
        paintings: Sequence[Image.Image],
        encoder: Encoder,
        side: int = SIDE,
    ) -> None:
        self.encoder = encoder
        device = next(encoder.parameters()).device
        photos = [to_tensor(center_crop(photo, side)) for photo in contents]
        self.contents = normalize(torch.stack(photos).to(device))  # K x 3 x side x side
        with torch.no_grad():
            self._photo_features = encoder(self.contents)
            self._first = _statistics(self._photo_features)
            self._pixels = [
                normalize(to_tensor(resize_smaller(p, side))[None].to(device)) for p in paintings
            ]
            self.descriptors, self._goals = [], []
            for pixels in self._pixels:
                features = encoder(pixels)
                self.descriptors.append(mean_std(features)[0])
                self._goals.append(_statistics(features))

    @torch.no_grad()
    def measure(
        self, net: FlagshipNet, emphasis: float = 0.0, reader: StyleReader | None = None
    ) -> dict[str, float]:
        """The averages over all pairs, by the names in `NAMES`.

        Args:
            reader: reads the paintings in the encoder's place.
        """
        shares, changes = [], []
        for number, goals in enumerate(self._goals):
            if reader is None:
                filters = net.meta_net(self.descriptors[number], emphasis)
            else:
                filters = net.meta_net.generate(reader(self._pixels[number])[0], emphasis)
            outputs = net.transform_net(self.contents, filters)
            outputs = normalize(denormalize(outputs).clamp(0, 1))
            features = self.encoder(outputs)
            pairs = zip(_statistics(features), self._first, goals, strict=True)
            left = [_square(found, goal) / _square(first, goal) for found, first, goal in pairs]
            shares.append(torch.stack(left))
            changes.append(torch.stack([self._change(features, tap) for tap in CHANGE_TAPS]))
        means = torch.stack(shares).log().mean(dim=(0, 2)).exp()  # grams of 4 taps, then statistics
        change = torch.stack(changes).mean(dim=(0, 2))
        return dict(zip(NAMES, [*means.tolist(), *change.tolist()], strict=True))

    def _change(self, features: dict[str, Tensor], tap: str) -> Tensor:
        """K: mean squared difference over the photo's own variance."""
        ours, theirs = features[tap].float(), self._photo_features[tap].float()
        variance = theirs.var(dim=(2, 3), correction=0).mean(dim=1)
        return (ours - theirs).square().mean(dim=(1, 2, 3)) / variance


def _statistics(features: dict[str, Tensor]) -> list[Tensor]:
    """Gram matrices of all taps, then means and deviations, each N x ..."""
    grams = [gram_matrix(tap) for tap in features.values()]
    return [*grams, *(mean_std({"tap": tap}) for tap in features.values())]


def _square(found: Tensor, goal: Tensor) -> Tensor:
    """Mean squared difference of each image, N."""
    return (found - goal).square().flatten(1).mean(dim=1)


def learning_rows(
    held_out: Mapping[str, HeldOut],
    net: FlagshipNet,
    readings: Iterable[tuple[float, StyleReader | None]],
) -> list[dict[str, Any]]:
    """Rows of a learning curve: the measures of each group of paintings.

    Args:
        held_out: the pairs of each group.
        readings: the balances, each with what reads the paintings in the encoder's place,
            if anything does.
    """
    rows: list[dict[str, Any]] = []
    for group, pairs in held_out.items():
        for emphasis, reader in readings:
            measures = pairs.measure(net, emphasis, reader)
            read_by = "reader" if reader else "encoder"
            rows.append({"group": group, "emphasis": emphasis, "read_by": read_by, **measures})
    return rows


def add_learning_rows(path: Path, done: int, found: Iterable[dict[str, Any]]) -> None:
    """Add held-out measures to a learning curve,
    in place of rows that an interrupted run wrote ahead of its state.

    Args:
        done: iterations that were done when they were measured.
        found: of each group of paintings and each balance, a row; `iteration` comes first.
    """
    kept: list[dict[str, Any]] = [row for row in read_rows(path) if int(row["iteration"]) < done]
    rows = [*kept, *({"iteration": done, **row} for row in found)]
    if rows:
        write_atomic(path, csv_table(list(rows[0]), rows))


def readers_agree(found: Sequence[dict[str, Any]], costs: float = READER_COSTS) -> bool:
    """Whether paintings that the reader read are followed as well as those that the encoder read.

    Args:
        found: rows of the learning curve of one time, with and without the reader.
        costs: by what share a measure may be worse with the reader.
    """
    rows = {(row["group"], row["read_by"]): row for row in found if row["emphasis"] == 0}
    groups = {group for group, _ in rows}
    return bool(groups) and all(
        rows[group, "reader"][name] <= (1 + costs) * rows[group, "encoder"][name]
        for group in groups
        for name in NAMES
    )
