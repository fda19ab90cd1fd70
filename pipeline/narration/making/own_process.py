"""Work in a process of its own, which ends with its parent and leaves interrupts to it."""

import errno
import multiprocessing
import os
import pickle
import resource
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from pipeline.errors import NarrationError, PublishError

T = TypeVar("T")


def depend_on_parent() -> None:
    """Called first in a child: Ctrl-C is the parent's business, and a parent that dies ends the child."""
    # A terminal sends Ctrl-C to all processes at once, and a child that ends of it looks like one that crashed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # sys.exit would end this thread alone


def portable_error(error: Exception, instead: Callable[[str], NarrationError] = NarrationError) -> Exception:
    """The error, or where it does not survive the way to another process, one of ours that says the same.

    Args:
        error: whatever a library has raised.
        instead: makes ours of its name and its message.
    """
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever the constructor of a library's error makes of what pickling gives it
        return instead(f"{type(error).__name__}: {error}")
    return error


def run_apart(function: Callable[..., T], *arguments: object, **named: object) -> T:
    """`function` of these arguments, in a new process: the memory it takes goes back to the system afterwards.

    Raises:
        PublishError: the process died; and whatever `function` raises.
    """
    # A fresh process, not a fork: locks that other threads hold at this moment would be copied as held.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=depend_on_parent) as pool:
        try:
            return pool.submit(_told, function, arguments, named).result()
        except BrokenProcessPool as error:
            raise PublishError(
                "The process that writes the release died", remedy="free some memory and start again"
            ) from error


def _told(function: Callable[..., T], arguments: tuple[object, ...], named: Mapping[str, object]) -> T:
    try:
        return function(*arguments, **named)
    except Exception as error:  # to be raised in the parent, whatever it is
        portable = portable_error(error)
        if portable is error:
            raise
        raise portable from None  # a cause would have to be pickled, too


@dataclass(frozen=True, slots=True)
class Bounds:
    """What work in a process of its own may take before it is killed."""

    seconds: float
    """By the clock."""
    memory_bytes: int
    """Of addresses, which are somewhat more than what is used."""


def run_bounded(bounds: Bounds, function: Callable[..., T], *arguments: object, **named: object) -> T:
    """`function` of these arguments, in a new process within bounds; it can neither hang nor crash this one.

    Raises:
        TimeoutError: it took longer.
        MemoryError: it took more memory, or crashed; and whatever `function` raises.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_answer, args=(sender, bounds.memory_bytes, function, arguments, named), daemon=True
    )
    try:
        process.start()
        sender.close()  # the child's own is the only one left: when it dies, the pipe ends
        if not receiver.poll(bounds.seconds):
            raise TimeoutError
        value, error = receiver.recv()
    except EOFError as ended:
        raise MemoryError from ended
    finally:
        receiver.close()
        if process.pid is not None:
            process.kill()
            process.join()
    if error is not None:
        raise error
    result: T = value
    return result


def _answer(
    sender: "Connection[Any, Any]",
    memory_bytes: int,
    function: Callable[..., Any],
    arguments: tuple[object, ...],
    named: Mapping[str, object],
) -> None:
    """The child: what the function gives, or the error that it raises."""
    depend_on_parent()
    with suppress(ValueError, OSError):  # a system without such a limit, or with a lower one
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    try:
        sender.send((function(*arguments, **named), None))
    except Exception as error:  # as a pool would pass it on: the parent raises it
        sender.send((None, MemoryError() if _is_lack_of_memory(error) else portable_error(error)))


def _is_lack_of_memory(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # a library that is there and cannot be loaded: under a bound, the reason is that it finds no room
    return isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError)
