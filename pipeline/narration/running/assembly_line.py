"""Chapters of a book -> assembled chapters: planned, spoken and assembled side by side.

Chapters are assembled while later ones are still being spoken, and spoken while later ones are still being
planned, so that neither the voice nor the encoders ever wait for the whole book.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.errors import DamagedClips, Failure, NarrationError
from pipeline.model.plan import ChapterPlan, PlannedChunk
from pipeline.narration.core.events import ChapterPlanned, Note
from pipeline.narration.core.run_state import Run
from pipeline.narration.making.assemble_chapter import MadeChapter, assemble_chapter, find_assembled
from pipeline.narration.reading.chapter_text import text_of_stored
from pipeline.narration.reading.plan_chapter import Planner, plan_chapter
from pipeline.narration.speaking.batch_result import BatchIncomplete, BatchResult
from pipeline.narration.speaking.synthesize_batch import synthesize_batch
from pipeline.store.records.editions import StoredChapter

MENDING_ROUNDS = 3
"""How often a chapter is spoken again where clips turn out to be missing or damaged. One round is enough unless
somebody damages clips faster than they are made."""
SLOT_WAIT_S = 0.2
"""While no batch may start, chapters that are spoken are sent on this often."""


class Result(Protocol):
    """A stage that was started: concurrent.futures.Future and Prefect's futures alike."""

    def result(self) -> Any:
        """What the stage gave; raises what it raised."""
        ...

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        """Call `fn` when the stage has ended, however it ended."""
        ...


Submit = Callable[..., Result]
"""submit(stage, *arguments) starts a stage function."""


@dataclass(eq=False)
class _Chapter:
    """A chapter on the line."""

    stored: StoredChapter
    plan: ChapterPlan
    batches: list[Result] = field(default_factory=list)
    left: int = 0
    """Batches that have not ended."""
    holes: int = 0
    """Chunks that are not spoken and are not to be spoken in this run."""
    closed: bool = False
    """Its batches are counted, and it was sent to assembly unless it has holes."""
    audio: Result | None = None


