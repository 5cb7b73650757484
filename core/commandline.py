"""What every command of this project does alike: how it ends, how it prints,
whether its result can be written.

    def work() -> int:
        check_output(out)                      # from core.files; before anything is computed
        ...

    run_command(work)                          # `core.program.command` reads its options too

A command ends with the exit code that `work` returns, with 1 and one line for an error of the
user's, or with one line and 130 or 143 when it is stopped by Ctrl-C (SIGINT) or by the system
(SIGTERM).
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from core.files import printable

NO_MEMORY = (
    "There is not enough memory for this; choose a smaller size, tiles, or on a GPU --device cpu."
)
STOPPED = "Stopped; nothing unfinished was written."
SIGNALS = (signal.SIGINT, signal.SIGTERM)
TIDYING_SECONDS = 3.0  # after a signal, in which further ones are not heeded


class UserError(ValueError):
    """What somebody gave cannot be used; the message is one sentence for them."""


class Stopped(KeyboardInterrupt):
    """The command was asked to stop. It passes every `except Exception`,
    and `finally` and `with` tidy up on its way.

    Attributes:
        number: of the signal.
        exit_code: 130 after SIGINT, 143 after SIGTERM.
        message: one sentence; empty for the one that `run_command` was given.
    """

    def __init__(self, number: int = signal.SIGINT, message: str = "") -> None:
        super().__init__(message)
        self.number = int(number)
        self.exit_code = 128 + int(number)
        self.message = message


def run_command(
    work: Callable[[], int], errors: tuple[type[Exception], ...] = (), stopped: str = STOPPED
) -> int:
    """Do a command's work and end as every command does.

    Args:
        work: returns the exit code.
        errors: what else than UserError and OSError it raises for the user, each with one sentence.
        stopped: what is printed when it is stopped,
            unless the `Stopped` that ended it says otherwise.

    Returns:
        The exit code: that of `work`, 1 after an error or where memory does not suffice, 130 or 143 after SIGINT or SIGTERM.
    """
    print_everything()
    caught: tuple[type[Exception], ...] = (OSError, UserError, *errors)
    with stopping_on_signals():
        try:
            return work()
        except Stopped as notice:
            _say(notice.message or stopped)
            return notice.exit_code
        except KeyboardInterrupt:  # one that Python or a library raised itself
            _say(stopped)
            return 128 + signal.SIGINT
        except BrokenPipeError:  # whoever read the output has gone, as with `| head`
            # Python's own flush at the end goes nowhere instead of to the closed pipe.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + 13  # SIGPIPE, which Windows does not have
        except caught as error:
            _say(f"error: {sentence_of(error)}")
            return 1
        except (MemoryError, RuntimeError) as error:
            if not lacks_memory(error):
                raise
            _say(f"error: {NO_MEMORY}")
            return 1


def sentence_of(error: Exception) -> str:
    """An error as one line; the system's own errors without their numbers,
    with the file they are about.
    """
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        about = f'"{printable(str(error.filename))}": ' if error.filename is not None else ""
        return f"{about}{error.strerror}."
    # A file's name may hold what moves a terminal's letters.
    return printable(" ".join(str(error).split())) or type(error).__name__


def lacks_memory(error: Exception) -> bool:
    """Whether memory did not suffice, a GPU's or the computer's own, of which PyTorch speaks in words only."""
    words = ("out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED")
    in_words = isinstance(error, RuntimeError) and any(each in str(error) for each in words)
    return in_words or isinstance(error, MemoryError)


def memory_sentence(path: Path, error: Exception) -> str:
    """What is said of a picture that is too large for the memory; raises the error where it is another."""
    if not lacks_memory(error):
        raise error
    return f'"{printable(path.name)}": {NO_MEMORY}'


def print_everything() -> None:
    """From now on a letter that the terminal or file cannot show is printed as a question mark,
    never an error.
    """
    for stream in (sys.stdout, sys.stderr):
        # Absent where a test or a notebook has replaced it.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def stopping_on_signals() -> AbstractContextManager[None]:
    """Inside, SIGINT and SIGTERM raise `Stopped` in the main thread;
    a second one soon after does not disturb the end.
    """
    last = float("-inf")

    def stop(number: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TIDYING_SECONDS:
            last = time.monotonic()
            raise Stopped(number)

    return on_signals(stop)


@contextmanager
def on_signals(stop: Callable[[int], None]) -> Iterator[None]:
    """Inside, SIGINT and SIGTERM call `stop` with their number in the main thread; elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, lambda number, _: stop(number)) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _say(sentence: str) -> None:
    with suppress(OSError):
        print(sentence, file=sys.stderr, flush=True)
