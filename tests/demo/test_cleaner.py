"""What visitors leave behind: gone after an hour, whatever made it, whatever happens to the page."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app
from core.commandline import Stopped
from demo.server import cleaner as cleaner_module
from demo.server.cleaner import Cleaner, is_full
from tests.waiting import wait_for

HOUR = 3600.0


def file(folder: Path, name: str, age: float = 0.0, size: int = 1) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_old_files_go_and_young_ones_stay_whatever_made_them(tmp_path: Path) -> None:
    old = [
        file(tmp_path, name, HOUR + 60)
        for name in ("hash/photo.jpg", "tmpabc123", "a/b/c/.half.png.tmp")
    ]
    young = [file(tmp_path, name, HOUR - 60) for name in ("hash2/photo.jpg", "tmpdef456")]
    assert Cleaner(tmp_path).clean() == 3
    assert not any(path.exists() for path in old) and all(path.exists() for path in young)


def test_empty_folders_go_an_hour_later(tmp_path: Path) -> None:
    file(tmp_path, "a/b/photo.jpg", HOUR + 60)
    cleaner = Cleaner(tmp_path)
    cleaner.clean()
    assert (tmp_path / "a/b").is_dir(), "an upload may just be about to be moved into it"
    cleaner.clean(now=time.time() + HOUR + 1)
    cleaner.clean(now=time.time() + 3 * HOUR)
    assert not (tmp_path / "a").exists() and tmp_path.exists()


def test_links_are_not_followed(tmp_path: Path) -> None:
    precious = file(tmp_path / "elsewhere", "precious.txt", 9 * HOUR)
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "link").symlink_to(precious.parent)
    Cleaner(folder).clean(now=time.time() + 2 * HOUR)
    assert precious.exists() and not (folder / "link").is_symlink()


def test_what_orders_need_and_what_the_page_shows_stays(tmp_path: Path) -> None:
    photo, shown, other = (
        file(tmp_path, f"{name}/x.jpg", 2 * HOUR) for name in ("photo", "shown", "other")
    )
    needed = {str(photo)}
    cleaner = Cleaner(tmp_path, lambda: needed, lambda: [str(shown.parent)])
    cleaner.clean()
    assert photo.exists() and shown.exists() and not other.exists()
    needed.clear()
    cleaner.clean()
    assert not photo.exists() and shown.exists()


def test_an_order_accepted_during_a_pass_keeps_its_photo(tmp_path: Path) -> None:
    files = [file(tmp_path, f"{number:03d}/x.jpg", 2 * HOUR) for number in range(50)]
    asked: list[int] = []

    def needed() -> set[str]:
        asked.append(len(asked))
        return {str(path) for path in files if path.exists()} if len(asked) > 20 else set()

    assert Cleaner(tmp_path, needed).clean() == 20


def test_files_that_come_during_a_pass_do_not_end_it(tmp_path: Path) -> None:
    file(tmp_path, "old/x.jpg", 2 * HOUR)

    def more() -> set[str]:
        for number in range(200):
            file(tmp_path, f"new{number}/x.jpg")
        return set()

    cleaner = Cleaner(tmp_path, more)
    assert cleaner.clean() == 1
    assert len(list(tmp_path.glob("new*/x.jpg"))) == 200


def test_a_pass_that_fails_is_followed_by_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passes: list[int] = []

    def needed() -> set[str]:
        passes.append(1)
        if len(passes) == 2:
            raise RuntimeError("set changed size during iteration")
        return set()

    cleaner = Cleaner(tmp_path, needed)
    file(tmp_path, "a", 2 * HOUR)
    cleaner.start(every=0.05)
    file(tmp_path, "b", 2 * HOUR)
    wait_for(lambda: not (tmp_path / "b").exists() and len(passes) >= 3)
    cleaner.stop()
    assert "could not be looked for" in caplog.text


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    cleaner = Cleaner(tmp_path)
    cleaner.start()
    file(tmp_path, "hash/young.jpg")
    cleaner.stop()
    assert list(tmp_path.iterdir()) == []


class Disk:
    """A disk of 1,000,000 bytes, which the files of a folder fill."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.total = folder, 1_000_000

    def __call__(self, path: object) -> "Disk":
        return self

    @property
    def free(self) -> int:
        return self.total - sum(
            path.stat().st_size for path in self.folder.rglob("*") if path.is_file()
        )


def test_a_full_disk_frees_itself_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaner_module.shutil, "disk_usage", Disk(tmp_path))
    cleaner = Cleaner(tmp_path)
    old, middle, new = (
        file(tmp_path, name, age, 300_000) for name, age in (("a", 1800), ("b", 300), ("c", 1))
    )
    assert cleaner.free(20_000), "there is room, so nothing is deleted"
    assert old.exists() and middle.exists() and new.exists()
    assert cleaner.free(300_000)
    assert not old.exists() and middle.exists() and new.exists()
    assert cleaner.free(600_000)
    assert not middle.exists() and new.exists()
    assert not cleaner.free(900_000), "what was uploaded a moment ago stays"
    assert new.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known_by_its_error_or_its_cause(number: int) -> None:
    error = OSError(number, "no room")
    assert is_full(error)
    outer = ValueError("not written")
    outer.__cause__ = error
    assert is_full(outer)
    assert not is_full(OSError(errno.EACCES, "denied")) and not is_full(None)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_page_that_was_ended_leaves_nothing_to_the_next_one(
    tmp_path: Path, ending: signal.Signals
) -> None:
    """A stand-in for the page, in a process of its own: the files of one that was killed are found by the next."""
    code = f"""
import sys, time; from pathlib import Path; from demo.server.cleaner import Cleaner
folder = Path({str(tmp_path)!r}); Cleaner(folder).start(); (folder / "upload.jpg").write_bytes(b"x")
print("ready", flush=True); time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout is not None and page.stdout.readline() == "ready\n"
        page.send_signal(ending)
        page.wait(60)
    os.utime(tmp_path / "upload.jpg", (time.time() - 2 * HOUR,) * 2)
    cleaner = Cleaner(tmp_path)
    cleaner.start()
    assert not (tmp_path / "upload.jpg").exists()


def test_a_page_that_is_stopped_as_it_starts_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does one at whose end something was still being painted."""
    at_exit: list[Callable[[], None]] = []

    def start(page: Any, *_: object, **options: object) -> str:
        page.cleaner = Cleaner(tmp_path)
        (tmp_path / "upload.jpg").write_bytes(b"x")
        raise Stopped(signal.SIGTERM)

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(app, "build", lambda: SimpleNamespace(close=lambda verbose: None))
    monkeypatch.setattr(app, "start", start)
    monkeypatch.setattr(app.atexit, "register", at_exit.append)
    monkeypatch.setattr(app, "keep_freed_memory", lambda *_: None)
    assert app.main(["--device", "cpu"]) == 143
    assert "The page has stopped." in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.jpg"))
    (tmp_path / "painted.png").write_bytes(b"x")
    for last in at_exit:
        last()
    assert not list(tmp_path.rglob("*.png"))


def test_what_is_still_written_at_the_end_is_deleted_too(tmp_path: Path) -> None:
    """Also what an order that nobody paints any more would have needed."""
    cleaner = Cleaner(tmp_path, needed=lambda: [str(tmp_path / "0.png")])
    cleaner.end()

    def late() -> None:
        for number in range(3):
            (tmp_path / f"{number}.png").write_bytes(b"late")
            time.sleep(0.05)

    writer = threading.Thread(target=late)
    writer.start()
    cleaner.finish()
    writer.join()
    assert list(tmp_path.iterdir()) == []
