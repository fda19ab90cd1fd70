"""A command that a person stops -> its end within seconds, whatever still runs in it.

All work is kept as after a kill: what is finished is in the store, what is not is done by the next run.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from pipeline.narration.core.context import Context
from pipeline.narration.core.log_lines import is_json, line_of

LEAVE_S = 11.0
"""From the first Ctrl-C to the end: what is under way may be paid for, and is put away before."""
EXIT_S = 10.0
"""How long a program that is done may take to end: a library may still tell a server what it has seen."""
STOPPED_EXIT_S = 1.0
"""The same for one that a person stopped."""
STOPPED = 130
_PART_S = 1.0


@contextmanager
def leaving_soon(context: Context) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the command within LEAVE_S seconds, a second one at once."""
    wanted = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if wanted.is_set():
            _leave(context)
        wanted.set()
        leave_in(LEAVE_S, STOPPED, lambda: _part(context))
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if not wanted.is_set():  # who has stopped it once may stop it again until it has ended
            for number, known in before.items():
                signal.signal(number, known)


def leave_in(seconds: float, code: int, first: Callable[[], None] = lambda: None) -> None:
    """End the process after so long with this exit code, unless it has ended by itself."""

    def leave() -> None:
        time.sleep(seconds)
        try:
            first()
        finally:
            os._exit(code)

    threading.Thread(target=leave, daemon=True, name="end").start()


def _leave(context: Context) -> None:
    parting = threading.Thread(target=_part, args=(context,), daemon=True)
    parting.start()
    parting.join(_PART_S)
    os._exit(STOPPED)


def _part(context: Context) -> None:
    said = "Stopped at once. Everything that was finished is kept."
    cursor = "\033[?25h" if sys.stderr.isatty() else ""  # a live display hides it
    os.write(2, (line_of(said) if is_json() else f"{cursor}\n{said}\n").encode())
    _record(context)


def _record(context: Context) -> None:
    """A person stopped the run: it must not be taken for one that was killed, and resume by itself."""
    with suppress(Exception):  # the store may be closed already, and the record with it
        context.store.runs.stop_own()
