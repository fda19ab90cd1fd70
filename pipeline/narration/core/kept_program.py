"""The beginning of a program that `bookcast up` keeps: it ends with `up`, and its log stays small."""

import os
import signal
import sys
import threading
import time

from pipeline.narration.core.log_lines import log_in_json
from pipeline.store.files.output_log import keep_output_small

END_S = 8.5
"""How long the programs of `up` may take to end, once they are told to."""


def begin_kept_program() -> None:
    """Called first of all, in the program's own process."""
    keep_output_small()
    log_in_json()
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()


def _end_with_parent() -> None:
    """Standard input is a pipe that `up` holds and never writes to: it ends when `up` does, even one that is killed."""
    if os.read(sys.stdin.fileno(), 1):
        return
    os.kill(os.getpid(), signal.SIGTERM)  # in order, so that what is under way is resumed by the next `up`
    time.sleep(END_S)  # a server that went with `up` may be waited for
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
