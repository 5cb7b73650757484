"""Work that a visitor has running, so that the same visitor can stop it.

running = RunningJobs()
buttons = running.buttons("Stylize video", "video", ready=True)     # in the layout
with running.job(request) as stop:              # a threading.Event, set by `running.stop(request)`
    for step in work:
        if stop.is_set(): break
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from demo.shared.picture_place import QUIET

WORKING = {
    "go": gr.Button(visible=False),
    "stop": gr.Button("Stop", interactive=True, visible=True),
}
IDLE = {"go": gr.Button(visible=True), "stop": gr.Button(visible=False)}


class RunningJobs:
    """At most one job of a kind for each visitor; a new one takes the place of the one before."""

    def __init__(self) -> None:
        self._stops: dict[str, threading.Event] = {}

    @contextmanager
    def job(
        self, request: gr.Request, stop: threading.Event | None = None
    ) -> Iterator[threading.Event]:
        """Give the event that is set once the visitor asks to stop; it is set too when the job has ended.

        Args:
            stop: that event, where the caller keeps more in it, for `of`.
        """
        session, stop = str(request.session_hash), stop or threading.Event()
        self._stops[session] = stop
        try:
            yield stop
        finally:
            stop.set()
            if self._stops.get(session) is stop:
                del self._stops[session]

    def of(self, request: gr.Request) -> Any:
        """The event of this visitor's job; None where there is none."""
        return self._stops.get(str(request.session_hash))

    def buttons(self, words: str, tab: str, ready: bool) -> dict[str, gr.Button]:
        """The button that starts a job and the one that stops it, by their names in `WORKING`; the latter is connected."""
        go = gr.Button(words, variant="primary", elem_id=f"{tab}-go", interactive=ready)
        stop = gr.Button("Stop", variant="stop", elem_id=f"{tab}-stop", visible=False)
        stop.click(self.stop, None, stop, **QUIET)
        return {"go": go, "stop": stop}

    def stop(self, request: gr.Request) -> Any:
        """Ask this visitor's job to end soon; return the stop button as it then looks."""
        if stop := self.of(request):
            stop.set()
        return gr.Button("Stopping…", interactive=False)
