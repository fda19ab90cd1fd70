"""The flow of one document: the same order of stages as without Prefect, each as a task."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.task_runners import ThreadPoolTaskRunner

from flows.service_share import ensure_limit
from flows.tasks import artifact_key, import_task, list_failures, submit_task
from pipeline.errors import PartialFailure
from pipeline.settings import read_settings
from pipeline.stages.choose_again import choose_again
from pipeline.stages.context import Context
from pipeline.stages.events import BookOpened, ChapterReady, Event
from pipeline.stages.order import Order, resolve_voice
from pipeline.stages.pace import STAGE_THREADS
from pipeline.stages.run import Summary
from pipeline.stages.run_all import run_all

_THREADS: Any = ThreadPoolTaskRunner(max_workers=STAGE_THREADS)
Format = Literal["m4b", "m4a", "mp3", "opus", "flac", "wav"]

_present: ContextVar[Context | None] = ContextVar("bookcast_context", default=None)


@contextmanager
def using(context: Context) -> Iterator[None]:
    """Flows called inside use this open data directory instead of opening it themselves."""
    token = _present.set(context)
    try:
        yield
    finally:
        _present.reset(token)


@contextmanager
def present_context() -> Iterator[Context]:
    """The context in use, or one opened from the environment, as a runner's process does."""
    present = _present.get()
    if present:
        yield present
        return
    config = os.environ.get("BOOKCAST_CONFIG")
    opened = Context(read_settings(Path(config) if config else None), Path(os.environ.get("BOOKCAST_DATA", "data")))
    try:
        yield opened
    finally:
        opened.close()


@flow(
    name="narrate-document",
    flow_run_name="narrate {source}",
    persist_result=False,
    task_runner=_THREADS,
)
def narrate_document(
    source: str,
    backend: str = "",
    model: str = "",
    voice: str = "",
    speed: float = 0.0,
    language: str = "",
    formats: tuple[Format, ...] = (),
    output: str = "",
    chapters: tuple[int, ...] = (),
    allow_gaps: bool = False,
    max_cost: float | None = None,
) -> Summary:
    """Narrate one document into a release.

    Empty values stand for what the settings say. A retry speaks only what is missing.
    """
    order = Order(backend, model, voice, speed, language, formats, output, chapters, allow_gaps, max_cost)
    with present_context() as context:
        book = import_task(context, source)
        return _run(context, book.slug, order)


@flow(
    name="rerun-chunks",
    flow_run_name="rerun {book}",
    persist_result=False,
    task_runner=_THREADS,
)
def rerun_chunks(
    book: str,
    failed: bool = True,
    chapters: tuple[int, ...] = (),
    chunks: tuple[str, ...] = (),
    max_cost: float | None = None,
) -> Summary:
    """Speak chunks of a book again and rebuild just their chapters."""
    with present_context() as context:
        order = Order.from_options(context.store.documents.get_book(book).narration, max_cost=max_cost)
        again = choose_again(context, book, failed=failed, chapters=chapters, chunks=chunks)
        return _run(context, book, order, again)


def _run(context: Context, slug: str, order: Order, again: frozenset[str] | None = None) -> Summary:
    choice, able = resolve_voice(context.settings, order)
    if able.is_remote:
        ensure_limit(choice.backend, able.concurrency)
    progress = _ProgressArtifact(context)
    try:
        summary = run_all(context, slug, order, submit_task, again, shared=True)
    except PartialFailure as error:
        list_failures(f"failed-chunks-{slug}", -1, error)
        raise
    finally:
        progress.close()
    create_markdown_artifact(markdown=_describe(summary), key=artifact_key(slug), description=summary.title)
    return summary


def _describe(summary: Summary) -> str:
    links = "\n".join(f"- [{Path(path).name}]({Path(path).as_uri()})" for path in summary.outputs)
    return (
        f"# {summary.title}\n\n{summary.chapters} chapters, {summary.audio_seconds / 3600:.2f} hours, "
        f"{summary.synthesized} chunks spoken, {summary.cached} found, {summary.failed} failed.\n\n{links}\n"
    )


class _ProgressArtifact:
    """Share of the book that is assembled, on the run's page; the events go on to whoever watched before."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._before = context.report
        self._chapters = 1
        self._done = 0
        created = create_progress_artifact(progress=0.0, description="chapters assembled")
        self._id = created if isinstance(created, UUID) else None
        context.report = self

    def __call__(self, event: Event) -> None:
        self._before(event)
        if isinstance(event, BookOpened):
            self._chapters = max(1, event.chapters)
        elif isinstance(event, ChapterReady) and self._id:
            self._done += 1
            update_progress_artifact(self._id, progress=min(100.0, 100.0 * self._done / self._chapters))

    def close(self) -> None:
        self._context.report = self._before
