"""A page in a process of its own, as a visitor's browser and as the operating system see it.

with Server(folder, checkpoints) as server:
    path = server.upload(png)
    kind, answer = server.call("stylize", [...])
    server.end(signal.SIGKILL)
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import torch

from core.models.checkpoint import save_model
from core.models.encoder import load_encoder
from tests.conftest import tiny
from tests.demo.server import WAIT

ROOT = Path(__file__).resolve().parents[2]


def narrow_models(folder: Path) -> Path:
    """A folder with one model, of random weights, which paints in milliseconds."""
    torch.manual_seed(0)
    variant = tiny("original-500")
    training = {"style_weight": variant.style_weight, "lr": 1e-3}
    model = folder / "checkpoints" / "original-500"
    save_model(model, variant, variant.build(), load_encoder(variant.encoder), training)
    return folder / "checkpoints"


def as_file(path: str) -> dict[str, Any]:
    """An upload as a value of an order."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


class Server:
    """`python app.py`; a context manager, at whose end it is no more.

    Args:
        uploads: the folder for all that belongs to visitors.
        checkpoints: its models.
    """

    def __init__(self, uploads: Path, checkpoints: Path) -> None:
        self.uploads = uploads
        # A pipe that nobody reads would stop the page.
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--port", str(port), "--checkpoints", str(checkpoints)]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "app.py", *options],
            cwd=ROOT,
            env=os.environ | {"GRADIO_TEMP_DIR": str(uploads)},
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.address = line.split()[-1].rstrip("/") if "MetaStyle is at" in line else ""

    def __enter__(self) -> "Server":
        if not self.address:
            raise RuntimeError(f"The page did not start: {self.end(signal.SIGKILL)[1]}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.end(signal.SIGKILL)
        self._said.close()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def end(self, ending: signal.Signals | None = None) -> tuple[int, str]:
        """Exit code and what was said on stderr, after that signal, or by itself."""
        if ending is not None and self.process.poll() is None:
            self.process.send_signal(ending)
        code = self.process.wait(WAIT)
        self._said.seek(0)
        return code, self._said.read()

    def files(self) -> list[Path]:
        """What lies there of visitors and of the page itself."""
        return [path for path in self.uploads.rglob("*") if path.is_file()]

    def resident(self) -> float:
        """GB of memory that the page holds (Linux)."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1e6

    def send(self, route: str, **content: Any) -> httpx.Response:
        """A POST."""
        return httpx.post(f"{self.address}/gradio_api/{route}", timeout=WAIT, **content)

    def upload(self, data: bytes, name: str = "photo.png") -> str:
        """The path of an upload."""
        return str(self.send("upload", files={"files": (name, data)}).raise_for_status().json()[0])

    def download(self, path: str) -> bytes:
        answer = httpx.get(f"{self.address}/gradio_api/file={path}", timeout=WAIT)
        return answer.raise_for_status().content

    def endpoints(self) -> dict[str, list[tuple[str, Any]]]:
        """Endpoint -> the names of what it takes, with their defaults."""
        info = httpx.get(f"{self.address}/gradio_api/info", timeout=WAIT).json()
        return {
            name.removeprefix("/"): [
                (known["parameter_name"], known.get("parameter_default"))
                for known in about["parameters"]
            ]
            for name, about in info["named_endpoints"].items()
        }

    def call(self, endpoint: str, data: object) -> tuple[str, Any]:
        """("complete", the answer), or ("error", what is said)."""
        content = json.dumps({"data": data}).encode()  # with NaN, where there is one
        headers = {"Content-Type": "application/json"}
        answer = self.send(f"call/{endpoint}", content=content, headers=headers)
        if answer.status_code != 200:
            return "error", told(answer)
        return self.answer(endpoint, answer.json()["event_id"])

    def answer(self, endpoint: str, event: str) -> tuple[str, Any]:
        """How an accepted order ends."""
        kind, last = "", None
        where = f"{self.address}/gradio_api/call/{endpoint}/{event}"
        with httpx.stream("GET", where, timeout=WAIT) as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    last = json.loads(line.removeprefix("data: "))
        return kind, last.get("error") if kind == "error" and isinstance(last, dict) else last


def told(answer: httpx.Response) -> object:
    """What a refusal says."""
    try:
        said = answer.json()
    except ValueError:
        return answer.text
    return said.get("detail", said.get("error")) if isinstance(said, dict) else said
