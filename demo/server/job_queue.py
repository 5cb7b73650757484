"""Who waits for a picture, in which line, and for how long: Gradio's queue with the page's own rules.

    page = PageBlocks(...)                   # demo.page; its queue is a JobQueue
    page.queue_jobs()

- Pictures at once wait in one line, what takes minutes in another. Each line is first come, first served, and the two take turns
  (`demo.server.turns`), so that nobody waits for a stranger's refining in order to get a picture at once.
- A visitor holds a few places at most, and an address not all of them.
- How long it takes is told from the job that is running, in words too.
- The files of an order that was accepted stay until it is done.
- Where only a visitor's newest order of a kind counts (`demo.server.newest`), it takes the place of those that wait.
- Answers that nobody fetches are dropped.
"""

import asyncio
import copy
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fastapi
from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import (
    EstimationMessage,
    EventMessage,
    LogMessage,
    ProcessCompletedMessage,
)
from gradio.utils import run_coro_in_background

from demo.i18n.language import said
from demo.server.newest import give_order, kind_of, order_of
from demo.server.turns import TURNS

AT_ONCE, LONG = "model", "long"  # the two lines
LONG_CHOICES = frozenset({"refined", "gatys", "johnson"})  # modes and methods that take minutes
MAX_PLACES = 160  # visitors waiting, beyond which the page asks to come back later
MAX_PER_ADDRESS = 120  # of them from one address, behind which there may be a whole class
MAX_PER_VISITOR = 4
WORTH_SAYING = 3.0  # s of waiting, from which on the page says why
FETCH_WITHIN = 300.0  # s for which an answer waits for the visitor to fetch it
LOOK_EVERY = 30.0  # s
EVERYBODY_WAITS = "Too many visitors are waiting at the moment; try again in a minute."
YOU_WAIT = (
    f"You have {MAX_PER_VISITOR} orders waiting already; more can be given as soon as one is done."
)
FILE_GONE = "A picture of this order is no longer kept here: uploads are deleted after an hour. Upload it again."

Said = tuple[bool, str | list[dict[str, Any]], Any]


