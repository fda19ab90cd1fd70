"""A stored book -> its release: every stage in order, chapters overlapping, without Prefect.

Whoever pushes the button says how a stage is started (`submit`): a thread here, a Prefect task in
`flows`. Chapters are assembled while later ones are still being spoken, and spoken while later ones
are still being planned.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from pipeline.errors import DamagedClips, Interrupted, NarrationError, PartialFailure
from pipeline.model.audio import ChapterAudio
from pipeline.stages.assemble_chapter import assemble_chapter, find_assembled
from pipeline.stages.context import Context
from pipeline.stages.events import BookOpened, ChapterPlanned, Note
from pipeline.stages.notify import notify
from pipeline.stages.order import Order, check_chapters
from pipeline.stages.plan_narration import ChapterPlan, check_languages, find_plan, plan_narration
from pipeline.stages.publish_book import publish_book
from pipeline.stages.run import Run, Summary
from pipeline.stages.synthesize_batch import BatchResult, synthesize_batch
from pipeline.store.documents import StoredChapter
from pipeline.store.plans import PlannedChunk

MENDING_ROUNDS = 2


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


def run_all(
    context: Context,
    slug: str,
    order: Order,
    submit: Submit,
    again: frozenset[str] | None = None,
    *,
    shared: bool = False,
    flow_run: str = "",
    tells: bool = True,
) -> Summary:
    """Narrate a stored book.

    Args:
        context: the open data directory.
        slug: of the book.
        order: what is asked for.
        submit: starts a stage.
        again: ids of the chunks to speak, spoken before or not, and no others; None for all that are missing.
        shared: other machines use the same service, each with its share.
        flow_run: Prefect's id of the flow run that this is, or empty.
        tells: those of `[notify] urls` hear how it ended.

    Raises:
        PartialFailure: some chunks failed and the book would have holes; all else is done and kept.
        UnsupportedLanguage, SettingsError: before any work.
        NarrationError: whatever stops a run; nothing finished is lost.
    """
    run = Run(context, context.store.documents.get_book(slug), order, again, shared=shared, flow_run=flow_run)
    summary = run.summary
    began = time.monotonic()
    state, reason = "stopped", ""
    try:
        _narrate(run, submit)
        state = "finished"
    except PartialFailure:
        state = "failed"
        raise
    except NarrationError as error:
        reason = "" if isinstance(error, Interrupted) else str(error)
        raise
    finally:
        summary.wall_seconds = time.monotonic() - began
        summary.chars_billed, cost = context.store.spend.of_run(run.id)
        summary.cost = float(cost)
        context.store.runs.end(run.id, state, summary.as_json())
        if tells and (state != "stopped" or reason):  # who stopped it knows
            notify(context, summary, state, reason)
    return summary


def _narrate(run: Run, submit: Submit) -> None:
    context, book, order, summary = run.context, run.book, run.order, run.summary
    chapters = chosen_chapters(context, book.slug, order)
    for passage in check_languages(context, book.slug, order):
        context.report(Note(f'{passage.chapter}: "{passage.excerpt}" seems to be in "{passage.language}"'))
    context.store.documents.remember_narration(book.slug, order.as_options())
    context.report(BookOpened(book.slug, book.metadata.title, len(chapters), sum(c.chars for c in chapters)))
    audio = _Line(run, submit).work_off(chapters)
    summary.chapters = len(chapters)
    summary.skipped_blocks = context.store.documents.skipped_blocks(book.slug)
    summary.audio_seconds = sum(chapter.seconds for chapter in audio)
    if summary.failed and not order.allow_gaps:
        raise PartialFailure(
            f"{book.metadata.title} lacks {summary.failed} of {summary.chunks} chunks, so nothing was published",
            failures=tuple(summary.failures),
            summary=summary,
            remedy=f"bookcast status {book.slug} --failed shows why; bookcast rerun {book.slug} --failed tries again",
        )
    summary.outputs = [str(path) for path in submit(publish_book, context, book, audio, order).result()]


def chosen_chapters(context: Context, slug: str, order: Order) -> list[StoredChapter]:
    """The chapters that the order asks for. Raises: SettingsError where there is none of that number."""
    chapters = context.store.documents.chapters(slug)
    check_chapters(order.chapters, len(chapters))
    return [c for c in chapters if not order.chapters or c.position + 1 in order.chapters]


class _Chapter:
    """A chapter on the line."""

    def __init__(self, stored: StoredChapter) -> None:
        self.stored = stored
        self.batches: list[Result] = []
        self.left = 0
        self.holes = 0
        """Chunks that are not spoken and are not to be spoken in this run."""
        self.closed = False
        """Its batches are counted, and it was sent to assembly unless it has holes."""
        self.audio: Result | None = None


class _Line:
    """The assembly line of one run; used by one thread."""

    def __init__(self, run: Run, submit: Submit) -> None:
        self._run = run
        self._context = run.context
        self._summary = run.summary
        self._submit = submit
        self._slots = threading.Semaphore(run.pace.batches)
        self._lock = threading.Lock()
        self._moved = threading.Event()

    def work_off(self, stored: Sequence[StoredChapter]) -> list[ChapterAudio]:
        """The audio of every chapter without a hole, in order."""
        chapters = [_Chapter(chapter) for chapter in stored]
        try:
            for chapter in chapters:
                self._start(chapter, chapters)
            self._advance(chapters, until_done=True)
            return [audio for chapter in chapters if (audio := self._audio(chapter)) is not None]
        except BaseException as error:  # Ctrl-C too: what was started must end before the store closes
            self._run.stop(error if isinstance(error, NarrationError) else None)
            self._settle(chapters)
            raise

    def _start(self, chapter: _Chapter, chapters: Sequence[_Chapter]) -> None:
        """Plan a chapter and start its batches as slots come free."""
        plan = self._plan(chapter)
        missing = list(plan.missing)
        again = self._run.again
        if again is not None:
            missing = [c for c in plan.chunks if c.id in again]
            chapter.holes = len([c for c in plan.missing if c.id not in again])
        cached = len(plan.chunks) - len(missing) - chapter.holes
        self._summary.chunks += len(plan.chunks)
        self._summary.cached += cached
        chars = sum(chunk.spoken_chars for chunk in missing)
        self._context.report(ChapterPlanned(chapter.stored.position, len(plan.chunks), cached, chars))
        size = self._run.pace.batch_size(len(missing))
        groups = [missing[at : at + size] for at in range(0, len(missing), size)]
        chapter.left = len(groups)
        for group in groups:
            self._start_batch(chapter, group, chapters)
        self._advance(chapters)

    def _plan(self, chapter: _Chapter) -> ChapterPlan:
        """The plan; one that is there is looked up at once, for to start a stage takes longer."""
        if found := find_plan(self._context, chapter.stored, self._run.order):
            return found
        plan: ChapterPlan = self._submit(plan_narration, self._context, chapter.stored, self._run.order).result()
        return plan

    def _assemble(self, chapter: _Chapter) -> Result:
        if not chapter.batches and (audio := self._find_assembled(chapter)):
            done: Future[ChapterAudio] = Future()
            done.set_result(audio)
            return done
        return self._submit(assemble_chapter, self._context, self._run.book, chapter.stored, self._run.order)

    def _find_assembled(self, chapter: _Chapter) -> ChapterAudio | None:
        return find_assembled(self._context, self._run.book, chapter.stored, self._run.order)

    def _start_batch(self, chapter: _Chapter, group: Sequence[PlannedChunk], chapters: Sequence[_Chapter]) -> None:
        while not self._slots.acquire(timeout=0.2):
            self._advance(chapters)
        self._run.check_stopping()
        batch = self._submit(synthesize_batch, self._run, chapter.stored.position, group)
        chapter.batches.append(batch)
        batch.add_done_callback(lambda _: self._batch_ended(chapter))

    def _batch_ended(self, chapter: _Chapter) -> None:
        with self._lock:
            chapter.left -= 1
        self._slots.release()
        self._moved.set()

    def _advance(self, chapters: Sequence[_Chapter], *, until_done: bool = False) -> None:
        """Send chapters whose batches have ended on to assembly."""
        while True:
            self._moved.clear()
            self._run.check_stopping()
            for chapter in chapters:
                if not chapter.closed and chapter.left == 0 and (until_done or chapter.batches):
                    self._close(chapter)
            if not until_done or all(chapter.closed for chapter in chapters):
                return
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
        except PartialFailure as error:
            result, failed = error.__dict__["result"], True
        self._summary.synthesized += result.synthesized
        self._summary.cached += result.cached
        self._summary.failed += len(result.failures)
        self._summary.failures += result.failures
        return failed

    def _audio(self, chapter: _Chapter) -> ChapterAudio | None:
        """The assembled chapter; clips found damaged are spoken again first."""
        if chapter.audio is None:
            return None
        for _ in range(MENDING_ROUNDS):
            try:
                audio: ChapterAudio = chapter.audio.result()
                return audio
            except DamagedClips as error:
                self._context.report(Note(f"{chapter.stored.title}: {error}; they are spoken again"))
                self._mend(chapter)
        last: ChapterAudio = chapter.audio.result()
        return last

    def _mend(self, chapter: _Chapter) -> None:
        missing = self._plan(chapter).missing
        self._count(self._submit(synthesize_batch, self._run, chapter.stored.position, missing))
        self._summary.cached -= len(missing)
        chapter.audio = self._assemble(chapter)

    def _settle(self, chapters: Sequence[_Chapter]) -> None:
        """Wait for what runs still; its own errors do not matter any more."""
        for started in [*(b for c in chapters for b in c.batches), *(c.audio for c in chapters if c.audio)]:
            try:
                started.result()
            except (NarrationError, OSError, RuntimeError, ValueError):
                continue
