"""Work in a process of its own, which ends with its parent and leaves interrupts to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from pipeline.errors import PublishError

T = TypeVar("T")


def depend_on_parent() -> None:
    """Called first in a child: Ctrl-C is the parent's business, and a parent that dies ends the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def run_apart(function: Callable[..., T], *arguments: object, **named: object) -> T:
    """`function` of these arguments, in a new process: the memory it takes goes back to the system afterwards.

    Raises:
        PublishError: the process died; and whatever `function` raises.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=depend_on_parent) as pool:
        try:
            return pool.submit(function, *arguments, **named).result()
        except BrokenProcessPool as error:
            raise PublishError(
                "The process that writes the release died", remedy="free some memory and start again"
            ) from error
