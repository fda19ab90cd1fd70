"""The stages as Prefect tasks: one or two lines each. A retry runs all of them again; finished work is looked up."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.runs.run_names import name_of_batch, name_of_plan, name_of_reading, name_of_release, name_of_sound
from flows.server.server_watch import note
from flows.sharing.service_share import share_of_service
from pipeline.errors import PartialFailure
from pipeline.model.plan import PlannedChunk
from pipeline.narration.core.run_state import Run
from pipeline.narration.making.assemble_chapter import assemble_chapter
from pipeline.narration.making.publish_book import publish_book
from pipeline.narration.reading.named_source import import_named
from pipeline.narration.reading.plan_chapter import plan_chapter
from pipeline.narration.running.assembly_line import Result, Submit
from pipeline.narration.speaking.batch_result import BatchResult
from pipeline.narration.speaking.synthesize_batch import synthesize_batch
from pipeline.store.records.editions import StoredChapter


def _as_task(stage: Callable[..., Any], name: str, run_name: Any) -> Any:
    return task(name=name, task_run_name=run_name, cache_policy=NO_CACHE, persist_result=False)(stage)


def _batch(run: Run, chapter: StoredChapter, chunks: Sequence[PlannedChunk]) -> BatchResult:
    """Speak one batch; what failed is listed in an artifact before the task fails."""
    try:
        if not run.pace.slots:
            return synthesize_batch(run, chapter, chunks)
        slots = min(run.pace.slots, len(chunks))
        with share_of_service(run.context, run.backend, slots, run.check_stopping):
            return synthesize_batch(run, chapter, chunks, slots)
    except PartialFailure as error:
        list_failures(f"failed-chunks-chapter-{chapter.position + 1}", chapter.position, error)
        raise


import_task = _as_task(import_named, "import document", name_of_reading)
_TASKS: dict[Callable[..., Any], Any] = {
    plan_chapter: _as_task(plan_chapter, "plan chapter", name_of_plan),
    synthesize_batch: _as_task(_batch, "synthesize batch", name_of_batch),
    assemble_chapter: _as_task(assemble_chapter, "assemble chapter", name_of_sound),
    publish_book: _as_task(publish_book, "publish book", name_of_release),
}


def list_failures(key: str, position: int, error: PartialFailure) -> None:
    """A table of the failed chunks, on the run's page."""
    rows = [{"chapter": position + 1, "chunk": chunk, "reason": reason} for chunk, reason in error.failures]
    note(lambda: create_table_artifact(table=rows, key=artifact_key(key), description=str(error)))


def artifact_key(text: str) -> str:
    """`text` as Prefect allows it: lower-case letters, figures and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "book"


def in_threads(threads: Executor) -> Submit:
    """Starts stages as plain threads of a task that is one itself; they know which run they belong to."""

    def submit(stage: Callable[..., Any], *arguments: Any) -> Result:
        work = _batch if stage is synthesize_batch else stage
        return threads.submit(copy_context().run, work, *arguments)

    return submit


def submit_task(stage: Callable[..., Any], *arguments: Any) -> Result:
    """Start a stage as a task of the running flow."""
    future: Result = _TASKS[stage].submit(*arguments)
    return future
