"""Work of many turns in a thread of its own, while the page goes on: what it gives is read as an iterator.

def work(give, job, stopped):
    for batch in batches:
        if stopped():                     # between two batches others have their turn
            raise Cancelled
        give(batch.result)

for result in in_background(work, stop):
    print(result)
"""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TypeVar

from demo.server.turns import TURNS, Job

T = TypeVar("T")


def in_background(
    work: Callable[[Callable[[T], None], Job, Callable[[], bool]], None], stop: threading.Event
) -> Iterator[T]:
    """What `work` gives while it runs; what it raises is raised here.

    Args:
        work: takes the function to give with, the job whose turns it takes, and what to ask between two batches: whether to
            end, because `stop` is set or nobody reads the iterator any more. Asked, it lets others have their turn.
        stop: the caller's own; it is only looked at.
    """
    given: SimpleQueue[tuple[T] | Exception | None] = SimpleQueue()
    unheard = threading.Event()

    def run() -> None:
        try:
            with TURNS.job("refining") as job:
                work(lambda item: given.put((item,)), job, lambda: job.stopped(stop, unheard))
            given.put(None)
        except Exception as error:  # raised again where the items are read
            given.put(error)

    thread = threading.Thread(target=run, name="refine", daemon=True)
    thread.start()
    try:
        while isinstance(item := given.get(), tuple):
            yield item[0]
        thread.join()
        if item is not None:
            raise item
    finally:
        unheard.set()  # closed early, nobody waits for the batch under way: the page's own loop may be who closes it
