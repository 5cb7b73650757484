"""Files whole or not at all, what a killed process leaves, and what is said where nothing can be written."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core import files
from core.files import OutputError, check_output, remove_leftovers, replacing, write_atomic

HOLDING = """
import sys
from pathlib import Path
from core.files import replacing

with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def holding(path: Path) -> subprocess.Popen[str]:
    """A process that is in the middle of writing `path`."""
    command = [sys.executable, "-c", HOLDING, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_a_file_appears_whole_in_a_folder_that_is_made(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "file", b"data")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"data"
    assert names(tmp_path / "a" / "b") == ["file"]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    check_output(path)
    write_atomic(path, b"data")
    assert path.read_bytes() == b"data"


@pytest.mark.parametrize("error", [OSError("broken"), ValueError(), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    process = holding(tmp_path / "file")
    (left,) = names(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.communicate()
    assert names(tmp_path) == [left]
    check_output(tmp_path / "file")
    assert names(tmp_path) == []


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    process = holding(tmp_path / "file")
    remove_leftovers(tmp_path)
    assert len(names(tmp_path)) == 1
    process.communicate("")
    assert (tmp_path / "file").read_bytes() == b"half"


def test_other_files_stay(tmp_path: Path) -> None:
    for name in (".hidden.tmp", "a.tmp", f"{'0' * 32}.tmp"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert len(names(tmp_path)) == 3


def test_looking_leaves_nothing_and_makes_no_folder(tmp_path: Path) -> None:
    check_output(tmp_path / "new" / "deeper" / "file")
    check_output(tmp_path / "new", folder=True)
    assert names(tmp_path) == []


def refusal(path: Path, folder: bool = False) -> str:
    with pytest.raises(OutputError) as caught:
        check_output(path, folder=folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.touch()
    wrong = f'"{photo}/x.png" cannot be written: "{photo}" is a file, not a folder.'
    assert refusal(photo / "x.png") == wrong
    assert refusal(photo, folder=True) == f'"{photo}" is a file, but the results need a folder.'
    assert refusal(tmp_path) == f'"{tmp_path}" cannot be written: it is a folder.'


def test_a_device_and_a_name_that_is_too_long_are_refused(tmp_path: Path) -> None:
    assert (
        refusal(Path("/dev/null")) == '"/dev/null" cannot be written: it is not an ordinary file.'
    )
    long = tmp_path / "new" / ("x" * 256)
    assert refusal(long) == f'"{long}" cannot be written: the name is too long.'


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="a folder in which nobody may write, root included"
)
def test_a_folder_in_which_nothing_can_be_written(tmp_path: Path) -> None:
    assert refusal(Path("/proc/x.png")).startswith('"/proc/x.png" cannot be written: ')
    with pytest.raises(OutputError, match=r'^"/proc/x.png" cannot be written: [^\[\]]*\.$'):
        write_atomic(Path("/proc/x.png"), b"data")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk there can only be read"),
        (errno.EIO, "error"),
    ],
)
def test_a_disk_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=words):
        write_atomic(tmp_path / "file", b"data")
    monkeypatch.setattr(files, "_probe", fail)
    assert words in refusal(tmp_path / "file")
    assert names(tmp_path) == []


def test_an_error_of_a_file_that_is_read_meanwhile_is_not_blamed_on_the_result(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileNotFoundError, match="missing"), replacing(tmp_path / "file"):
        (tmp_path / "missing").read_bytes()
