"""How commands end: signals, errors, letters that cannot be printed, a reader that has gone."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from core.commandline import NO_MEMORY, STOPPED, Stopped, run_command, sentence_of
from core.files import OutputError
from tests.hungry import CPU_ERROR, GPU_ERROR

WORKING = """
import sys, time
from pathlib import Path
from core.commandline import run_command
from core.files import replacing

def work():
    with replacing(Path(sys.argv[1])) as temporary:
        temporary.write_bytes(b"half")
        print("writing", flush=True)
        while True:
            time.sleep(0.01)

raise SystemExit(run_command(work))
"""


SLOW = """
import time

print("importing", flush=True)
for _ in range(6000):  # Python 3.14 may not look for a signal between the line above and a long sleep
    time.sleep(0.01)
"""

HEEDING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def fail(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_with_one_line_and_no_file(
    tmp_path: Path, number: int, code: int
) -> None:
    command = [sys.executable, "-c", WORKING, str(tmp_path / "file")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(number)
        process.send_signal(number)  # impatience changes nothing
        out, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert (out, errors) == ("", "Stopped; nothing unfinished was written.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("begin", [["-m", "core.slow"], ["-m", "gallery.slow"], ["app.py"]])
def test_a_signal_while_a_command_is_imported_ends_it_with_one_line(
    tmp_path: Path, number: int, code: int, begin: list[str]
) -> None:
    """A stand-in for PyTorch and Gradio, which take seconds to import."""
    root = Path(__file__).parents[2]
    for part in ("core", "gallery"):
        shutil.copytree(root / part, tmp_path / part, ignore=shutil.ignore_patterns("[!_]*"))
        (tmp_path / part / "slow.py").write_text(SLOW)
    for name in ("starting", "commandline", "files"):
        shutil.copy(root / "core" / f"{name}.py", tmp_path / "core")
    (tmp_path / "gradio.py").write_text(SLOW)
    shutil.copy(root / "app.py", tmp_path)
    # Python leaves SIGINT ignored where it is so at the start, as in a shell's background jobs.
    heeded = [sys.executable, "-c", HEEDING, *begin]
    with subprocess.Popen(
        heeded, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (code, f"{STOPPED}\n")


def test_what_pillow_warns_of_is_not_shown(tmp_path: Path) -> None:
    """It would come with a path of this computer and a line of Pillow's code."""
    photo = tmp_path / "photo.jpg"
    exif = b"Exif\0\0II*\0\10\0\0\0\2\0"  # says that it has two entries, and breaks off
    Image.new("RGB", (40, 30)).save(photo, exif=exif)
    code = (
        "import sys, core.starting; from core.images.decode import load_image;"
        "print(load_image(sys.argv[1]).size)"
    )
    done = subprocess.run([sys.executable, "-c", code, photo], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("(40, 30)\n", "")


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert run_command(lambda: 2) == 2
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_who_stops_the_work_may_say_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run_command(lambda: fail(Stopped(signal.SIGTERM, "Stopped at 7; the state is saved.")))
        == 143
    )
    assert capsys.readouterr().err == "Stopped at 7; the state is saved.\n"
    assert run_command(lambda: fail(KeyboardInterrupt()), stopped="Enough.") == 130
    assert capsys.readouterr().err == "Enough.\n"


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(lambda: fail(ValueError("Wrong,\nvery wrong.")), (ValueError,)) == 1
    assert run_command(lambda: fail(OutputError('"x" cannot be written: no.'))) == 1
    assert run_command(lambda: fail(FileNotFoundError(2, "No such file or directory", "a\nb"))) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: Wrong, very wrong.",
        'error: "x" cannot be written: no.',
        'error: "a?b": No such file or directory.',
    ]
    with pytest.raises(ZeroDivisionError):  # a fault of the program's own is not dressed up
        run_command(lambda: 1 // 0)


@pytest.mark.parametrize("error", [MemoryError(), GPU_ERROR, CPU_ERROR])
def test_memory_that_does_not_suffice_is_one_line_that_says_what_helps(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(lambda: fail(error)) == 1
    assert capsys.readouterr().err == f"error: {NO_MEMORY}\n"
    with pytest.raises(RuntimeError, match="shapes"):
        run_command(lambda: fail(RuntimeError("shapes do not fit")))


def test_an_error_without_words_has_a_name() -> None:
    assert sentence_of(ValueError()) == "ValueError"
    assert sentence_of(ValueError("no\x1b[31m model\u202e\n.")) == "no?[31m model? ."


def test_letters_that_the_output_cannot_show_do_not_end_the_command() -> None:
    code = "from core.commandline import run_command; raise SystemExit(run_command(lambda: print('写a') or 0))"
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"?a\n", b"")


def test_a_reader_that_has_gone_is_no_error() -> None:
    code = (
        "from core.commandline import run_command\n"
        "def work():\n"
        "    while True: print('x' * 1000, flush=True)\n"
        "raise SystemExit(run_command(work))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


@pytest.mark.slow
def test_only_a_command_changes_what_signals_do() -> None:
    code = (
        "import signal; b = signal.getsignal(2); import app, core; assert signal.getsignal(2) is b"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
