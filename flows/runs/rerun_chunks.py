"""The flows of a book that is known: speak chosen chunks again, or rebuild its release without speaking."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.runs.narrate_document import MasteringName
from flows.runs.outcome import remembered
from flows.runs.run_book import THREADS, handed_over, present_context, run_book
from flows.runs.run_names import first_name
from pipeline.model.audio import AudioFormat
from pipeline.narration.core.run_state import Summary
from pipeline.narration.running.narrations import prepare_rebuild, prepare_rerun


@flow(name="rerun-failed-chunks", flow_run_name=first_name, persist_result=False, task_runner=THREADS)
@remembered
def rerun_failed_chunks(
    book: str,
    failed: bool = True,
    chapters: tuple[int, ...] = (),
    chunks: tuple[str, ...] = (),
    max_cost: float | None = None,
) -> Summary | State[Summary]:
    """Speak chunks of a book again and rebuild just their chapters.

    Args:
        book: its name, as `bookcast status` lists it.
        failed: the chunks that failed.
        chapters: all chunks of these chapters, from 1.
        chunks: the chunks of these ids.
        max_cost: a new cap for the book, which counts from now on; without it the cap of the last narration goes on.
    """
    with present_context() as context:
        prepared = handed_over() or prepare_rerun(
            context, book, failed=failed, chapters=chapters, chunks=chunks, max_cost=max_cost
        )
        return run_book(context, prepared)


@flow(name="rebuild-release", flow_run_name=first_name, persist_result=False, task_runner=THREADS)
@remembered
def rebuild_release(
    book: str, formats: tuple[AudioFormat, ...] = (), mastering: MasteringName = ""
) -> Summary | State[Summary]:
    """Write the release of a narrated book again, for other formats, tags, cover or mastering; nothing is spoken.

    Args:
        book: its name, as `bookcast status` lists it.
        formats: what the release is made of; empty for those of the last narration.
        mastering: what the sound is brought to; empty for that of the last narration.
    """
    with present_context() as context:
        changes = {"formats": formats, "mastering": mastering}
        return run_book(context, prepare_rebuild(context, book, {k: v for k, v in changes.items() if v}))
