"""Deletes what visitors upload and what is painted for them, an hour after it was written.

    cleaner = Cleaner(Path(get_upload_folder()), needed=queue.files_in_use, kept=opening_files)
    cleaner.start()                    # one pass at once, then one every ten minutes
    cleaner.free(20_000_000)           # the disk is full: older files go before their hour
    cleaner.stop()                     # deletes all that is left

Gradio's own `delete_cache` forgets its files when the process ends, does not know of uploads that broke off, and stops for
good when an upload arrives while it looks (gradio-app/gradio#9334, #3950). This one looks at the folder instead of keeping a
list: whatever made a file, and in whichever process, it is found by its age.
"""

import errno
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

CLEAN_EVERY = 600.0  # s
KEEP_FOR = 3600.0  # s
SHORTER = (600.0, 60.0)  # s, in place of KEEP_FOR while the disk is full, one after the other
LOOK_EVERY = 10.0  # s, at the room that is left on the disk
LOOK_AGAIN, QUIET_LOOKS = 0.1, 4  # s; how often nothing is found before all is taken for written
SPARE = 64 << 20  # bytes that are to be free, or a twentieth of a small disk
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

_log = logging.getLogger(__name__)


class Cleaner:
    """Walks one folder and deletes old files and empty folders in it.

    Args:
        folder: everything in it belongs to the page; it need not exist. Symbolic links are deleted, never followed.
        needed: gives the files that orders which were accepted still need; they stay, however old.
        kept: gives files and folders which are no visitor's and stay as long as the page runs.
    """

    def __init__(
        self,
        folder: Path,
        needed: Callable[[], Collection[str]] = tuple,
        kept: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.folder = folder
        self.needed, self.kept = needed, kept
        self._lock = threading.Lock()  # one pass at a time
        self._stopping = threading.Event()

    def start(self, every: float = CLEAN_EVERY) -> None:
        """Clean now, and again every so many seconds in a thread of its own until `stop`."""
        self.clean()
        threading.Thread(target=self._run, args=(every,), name="cleaner", daemon=True).start()

    def _run(self, every: float) -> None:
        last = time.monotonic()
        while not self._stopping.wait(min(every, LOOK_EVERY)):
            try:
                if time.monotonic() - last >= every:
                    last = time.monotonic()
                    self.clean()
                self.free(0)
            except Exception:  # the next pass must come, whatever happened in this one
                _log.exception("Old uploads could not be looked for.")

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is to be written there."""
        return self._stopping.is_set()

    def end(self) -> None:
        """End the passes; what is still written is deleted by `stop`."""
        self._stopping.set()

    def stop(self) -> int:
        """End the passes and delete every file in the folder, also what orders still need; returns how many."""
        self.end()
        self.needed = self.kept = tuple
        return self.clean(float("-inf"))

    def finish(self, within: float = 3.0) -> None:
        """`stop` again and again until nothing more is found, as threads that were at work may still write; s at most."""
        end, quiet = time.monotonic() + within, 0
        while quiet < QUIET_LOOKS and time.monotonic() < end:
            quiet = 0 if self.stop() else quiet + 1
            time.sleep(LOOK_AGAIN)

    def clean(self, keep_for: float = KEEP_FOR, now: float | None = None) -> int:
        """Delete files that were last written more than `keep_for` seconds before `now`; returns how many."""
        now, deleted = time.time() if now is None else now, 0
        with self._lock:
            staying = frozenset(map(os.path.abspath, self.kept()))
            for path in _deepest_first(os.path.abspath(self.folder), staying):
                is_folder = os.path.isdir(path) and not os.path.islink(path)
                try:
                    if now - os.lstat(path).st_mtime <= keep_for:
                        continue
                    # Asked each time: orders come in meanwhile.
                    if path in map(os.path.abspath, self.needed()):
                        continue
                    if is_folder:
                        os.rmdir(path)  # fails while there is something in it
                    else:
                        os.unlink(path)
                        deleted += 1
                except OSError as error:
                    gone = isinstance(error, FileNotFoundError)
                    if not gone and not is_folder:
                        _log.warning("An old file could not be deleted (%s).", error.strerror)
        return deleted

    def free(self, size: int) -> bool:
        """Make room for `size` bytes more, if need be by deleting files before their hour; whether there is room now."""
        for age in (KEEP_FOR, *SHORTER):
            if self._has_room(size):
                return True
            self.clean(age)
        return self._has_room(size)

    def _has_room(self, size: int) -> bool:
        folder = self.folder
        while not folder.exists():
            folder = folder.parent
        disk = shutil.disk_usage(folder)
        return disk.free >= size + min(SPARE, disk.total // 20)


def _deepest_first(folder: str, staying: Collection[str]) -> list[str]:
    """The paths of all that is in a folder, contents before their folder, without what stays."""
    found: list[str] = []
    for parent, folders, files in os.walk(folder):  # neither through links, nor where it may not
        folders[:] = [name for name in folders if os.path.join(parent, name) not in staying]
        paths = [os.path.join(parent, name) for name in (*folders, *files)]
        found += [path for path in paths if path not in staying]
    return found[::-1]


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that the disk or the user's share of it is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
