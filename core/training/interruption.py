"""A signal ends a training between two iterations, with its state saved."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(Exception):
    """The run was asked to stop by the signal of that number; its state is saved."""

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.number = number


@contextmanager
def on_signals(stop: Callable[[int], None]) -> Iterator[None]:
    """SIGTERM and SIGINT finish the iteration and save, instead of losing up to two minutes."""
    try:
        before = {
            sig: signal.signal(sig, lambda number, _: stop(number))
            for sig in (signal.SIGTERM, signal.SIGINT)
        }
    except ValueError:  # not the main thread: the caller stops the run itself
        before = {}
    try:
        yield
    finally:
        for sig, handler in before.items():
            signal.signal(sig, handler)
