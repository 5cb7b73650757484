"""Pictures that are painted for a visitor, kept for an hour: who comes back finds them, and nobody else can.

    work = VISITS.start(visitor, page, values, painted)        # painted(stop) yields answers for the page
    for answer in work.follow(): ...                           # a page that goes away ends this, not the work
    VISITS.latest(visitor)                                     # the same work, an hour long
    VISITS.stop(visitor, page)                                 # what this page waits for ends with what it has reached
    VISITS.give_up(visitor, page)                              # it ends and is forgotten: something else is asked for
    VISITS.leave(visitor, page)                                # that page was closed: the work ends unless one comes back

A visitor is known by a token that the browser made, 128 bits by chance, and sends to this page alone. Work runs in a thread
of its own: a phone that sleeps, a line that breaks and a page that is loaded again do not end it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.server.job_queue import files_in
from demo.shared.events import Answer

KEPT = 3600.0  # s, as long as the files of results are
GRACE = 60.0  # s in which a page that was left may come back before its work ends
MAX_WORKS = 1000  # kept
MAX_UNSEEN = 4  # works that go on though no page follows them; a further one ends the oldest

Paint = Callable[[threading.Event], Iterator[Answer]]


@dataclass(eq=False)
class Work:
    """One picture on its way, or done.

    Attributes:
        visitor: whose it is.
        values: the form's, to be shown again; the files in them stay until the work has ended.
        stop: once set, refining ends and what it has reached is the result.
        pages: those that wait for it, by their names.
        begun: when, in seconds of `time.monotonic`.
        replaced: whether the page has asked for something else; then nobody is told any more of this.
        followers: how many read its answers.
        overtaken: whether something was asked for after it, which perhaps waits for its turn or was refused.
    """

    visitor: str
    values: Mapping[str, Any]
    stop: threading.Event = field(default_factory=threading.Event)
    pages: set[str] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)
    ended: bool = False
    replaced: bool = False
    followers: int = 0
    overtaken: bool = False
    _answers: int = 0
    _latest: Answer = field(default_factory=dict)
    _error: Exception | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def run(self, paint: Paint) -> None:
        """Paint to the end, and keep the latest answer."""
        error = None
        try:
            for answer in paint(self.stop):
                with self._changed:
                    self._answers += 1
                    self._latest = answer
                    self._changed.notify_all()
        except Exception as raised:  # raised again where the work is followed
            error = raised
        with self._changed:
            self.ended, self._error = True, error
            self._changed.notify_all()

    def replace(self) -> None:
        """Something else is painted in its place: it ends, and those who follow it hear no more."""
        with self._changed:
            self.replaced = True
            self.stop.set()
            self._changed.notify_all()

    def follow(self) -> Iterator[Answer]:
        """The latest answer and those that come, to the last. Raises what the work raised."""
        seen = 0
        with self._changed:
            self.followers += 1
        try:
            while True:
                with self._changed:
                    while not (self.ended or self.replaced or self._answers > seen):
                        self._changed.wait()
                    fresh, seen = self._answers > seen, self._answers
                    answer, ended, error = self._latest, self.ended, self._error
                if self.replaced:
                    return
                if fresh:
                    yield answer
                if ended:
                    if error:
                        raise error
                    return
        finally:
            with self._changed:
                self.followers -= 1


class Visits:
    """The works of the last hour, the oldest first."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._lock = threading.RLock()
        self._works: list[Work] = []

    def start(self, visitor: str, page: str, values: Mapping[str, Any], paint: Paint) -> Work:
        """Begin to paint. What this page alone waited for before is replaced by it."""
        work = Work(visitor, values, pages={page})
        with self._lock:
            self.give_up(visitor, page)
            unseen = [other for other in self._works if not (other.ended or other.followers)]
            for other in unseen[:-MAX_UNSEEN]:
                other.stop.set()
            self._works.append(work)
        threading.Thread(target=work.run, args=[paint], name="painting", daemon=True).start()
        return work

    def latest(self, visitor: str) -> Work | None:
        """What was painted last for this visitor, or is being painted; None after an hour."""
        with self._lock:
            found = self._of(visitor)
            return found[-1] if found else None

    def come(self, visitor: str, page: str) -> Work | None:
        """A page was opened, or loaded again: it waits for the visitor's latest work too."""
        work = self.latest(visitor)
        if work:
            work.pages.add(page)
        return work

    def stop(self, visitor: str, page: str) -> None:
        """What this page waits for ends after the batch it is at, and what it has reached is the result."""
        with self._lock:
            for work in self._of(visitor):
                if page in work.pages:
                    work.stop.set()

    def give_up(self, visitor: str, page: str) -> None:
        """This page is about to ask for something else: what it alone waits for ends, and is not shown any more."""
        with self._lock:
            for work in self._of(visitor):
                work.pages.discard(page)
                if not work.pages:
                    work.replace()
                    self._works.remove(work)

    def leave(self, visitor: str, page: str) -> None:
        """A page was closed. Work for which no page waits ends a little later, unless one comes back."""
        with self._lock:
            left = [work for work in self._of(visitor) if page in work.pages]
            for work in left:
                work.pages.discard(page)
        for work in left:
            if not (work.pages or work.ended):
                timer = threading.Timer(self._grace, _end_unless_awaited, [work])
                timer.daemon = True
                timer.start()

    def files_in_use(self) -> set[str]:
        """The files that works need which have not ended."""
        with self._lock:
            running = [work for work in self._works if not work.ended]
        return {path for work in running for path in files_in(work.values)}

    def _of(self, visitor: str) -> list[Work]:
        """This visitor's works, the oldest first; those of anybody that are too old or were replaced are forgotten."""
        now = time.monotonic()
        for work in [*self._works]:
            if work.replaced or now - work.begun > KEPT or len(self._works) > MAX_WORKS:
                work.stop.set()
                self._works.remove(work)
        return [work for work in self._works if work.visitor == visitor]


def _end_unless_awaited(work: Work) -> None:
    if not work.pages:
        work.stop.set()


VISITS = Visits()
