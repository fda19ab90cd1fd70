"""One run of a book -> how many of its chunks are spoken, and how long the others take.

Counted over the plans that the run itself works by, whatever the chapters are shown by meanwhile: those of a former
narration are whole until the run reaches them.
"""

from collections import deque
from dataclasses import dataclass

from pipeline.model.plan import ChunkState
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.reading.chapter_text import text_of_stored
from pipeline.narration.reading.plan_chapter import Planner
from pipeline.narration.running.prepare import chosen_chapters

WINDOW_S = 60.0
"""The pace is that of the last minute."""
MIN_SPAN_S = 2.0
"""Chunks are counted once a second, so that a shorter time says nothing."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Chunks that a run is to speak."""

    done: int = 0
    failed: int = 0
    total: int = 0
    """0 while it is unknown."""

    @property
    def pending(self) -> int:
        """Those that are neither spoken nor given up."""
        return self.total - self.done - self.failed


@dataclass(frozen=True, slots=True)
class _Chapter:
    plan: str
    """Key of its plan."""
    chunks: int
    cached: int
    """How many of them were spoken before."""


class RunMeter:
    """Counts one run, which has begun."""

    def __init__(self, context: Context, book: str, order: Order) -> None:
        """Plans in memory what the run has not planned yet, so that its size is known at once.

        Raises:
            SettingsError, StoreError.
        """
        self._context, self._book = context, book
        chapters = context.store.editions.chapters(book)
        planner = Planner(context, order, book=book, digests=(chapter.digest for chapter in chapters))
        self._chapters: list[_Chapter] = []
        for chapter in chosen_chapters(chapters, order):
            text = text_of_stored(context, chapter)
            plan = planner.find(text) or planner.plan(text)
            heard = context.store.heard.find(book, plan.clip_keys)
            cached = sum(chunk.clip_key in heard for chunk in plan.spoken)
            self._chapters.append(_Chapter(plan=plan.key, chunks=len(plan.spoken), cached=cached))

    def figures(self) -> Figures:
        """Where the run is now. Raises: StoreError."""
        counts = self._context.store.chunks.counts_of_plans(self._book, {chapter.plan for chapter in self._chapters})
        done = failed = 0
        for chapter in self._chapters:
            # Until the run has stored its plan, nothing more of the chapter can be spoken.
            known = counts.get(chapter.plan, {ChunkState.DONE: chapter.cached})
            done += known.get(ChunkState.DONE, 0)
            failed += known.get(ChunkState.FAILED, 0)
        return Figures(done=done, failed=failed, total=sum(chapter.chunks for chapter in self._chapters))


class Pace:
    """How fast chunks become done, from the first one on: before that, voices are loaded and nothing can be told."""

    def __init__(self) -> None:
        self._done: int | None = None
        self._moments: deque[tuple[float, int]] = deque()

    def seconds_left(self, figures: Figures, now_s: float) -> int | None:
        """How long what is pending takes at the present pace; None while that cannot be told.

        Args:
            figures: as they are.
            now_s: of a clock that only goes forward.
        """
        if self._done is not None and figures.done < self._done:
            self._moments.clear()  # done again
        elif self._done is not None and figures.done > self._done:
            self._moments.append((now_s, figures.done))
        self._done = figures.done
        while len(self._moments) > 2 and now_s - self._moments[0][0] > WINDOW_S:
            self._moments.popleft()
        if len(self._moments) < 2:
            return None
        (first_s, first), (last_s, last) = self._moments[0], self._moments[-1]
        if last_s - first_s < MIN_SPAN_S:
            return None
        return round(figures.pending * (last_s - first_s) / (last - first))
