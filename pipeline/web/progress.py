"""How far the runs under way are, watched once for all pages that look on."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from pipeline.errors import NarrationError
from pipeline.stages.context import Context
from pipeline.stages.read_feed import ALL_FEEDS
from pipeline.store.plans import DONE, FAILED, PENDING
from pipeline.web.run_desk import RunDesk

WATCH_S = 1.0
ALIVE_S = 15.0
"""A line is sent at least this often, so that a broken connection is noticed."""
_WINDOW_S = 30.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    book: str
    run: str
    state: str
    """scheduled, pending, running, cancelling; `ended` in the last one."""
    done: int
    failed: int
    total: int
    """Chunks that are to be spoken, with those that are."""
    seconds_left: int | None
    """None while nobody can tell."""
    ended_as: str = ""
    """finished, failed or stopped, once it has ended."""


class Watch:
    """The progress of every run, a second old at most."""

    def __init__(self, context: Context, desk: RunDesk) -> None:
        self._context = context
        self._desk = desk
        self._samples: dict[str, list[tuple[float, int]]] = {}
        self.snapshot: dict[str, Progress] = {}
        self.version = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="progress")
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join(5)

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_S):
            try:
                self._look()
            except NarrationError:
                continue  # the store is busy; the next look will see

    def _look(self) -> None:
        before = {book: p for book, p in self.snapshot.items() if p.state != "ended"}
        present: dict[str, Progress] = {}
        for book, run in self._desk.active().items():
            totals = self._totals(book)
            done, failed, left = totals[DONE], totals[FAILED], totals[PENDING]
            seconds = self._seconds_left(book, done, left)
            present[book] = Progress(book, run.id, run.state, done, failed, done + failed + left, seconds)
        for book, was in before.items():
            if book not in present:
                self._samples.pop(book, None)
                present[book] = self._last(was)
        if present != self.snapshot:
            self.snapshot = present
            self.version += 1

    def _last(self, was: Progress) -> Progress:
        totals, run = self._totals(was.book), self._context.store.runs.last(was.book)
        total = sum(totals[state] for state in (DONE, FAILED, PENDING))
        ended_as = run[0] if run else ""
        return Progress(was.book, was.run, "ended", totals[DONE], totals[FAILED], total, 0, ended_as)

    def _totals(self, book: str) -> dict[str, int]:
        """Chunks of a book, or articles of all feeds, by their state."""
        if book != ALL_FEEDS:
            return self._context.store.plans.totals(book)
        counts = self._context.store.feeds.counts().values()
        return {state: sum(each.get(state, 0) for each in counts) for state in (DONE, FAILED, PENDING)}

    def _seconds_left(self, book: str, done: int, left: int) -> int | None:
        now = time.monotonic()
        samples = self._samples.setdefault(book, [])
        samples.append((now, done))
        while now - samples[0][0] > _WINDOW_S:
            samples.pop(0)
        spoken, took = done - samples[0][1], now - samples[0][0]
        return round(left * took / spoken) if spoken > 0 else None

    async def stream(self) -> AsyncIterator[str]:
        """Server-sent events (WHATWG HTML, section 9.2): a list of Progress whenever it changes."""
        sent, quiet_since = -1, time.monotonic()
        while not self._ended.is_set():
            if self.version != sent:
                sent, quiet_since = self.version, time.monotonic()
                yield f"event: progress\ndata: {json.dumps([asdict(p) for p in self.snapshot.values()])}\n\n"
            elif time.monotonic() - quiet_since > ALIVE_S:
                quiet_since = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(0.25)
