"""A run's folder: one process at a time trains in it, with the pictures that it began with.

with held(folder):                              # ValueError where another process trains there
    check_pictures(folder, pictures)            # ValueError where one of them has changed since
    remember_pictures(folder, pictures)
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from core.files import printable, write_atomic
from core.training.state import STATE

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]

PICTURES = "pictures.json"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Inside, a folder belongs to this process. It is made where there is none, and removed if nothing came into it.

    The lock is on the folder itself and ends with the process, however that ends.

    Raises:
        ValueError: another process holds it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    number = os.open(folder, os.O_RDONLY) if fcntl is not None else None
    try:
        if number is not None:
            with suppress(OSError):  # of a file system without locks
                _lock(number, folder)
        yield
    finally:
        with suppress(OSError):  # not empty
            for path in made:
                path.rmdir()
        if number is not None:
            os.close(number)


def _lock(number: int, folder: Path) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(
            f'Another process is training in "{printable(folder)}"; stop it, or give this run a --name of its own.'
        ) from error


def content_hash(path: Path) -> str:
    """SHA-256 of what is in a file. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remember_pictures(folder: Path, pictures: Sequence[Path]) -> None:
    """Write down what is in the pictures that a run begins with, unless that is known already."""
    path = folder / PICTURES
    if not path.is_file():
        found = [[picture.name, content_hash(picture)] for picture in pictures]
        write_atomic(path, json.dumps(found).encode())


def forget_pictures(folder: Path) -> None:
    """The run is finished: nothing can go on with other pictures."""
    (folder / PICTURES).unlink(missing_ok=True)


def check_pictures(folder: Path, pictures: Sequence[Path], begun: str = STATE) -> None:
    """Whether a run that has begun has the pictures that it began with; one of which nothing is known may go on.

    Args:
        begun: a file that is there once it has.

    Raises:
        ValueError: it has not, in a sentence that names the first picture that differs.
    """
    if not (folder / begun).is_file():
        return
    try:
        known: list[list[str]] = json.loads((folder / PICTURES).read_text())
    except (OSError, ValueError):
        return
    here = {(path.name, content_hash(path)) for path in pictures}
    began = {(name, value) for name, value in known}
    different = sorted({name for name, _ in here ^ began})
    if different:
        more = f" and {len(different) - 1} more" if len(different) > 1 else ""
        raise ValueError(
            f'"{printable(different[0])}"{more} in the training set changed after the run in "{printable(folder)}" began; '
            "put the pictures back as they were, or remove that folder to begin anew."
        )
