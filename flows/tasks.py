"""The stages as Prefect tasks: one or two lines each. A retry runs all of them again; finished work is looked up."""

import re
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.service_share import share_of_service
from pipeline.errors import PartialFailure
from pipeline.stages.assemble_chapter import assemble_chapter
from pipeline.stages.import_document import import_document
from pipeline.stages.plan_narration import plan_narration
from pipeline.stages.publish_book import publish_book
from pipeline.stages.run import Run
from pipeline.stages.run_all import Result, Submit
from pipeline.stages.synthesize_batch import BatchResult, synthesize_batch


def _as_task(stage: Callable[..., Any], name: str) -> Any:
    return task(name=name, cache_policy=NO_CACHE, persist_result=False)(stage)


def _batch(run: Run, position: int, chunks: Any) -> BatchResult:
    """Speak one batch; what failed is listed in an artifact before the task fails."""
    try:
        if not run.pace.slots:
            return synthesize_batch(run, position, chunks)
        slots = min(run.pace.slots, len(chunks))
        with share_of_service(run.context, run.backend, slots, run.check_stopping):
            return synthesize_batch(run, position, chunks, slots)
    except PartialFailure as error:
        list_failures(f"failed-chunks-chapter-{position + 1}", position, error)
        raise


import_task = _as_task(import_document, "import document")
_TASKS: dict[Callable[..., Any], Any] = {
    plan_narration: _as_task(plan_narration, "plan chapter"),
    synthesize_batch: _as_task(_batch, "synthesize batch"),
    assemble_chapter: _as_task(assemble_chapter, "assemble chapter"),
    publish_book: _as_task(publish_book, "publish book"),
}


def list_failures(key: str, position: int, error: PartialFailure) -> None:
    """A table of the failed chunks, on the run's page."""
    rows = [{"chapter": position + 1, "chunk": chunk, "reason": reason} for chunk, reason in error.failures]
    create_table_artifact(table=rows, key=artifact_key(key), description=str(error))


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
