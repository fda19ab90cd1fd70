"""The one way in: narrate, rerun and rebuild, for the command line, the studio, Prefect's forms and the Python API.

Whoever pushes the button says how stages are started: in threads of this process, or as tasks of a flow.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pipeline.errors import EmptyDocument, Interrupted, NarrationError, PartialFailure, SettingsError
from pipeline.model.states import RunState
from pipeline.narration.core.batch_sizes import STAGE_THREADS
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import BookOpened, Note
from pipeline.narration.core.order import Order
from pipeline.narration.core.run_state import MISSING, NOTHING, BookIncomplete, Run, Summary, Wanted
from pipeline.narration.making.assemble_chapter import MadeChapter
from pipeline.narration.making.publish_book import publish_book
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.running.assembly_line import AssemblyLine, Submit
from pipeline.narration.running.choose_again import choose_again
from pipeline.narration.running.notify import notify
from pipeline.narration.running.prepare import Prepared, prepare
from pipeline.narration.upkeep.keep_cache import sweep_chapters
from pipeline.narration.upkeep.rebuild_cache import recover_cache
from pipeline.narration.upkeep.sweep_work import sweep_segments


@dataclass(frozen=True, slots=True)
class Running:
    """How the stages of a run are started, and what the run is part of."""

    submit: Submit | None = None
    """Starts a stage; None for threads of this process."""
    shared: bool = False
    """Other machines use the same service, each with its share."""
    flow_run: str = ""
    """Prefect's id of the flow run that this is, or empty."""
    tells: bool = True
    """Those of `[notify] urls` hear how it ended."""


DIRECT = Running()


def narrate(context: Context, source: str, order: Order, running: Running = DIRECT) -> Summary:
    """Narrate a document, or a book by its name, into a release.

    Raises:
        DocumentError: it cannot be read.
        NarrationError: see `run_prepared`.
    """
    return run_prepared(context, prepare(context, import_document(context, source), order), running)


def prepare_rerun(
    context: Context,
    slug: str,
    *,
    failed: bool = False,
    chapters: Sequence[int] = (),
    chunks: Sequence[str] = (),
    max_cost: float | None = None,
) -> Prepared:
    """The narration that speaks chunks of a book again, with the options of its last narration.

    Args:
        context: the open data directory.
        slug: of the book.
        failed: the chunks that failed.
        chapters: all chunks of these chapters, from 1.
        chunks: the chunks of these ids.
        max_cost: cap on what the run may cost; None for the book's own.

    Raises:
        SettingsError: a chunk or chapter is not in the book.
        StoreError: there is no such book.
    """
    book = context.store.documents.get_book(slug)
    order = Order.from_options(book.narration, max_cost=max_cost)
    if outside := set(chapters) - set(order.chapters or chapters):
        raise SettingsError(
            f"Chapter {min(outside)} is not one of those that were narrated last",
            key="chapters",
            remedy="bookcast narrate the book with it first",
        )
    again = choose_again(context, slug, failed=failed, chapters=chapters, chunks=chunks)
    return prepare(context, book, order, Wanted(again))


def prepare_rebuild(context: Context, slug: str, changes: dict[str, Any] | None = None) -> Prepared:
    """The narration that writes a book's release again from what is spoken; `changes` are other options.

    Raises:
        StoreError: there is no such book.
    """
    book = context.store.documents.get_book(slug)
    return prepare(context, book, Order.from_options({**book.narration, **(changes or {})}), NOTHING)


def run_prepared(context: Context, prepared: Prepared, running: Running = DIRECT) -> Summary:
    """Run every stage of a prepared narration.

    Raises:
        PartialFailure: some chunks failed and the book would have holes; all else is done and kept.
        EmptyDocument: nothing in it is spoken.
        NarrationError: whatever stops a run; nothing finished is lost.
    """
    if running.submit is not None:
        return _run(context, prepared, running, running.submit)
    with ThreadPoolExecutor(STAGE_THREADS, thread_name_prefix="stage") as threads:
        return _run(context, prepared, running, threads.submit)


def _run(context: Context, prepared: Prepared, running: Running, submit: Submit) -> Summary:
    # First of all: a database that lost its rows knows no clip, so every one would be made and paid for again.
    recover_cache(context)
    sweep_segments(context)
    run = Run(context, prepared.book, prepared.order, prepared.wanted, shared=running.shared, flow_run=running.flow_run)
    summary = run.summary
    began = time.monotonic()
    state, reason = RunState.STOPPED, ""
    try:
        _narrate(run, prepared, submit)
        state = RunState.FINISHED
        # This run still counts as live here, so it is named as the one exception.
        sweep_chapters(context, but=run.id)
    except PartialFailure:
        state = RunState.FAILED
        raise
    except NarrationError as error:
        reason = "" if isinstance(error, Interrupted) else str(error)
        raise
    except BaseException as error:
        if not isinstance(error, Exception):  # a signal, as Python or Prefect raises it in the main thread
            state = context.told_to_end
        raise
    finally:
        summary.wall_seconds = time.monotonic() - began
        try:  # the ledger, not the summary: it also counts requests that were cut off, however the run ended
            summary.chars_billed, cost = context.store.spend.of_run(run.id)
            summary.cost = float(cost)
        finally:  # a run that did not end keeps upkeep away for as long as this process lives
            context.store.runs.end(run.id, state, summary.as_json())
        if running.tells and (reason or state in {RunState.FINISHED, RunState.FAILED}):  # who stopped it knows
            notify(context, summary, state, reason)
    return summary


def _narrate(run: Run, prepared: Prepared, submit: Submit) -> None:
    context, book, order, summary = run.context, run.book, run.order, run.summary
    for passage in prepared.foreign:
        run.report(Note(f'{passage.chapter}: "{passage.excerpt}" seems to be in "{passage.language}"'))
    # Before the work, so that a rerun after a kill finds the same options.
    context.store.documents.remember_narration(book.slug, order.as_options())
    chars = sum(chapter.chars for chapter in prepared.chapters)
    run.report(BookOpened(slug=book.slug, title=book.metadata.title, chapters=len(prepared.chapters), chars=chars))
    made = AssemblyLine(run, prepared.planner, submit).work_off(prepared.chapters)
    summary.chapters = len(prepared.chapters)
    summary.skipped_blocks = context.store.editions.skipped_blocks(book.slug)
    summary.audio_seconds = sum(chapter.audio.seconds for chapter in made)
    _check_publishable(run, made)
    summary.outputs = [str(path) for path in submit(publish_book, context, book, made, order).result()]


def _check_publishable(run: Run, made: Sequence[MadeChapter]) -> None:
    """A release of nothing would take the place of the one that is there, whatever gaps were allowed."""
    title, summary = run.book.metadata.title, run.summary
    if summary.failed and not (run.order.allow_gaps and made):
        raise BookIncomplete(
            f"{title} lacks {summary.failed} of {summary.chunks} chunks, so nothing was published",
            summary=summary,
            remedy=f"bookcast status {run.book.slug} --failed shows why; "
            f"bookcast rerun {run.book.slug} --failed tries again",
        )
    if not made:
        raise EmptyDocument(
            f"Nothing in {title} is spoken, so nothing was published",
            remedy="choose other chapters, or change [narration] skip in the settings if what it skips is to be heard",
        )


__all__ = ["DIRECT", "MISSING", "Running", "narrate", "prepare_rebuild", "prepare_rerun", "run_prepared"]
