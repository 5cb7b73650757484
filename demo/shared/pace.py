"""How long refining takes on this machine: what its batches have taken so far, to be told before the next.

PACE.saw("improved-500", seconds=8.2)      # after a batch
PACE.seconds("improved-1000")              # 8.2: a network of the same form; None where none was refined yet
duration(195)                              # "3 min"
"""

import statistics
import threading
from collections import defaultdict, deque

from core.models.registry import MODELS

KEPT = 15  # batches of each form of network


def duration(seconds: float) -> str:
    """Seconds as a visitor reads them: `40 s`, `3 min`, `1 h 10 min`, `2 days`."""
    if seconds < 90:
        return f"{max(0, seconds):.0f} s"
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.0f} days"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


class Pace:
    """Seconds of the last batches, by form of network: models that differ in their losses alone take the same time."""

    def __init__(self) -> None:
        self._seen: defaultdict[object, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._lock = threading.Lock()

    def saw(self, model: str, seconds: float) -> None:
        """A batch of this model has taken so long."""
        with self._lock:
            self._seen[_form(model)].append(seconds)

    def seconds(self, model: str) -> float | None:
        """What a batch of this model takes: the median of the last ones."""
        with self._lock:
            seen = list(self._seen.get(_form(model), ()))
        return statistics.median(seen) if seen else None


def _form(model: str) -> object:
    variant = MODELS.get(model)
    return (variant.block, variant.base) if variant else model


PACE = Pace()