class JobQueue(Queue):
    """Gradio's queue with the rules above.

    Args:
        on_idle: what is called in a thread once nothing has been done for so many seconds.
    """

    def __init__(
        self, *arguments: Any, on_idle: Sequence[tuple[float, Callable[[], None]]], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.on_idle = on_idle
        # Of a function's id the same function, in the line of long jobs.
        self._long_twins: dict[int, BlockFunction] = {}
        self._last_message: dict[str, float] = {}  # session -> when it was last told something
        self._told: set[str] = set()  # events whose visitor knows why there is a wait

    def start(self) -> None:
        super().start()
        run_coro_in_background(self._look_after)

    # ---- accepting ----

    async def push(
        self, body: PredictBodyInternal, request: fastapi.Request, username: str | None
    ) -> Said:
        """Accept an order, or refuse it in a sentence."""
        refusal = self._refusal(body.session_hash, _address(request))
        if refusal:
            return False, said(refusal, request), "queue_full"
        give_order(request)
        success, event_id, state = await super().push(body, request, username)
        event = self.event_ids_to_events.get(str(event_id))
        if event is None:  # refused, or done already
            return success, event_id, state
        if not all(map(os.path.exists, files_in(body.data))):  # no path is too long for it
            await self.remove_from_queue(event._id)
            self.pending_event_ids_session.get(event.session_hash, set()).discard(event._id)
            return False, said(FILE_GONE, request), "error"
        self._put_in_line(event)
        self._withdraw_older(event)
        return success, event_id, state

    def _refusal(self, session: str | None, address: str) -> str | None:
        lines = self.event_queue_per_concurrency_id.values()
        waiting = [event for line in lines for event in line.queue]
        if len(waiting) >= MAX_PLACES:
            return EVERYBODY_WAITS
        if sum(_address(event.request) == address for event in waiting) >= MAX_PER_ADDRESS:
            return EVERYBODY_WAITS
        own = sum(event.session_hash == session for event in waiting)
        return YOU_WAIT if session is not None and own >= MAX_PER_VISITOR else None

    def _withdraw_older(self, newest: Event) -> None:
        """Withdraw this visitor's orders of a kind of which only the newest counts; those that wait are done with."""
        kind = kind_of(newest.fn.fn)
        if kind is None:
            return
        for event in list(self.event_ids_to_events.values()):
            is_visitors = event.session_hash == newest.session_hash and event is not newest
            if not is_visitors or kind_of(event.fn.fn) != kind:
                continue
            order_of(event.request).withdraw()
            line = self.event_queue_per_concurrency_id[event.concurrency_id].queue
            if event in line:
                line.remove(event)
                del self.event_ids_to_events[event._id]
                unchanged = [{"__type__": "update"} for _ in event.fn.outputs]
                done = {"data": unchanged, "is_generating": False, "changed_state_ids": []}
                self.send_message(event, ProcessCompletedMessage(output=done, success=True))

    def _put_in_line(self, event: Event) -> None:
        """Move an order that takes minutes to the line of those."""
        line = self.event_queue_per_concurrency_id[event.concurrency_id]
        if event.concurrency_id != AT_ONCE or event not in line.queue or not is_long(event.data):
            return
        line.queue.remove(event)
        if event.fn._id not in self._long_twins:
            twin = self._long_twins[event.fn._id] = copy.copy(event.fn)
            twin.concurrency_id, twin.concurrency_limit = LONG, 1
        event.fn = self._long_twins[event.fn._id]
        event.concurrency_id = LONG
        self.create_event_queue_for_fn(event.fn)
        self.event_queue_per_concurrency_id[LONG].queue.append(event)
        self.broadcast_estimations(LONG, len(self.event_queue_per_concurrency_id[LONG].queue) - 1)

    def files_in_use(self) -> set[str]:
        """The files that accepted orders need, waiting or being done."""
        events = list(self.event_ids_to_events.values())
        return {path for event in events if event.data for path in files_in(event.data.data)}

    # ---- how long it takes ----

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        """Tell those in a line their place and how long it takes, and once why."""
        if concurrency_id not in (AT_ONCE, LONG):
            return super().broadcast_estimations(concurrency_id, after)
        line = self.event_queue_per_concurrency_id[concurrency_id]
        wait = self._seconds_until_free(concurrency_id)
        for rank, event in enumerate(line.queue):
            lasts = self._usual_seconds(event.fn)
            if after is None or rank >= after:
                eta = None if wait is None or lasts is None else wait + lasts
                size = len(line.queue)
                self.send_message(
                    event, EstimationMessage(rank=rank, rank_eta=eta, queue_size=size)
                )
                self._say_why(event, wait, rank)
            wait = None if wait is None or lasts is None else wait + lasts
        return None

    def _seconds_until_free(self, concurrency_id: str) -> float | None:
        """Until the first in a line has its turn; None where it is not known."""
        job = TURNS.job_running
        line = self.event_queue_per_concurrency_id[concurrency_id]
        ends = [
            begun + usual - time.time()
            for fn, times in line.start_times_per_fn.items()
            for begun in times
            if (usual := self._usual_seconds(fn)) is not None
        ]
        if concurrency_id == AT_ONCE:
            return max([0.0, *ends]) + (job.turn_left() if job else 0.0)
        if not line.current_concurrency:
            return 0.0
        if job is not None and (left := job.seconds_left()) is not None:
            return left
        return max(0.0, min(ends)) if ends else None

    def _usual_seconds(self, fn: BlockFunction) -> float | None:
        return self.process_time_per_fn[fn].avg_time if fn in self.process_time_per_fn else None

    def _say_why(self, event: Event, wait: float | None, rank: int) -> None:
        if event._id in self._told or (wait is not None and wait < WORTH_SAYING):
            return
        self._told.add(event._id)
        words, title = said(why(wait, rank), event.request), said("Waiting", event.request)
        lasts = min(wait or 10.0, 30.0)
        self.send_message(event, LogMessage(log=words, level="info", duration=lasts, title=title))

    # ---- what nobody fetches ----

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        self._last_message[event.session_hash] = time.monotonic()
        super().send_message(event, event_message)

    async def _look_after(self) -> None:
        """Every half minute: forget what nobody fetches, and once nothing is done any more give memory back."""
        seen, since, to_call = 0, 0.0, list[tuple[float, Callable[[], None]]]()
        while not self.stopped:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            self.drop_unread(now)
            if self.events_recorded != seen or self._has_work():
                seen, since, to_call = self.events_recorded, now, list(self.on_idle)
            while to_call and now - since >= to_call[0][0] and not self._has_work():
                await asyncio.to_thread(to_call.pop(0)[1])

    def _has_work(self) -> bool:
        """Whether an order waits or is being done: between two orders, none is being done for a moment."""
        return len(self) > 0 or self.get_active_worker_count() > 0

    def drop_unread(self, now: float) -> int:
        """Forget what was said to visitors who have not listened for a while; returns to how many."""
        busy = {event.session_hash for event in self.event_ids_to_events.values()}
        silent = [name for name, last in self._last_message.items() if now - last > FETCH_WITHIN]
        dropped = [session for session in silent if session not in busy]
        for session in dropped:
            del self._last_message[session]
            self.pending_event_ids_session.pop(session, None)
            if session in self.pending_messages_per_session:
                del self.pending_messages_per_session[session]
        self._told &= set(self.event_ids_to_events)
        return len(dropped)


def why(wait: float | None, rank: int) -> str:
    """Why a visitor waits, and how long: "Someone is refining; your turn in about 40 s."."""
    job = TURNS.job_running
    who = f"Someone is {job.doing}" if job else "Others were here before you"
    when = "your turn comes next" if rank == 0 else f"your turn comes after {rank} others"
    return f"{who}; {when if wait is None else f'your turn in about {max(1.0, wait):.0f} s'}."


def is_long(body: PredictBodyInternal | None) -> bool:
    """Whether an order that may be of either kind takes minutes: it is refined, or made by a method without a model."""
    chosen = [value for value in body.data if isinstance(value, str)] if body else []
    return not LONG_CHOICES.isdisjoint(chosen)


def _address(request: Any) -> str:
    client = getattr(request, "client", None)
    return client.host if client else ""


def files_in(value: object) -> Iterator[str]:
    """The paths of the files in an order's values."""
    if isinstance(value, Mapping):
        path = value.get("path")
        if (
            isinstance(path, str)
            and "\0" not in path
            and len(path) < 4096
            and Path(path).is_absolute()
        ):
            yield path
        for part in value.values():
            yield from files_in(part)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for part in value:
            yield from files_in(part)
