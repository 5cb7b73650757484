"""What programs and crowds ask of the page: calls of every endpoint, broken requests, 64 visitors at once."""

import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from demo.server.job_queue import EVERYBODY_WAITS, YOU_WAIT
from tests.conftest import draw
from tests.soak.files import video_seed
from tests.soak.mutants import ODD, READ, REFUSED, mutated, odd, wrong_words
from tests.soak.page import Server, as_file, narrow_models, told

VISITORS, GREEDY = 64, 6
SIDE = 256  # px, of a visitor's picture
SHARES = {"stylize": 60, "models": 4, "measures": 4, "stylize_many": 6, "stylize_video": 6}
RARE = {"refine": 1, "sheet": 1, "compare": 1, "report": 1}  # these take seconds
ROUTES = (
    *("run/stylize", "run/models", "call/stylize", "queue/join", "upload", "cancel", "reset"),
    *("call/nothing", "component_server", "run/leave", "heartbeat/x", "file=x", "nothing"),
)


def png(seed: int, side: int = 64) -> bytes:
    """A picture unlike any other seed's."""
    buffer = io.BytesIO()
    draw(seed, (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def right_calls(server: Server, folder: Path) -> dict[str, list[Any]]:
    """Endpoint -> what it takes, all of it right: small sizes, and the rest as by default."""
    photo, painting = (as_file(server.upload(png(seed))) for seed in (1, 2))
    clip = as_file(server.upload(video_seed(folder / "film.mp4", frames=3), "film.mp4"))
    given: dict[str, Any] = {
        "content": photo,
        "photo": photo,
        "photos": [photo, photo],
        "clip": clip,
    }
    given |= {"style": painting, "model": "original-500", "mode": "instant", "batches": 1}
    sides = {"size": 64, "style_side": 64}
    others: dict[str, dict[str, Any]] = {
        "compare": {"style": "hokusai_great_wave"},
        "stylize_video": {"size": 256},
        "sheet": {"size": 128},
    }
    endpoints = server.endpoints()
    return {
        name: [(given | sides | others.get(name, {})).get(*known) for known in endpoints[name]]
        for name in SHARES | RARE
    }


def calls(count: int, rng: random.Random, folder: Path) -> list[str]:
    """Calls of every endpoint, a quarter of them right, and requests that are broken altogether."""
    with Server(folder / "uploads", narrow_models(folder)) as server:
        right = right_calls(server, folder)
        outcomes = [one_call(server, right, rng) for _ in range(count)]
        usual = server.call("stylize", right["stylize"])[0]
        return [*outcomes, READ if usual == "complete" else "the page no longer paints"]


def one_call(server: Server, right: dict[str, list[Any]], rng: random.Random) -> str:
    if rng.random() < 0.3:
        return broken_request(server, right, rng)
    shares = SHARES | RARE
    endpoint = rng.choices(list(shares), list(shares.values()))[0]
    data, changes = list(right[endpoint]), rng.choice((0, 1, 1, 1, 2, 3))
    for _ in range(changes if data else 0):
        place = rng.randrange(len(data))
        if rng.random() < 0.1:
            del data[place:]
            break
        data[place] = odd(data[place], rng) if rng.random() < 0.4 else rng.choice(ODD)
    kind, said = server.call(endpoint, data)
    if kind == "complete":
        return READ
    wrong = wrong_words(said) or (REFUSED if changes else f"a right call: {said}")
    return wrong if wrong == REFUSED else f"{endpoint}: {wrong}"


def broken_request(server: Server, right: dict[str, list[Any]], rng: random.Random) -> str:
    """Anything, sent anywhere."""
    route = rng.choice(ROUTES)
    body: Any = {"data": right["stylize"], "session_hash": "s", "fn_index": rng.randrange(99)}
    content = json.dumps(odd(body, rng) if rng.random() < 0.7 else rng.choice(ODD)).encode()
    if rng.random() < 0.4:
        content = mutated(content, rng)
    kind = rng.choice(("application/json", "text/plain", "multipart/form-data; boundary=x", "x"))
    answer = server.send(route, content=content, headers={"Content-Type": kind})
    if answer.status_code < 400:
        return READ
    wrong = wrong_words(told(answer)) if answer.status_code != 307 else None
    return f"{route} {answer.status_code}: {wrong}" if wrong else REFUSED


# ---- crowds ----


def visitors(count: int, rng: random.Random, folder: Path) -> list[str]:
    """64 at once, whatever the count, each with a photo of its own, and one who wants more than its share."""
    with Server(folder / "uploads", narrow_models(folder)) as server:
        return crowd(server, rng, folder)


def busy(count: int, rng: random.Random, folder: Path) -> list[str]:
    """The same on a machine whose processors have other work."""
    with Server(folder / "uploads", narrow_models(folder)) as server, others_at_work():
        return crowd(server, rng, folder)


@contextmanager
def others_at_work() -> Iterator[None]:
    """Twice as many processes as processors, which never rest."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for other in others:
            other.send_signal(signal.SIGKILL)
            other.wait()


def crowd(server: Server, rng: random.Random, folder: Path) -> list[str]:
    usual = right_calls(server, folder)["stylize"]
    photo_at, size_at = (
        [name for name, _ in server.endpoints()["stylize"]].index(name)
        for name in ("content", "size")
    )
    usual[size_at] = SIDE
    names = [f"visitor{number}" for number in range(VISITORS)] + ["greedy"] * GREEDY
    rng.shuffle(names)

    def visit(place: int) -> str:
        name = names[place]
        photo = as_file(server.upload(png(place + 1, SIDE), f"{name}.png"))
        data = [*usual[:photo_at], photo, *usual[photo_at + 1 :]]
        answer = server.send("call/stylize", json={"data": data, "session_hash": name})
        if answer.status_code != 200:
            is_right = name == "greedy" and told(answer) in (YOU_WAIT, EVERYBODY_WAITS)
            return REFUSED if is_right else f"{name} was refused: {told(answer)}"
        if name == "greedy":  # whose answers come in one stream
            return READ
        kind, said = server.answer("stylize", answer.json()["event_id"])
        if kind != "complete":
            return f"{name} got {said!r}"
        return whose(server, said[0]["path"], name)

    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(visit, range(len(names))))


def whose(server: Server, path: str, name: str) -> str:
    """READ where a result is this visitor's, whole and of the right size."""
    if not Path(path).name.startswith(f"{name}__"):
        return f"{name} got {Path(path).name}"
    with Image.open(io.BytesIO(server.download(path))) as image:
        image.load()
        return READ if image.size == (SIDE, SIDE) else f"{name} got {image.size}"
