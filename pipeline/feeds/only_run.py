"""One run at a time for each feed: whoever comes second leaves it alone, and says so."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import Timeout

from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note


@contextmanager
def as_only_run(context: Context, url: str) -> Iterator[bool]:
    """Hold the feed while this lasts; False, and a note, where another run has it."""
    lock = context.store.lock(f"feed {url}")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        context.report(Note(f"{url} is being narrated by another run"))
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
