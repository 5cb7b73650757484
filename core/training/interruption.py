"""Around the iterations of a training: how far it is, its state saved now and then, and a signal that ends it between two.

guard = RunGuard(save)
with guard.running("Teaching", done, total) as bar:
    while done < total and not guard.asked:
        ...
        bar.update()
        if guard.is_due:
            guard.save_now()
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from core.commandline import Stopped, on_signals

SAVE_SECONDS = 120.0


class RunGuard:
    """Watches over one run.

    Args:
        save: writes the state of the run.

    Attributes:
        asked: the number of the signal that asked to stop; 0 where none has.
    """

    def __init__(self, save: Callable[[], None]) -> None:
        self.save, self.asked, self._saved = save, 0, time.monotonic()

    def stop(self, number: int = signal.SIGINT) -> None:
        """End the run after this iteration, with its state saved, as the signal of that number asked."""
        self.asked = number

    @contextmanager
    def running(self, title: str, done: int, total: int, shown: bool = True) -> Iterator[tqdm]:
        """Inside, SIGTERM and SIGINT call `stop`, instead of losing up to two minutes; gives a bar of the iterations."""
        bar = tqdm(total=total, initial=done, desc=title, disable=not shown, smoothing=0.05)
        self._saved = time.monotonic()
        with bar, on_signals(self.stop):
            yield bar

    @property
    def is_due(self) -> bool:
        """Whether the state was saved more than two minutes ago."""
        return time.monotonic() - self._saved > SAVE_SECONDS

    def save_now(self) -> None:
        """Save the state."""
        self.save()
        self._saved = time.monotonic()

    def stopped(self, done: int, total: int, unit: str = "iterations") -> Stopped:
        """What to raise once the state of a stopped run is saved."""
        return Stopped(self.asked, f"Stopped after {done} of {total} {unit}; the state is saved.")
