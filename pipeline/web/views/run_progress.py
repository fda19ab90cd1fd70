"""How far the runs under way are, watched once for all pages that look on."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from pipeline.errors import NarrationError, NotFound, SettingsError
from pipeline.feeds.read_feed import ALL_FEEDS
from pipeline.model.states import ActiveState, ItemState, RunState
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.web.server.run_desk import BookRun, RunDesk
from pipeline.web.views.run_meter import Figures, Pace, RunMeter

WATCH_S = 1.0
_ARTICLES = (ItemState.DONE, ItemState.FAILED, ItemState.WAITING)
ALIVE_S = 15.0
"""A line is sent at least this often, so that a broken connection is noticed."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is."""

    book: str
    run: str
    state: ActiveState
    done: int
    failed: int
    total: int
    """Chunks that are to be spoken, with those that are."""
    seconds_left: int | None
    """None while nobody can tell."""
    ended_as: RunState | Literal[""] = ""
    """Once it has ended."""


class Watch:
    """The progress of every run, a second old at most."""

    def __init__(self, context: Context, desk: RunDesk) -> None:
        self._context = context
        self._desk = desk
        self._meters: dict[str, RunMeter] = {}
        self._paces: dict[str, Pace] = {}
        self.snapshot: dict[str, RunProgress] = {}
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
        before = {book: p for book, p in self.snapshot.items() if p.state is not ActiveState.ENDED}
        active = self._desk.active()
        present = {book: self._progress(run) for book, run in active.items()}
        present |= {book: self._last(was) for book, was in before.items() if book not in active}
        if present != self.snapshot:
            self.snapshot = present
            self.version += 1

    def _progress(self, run: BookRun) -> RunProgress:
        figures = self._figures(run.book, run.id)
        pace = self._paces.setdefault(run.id, Pace())
        seconds = pace.seconds_left(figures, time.monotonic()) if figures.total else None
        return _shown(run.book, run.id, run.state, figures, seconds_left=seconds)

    def _last(self, was: RunProgress) -> RunProgress:
        figures, run = self._figures(was.book, was.run), self._context.store.runs.last(was.book)
        self._meters.pop(was.run, None)
        self._paces.pop(was.run, None)
        shown = _shown(was.book, was.run, ActiveState.ENDED, figures, seconds_left=0)
        return replace(shown, ended_as=RunState(run[0]) if run else "")

    def _figures(self, book: str, run: str) -> Figures:
        """How far a run is: in chunks, or in articles where it is over all feeds; nothing before it has begun."""
        if book == ALL_FEEDS:
            return self._articles()
        try:
            if run not in self._meters:
                begun = self._context.store.runs.newest([book]).get(book)
                if begun is None or begun.flow_run != run:
                    return Figures()
                self._meters[run] = RunMeter(self._context, book, Order.from_options(begun.options))
            return self._meters[run].figures()
        except (SettingsError, NotFound):  # it has its own say on why it cannot go on; the others are still watched
            return Figures()

    def _articles(self) -> Figures:
        counts = self._context.store.feeds.counts().values()
        by_state = {state: sum(each.get(state, 0) for each in counts) for state in _ARTICLES}
        return Figures(done=by_state[ItemState.DONE], failed=by_state[ItemState.FAILED], total=sum(by_state.values()))

    async def stream(self) -> AsyncIterator[str]:
        """Server-sent events (WHATWG HTML, section 9.2): a list of RunProgress whenever it changes."""
        sent, quiet_since = -1, time.monotonic()
        while not self._ended.is_set():
            if self.version != sent:
                sent, quiet_since = self.version, time.monotonic()
                yield f"event: progress\ndata: {json.dumps([asdict(p) for p in self.snapshot.values()])}\n\n"
            elif time.monotonic() - quiet_since > ALIVE_S:
                quiet_since = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(0.25)


def _shown(book: str, run: str, state: ActiveState, figures: Figures, *, seconds_left: int | None) -> RunProgress:
    return RunProgress(
        book=book,
        run=run,
        state=state,
        done=figures.done,
        failed=figures.failed,
        total=figures.total,
        seconds_left=seconds_left,
    )
