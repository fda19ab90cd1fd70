"""What strangers wrote, read in a process of its own that can be given up."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from pipeline.errors import DocumentError, DocumentTooLarge
from pipeline.ingest.read_document import parse_document
from pipeline.model.text import Document
from pipeline.narration.making.own_process import Bounds, run_bounded

T = TypeVar("T")

MEMORY_BYTES = 2 * 1024**3
"""The longest novels take 500 MB."""
SHORTEST_S, LONGEST_S = 30.0, 120.0
"""The longest novels take a few seconds on an idle core; a machine that narrates has none."""
LARGE_BYTES = 20_000_000
"""From here on a document may take the longest."""
PAGE_BOUNDS = Bounds(seconds=60, memory_bytes=1536 * 1024**2)
"""A page or a feed of the most tags and bytes that are read takes 10 s and 400 MB."""
AT_ONCE = 2
"""Pages and feeds; those of a round of feeds come eight at a time."""
TURN_S = 150.0
"""How long one waits for its turn."""
_turns = threading.BoundedSemaphore(AT_ONCE)


class Read(Protocol):
    """Calls a function with what a stranger wrote."""

    def __call__(self, parse: Callable[..., T], data: object, *, url: str, **named: object) -> T:
        """What `parse` gives and raises; `url` is passed on to it. May raise: DocumentTooLarge, DocumentError."""


def read_here(parse: Callable[..., T], data: object, *, url: str, **named: object) -> T:
    """In this process, for programs that do nothing else meanwhile; raises what `parse` raises."""
    return parse(data, url=url, **named)


def read_apart(parse: Callable[..., T], data: object, *, url: str, **named: object) -> T:
    """In another process, for one that has other work: no page and no feed can hold it up or end it.

    Raises:
        DocumentTooLarge: it takes too much time or memory; and what `parse` raises.
        DocumentError: too many others are being read.
    """
    if not _turns.acquire(timeout=TURN_S):
        raise DocumentError(f"{url} has to wait for others to be read", path=url, remedy="try again in a minute")
    try:
        return run_bounded(PAGE_BOUNDS, parse, data, url=url, **named)
    except (TimeoutError, MemoryError) as error:
        raise _too_large(url, PAGE_BOUNDS, error, "save what you need of it, and give the file") from error
    finally:
        _turns.release()


def bounds_of(size_bytes: int) -> Bounds:
    """What a document of that size may take: what is small and takes long was made to."""
    share = min(1.0, size_bytes / LARGE_BYTES)
    return Bounds(seconds=SHORTEST_S + share * (LONGEST_S - SHORTEST_S), memory_bytes=MEMORY_BYTES)


def parse_apart(data: bytes, *, name: str, bounds: Bounds | None = None) -> Document:
    """What `parse_document` gives, within `bounds`, or those of its size.

    Raises:
        DocumentTooLarge: it takes too much time or memory; and what `parse_document` raises.
    """
    bounds = bounds or bounds_of(len(data))
    try:
        return run_bounded(bounds, parse_document, data, name=name)
    except (TimeoutError, MemoryError) as error:
        raise _too_large(name, bounds, error, "split it, or narrate it with bookcast narrate") from error


def _too_large(name: str, bounds: Bounds, error: Exception, remedy: str) -> DocumentTooLarge:
    took = f"takes more than {bounds.seconds:g} seconds to read"
    reason = took if isinstance(error, TimeoutError) else "takes more memory to read than a document may"
    return DocumentTooLarge(f"{name} {reason}", path=name, remedy=remedy)
