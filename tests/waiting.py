"""Waiting until something has happened, however busy the machine is."""

import time
from collections.abc import Callable

WAIT = 120.0  # s, for anything on a busy machine


def wait_for(condition: Callable[[], object]) -> None:
    """Return once the condition holds; fails where it does not within two minutes."""
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
