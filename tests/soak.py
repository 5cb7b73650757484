"""What strangers send, by the thousand: broken files of every kind, odd requests, crowds, kills, a full disk.

    python -m tests.soak --count 2000 --seed 7

Every mutant must be read, or refused in one sentence of our own. The table at the end counts both; the exit code is 1 where
anything else came. The same seed makes the same mutants. `tests/test_soak.py` runs a short part with the tests.
"""

import argparse
import errno
import io
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import av
import httpx
import numpy as np
import torch
from PIL import Image

from core.analysis.curves import LogError
from core.analysis.training_logs import read_files
from core.images.decode import ImageError, load_image
from core.images.video_file import VideoError, probe
from core.models.checkpoint import load_model, save_model
from core.models.encoder import load_encoder
from core.models.weights import WeightsError
from demo.server.job_queue import EVERYBODY_WAITS, YOU_WAIT
from demo.server.refusals import FULL
from tests.conftest import tiny
from tests.demo.server import WAIT, Stage, stage

VISITORS = 64
KINDS = ("pictures", "videos", "logs", "models", "calls", "visitors", "kills", "disk")
READ, REFUSED = "read", "refused"
Outcome = tuple[str, str]  # READ, REFUSED or a fault in words


# ---- mutants ----


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with some of them changed, left out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        place = rng.randrange(max(1, len(changed)))
        length = rng.choice((1, 2, 4, 16, 200))
        way = rng.randrange(5)
        if way == 0:
            changed[place : place + length] = rng.randbytes(length)
        elif way == 1:
            del changed[place : place + length]
        elif way == 2:
            changed[place:place] = changed[place : place + length]
        elif way == 3:
            changed[place : place + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        else:
            del changed[rng.randrange(len(changed) + 1) :]
    return bytes(changed)


def one_sentence(error: Exception) -> str | None:
    """What is wrong with an error's words, None where they are one sentence."""
    text = str(error)
    if not text.endswith(".") or "\n" in text:
        return f"not a sentence: {text[:100]!r}"
    if "Traceback" in text or "object at 0x" in text:
        return f"not for people: {text[:100]!r}"
    return None


def tried(work: Callable[[], object], refusals: tuple[type[Exception], ...]) -> str:
    """READ, REFUSED, or what went wrong."""
    try:
        work()
    except refusals as error:
        return one_sentence(error) or REFUSED
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:100]}"
    return READ


# ---- files ----


