"""What the flows share: the open data directory, the run of one book, and what its page shows."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
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
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner

from flows.runs.run_names import name_of_run
from flows.runs.tasks import artifact_key, list_failures, submit_task
from flows.server.server_watch import note
from flows.sharing.service_share import ensure_limit
from pipeline.errors import Interrupted, PartialFailure
from pipeline.model.states import RunState
from pipeline.narration.core.batch_sizes import STAGE_THREADS
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import BookOpened, ChapterReady, Event
from pipeline.narration.core.log_lines import log_in_json, report_of_program
from pipeline.narration.core.order import resolve_voice
from pipeline.narration.core.run_state import Summary
from pipeline.narration.running.narrations import Running, run_prepared
from pipeline.narration.running.prepare import Prepared
from pipeline.settings import read_settings
from pipeline.settings.places import find_data

THREADS: Any = ThreadPoolTaskRunner(max_workers=STAGE_THREADS)
CANCEL_POLL_S = 2.0

_present: ContextVar[Context | None] = ContextVar("bookcast_context", default=None)
_prepared: ContextVar[Prepared | None] = ContextVar("bookcast_prepared", default=None)


@contextmanager
def using(context: Context, prepared: Prepared | None = None) -> Iterator[None]:
    """Flows called inside use this open data directory, and what was prepared, instead of doing both again."""
    tokens = _present.set(context), _prepared.set(prepared)
    try:
        yield
    finally:
        _present.reset(tokens[0])
        _prepared.reset(tokens[1])


def handed_over() -> Prepared | None:
    """The narration that who started the flow in this process has prepared."""
    return _prepared.get()


@contextmanager
def present_context() -> Iterator[Context]:
    """The context in use, or one opened from the environment, as a runner's process does."""
    present = _present.get()
    if present:
        yield present
        return
    log_in_json()
    opened = Context(read_settings(), find_data().path, report_of_program())
    opened.told_to_end = RunState.INTERRUPTED
    try:
        yield opened
    finally:
        opened.close()


def run_book(context: Context, prepared: Prepared) -> Summary | State[Summary]:
    """Run a prepared narration inside a flow; the state Cancelled where somebody cancelled the flow run.

    Raises:
        NarrationError: see `run_prepared`.
    """
    slug = prepared.book.slug
    choice, able = resolve_voice(context.settings, prepared.order)
    if able.is_remote:
        ensure_limit(choice.backend, able.concurrency)
    _call_by_title(context, slug)
    _link_studio(slug)
    progress = _ProgressArtifact(context)
    cancellation = Cancellation(context, str(flow_run.id or ""))
    try:
        running = Running(submit=submit_task, shared=True, flow_run=str(flow_run.id or ""))
        summary = run_prepared(context, prepared, running)
    except PartialFailure as error:
        list_failures(f"failed-chunks-{slug}", -1, error)
        raise
    except Interrupted:
        if not cancellation.is_wanted and context.told_to_end is RunState.INTERRUPTED:
            raise
        return Cancelled(message="Cancelled; everything done is kept.")
    finally:
        cancellation.close()
        progress.close()
    described, key = _describe(summary), artifact_key(slug)
    note(lambda: create_markdown_artifact(markdown=described, key=key, description=summary.title))
    return summary


def _call_by_title(context: Context, slug: str) -> None:
    """A run that was started from Prefect's page does not know the title of its book before."""
    name = name_of_run(context, str(flow_run.flow_name), slug)
    if flow_run.id and flow_run.name != name:
        note(partial(_rename, UUID(str(flow_run.id)), name))


def _rename(run: UUID, name: str) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_name(run, name)


def _link_studio(slug: str) -> None:
    """The way from Prefect's page to the studio's page of the book."""
    address = os.environ.get("BOOKCAST_STUDIO_URL")
    if address:
        link, key = f"{address}/books/{slug}", artifact_key(f"studio-{slug}")
        note(lambda: create_link_artifact(link, link_text="The book in the studio", key=key))


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
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            while not self._ended.is_set() and not self.is_wanted:
                with suppress(Exception):  # the server is away; that is the business of who needs its answer
                    self._look()
                self._ended.wait(CANCEL_POLL_S)

    def _look(self) -> None:
        with get_client(sync_client=True) as client:
            while self._run and not self._ended.wait(CANCEL_POLL_S):
                state = client.read_flow_run(self._run).state
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
        created = note(lambda: create_progress_artifact(progress=0.0, description="chapters assembled"))
        self._id = created if isinstance(created, UUID) else None
        context.report = self

    def __call__(self, event: Event) -> None:
        self._before(event)
        if isinstance(event, BookOpened):
            self._chapters = max(1, event.chapters)
        elif isinstance(event, ChapterReady) and (artifact := self._id):
            self._done += 1
            progress = min(100.0, 100.0 * self._done / self._chapters)
            note(lambda: update_progress_artifact(artifact, progress=progress))

    def close(self) -> None:
        self._context.report = self._before
