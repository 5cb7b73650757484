"""One thing is computed at a time, and whoever waits gets the next turn.

    with TURNS:                          # a picture at once
        ...
    with TURNS.job("refining") as job:   # minutes of work: others come in between two batches
        while not job.stopped(stop):
            ...

Two networks at once only make both slow. Turns are given in the order in which they were asked for, so that a picture which takes
a second waits for one batch of a refining at most, and the refining for one picture at most.
"""

import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")
_END = object()


class Turns:
    """A lock that is given to those who wait for it first come, first served; a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False
        self.job_running: Job | None = None  # the one with turns in between, where there is one

    def __enter__(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        mine.wait()

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()  # handed over: nobody who comes just now can snatch it
            else:
                self._taken = False

    def job(self, doing: str) -> "Job":
        """A job of many turns; a context manager. `doing` says what it does: "refining"."""
        return Job(self, doing)


class Job:
    """Work of many turns, which lets others in between."""

    def __init__(self, turns: Turns, doing: str) -> None:
        self.doing = doing
        self._turns = turns
        self._seconds_left: float | None = None
        self._said = 0.0
        self._batch = 0.0  # s, the longest turn so far
        self._since = 0.0

    def __enter__(self) -> "Job":
        self._turns.__enter__()
        self._turns.job_running = self
        self._since = time.monotonic()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._turns.job_running is self:
            self._turns.job_running = None
        self._turns.__exit__()

    def stopped(self, *stops: threading.Event) -> bool:
        """Whether one of `stops` is set, asked between two batches: others have their turn before the job goes on."""
        if not any(stop.is_set() for stop in stops):
            self._batch = max(self._batch, time.monotonic() - self._since)
            self._turns.__exit__()
            self._turns.__enter__()
            self._since = time.monotonic()
        return any(stop.is_set() for stop in stops)

    def say(self, seconds_left: float) -> None:
        """How long the job still takes, as far as it is known."""
        self._seconds_left, self._said = seconds_left, time.monotonic()

    def seconds_left(self) -> float | None:
        """How long the job still takes, None where it is not known yet."""
        if self._seconds_left is None:
            return None
        return max(0.0, self._seconds_left - (time.monotonic() - self._said))

    def turn_left(self) -> float:
        """Seconds until others may come in, as far as the turns so far tell."""
        return max(0.0, self._batch - (time.monotonic() - self._since))


TURNS = Turns()


def in_turns(steps: Generator[T, None, None], turns: Turns = TURNS) -> Generator[T, None, None]:
    """The items of a generator, each computed in a turn of its own; closes it at the end."""
    with closing(steps):
        while True:
            with turns:
                item = next(steps, _END)
            if item is _END:
                return
            yield item  # type: ignore[misc]