def picture_seeds() -> list[tuple[str, bytes]]:
    """A small picture in each format."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8))
    seeds = []
    for form, mode in (
        *(("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("JPEG", "RGB")),
        *(("JPEG", "CMYK"), ("WEBP", "RGB"), ("BMP", "RGB"), ("GIF", "P"), ("TIFF", "RGB")),
    ):
        buffer = io.BytesIO()
        converted = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
        converted.save(buffer, form)
        seeds.append((form.lower(), buffer.getvalue()))
    return seeds


def pictures(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    seeds, outcomes = picture_seeds(), []
    for number in range(count):
        form, data = seeds[number % len(seeds)]
        path = folder / f"mutant.{form}"
        path.write_bytes(mutated(data, rng))
        outcomes.append((tried(lambda path=path: load_image(path), (ImageError,)), form))  # type: ignore[misc]
    return outcomes


def video_seed(path: Path) -> bytes:
    """Half a second of video."""
    with av.open(str(path), "w") as container:
        track = container.add_stream("libx264", rate=10)
        track.width = track.height = 64
        for number in range(5):
            pixels = np.full((64, 64, 3), number * 40, dtype=np.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(track.encode())
    return path.read_bytes()


def videos(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    data, path, outcomes = video_seed(folder / "seed.mp4"), folder / "mutant.mp4", []
    for _ in range(count):
        path.write_bytes(mutated(data, rng))
        outcomes.append((tried(lambda: probe(path), (VideoError,)), "mp4"))
    return outcomes


def logs(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    rows = [f"{number},{number * 0.5},1.5,0.25,0.1,a style" for number in range(20)]
    data = "\n".join(["iteration,loss,content_loss,style_loss,tv_loss,style", *rows]).encode()
    path, outcomes = folder / "log.csv", []
    for _ in range(count):
        path.write_bytes(mutated(data, rng))
        outcomes.append((tried(lambda: read_files([path], "log"), (LogError,)), "csv"))
    return outcomes


def models(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    torch.manual_seed(0)
    variant, model = tiny("original-500"), folder / "model"
    training = {"style_weight": variant.style_weight, "lr": 1e-3}
    save_model(model, variant, variant.build(), load_encoder(variant.encoder), training)
    files = sorted(path for path in model.iterdir() if path.is_file())
    whole = {path: path.read_bytes() for path in files}
    outcomes = []
    for number in range(count):
        path = files[number % len(files)]
        head, rest = (
            whole[path][:4096],
            whole[path][4096:],
        )  # what a file says of itself stands at its start
        path.write_bytes(mutated(head, rng) + rest)
        outcomes.append((tried(lambda: load_model(Path(model)), (WeightsError,)), path.suffix))
        path.write_bytes(whole[path])
    return outcomes


# ---- the page ----

ODD_VALUES: list[Any] = [
    *(None, True, -1, 0, 1e308, 10**30, "", "x", "\u202e", "a\0b", [], [[]], {}, {"a": 1}),
    *(
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        {"path": None},
        {"url": "file:///etc/passwd"},
    ),
    *("refined", "instant", {"path": "x" * 5000}, [{"path": 1}], {"__type__": "update"}),
]


def calls(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    with stage(folder, waits=False) as page:
        return [_call(page, rng) for _ in range(count)]


def _call(page: Stage, rng: random.Random) -> Outcome:
    data = [rng.choice(ODD_VALUES) for _ in range(rng.choice((0, 1, 3, 4, 4, 4, 9)))]
    body: Any = json.dumps({"data": data}).encode()
    route = rng.choice(
        ("run/check", "call/paint", "queue/join", "upload", "cancel", "file=x", "nothing")
    )
    if rng.random() < 0.3:
        body = mutated(body, rng)
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(
        page.url(f"/gradio_api/{route}"), content=body, headers=headers, timeout=WAIT
    )
    if answer.status_code >= 500 and "error" not in answer.text:
        return f"{answer.status_code} {answer.text[:80]}", route
    said = answer.json() if answer.text.startswith("{") else {}
    if "error" in said:
        return (REFUSED if str(said["error"]).endswith(".") else f"says {said['error']!r}"), route
    if answer.status_code >= 400:
        return REFUSED, route
    if route == "call/paint":
        kind, told = page.answer(said["event_id"])[-1]
        if kind == "error" and not str((told or {}).get("error")).endswith("."):
            return f"says {told!r}", route
        return (READ if kind == "complete" else REFUSED), route
    return READ, route


def visitors(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    """64 at once, whatever the count, some of whom want more than their share."""
    with stage(folder, waits=False) as page, ThreadPoolExecutor(VISITORS) as pool:
        sessions = [f"visitor {number}" for number in range(VISITORS)] + ["greedy"] * 10
        rng.shuffle(sessions)
        orders = list(pool.map(lambda session: page.order(session, session=session), sessions))
        outcomes: list[Outcome] = []
        for session, answer in zip(sessions, orders, strict=True):
            if answer.status_code != 200:
                is_right = session == "greedy" and answer.json()["detail"] in (
                    YOU_WAIT,
                    EVERYBODY_WAITS,
                )
                outcomes.append((REFUSED if is_right else f"{session} was refused", "order"))
        end = time.monotonic() + WAIT
        accepted = sum(answer.status_code == 200 for answer in orders)
        while len(page.painted) < accepted and time.monotonic() < end:
            time.sleep(0.05)
        served = Counter(page.painted)
        outcomes += [
            (READ if served[session] >= 1 else f"{session} got nothing", "order")
            for session in set(sessions)
        ]
    return outcomes


WRITER = """
import sys; from pathlib import Path; from core.files import write_atomic
print("ready", flush=True)
for number in range(10**9): write_atomic(Path(sys.argv[1]), bytes([number % 256]) * 200_000)
"""


def kills(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    """A writer killed at random moments leaves a whole file, and the page's cleaner what it left beside it."""
    outcomes, target = [], folder / "result.png"
    for _ in range(min(count, 20)):
        ending = rng.choice((signal.SIGKILL, signal.SIGTERM))
        command = [sys.executable, "-c", WRITER, str(target)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(rng.random() * 0.3)
            writer.send_signal(ending)
        data = target.read_bytes() if target.exists() else b""
        whole = not data or (len(data) == 200_000 and len(set(data)) == 1)
        outcomes.append((READ if whole else f"half a file after {ending.name}", "kill"))
    return outcomes


def disk(count: int, rng: random.Random, folder: Path) -> list[Outcome]:
    """Uploads and results on a disk that is full now and then, and which is free again after."""

    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    outcomes: list[Outcome] = []
    with stage(folder, waits=False) as page:
        for _ in range(min(count, 50)):
            before = {path for path in folder.rglob("*") if path.is_file()}
            with mock.patch("gradio.route_utils.GradioUploadFile.write", full):
                upload = {"files": ("photo.jpg", rng.randbytes(rng.randrange(1, 100_000)))}
                answer = httpx.post(page.url("/gradio_api/upload"), files=upload, timeout=WAIT)
            left = {path for path in folder.rglob("*") if path.is_file()} - before
            is_right = answer.text == FULL and not left
            outcomes.append(
                (REFUSED if is_right else f"{answer.status_code}, {len(left)} left", "full")
            )
            page.upload(data=rng.randbytes(100))
            outcomes.append((READ, "free again"))
    return outcomes


# ---- all of it ----

Kind = Callable[[int, random.Random, Path], list[Outcome]]
WORK: dict[str, Kind] = {name: globals()[name] for name in KINDS}


def soak(count: int, seed: int, kinds: Sequence[str] = KINDS) -> dict[str, Counter[str]]:
    """Kind -> how many were read, refused, and what went wrong how often."""
    found = {}
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            outcomes = WORK[kind](count, random.Random(f"{seed} {kind}"), Path(folder))
        found[kind] = Counter(what for what, _ in outcomes)
    return found


def faults(found: dict[str, Counter[str]]) -> list[str]:
    """What went wrong, in lines."""
    return [
        f"{kind}: {times} x {what}"
        for kind, counts in found.items()
        for what, times in counts.items()
        if what not in (READ, REFUSED)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="mutants of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args(arguments)
    found = soak(options.count, options.seed, options.kinds)
    print(f"{'':10} {'tried':>7} {'read':>7} {'refused':>8} {'faults':>7}")
    for kind, counts in found.items():
        total, good, refused = counts.total(), counts[READ], counts[REFUSED]
        print(f"{kind:10} {total:7} {good:7} {refused:8} {total - good - refused:7}")
    wrong = faults(found)
    print("\n".join(wrong) if wrong else "No faults.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
