"""What the flows share: the open data directory, the run of one book, and what its page shows."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner

from flows.service_share import ensure_limit
from flows.tasks import artifact_key, list_failures, submit_task
from pipeline.errors import Interrupted, PartialFailure
from pipeline.settings import read_settings
from pipeline.stages.context import Context
from pipeline.stages.events import BookOpened, ChapterReady, Event
from pipeline.stages.order import Order, resolve_voice
from pipeline.stages.pace import STAGE_THREADS
from pipeline.stages.run import Summary
from pipeline.stages.run_all import run_all

THREADS: Any = ThreadPoolTaskRunner(max_workers=STAGE_THREADS)
CANCEL_POLL_S = 2.0

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


def run_book(
    context: Context, slug: str, order: Order, again: frozenset[str] | None = None
) -> Summary | State[Summary]:
    """Narrate a stored book inside a flow; the state Cancelled where somebody cancelled the flow run.

    Raises:
        NarrationError: see `run_all`.
    """
    choice, able = resolve_voice(context.settings, order)
    if able.is_remote:
        ensure_limit(choice.backend, able.concurrency)
    _link_studio(slug)
    progress = _ProgressArtifact(context)
    cancellation = Cancellation(context, str(flow_run.id or ""))
    try:
        summary = run_all(context, slug, order, submit_task, again, shared=True, flow_run=str(flow_run.id or ""))
    except PartialFailure as error:
        list_failures(f"failed-chunks-{slug}", -1, error)
        raise
    except Interrupted:
        if not cancellation.is_wanted:
            raise
        return Cancelled(message="Cancelled; everything done is kept.")
    finally:
        cancellation.close()
        progress.close()
    create_markdown_artifact(markdown=_describe(summary), key=artifact_key(slug), description=summary.title)
    return summary


def _link_studio(slug: str) -> None:
    """The way from Prefect's page to the studio's page of the book."""
    address = os.environ.get("BOOKCAST_STUDIO_URL")
    if address:
        create_link_artifact(
            f"{address}/books/{slug}", link_text="The book in the studio", key=artifact_key(f"studio-{slug}")
        )


class Cancellation:
    """Notices that somebody cancels the flow run, also one that no runner has started."""

    def __init__(self, context: Context, run: str) -> None:
        """Stop `context` as soon as that run is cancelled."""
        self.is_wanted = False
        self._context = context
        self._run = UUID(run) if run else None
        self._ended = threading.Event()
        if self._run:
            present = copy_context()  # threads do not inherit which server is in use
            threading.Thread(target=present.run, args=(self._watch,), daemon=True, name="cancellation").start()

    def _watch(self) -> None:
        with get_client(sync_client=True) as client:
            while self._run and not self._ended.wait(CANCEL_POLL_S):
                try:
                    state = client.read_flow_run(self._run).state
                except Exception:  # the server is away; that is the business of who needs its answer
                    continue
                if state and (state.is_cancelling() or state.is_cancelled()):
                    self.is_wanted = True
                    self._context.stop()
                    return

    def close(self) -> None:
        """Look no more."""
        self._ended.set()


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
