"""What a program of ours writes to its standard output and error -> a log file that stays small.

The program writes to the file itself, so no other process has to carry its output: nothing blocks, and what a
killed program wrote is there. Once the file has grown, it is renamed, and the program's descriptors are moved to a
new one in a single step (dup2), so that no line is lost.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pipeline.store.files.data_folder import for_its_owner

VARIABLE = "BOOKCAST_OUTPUT_LOG"
"""Tells a program which file its output goes to."""
MOST_BYTES = 2_000_000
KEPT = 5
"""Files of one program, the one in use included."""
LOOK_S = 10.0
_OUTPUTS = (1, 2)


def open_output(path: Path) -> BinaryIO:
    """The log that a program is started with, to be appended to; one that has grown is put aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > MOST_BYTES:
            _put_aside(path)
    return open(path, "ab", opener=for_its_owner)


def keep_output_small(path: Path | None = None) -> None:
    """Look after the log of this process until it ends; `path` is what VARIABLE says where it is not given."""
    log = path or Path(os.environ.get(VARIABLE, os.devnull))
    threading.Thread(target=_look_after, args=(log,), daemon=True, name="output log").start()


def _look_after(path: Path) -> None:
    while True:
        time.sleep(LOOK_S)
        with suppress(OSError):  # a full disk, or a folder that is gone, must not end the program
            begin_anew(path)


def begin_anew(path: Path, most_bytes: int = MOST_BYTES) -> bool:
    """Have this process write to a new log where the present one has grown; True where it did.

    Nothing is done where the output of this process goes elsewhere, such as to a terminal. Raises: OSError.
    """
    try:
        present, written = path.stat(), os.fstat(_OUTPUTS[0])
    except FileNotFoundError:
        return False
    if (present.st_dev, present.st_ino) != (written.st_dev, written.st_ino) or present.st_size <= most_bytes:
        return False
    _put_aside(path)
    fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        for output in _OUTPUTS:
            os.dup2(fresh, output)
    finally:
        os.close(fresh)
    return True


def _put_aside(path: Path) -> None:
    """`runner.log` becomes `runner.log.1`, and so on; the oldest goes."""
    for number in range(KEPT - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
        with suppress(FileNotFoundError):
            os.replace(newer, older)
