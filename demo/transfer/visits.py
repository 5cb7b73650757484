"""Pictures that are painted for a visitor, kept for an hour: who comes back finds them, and nobody else can.

    work = VISITS.start(visitor, page, values, painted)        # painted(stop) yields answers for the page
    for answer in work.follow(): ...                           # a page that goes away ends this, not the work
    VISITS.latest(visitor)                                     # the same work, an hour long
    VISITS.leave(visitor, page)                                # that page was closed: the work ends unless one comes back

A visitor is known by a token that the browser made, 128 bits by chance, and sends to this page alone. Work runs in a thread
of its own: a phone that sleeps, a line that breaks and a page that is loaded again do not end it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.shared.events import Answer

KEPT = 3600.0  # s, as long as the files of results are
GRACE = 60.0  # s in which a page that was left may come back before its work ends
MAX_VISITORS = 1000

Paint = Callable[[threading.Event], Iterator[Answer]]


@dataclass
class Work:
    """One picture on its way, or done.

    Attributes:
        values: the form's, to be shown again.
        stop: once set, refining ends and what it has reached is the result.
        pages: those that wait for it, by their names.
        begun: when, in seconds of `time.monotonic`.
    """

    values: Mapping[str, Any]
    stop: threading.Event = field(default_factory=threading.Event)
    pages: set[str] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)
    ended: bool = False
    _answers: int = 0
    _latest: Answer = field(default_factory=dict)
    _error: Exception | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def run(self, paint: Paint) -> None:
        """Paint to the end, and keep the latest answer."""
        error = None
        try:
            for answer in paint(self.stop):
                self._say(answer)
        except Exception as raised:  # raised again where the work is followed
            error = raised
        with self._changed:
            self.ended, self._error = True, error
            self._changed.notify_all()

    def _say(self, answer: Answer) -> None:
        with self._changed:
            self._answers += 1
            self._latest = answer
            self._changed.notify_all()

    def follow(self) -> Iterator[Answer]:
        """The latest answer and those that come, to the last. Raises what the work raised."""
        seen = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.ended or self._answers > seen)  # noqa: B023
                fresh, seen = self._answers > seen, self._answers
                answer, ended, error = self._latest, self.ended, self._error
            if fresh:
                yield answer
            if ended:
                if error:
                    raise error
                return


class Visits:
    """The latest work of each visitor."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._works: dict[str, Work] = {}  # visitor -> work, the oldest first

    def start(self, visitor: str, page: str, values: Mapping[str, Any], paint: Paint) -> Work:
        """Begin to paint; what the same page had begun before ends."""
        work = Work(values, pages={page})
        with self._lock:
            self._forget()
            before = self._works.pop(visitor, None)
            if before and not before.pages - {page}:
                before.stop.set()
            self._works[visitor] = work
        threading.Thread(target=work.run, args=[paint], name="painting", daemon=True).start()
        return work

    def latest(self, visitor: str) -> Work | None:
        """What was painted last for this visitor, or is being painted; None after an hour."""
        with self._lock:
            self._forget()
            return self._works.get(visitor)

    def come(self, visitor: str, page: str) -> Work | None:
        """A page was opened, or loaded again: it waits for the visitor's latest work too."""
        work = self.latest(visitor)
        if work:
            work.pages.add(page)
        return work

    def leave(self, visitor: str, page: str) -> None:
        """A page was closed. Work for which no page waits ends a little later, unless one comes back."""
        work = self.latest(visitor)
        if work is None or work.ended:
            return
        work.pages.discard(page)
        if not work.pages:
            timer = threading.Timer(self._grace, _end_unless_awaited, [work])
            timer.daemon = True
            timer.start()

    def _forget(self) -> None:
        now = time.monotonic()
        for visitor, work in [*self._works.items()]:
            if now - work.begun > KEPT or len(self._works) > MAX_VISITORS:
                work.stop.set()
                del self._works[visitor]


def _end_unless_awaited(work: Work) -> None:
    if not work.pages:
        work.stop.set()


VISITS = Visits()
