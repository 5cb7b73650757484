"""Imported by every command before anything large: while the rest is imported, which takes seconds, SIGINT and
SIGTERM end the process in one line. Then `core.commandline.run_command` sees to them.

What Pillow warns of is not for people: a picture is read, or refused in a sentence.
"""

import os
import signal
import sys
import threading
import warnings
from types import FrameType

from core.commandline import SIGNALS, STOPPED

USUAL = (signal.SIG_DFL, signal.default_int_handler)


def end(number: int, _: FrameType | None) -> None:
    """Nothing has begun, so there is nothing to tidy up."""
    os.write(2, f"{STOPPED}\n".encode())
    os._exit(128 + number)


if threading.current_thread() is threading.main_thread():
    for each in SIGNALS:
        if signal.getsignal(each) in USUAL:  # else who started this program has other plans
            signal.signal(each, end)
if not sys.warnoptions:  # else who started this program wants to see warnings
    warnings.filterwarnings("ignore", module=r"PIL\.")
