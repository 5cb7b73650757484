"""A small page with the rules of the real one, served from the tests' own process: its orders take as long as a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
import httpx
import pytest

import app
from demo.page import PageBlocks
from demo.server.access import Access
from demo.server.newest import newest_only, order_of
from demo.server.turns import TURNS
from demo.shared.widgets import LONG_WORK, MODEL_WORK
from tests.waiting import WAIT


@dataclass
class Stage:
    """What the page's handlers do.

    Attributes:
        go_on: one release lets one picture be painted, or one batch be done.
        painted: the names of what was painted, in order.
        ended: the names of what was being painted when a newer order took its place.
        begun: set once a refining is at its first batch.
    """

    page: PageBlocks
    address: str = ""
    go_on: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    painted: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return self.address.rstrip("/") + path

    def order(
        self,
        name: str,
        mode: str = "instant",
        session: str | None = None,
        file: str | None = None,
        api: str = "paint",
    ) -> httpx.Response:
        """Order a picture, as a program does; with `api` "newest" one of which a visitor's newest alone counts."""
        data = [name, mode, {"path": file, "meta": {"_type": "gradio.FileData"}} if file else None]
        body: dict[str, Any] = {"data": data}
        if session:
            body["session_hash"] = session
        return httpx.post(self.url(f"/gradio_api/call/{api}"), json=body, timeout=WAIT)

    def answer(self, event: str, api: str = "paint") -> list[tuple[str, Any]]:
        """All that is said about an order, until it is done: (event, data)."""
        said: list[tuple[str, Any]] = []
        kind = ""
        with httpx.stream(
            "GET", self.url(f"/gradio_api/call/{api}/{event}"), timeout=WAIT
        ) as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    said.append((kind, json.loads(line.removeprefix("data: "))))
        return said

    def upload(self, name: str = "photo.jpg", data: bytes = b"x") -> str:
        answer = httpx.post(
            self.url("/gradio_api/upload"), files={"files": (name, data)}, timeout=WAIT
        )
        return str(answer.raise_for_status().json()[0])


def file_at(address: object) -> Path:
    """The file that an address of the page hands out, as `demo.shared.uploads.file_url` gives it."""
    return Path(unquote(str(address)).partition("file=")[2])


@contextmanager
def stage(
    folder: Path,
    auth: tuple[str, str] | None = None,
    access: Access | None = None,
    waits: bool = True,
) -> Iterator[Stage]:
    """The page, served. Without `waits`, pictures are painted at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        with PageBlocks() as page:
            built = Stage(page)
            _lay_out(page, built, waits)
        page.queue_jobs()
        built.address = app.start(page, "127.0.0.1", None, auth, access=access)
        try:
            yield built
        finally:
            for _ in range(1000):
                built.go_on.release()
            page.close(verbose=False)
            page.cleaner.stop()


def _lay_out(page: PageBlocks, built: Stage, waits: bool) -> None:
    def paint(name: str, mode: str, photo: Any) -> Iterator[str]:
        if mode != "refined":
            with TURNS:
                if waits:
                    assert built.go_on.acquire(timeout=WAIT)
                built.painted.append(name)
            yield f"{name} painted"
            return
        stop = threading.Event()
        with TURNS.job("refining") as job:
            for batch in range(20):
                job.stopped(stop)
                job.say(3.0 * (20 - batch))
                built.begun.set()
                assert built.go_on.acquire(timeout=WAIT)
                built.painted.append(f"{name} {batch}")
        yield f"{name} refined"

    @newest_only
    def paint_newest(request: gr.Request, name: str, mode: str, photo: Any) -> Iterator[str]:
        if order_of(request).begin(lambda: name, built.ended.append):
            yield from paint(name, mode, photo)

    def fail(number: float, size: str, on: bool, photo: Any) -> str:
        if on:
            raise OSError(28, "No space left on device")
        return f"{number} {size}"

    name, result = gr.Textbox(label="name"), gr.Textbox(label="result")
    mode = gr.Radio(["instant", "refined"], value="instant", label="mode")
    photo = gr.Image(label="photo", type="filepath", image_mode=None)
    number = gr.Slider(0, 10, label="strength")
    size = gr.Dropdown(["small", "large"], label="size")
    switch = gr.Checkbox(label="invert")
    button = gr.Button()
    button.click(
        paint, [name, mode, photo], result, api_name="paint", preprocess=False, **MODEL_WORK
    )
    orders: dict[str, Any] = {"preprocess": False} | MODEL_WORK
    button.click(paint_newest, [name, mode, photo], result, api_name="newest", **orders)
    button.click(
        lambda name: f"{name} long", name, result, api_name="long", preprocess=False, **LONG_WORK
    )
    button.click(
        fail, [number, size, switch, photo], result, api_name="check", preprocess=False, queue=False
    )