class AssemblyLine:
    """The assembly line of one run; used by one thread."""

    def __init__(self, run: Run, planner: Planner, submit: Submit) -> None:
        self._run = run
        self._context = run.context
        self._summary = run.summary
        self._planner = planner
        self._submit = submit
        # Batches wait here, not in the queue of the threads: between two of them, spoken chapters go on to assembly.
        self._slots = threading.Semaphore(run.pace.batches)
        # Batches end in threads of their own, so their countdown is shared.
        self._lock = threading.Lock()
        self._moved = threading.Event()
        self._chapters: list[_Chapter] = []

    def work_off(self, chapters: Sequence[StoredChapter]) -> list[MadeChapter]:
        """The audio of every chapter that has sound and no hole, in order."""
        try:
            for stored in chapters:
                self._start(stored)
            self._advance(until_done=True)
            return [made for chapter in self._chapters if (made := self._made(chapter)) is not None]
        except BaseException as error:  # Ctrl-C too: what was started must end before the store closes
            self._run.stop(error if isinstance(error, NarrationError) else None)
            self._settle()
            raise

    def _start(self, stored: StoredChapter) -> None:
        """Plan a chapter and start its batches as slots come free."""
        chapter = _Chapter(stored, self._plan(stored))
        # Before anything is spoken: pages count progress along this pointer.
        self._context.store.plans.point([(stored.id, chapter.plan.key)])
        heard = self._heard(chapter)
        chosen = self._run.wanted.chosen(chapter.plan, heard)
        silent = [chunk for chunk in chapter.plan.spoken if chunk.clip_key not in heard]
        # A rerun speaks only what was asked for. Whatever else is silent still keeps the chapter from being published.
        chapter.holes = len({chunk.id for chunk in silent} - {chunk.id for chunk in chosen})
        cached = len(chapter.plan.spoken) - len(chosen) - chapter.holes
        self._summary.chunks += len(chapter.plan.spoken)
        self._summary.cached += cached
        chars = sum(chunk.spoken_chars for chunk in chosen)
        self._run.report(
            ChapterPlanned(position=stored.position, chunks=len(chapter.plan.spoken), cached=cached, chars=chars)
        )
        self._chapters.append(chapter)
        size = self._run.pace.batch_size(len(chosen))
        groups = [chosen[at : at + size] for at in range(0, len(chosen), size)]
        chapter.left = len(groups)
        for group in groups:
            self._start_batch(chapter, group)
        self._advance()

    def _plan(self, stored: StoredChapter) -> ChapterPlan:
        """The plan; one that is there is looked up at once, because starting a stage takes longer."""
        text = text_of_stored(self._context, stored)
        if found := self._planner.find(text):
            return found
        plan: ChapterPlan = self._submit(plan_chapter, self._context, self._planner, text).result()
        return plan

    def _heard(self, chapter: _Chapter) -> set[str]:
        """Keys of the plan's clips that are there, those of an older Bookcast included: they are paid for."""
        clips = self._context.store.clips
        heard = set(self._context.store.heard.find(self._run.book.slug, chapter.plan.clip_keys))
        silent = [chunk for chunk in chapter.plan.spoken if chunk.clip_key not in heard]
        if silent and clips.has_former():
            heard |= clips.adopt(self._planner.former_keys(silent), self._planner.rules.choice)
        return heard

    def _start_batch(self, chapter: _Chapter, group: Sequence[PlannedChunk]) -> None:
        while not self._slots.acquire(timeout=SLOT_WAIT_S):
            self._advance()
        self._run.check_stopping()
        batch = self._submit(synthesize_batch, self._run, chapter.stored, group)
        chapter.batches.append(batch)
        # However the batch ends: a slot that is not given back would be missing for the rest of the run.
        batch.add_done_callback(lambda _: self._batch_ended(chapter))

    def _batch_ended(self, chapter: _Chapter) -> None:
        with self._lock:
            chapter.left -= 1
        self._slots.release()
        self._moved.set()

    def _advance(self, *, until_done: bool = False) -> None:
        """Send chapters whose batches have ended on to assembly."""
        while True:
            # Cleared before the look, so that a batch that ends during it still cuts the wait short.
            self._moved.clear()
            self._run.check_stopping()
            for chapter in self._chapters:
                # A chapter with nothing to speak can wait for the end: looking it up now would delay the next request.
                if not chapter.closed and chapter.left == 0 and (until_done or chapter.batches):
                    self._close(chapter)
            if not until_done or all(chapter.closed for chapter in self._chapters):
                return
            # The limit is for a request to stop, which wakes nobody here.
            self._moved.wait(0.5)

    def _close(self, chapter: _Chapter) -> None:
        chapter.closed = True
        holes = [self._count(batch) for batch in chapter.batches]
        self._summary.failed += chapter.holes
        if not (any(holes) or chapter.holes) or self._run.order.allow_gaps:
            chapter.audio = self._assemble(chapter)

    def _count(self, batch: Result) -> bool:
        """Add a batch to the summary; True where it leaves a hole."""
        failed = False
        try:
            result: BatchResult = batch.result()
        # One bad chunk never stops a book: the rest of its batch is done and counts.
        except BatchIncomplete as error:
            result, failed = error.result, True
        self._summary.synthesized += result.synthesized
        self._summary.cached += result.cached
        self._summary.failed += len(result.failures)
        self._summary.failures += result.failures
        return failed

    def _assemble(self, chapter: _Chapter) -> Result:
        arguments = (self._context, self._run.book, chapter.stored, chapter.plan, self._run.order)
        # The lookup takes a few milliseconds, and starting a stage as a Prefect task takes longer.
        if not chapter.batches and (made := find_assembled(*arguments)):
            done: Future[MadeChapter | None] = Future()
            done.set_result(made)
            return done
        return self._submit(assemble_chapter, *arguments)

    def _made(self, chapter: _Chapter) -> MadeChapter | None:
        """The assembled chapter; clips found missing or damaged are spoken again first."""
        for _ in range(MENDING_ROUNDS):
            if chapter.audio is None:
                return None
            try:
                return self._with_sound(chapter, chapter.audio.result())
            # Assembly is the first to read the sound, so damaged files show only here.
            except DamagedClips as error:
                self._mend(chapter, error)
        return self._with_sound(chapter, chapter.audio.result()) if chapter.audio else None

    def _with_sound(self, chapter: _Chapter, made: MadeChapter | None) -> MadeChapter | None:
        if made is None:
            self._run.report(Note(f'"{chapter.stored.title}" is left out: nothing of it is spoken'))
        return made

    def _mend(self, chapter: _Chapter, error: DamagedClips) -> None:
        """Speak what is missing again, or count it as holes where nothing may be spoken."""
        heard = self._heard(chapter)
        missing = [chunk for chunk in chapter.plan.spoken if chunk.clip_key not in heard]
        # They count below, as spoken or as failed, and must not count as found as well.
        self._summary.cached -= len(missing)
        self._run.spoken_again.difference_update(chunk.clip_key for chunk in missing)
        chapter.audio = None
        if self._run.wanted.is_silent:
            self._summary.failed += len(missing)
            self._summary.failures += [Failure(chunk.id, str(error)) for chunk in missing]
            left_holes = bool(missing)
        else:
            self._run.report(Note(f"{chapter.stored.title}: {error}; they are spoken again"))
            left_holes = self._count(self._submit(synthesize_batch, self._run, chapter.stored, missing))
        if not left_holes or self._run.order.allow_gaps:
            chapter.audio = self._assemble(chapter)

    def _settle(self) -> None:
        """Wait for what runs still; its own errors, whatever they are, must not hide the one that ended the run."""
        chapters = self._chapters
        for started in [*(b for c in chapters for b in c.batches), *(c.audio for c in chapters if c.audio)]:
            with suppress(Exception):
                started.result()
