"""Of a visitor's orders of one kind only the newest counts: those before it are withdrawn, waiting or being painted.

    @newest_only
    def paint(request: gr.Request, ...):
        work = order_of(request).begin(lambda: start(...), Work.replace)
        if work: ...                    # else a newer one was given meanwhile

    never_two.click(paint, ...)         # in a page whose queue is a `demo.server.job_queue.JobQueue`

So nobody waits for a picture that is no longer wanted, and none of those comes late and takes a newer one's place.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
Handler = TypeVar("Handler", bound=Callable[..., Any])
KIND = "newest_of"  # attribute of a handler


def newest_only(handler: Handler) -> Handler:
    """Let the queue withdraw a visitor's earlier orders of this handler, from whatever event, once there is a newer one."""
    setattr(handler, KIND, f"{handler.__module__}.{handler.__qualname__}")
    return handler


def kind_of(function: Any) -> str | None:
    """Of which orders only the newest counts, for a function that Gradio calls; None for one whose orders all count."""
    return getattr(function, KIND, None)


class Order:
    """One order of a visitor, which can be withdrawn at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._withdrawn = False
        self._end: Callable[[], None] | None = None

    def begin(self, start: Callable[[], T], end: Callable[[T], None]) -> T | None:
        """What `start` gives, or None where the order was withdrawn; `end` is called with it if it is withdrawn later."""
        with self._lock:
            if self._withdrawn:
                return None
            begun = start()
            self._end = partial(end, begun)
            return begun

    def withdraw(self) -> None:
        """A newer one takes its place: it does not begin any more, and ends if it has begun."""
        with self._lock:
            self._withdrawn = True
            if self._end:
                self._end()


def give_order(request: Any) -> None:
    """Let `order_of` know a request, Starlette's, as an order."""
    request.state.order = Order()


def order_of(request: Any) -> Order:
    """The order behind a request, Starlette's or Gradio's; one that nobody withdraws where it did not come by the queue."""
    state = getattr(getattr(request, "request", None) or request, "state", None)
    found = getattr(state, "order", None)
    return found if isinstance(found, Order) else Order()
