"""Files that are written whole or not at all, and whether they can be written.

    check_output(Path("out/painted.png"))              # before the work; OutputError, one sentence
    write_atomic(Path("out/painted.png"), data)        # after it

A file grows under a temporary name in its own folder and takes its place at the end, so that a
reader never sees half of it. A process that is killed leaves its temporary file behind;
`check_output` removes such files of ended processes.
"""

import errno
import json
import os
import re
import tempfile
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows: there an open file cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

PROBE_BYTES = 1 << 16  # what must fit on the disk before any work begins
MAX_QUOTED = 60  # characters of a name in a message
MAX_NAME_BYTES = 255  # of a file's or folder's name on the usual file systems
PART_BYTES = MAX_NAME_BYTES // 3  # of one of the names that a result's name is made of
LFS_BEGINS = b"version https://git-lfs"
LFS_POINTER = "is a Git LFS pointer, not the file itself; run `git lfs pull` in the repository"
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")
_REASONS = {
    errno.EACCES: "you have no permission to write there",
    errno.EPERM: "you have no permission to write there",
    errno.EROFS: "the disk there can only be read",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is full",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EIO: "the disk reports an error",
}


class OutputError(OSError):
    """A file cannot be written; the message is one sentence that names it."""


def printable(text: str | os.PathLike[str]) -> str:
    """A file's name or path for a message: what cannot be printed becomes a question mark."""
    return "".join(character if character.isprintable() else "?" for character in os.fspath(text))


def short(text: object) -> str:
    """What somebody gave as a name, for a message: printable, and cut where it is endless."""
    name = printable(str(text))
    return name if len(name) <= MAX_QUOTED else f"{name[: MAX_QUOTED - 1]}…"


def output_error(path: Path, error: OSError) -> OutputError:
    """The sentence for a file that could not be written."""
    said = error.strerror or "the system does not allow it"
    reason = _REASONS.get(error.errno or 0) or said.lower()
    return OutputError(f'"{printable(path)}" cannot be written: {reason}.')


def shortened(name: str, room: int = PART_BYTES) -> str:
    """A name cut to that many bytes, between two characters."""
    data = os.fsencode(name)
    if len(data) <= room:
        return name
    return data[:room].decode(errors="ignore")


def distinct_name(stem: str, rest: str, names: set[str]) -> str:
    """`stem` + `rest`, with a number between them where that is among `names`,
    to which it is added; `stem` is cut so that there are at most 255 bytes.

    Names that differ in case alone count as the same, as they do in folders of Windows and macOS.
    """
    stem = shortened(stem, MAX_NAME_BYTES - len(os.fsencode(f"-{len(names) + 1}{rest}")))
    name = f"{stem}{rest}"
    number = 1
    while (key := unicodedata.normalize("NFC", name).casefold()) in names:
        number += 1
        name = f"{stem}-{number}{rest}"
    names.add(key)
    return name


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to write to,
    which takes its place when all went well and is gone otherwise.

    The folder is made where there is none.

    Raises:
        OutputError: the file cannot be written.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(temporary) as file:
            yield temporary
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if isinstance(error, OutputError) or not _is_about(error, temporary, path):
            raise
        raise output_error(path, error) from error
    finally:
        with suppress(OSError):  # it has taken its place where all went well
            temporary.unlink()


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where the file is missing, broken or something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, in a folder that is made where there is none.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def check_output(path: Path, *, folder: bool = False, unlike: Iterable[Path] = ()) -> None:
    """Find out before the work whether a file, or files in a folder, can be written;
    nothing stays of the attempt.

    Temporary files that ended processes left in the folder are removed.

    Args:
        path: the file, or the folder.
        unlike: files that are read for it, which it must not replace.

    Raises:
        OutputError: the file or folder cannot be written, in a sentence that says why.
    """
    named = f'"{printable(path)}"'
    try:
        if not path.name and not folder:
            raise OutputError("The result needs a name; give --out a file.")
        if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in path.parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        if not folder and path.is_dir():
            raise OutputError(f"{named} cannot be written: it is a folder.")
        if not folder and path.exists() and not path.is_file():
            raise OutputError(f"{named} cannot be written: it is not an ordinary file.")
        if not folder and path.exists() and any(_is_same(path, other) for other in unlike):
            raise OutputError(
                f"{named} is read for the result, which would replace it; give the result another name."
            )
        nearest = path if folder else path.parent
        while not os.path.lexists(nearest):
            nearest = nearest.parent
        if not nearest.is_dir() and nearest == path:
            raise OutputError(f"{named} is a file, but the results need a folder.")
        if not nearest.is_dir():
            reason = f'"{printable(nearest)}" is a file, not a folder'
            raise OutputError(f"{named} cannot be written: {reason}.")
        remove_leftovers(nearest)
        _probe(nearest)
    except OutputError:
        raise
    except OSError as error:
        raise output_error(path, error) from error


def _is_same(path: Path, other: Path) -> bool:
    with suppress(OSError):  # one that is not there, whatever is said of that elsewhere
        return os.path.samefile(path, other)
    return False


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that ended processes have left in a folder;
    those of living ones stay.
    """
    if fcntl is None:
        return
    with suppress(OSError):
        for entry in os.scandir(folder):
            if _TEMPORARY.fullmatch(entry.name):
                with suppress(OSError), open(entry.path, "rb") as file:  # a process holds it
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)


def _locked(temporary: Path) -> IO[bytes]:
    """A new file that is locked until it is closed,
    which tells `remove_leftovers` that its process is alive.
    """
    while True:
        file = temporary.open("xb")
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if temporary.exists():
            return file
        file.close()  # another process has removed it between its making and its locking


def _probe(folder: Path) -> None:
    """Write a small file into a folder and remove it. Raises OSError where that fails."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(PROBE_BYTES))


def _is_about(error: OSError, *paths: Path) -> bool:
    """Whether an error while a file was written is about that file,
    rather than about one that was read meanwhile.
    """
    if error.filename is None:
        return error.errno in _REASONS
    return any(Path(error.filename) in (path, *path.parents) for path in paths)
