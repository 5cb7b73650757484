"""What must hold when things end: kills at any moment, a full disk, the memory after work."""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from core.images.decode import ImageError, load_image
from demo.server.refusals import FULL
from tests.demo.server import stage
from tests.soak.mutants import READ, REFUSED, wrong_words
from tests.soak.page import ROOT, Server, as_file, narrow_models, told
from tests.soak.requests import png, right_calls

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
TEMPORARY = re.compile(r"\.tmp$|\.part$")
SMALL_DISK = "2m"
MAY_GROW = 0.5  # GB that work may leave behind
IDLE = 100.0  # s within which memory is given back
COMMAND_SECONDS = 60.0
HOSTILE = 12  # uploads of 85 million pixels each at the same time
WHILE_CHECKED = 1.5  # GB that they may take together


# ---- kills ----

WRITER = """
import sys; from pathlib import Path; from core.files import write_atomic
print("ready", flush=True)
for number in range(10**9): write_atomic(Path(sys.argv[1]), bytes([number % 256]) * 200_000)
"""


def writers(count: int, rng: random.Random, folder: Path) -> list[str]:
    """A writer killed at random moments leaves a whole file."""
    outcomes, target = [], folder / "result.png"
    for _ in range(max(1, count // 4)):
        ending = rng.choice((signal.SIGKILL, signal.SIGTERM))
        command = [sys.executable, "-c", WRITER, str(target)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(rng.random() * 0.2)
            writer.send_signal(ending)
        data = target.read_bytes() if target.exists() else b""
        is_whole = not data or (len(data) == 200_000 and len(set(data)) == 1)
        outcomes.append(READ if is_whole else f"half a file after {ending.name}")
    return outcomes


def commands(count: int, rng: random.Random, folder: Path) -> list[str]:
    """`core.stylize`, stopped at random moments: one line, the right exit code, whole pictures, nothing else."""
    checkpoints, out = narrow_models(folder), folder / "out"
    photos = []
    for seed in range(6):
        photos.append(folder / f"photo{seed}.png")
        photos[-1].write_bytes(png(seed, 384))
    command = [sys.executable, "-W", "ignore", "-m", "core.stylize", "--content", *map(str, photos)]
    command += ["--style", str(photos[0]), "--model", str(checkpoints / "original-500")]
    outcomes = []
    for _ in range(max(1, count // 50)):
        ending = rng.choice(tuple(CODES))
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen([*command, "--out", str(out)], **pipes, cwd=ROOT) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5 + 6 * rng.random())
            process.send_signal(ending)
            _, said = process.communicate(timeout=COMMAND_SECONDS)
        outcomes.append(_ended(process.returncode, said, ending) or _only_whole(out, ending))
    subprocess.run([*command, "--out", str(out)], cwd=ROOT, capture_output=True, check=True)
    left = [path.name for path in out.iterdir() if path.suffix != ".png"]
    return [*outcomes, f"the next run left {left}" if left else READ]


def _ended(code: int, said: str, ending: signal.Signals) -> str | None:
    """What is wrong with how a command ended; before Python itself listens, a signal ends it as it likes."""
    if code in (0, CODES[ending], -ending):
        return f"a traceback after {ending.name}" if "Traceback" in said else None
    return f"exit code {code} after {ending.name}"


def _only_whole(out: Path, ending: signal.Signals) -> str:
    for path in out.iterdir() if out.is_dir() else ():
        if ending != signal.SIGKILL and TEMPORARY.search(path.name):
            return f"{path.name} is left after {ending.name}"
        if path.suffix == ".png":
            try:
                load_image(path)
            except ImageError as error:
                return str(error)
    return READ


def pages(count: int, rng: random.Random, folder: Path) -> list[str]:
    """A page that ends while pictures come and go; the next one deletes what the former left, once it is an hour old."""
    uploads, checkpoints, outcomes = folder / "uploads", narrow_models(folder), []
    for _ in range(max(1, count // 150)):
        ending = rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        with Server(uploads, checkpoints) as server, ThreadPoolExecutor(4) as pool:
            data = right_calls(server, folder)["stylize"]
            visits = [pool.submit(_visit, server, data, seed) for seed in range(40)]
            time.sleep(rng.random() * 3)
            code, said = server.end(ending)
            for visit in visits:
                visit.result()
        outcomes.append(_page_ended(code, said, ending, server))
        if server.files():
            outcomes.append(_next_page(server.files(), uploads, checkpoints))
    return outcomes


def _visit(server: Server, data: list[object], seed: int) -> None:
    """Upload and order, as long as there is somebody to answer."""
    with suppress(httpx.HTTPError, ValueError):
        photo = as_file(server.upload(png(seed)))
        server.call("stylize", [photo, *data[1:]])


def _page_ended(code: int, said: str, ending: signal.Signals, server: Server) -> str:
    if code != CODES[ending]:
        return f"the page ended with {code} after {ending.name}: {said[-200:]}"
    if ending == signal.SIGKILL:
        return READ
    if left := [path.name for path in server.files()]:
        return f"{len(left)} files left after {ending.name}: {left[:3]}"
    return READ if said.strip() == "The page has stopped." else f"the page said {said[-200:]!r}"


def _next_page(left: list[Path], uploads: Path, checkpoints: Path) -> str:
    """Half of what visitors left is old: that goes when the next page starts, the rest stays for its hour."""
    visitors = [path for path in left if path.name.startswith("photo")]
    old, young = visitors[::2], visitors[1::2]
    for path in old:
        os.utime(path, (time.time() - 7200,) * 2)
    with Server(uploads, checkpoints) as server:
        if stayed := [path.name for path in old if path.exists()]:
            return f"{len(stayed)} old files outlived the next page's start: {stayed[:3]}"
        if gone := [path.name for path in young if not path.exists()]:
            return f"{len(gone)} young files are gone: {gone[:3]}"
        server.end(signal.SIGTERM)
        left = server.files()
        return f"{len(left)} files left: {left[:3]}" if left else READ


# ---- a full disk ----


@contextmanager
def small_disk() -> Iterator[Path | None]:
    """A disk of 2 MB, where this system lets us make one (Linux, as root), else None."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "none", folder]
        try:
            made = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            made = False
        try:
            yield Path(folder) if made else None
        finally:
            if made:
                subprocess.run(["umount", "-l", folder], check=False)


def disk(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Uploads until the disk is full, and again and again once the oldest are old enough; and commands on such a disk."""
    with small_disk() as small:
        if small is None:
            return ["skipped: a small disk needs Linux and root"]
        with stage(small, waits=False) as page:
            outcomes = [_upload(page.url("/gradio_api/upload"), small, rng) for _ in range(count)]
            for path in small.rglob("*"):
                os.utime(path, (time.time() - 120,) * 2)
            answer = httpx.post(page.url("/gradio_api/upload"), files={"files": b"x" * 50_000})
            outcomes.append(READ if answer.status_code == 200 else "the disk does not free itself")
        return outcomes + _command_on(small, rng, folder)


def _upload(url: str, small: Path, rng: random.Random) -> str:
    """One upload; now and then, a minute or two passes."""
    if rng.random() < 0.1:
        for path in rng.sample(sorted(small.rglob("*")), k=len(list(small.rglob("*"))) // 2):
            with suppress(OSError):
                os.utime(path, (time.time() - rng.choice((0, 120, 7200)),) * 2)
    data = rng.randbytes(int(10 ** rng.uniform(1, 6.2)))
    before = {path for path in small.rglob("*") if path.is_file()}
    answer = httpx.post(url, files={"files": ("photo.jpg", data)}, timeout=60)
    if answer.status_code == 200:
        [path] = answer.json()
        return READ if Path(path).read_bytes() == data else "an upload is not whole"
    left = {path for path in small.rglob("*") if path.is_file()} - before
    if answer.status_code == 507 and told(answer) == FULL and not left:
        return REFUSED
    return f"{answer.status_code} {told(answer)!r}, {len(left)} left"


def _command_on(small: Path, rng: random.Random, folder: Path) -> list[str]:
    """`core.stylize`, whose pictures do not all fit there; and the page, which does not."""
    checkpoints = narrow_models(folder)
    photos = []
    for seed in range(8):
        photos.append(folder / f"photo{seed}.bmp")
        Image.frombytes("RGB", (400, 400), rng.randbytes(480_000)).save(photos[-1])
    command = [sys.executable, "-W", "ignore", "-m", "core.stylize", "--content", *map(str, photos)]
    command += ["--style", str(photos[0]), "--model", str(checkpoints / "original-500")]
    command += ["--strength", "0", "--out", str(small / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    outcomes = [_only_whole(small / "out", signal.SIGTERM)]
    lines = [
        line for line in re.split(r"[\r\n]+", done.stdout + done.stderr) if "skipped: " in line
    ]
    wrong = [words for line in lines if (words := wrong_words(line.strip()))]
    if done.returncode != 2 or not lines or wrong or "Traceback" in done.stderr:
        outcomes.append(f"core.stylize, {done.returncode}: {wrong} {done.stderr[-200:]}")
    server = Server(small / "uploads", checkpoints)
    code, said = server.end(signal.SIGKILL if server.address else None)
    is_right = code == 1 and said.startswith("error: ") and "Traceback" not in said
    return [*outcomes, REFUSED if is_right else f"a page without a disk: {code} {said[-200:]}"]


# ---- memory ----


def memory(count: int, rng: random.Random, folder: Path) -> list[str]:
    """What the page holds after a refining, and while pictures of 85 million pixels are looked at."""
    checkpoints = narrow_models(folder)
    with Server(folder / "uploads", checkpoints) as server:
        calls = right_calls(server, folder)
        server.call("stylize", calls["stylize"])
        fresh = server.resident()
        kind, said = server.call("refine", calls["refine"])
        outcomes = [READ if kind == "complete" else f"refining: {said}"]
        outcomes.append(_falls_back(server, fresh, "a refining"))
        large = folder / "large.jpg"
        Image.new("RGB", (9200, 9200), "red").save(large, quality=10)
        outcomes += _looked_at(server, large.read_bytes(), calls["stylize"])
        outcomes.append(_falls_back(server, fresh, "large uploads"))
    return outcomes


def _falls_back(server: Server, fresh: float, after: str) -> str:
    end, held = time.monotonic() + IDLE, server.resident()
    while held > fresh + MAY_GROW and time.monotonic() < end:
        time.sleep(1)
        held = server.resident()
    print(f"memory after {after}: {held:.2f} GB, {fresh:.2f} GB before")
    return READ if held <= fresh + MAY_GROW else f"{held - fresh:.2f} GB more after {after}"


def _looked_at(server: Server, data: bytes, order: list[object]) -> list[str]:
    """Orders with hostile photos, all at once."""
    fresh, most = server.resident(), 0.0

    def visit(number: int) -> str:
        photo = as_file(server.upload(data, f"large{number}.jpg"))
        kind, said = server.call("stylize", [photo, *order[1:]])
        return READ if kind == "complete" else wrong_words(said) or REFUSED

    with ThreadPoolExecutor(HOSTILE) as pool:
        visits = [pool.submit(visit, number) for number in range(HOSTILE)]
        while not all(done.done() for done in visits):
            most = max(most, server.resident() - fresh)
            time.sleep(0.05)
    outcomes = [done.result() for done in visits]
    print(f"memory for {HOSTILE} pictures of 85 million pixels at once: {most:.2f} GB more")
    return [*outcomes, READ if most <= WHILE_CHECKED else f"{most:.2f} GB for hostile uploads"]
