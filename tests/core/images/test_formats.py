"""Kinds of files, by their first bytes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import draw
from tests.processes import environment

KINDS = {"PNG": "a PNG", "JPEG": "a JPEG", "WEBP": "a WebP", "AVIF": "an AVIF", "TIFF": "a TIFF"}


@pytest.mark.slow
def test_kinds_are_known_before_any_picture_was_read(tmp_path: Path) -> None:
    """In a process of its own: in this one, Pillow has read pictures."""
    for name in KINDS:
        draw(1).save(tmp_path / name, name)
    ask = "import sys; from pathlib import Path; from core.images.formats import kind_of_file; "
    ask += "print([kind_of_file(Path(name)) for name in sys.argv[1:]])"
    command = [sys.executable, "-c", ask, *KINDS]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{list(KINDS.values())}\n", "")
