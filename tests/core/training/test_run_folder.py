"""A run's folder: one process at a time, with the pictures that it began with."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.training.run_folder import PICTURES, check_pictures, held, remember_pictures
from core.training.state import STATE
from tests.conftest import draw_folder

HOLDER = """
import sys; from pathlib import Path; from core.training.run_folder import held
with held(Path(sys.argv[1])): print("held", flush=True); sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process_and_free_when_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with (
            pytest.raises(ValueError, match=r'^Another process is training in ".*/runs/a"; .*\.$'),
            held(folder),
        ):
            pytest.fail("the other holds it")
        assert folder.is_dir()
        with held(tmp_path / "runs" / "b"):
            pass
        other.kill()
        other.wait(60)
    with held(folder):
        pass


def test_nothing_stays_of_a_folder_into_which_nothing_came(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with pytest.raises(ValueError, match="no pictures"), held(folder):
        raise ValueError("no pictures")
    assert not (tmp_path / "runs").exists()
    with held(folder):
        (folder / "log.csv").write_text("iteration")
    assert (folder / "log.csv").is_file()


def test_a_picture_that_was_replaced_is_named(tmp_path: Path) -> None:
    """Whatever its name, size and time say."""
    chosen, run = draw_folder(tmp_path / "data", 5), tmp_path / "run"
    remember_pictures(run, chosen)
    (run / STATE).touch()
    check_pictures(run, chosen)
    before = chosen[2].read_bytes()
    chosen[2].write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    remember_pictures(run, chosen)  # what it began with stays
    with pytest.raises(ValueError, match=rf'^"{chosen[2].name}" in the training set changed .*\.$'):
        check_pictures(run, chosen)
    chosen[0].write_bytes(before)
    with pytest.raises(ValueError, match=rf'^"{chosen[0].name}" and 1 more in the training set'):
        check_pictures(run, chosen)
    with pytest.raises(ValueError, match=r"and 2 more in the training set"):
        check_pictures(run, chosen[:-1])


def test_a_run_of_which_nothing_is_known_goes_on(tmp_path: Path) -> None:
    chosen = draw_folder(tmp_path / "data", 2)
    (tmp_path / STATE).touch()
    check_pictures(tmp_path, chosen)
    (tmp_path / PICTURES).write_text("[[")
    check_pictures(tmp_path, chosen)
