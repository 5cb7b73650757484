"""A Hugging Face Space: what is uploaded, to a stand-in for the hub on this machine; the GPU that it lends."""

import base64
import hashlib
import json
import pickle
import re
import shutil
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import reload
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import yaml

from core.settings import Settings
from demo import space
from demo.shared import gpu
from tests.conftest import draw

from .conftest import served

LARGE = 1_000_000  # bytes, from which on the hub wants files by LFS
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


@dataclass
class Hub:
    """A stand-in for the hub: what was asked of it, and the files that a commit left there."""

    address: str = ""
    created: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    lfs: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, served; it takes the token `hf_test`."""
    hub = Hub(files={"old.txt": b"from an earlier upload"})

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self, content: object, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def body(self) -> bytes:
            if "chunked" in self.headers.get("transfer-encoding", ""):
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("content-length", 0)))

        def do_GET(self) -> None:
            if self.headers.get("authorization") == "Bearer hf_wrong":
                self.answer({"error": "Invalid credentials in Authorization header"}, 401)
                return
            listed = [{"type": "file", "path": it, "size": 1, "oid": "0"} for it in hub.files]
            about = {
                "id": "me/style",
                "sha": "0" * 40,
                "siblings": [{"rfilename": it} for it in hub.files],
            }
            self.answer(listed if "/tree/" in self.path else about)

        def do_PUT(self) -> None:
            data = self.body()
            assert hashlib.sha256(data).hexdigest() == self.path.rsplit("/", 1)[1]
            hub.lfs[hashlib.sha256(data).hexdigest()] = data
            self.answer({})

        def do_POST(self) -> None:
            data = self.body()
            if self.path != "/lfs-verify":
                hub.tokens.add(self.headers.get("authorization"))
            if self.headers.get("authorization") == "Bearer hf_wrong":
                self.answer({"error": "Invalid credentials in Authorization header"}, 401)
            elif self.path == "/api/repos/create":
                hub.created.append(json.loads(data))
                self.answer(
                    {"url": f"{hub.address}/spaces/me/style", "name": "me/style", "id": "1"}
                )
            elif self.path == "/api/validate-yaml":
                self.answer({"errors": [], "warnings": []})
            elif "/preupload/" in self.path:
                files = json.loads(data)["files"]
                modes = ["lfs" if it["size"] >= LARGE else "regular" for it in files]
                self.answer({"files": [
                    {"path": it["path"], "uploadMode": mode, "shouldIgnore": False, "oid": None}
                    for it, mode in zip(files, modes, strict=True)
                ]})  # fmt: skip
            elif self.path.endswith("/info/lfs/objects/batch"):
                objects = json.loads(data)["objects"]
                self.answer({"transfer": "basic", "objects": [
                    it | {"actions": {"upload": {"href": f"{hub.address}/lfs/{it['oid']}"}}}
                    for it in objects
                ]})  # fmt: skip
            elif "/commit/" in self.path:
                for line in data.decode().splitlines():
                    self.take(json.loads(line))
                self.answer({"success": True, "commitOid": "1" * 40, "hookOutput": "",
                             "commitUrl": f"{hub.address}/spaces/me/style/commit/{'1' * 40}"})  # fmt: skip
            else:
                self.answer({"error": f"the stand-in does not know {self.path}"}, 404)

        def take(self, operation: dict[str, Any]) -> None:
            value = operation["value"]
            if operation["key"] == "file":
                hub.files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                hub.files[value["path"]] = hub.lfs[value["oid"]]
            elif operation["key"] == "deletedFile":
                del hub.files[value["path"]]

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    yield hub
    server.shutdown()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A small folder laid out as the repository is, with what a Space must not get."""
    root = tmp_path / "clone"
    for name in space.FILES:
        root.mkdir(exist_ok=True)
        shutil.copy(space.ROOT / name, root / name)
    for name, data in {
        "core/__init__.py": b"",
        "core/__pycache__/x.pyc": b"x",
        "demo/page.css": b"a {}",
        "gallery/my/style/private.jpg": b"mine",
        "gallery/style/wave.jpg": b"\xff\xd8",
        "checkpoints/flagship/model.safetensors": b"w" * 2_000_000,
        "tests/test_it.py": b"def test(): ...",
        ".git/config": b"[core]",
        "runs/live/log.csv": b"1",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_what_a_space_needs_is_uploaded_and_nothing_else(
    hub: Hub, clone: Path, tmp_path: Path
) -> None:
    space.write_space(tmp_path / "space", "me/style", clone)
    assert space.upload(tmp_path / "space", "me/style", hub.address).endswith("/spaces/me/style")
    (created,) = hub.created
    assert (created["type"], created["sdk"]) == ("space", "gradio")
    assert hub.tokens == {"Bearer hf_test"}
    assert set(hub.files) == {
        *space.FILES, ".gitattributes",
        "core/__init__.py", "demo/page.css", "gallery/style/wave.jpg",
        "checkpoints/flagship/model.safetensors",
    }  # fmt: skip
    assert list(map(len, hub.lfs.values())) == [2_000_000]
    assert hub.files["app.py"] == (space.ROOT / "app.py").read_bytes()


def test_a_refused_token_is_one_sentence(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, clone: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    monkeypatch.setattr(space, "ROOT", clone)
    monkeypatch.setattr(space.HfApi, "__init__", _at(hub.address))
    monkeypatch.setattr(space, "write_space", lambda *_: None)
    assert space.main(["me/style"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: the Space was not uploaded: ") and said.count("\n") == 1
    with pytest.raises(SystemExit, match="2"):
        space.main(["style"])
    assert "USER/NAME" in capsys.readouterr().err


def _at(address: str) -> Callable[..., None]:
    original = space.HfApi.__init__
    return lambda self, **_: original(self, endpoint=address)


def test_the_front_matter_says_what_the_hub_asks_for() -> None:
    text = space.space_readme((space.ROOT / "README.md").read_text("utf-8"), "me/style")
    match = FRONT_MATTER.match(text)
    assert match
    matter = yaml.safe_load(match[1])
    assert {"title", "emoji", "colorFrom", "colorTo", "license", "short_description"} <= set(matter)
    assert len(matter["short_description"]) <= 60
    assert (matter["sdk"], matter["sdk_version"]) == ("gradio", gr.__version__)
    assert matter["python_version"] in ("3.10", "3.12")  # what ZeroGPU has
    assert matter["suggested_hardware"] == "zero-a10g"
    assert (space.ROOT / matter["app_file"]).is_file()
    assert matter["thumbnail"].startswith("https://huggingface.co/spaces/me/style/resolve/main/")
    assert (space.ROOT / matter["thumbnail"].partition("/main/")[2]).is_file()


def test_the_space_names_a_pytorch_that_zerogpu_takes() -> None:
    lines = space.space_requirements((space.ROOT / "requirements.txt").read_text()).splitlines()
    assert "torch==2.11.0" in lines and "torchvision==0.26.0" in lines and "spaces" in lines
    assert not [line for line in lines if line.startswith("torch==2.14")]


@pytest.mark.slow
def test_the_files_of_a_space_serve_the_page(tmp_path: Path) -> None:
    folder = tmp_path / "space"
    command = [sys.executable, "-m", "demo.space", "me/style", "--to", str(folder)]
    subprocess.run(command, cwd=space.ROOT, check=True, capture_output=True)
    sizes = [it.stat().st_size for it in folder.rglob("*") if it.is_file()]
    assert max(sizes) < 10_000_000 and sum(sizes) < 1_000_000_000
    with served(tmp_path / "gradio", folder=folder) as address:
        assert address.startswith("http://127.0.0.1:")


def test_instant_pictures_are_painted_on_a_lent_gpu_and_without_one_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def lend(duration: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As `spaces.GPU`: what goes in and comes out is pickled, and a visitor's share can be used up."""

        def decorate(work: Callable[..., Any]) -> Callable[..., Any]:
            def lent(*given: object) -> object:
                asked.append("gpu")
                if len(asked) > 1:
                    raise gr.Error("You have exceeded your GPU quota")
                return pickle.loads(pickle.dumps(work(*pickle.loads(pickle.dumps(given)))))

            return lent

        assert duration <= 60
        return decorate

    photo, painting, settings = draw(1), draw(2), Settings(model="flagship")
    here = gpu.stylize_instantly(photo, [painting], settings, None, None)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=lend))
        lent = reload(gpu).stylize_instantly
        for _ in range(2):
            there = lent(photo, [painting], settings, None, None)
            assert there.image.tobytes() == here.image.tobytes()
    assert asked == ["gpu", "gpu"]
    assert reload(gpu).stylize_instantly is gpu._stylize
