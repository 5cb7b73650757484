"""TensorBoard's event files as curves: the report's figure 5 was drawn from such a file.

    layers, losses = read_events(Path("events.out.tfevents.1"))

Event files need the package `tensorboard`; the nine points of its compressed histograms are the
nine quantiles of weights.csv.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.analysis.curves import Curves, Floats, LogError

EVENTS = "events.out.tfevents."
LOSS_WORDS = {"loss", "losses", "cost"}
NO_LOSS = {  # words that make a scalar something else than a loss in training
    *("lr", "rate", "weight", "weights", "scale", "factor", "coefficient", "coef"),
    *("lambda", "ratio"),
    *("norm", "grad", "gradient", "gradients", "channel", "channels"),
    *("val", "valid", "validation", "test", "eval", "evaluation"),
}
_LOSS_WORDS = (
    ("content", "content_loss"),
    ("style", "style_loss"),
    ("tv", "tv_loss"),
    ("variation", "tv_loss"),
)
MAX_FILLED = 1000  # numbers of a tensor that its file need not hold one by one
# of TensorBoard's compressed histograms
BASIS_POINTS = (0, 668, 1587, 3085, 5000, 6915, 8413, 9332, 10000)


def read_events(path: Path) -> Curves:
    """Layers from the histograms of an event file, losses from its scalars (see `loss_of`).

    Files of TensorFlow 1 and of PyTorch hold them as such,
    those of TensorFlow 2 and Keras as tensors.

    Raises:
        LogError: tensorboard is not installed, the file is broken,
            or it holds neither histogram nor loss.
    """
    try:
        from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-not-found]
            EventAccumulator,
        )
    except ImportError as error:
        raise LogError(
            f'"{path.name}" is a TensorBoard file, which needs the package tensorboard: pip install tensorboard.'
        ) from error
    everything = {"histograms": 0, "compressedHistograms": 0, "scalars": 0, "tensors": 0}
    try:
        events = EventAccumulator(str(path), size_guidance=everything)
        events.Reload()
        with np.errstate(all="ignore"):  # of numbers that make no sense
            layers, losses = _curves(events)
    except Exception as error:  # a broken file makes the package and protobuf raise nearly any type
        raise LogError(
            f'"{path.name}" is broken and cannot be read as a TensorBoard file.'
        ) from error
    if not (layers or losses):
        raise LogError(f'"{path.name}" holds no histogram of weights and no loss.')
    return layers, losses


def _curves(events: Any) -> Curves:
    """Layers and losses of a file that was read; any exception where what it holds makes no sense."""
    tags = events.Tags()
    layers = {tag: _histograms(events, tag) for tag in tags["distributions"]}
    losses: dict[str, Floats] = {}
    for tag in tags["scalars"]:
        if loss := loss_of(tag):
            losses[loss] = _table([(event.step, event.value) for event in events.Scalars(tag)], 2)
    for tag in tags["tensors"]:
        plugin = events.SummaryMetadata(tag).plugin_data.plugin_name
        loss = loss_of(tag)
        if plugin == "histograms":
            layers[tag] = _tensor_histograms(events, tag)
        elif plugin == "scalars" and loss:
            pairs = [
                (event.step, float(_array(event).reshape(()))) for event in events.Tensors(tag)
            ]
            losses[loss] = _table(pairs, 2)
    return layers, losses


def loss_of(tag: str) -> str | None:
    """Which of `LOSSES` a scalar's tag means, if any.

    It is one where a word of the tag is "loss", or where its last part is no more than "content",
    "style", "tv" or "total variation", so `style_loss`, `train/Style` and `Loss/tv`, but neither
    `style_lr` nor `tv_channel`. What speaks of a weight, a rate or another set of pictures
    (`loss_weight`, `val_loss`) is none.
    """
    words = _words(tag)
    last = _words(re.split(r"[/.]", tag.strip("/."))[-1])
    if words & NO_LOSS:
        return None
    for word, loss in _LOSS_WORDS:
        if word in words and (words & LOSS_WORDS or last <= {word, "total", "variation"}):
            return loss
    return "loss" if words & LOSS_WORDS else None


def _words(tag: str) -> set[str]:
    """The words of a tag in lower case: `train/styleLoss_1` has train, style and loss."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tag)
    return set(re.findall(r"[a-z]+", apart.lower()))


def _histograms(events: Any, tag: str) -> Floats:
    compressed = [event.compressed_histogram_values for event in events.CompressedHistograms(tag)]
    if tuple(point for point, _ in compressed[0]) != BASIS_POINTS:
        raise ValueError("TensorBoard has changed its quantiles")
    points = np.array([[value for _, value in row] for row in compressed], dtype=np.float64)
    recorded = events.Histograms(tag)
    values = [event.histogram_value for event in recorded]
    rms = np.array(
        [np.sqrt(value.sum_squares / value.num) if value.num else np.nan for value in values]
    )
    points[:, 0], points[:, -1] = [value.min for value in values], [value.max for value in values]
    steps = [event.step for event in recorded]
    return np.column_stack([steps, points, rms])


def _array(event: Any) -> Floats:
    """The numbers of a tensor event. Raises ValueError where it says to have more than it holds,
    of which one would be repeated: a small file could fill any memory.
    """
    from tensorboard.util.tensor_util import make_ndarray

    tensor = event.tensor_proto
    count = math.prod(each.size for each in tensor.tensor_shape.dim)
    if count > max(MAX_FILLED, tensor.ByteSize()):
        raise ValueError(f"a tensor of {count} numbers")
    return np.asarray(make_ndarray(tensor), dtype=np.float64)


def _tensor_histograms(events: Any, tag: str) -> Floats:
    """Histograms of TensorFlow 2: k x 3 each,
    for every bucket its left and right edge and how many values are in it.
    """
    rows = []
    for event in events.Tensors(tag):
        buckets = _array(event)
        if buckets.ndim != 2 or buckets.shape[1] != 3:
            raise ValueError(f"a histogram of shape {buckets.shape}")
        rows.append([event.step, *_bucket_summary(buckets[buckets[:, 2] > 0])])
    return _table(rows, len(BASIS_POINTS) + 2)


def _bucket_summary(buckets: Floats) -> list[float]:
    """Nine quantiles and the root mean square of values that lie evenly in their buckets;
    NaN where there are none.

    Args:
        buckets: k x 3, in ascending order: left edge, right edge, number of values.
    """
    if not len(buckets):
        return [np.nan] * (len(BASIS_POINTS) + 1)
    left, right, count = buckets.T
    shares = np.concatenate([[0.0], np.cumsum(count)]) / count.sum()
    edges = np.concatenate([left[:1], right])
    quantiles = np.interp(np.array(BASIS_POINTS) / 10_000, shares, edges)
    # The mean square of what is spread evenly from left to right.
    squares = (left**2 + left * right + right**2) / 3
    return [*quantiles, float(np.sqrt((squares * count).sum() / count.sum()))]


def _table(rows: Sequence[Sequence[float]], columns: int) -> Floats:
    """Rows of so many numbers, of which there may be none."""
    return np.array(rows, dtype=np.float64).reshape(-1, columns)
