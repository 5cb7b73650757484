"""TensorBoard's event files as curves: the report's figure 5 was drawn from such a file.

    layers, losses = read_events(Path("events.out.tfevents.1"))

Event files need the package `tensorboard`; the nine points of its compressed histograms are the nine quantiles of weights.csv.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.analysis.curves import Curves, Distribution, Floats, LogError, Series, in_order

EVENTS = "events.out.tfevents."
# of TensorBoard's compressed histograms
BASIS_POINTS = (0, 668, 1587, 3085, 5000, 6915, 8413, 9332, 10000)


def read_events(path: Path) -> Curves:
    """Layers from the histograms of an event file, losses from its scalars (by the words content, style, tv in their tags).

    Raises:
        LogError: tensorboard is not installed, or it finds neither histogram nor loss.
    """
    try:
        from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-not-found]
            EventAccumulator,
        )
    except ImportError as error:
        raise LogError(
            f'"{path.name}" is a TensorBoard file, which needs the package tensorboard: pip install tensorboard.'
        ) from error
    events = EventAccumulator(
        str(path), size_guidance={"histograms": 0, "compressedHistograms": 0, "scalars": 0}
    )
    events.Reload()
    tags = events.Tags()
    losses = {
        loss: Series(*_columns((event.step, event.value) for event in events.Scalars(tag)))
        for tag in tags["scalars"]
        if (loss := loss_of(tag))
    }
    layers = {tag: _histograms(events, tag) for tag in tags["distributions"]}
    if not (layers or losses):
        raise LogError(f'"{path.name}" holds no histogram of weights and no loss.')
    return layers, losses


def loss_of(tag: str) -> str | None:
    """Which of `LOSSES` a scalar's tag means, if any."""
    tag = tag.lower()
    for word, loss in (
        ("content", "content_loss"),
        ("style", "style_loss"),
        ("tv", "tv_loss"),
        ("variation", "tv_loss"),
    ):
        if word in tag:
            return loss
    return "loss" if "loss" in tag else None


def _histograms(events: Any, tag: str) -> Distribution:
    compressed = [event.compressed_histogram_values for event in events.CompressedHistograms(tag)]
    assert tuple(point for point, _ in compressed[0]) == BASIS_POINTS, (
        "TensorBoard has changed its quantiles"
    )
    points = np.array([[value for _, value in row] for row in compressed], dtype=np.float64)
    recorded = events.Histograms(tag)
    values = [event.histogram_value for event in recorded]
    rms = np.array(
        [np.sqrt(value.sum_squares / value.num) if value.num else np.nan for value in values]
    )
    points[:, 0], points[:, -1] = [value.min for value in values], [value.max for value in values]
    table = in_order(np.column_stack([[event.step for event in recorded], points, rms]))
    return Distribution(table[:, 0], table[:, 1:-1], table[:, -1])


def _columns(pairs: Iterable[tuple[float, float]]) -> tuple[Floats, Floats]:
    table = in_order(np.array(list(pairs), dtype=np.float64).reshape(-1, 2))
    return table[:, 0], table[:, 1]
