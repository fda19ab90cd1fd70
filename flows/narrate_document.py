"""The flow of one document: the same order of stages as without Prefect, each as a task."""

from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_book import THREADS, present_context, run_book
from flows.tasks import import_task
from pipeline.stages.order import Order
from pipeline.stages.run import Summary

Format = Literal["m4b", "m4a", "mp3", "opus", "flac", "wav"]
MasteringName = Literal["", "audiobook", "podcast", "broadcast"]


@flow(name="narrate-document", flow_run_name="narrate {source}", persist_result=False, task_runner=THREADS)
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
    mastering: MasteringName = "",
    max_cost: float | None = None,
) -> Summary | State[Summary]:
    """Narrate one document into a release.

    Empty values stand for what the settings say. A retry speaks only what is missing.

    Args:
        source: path of a document, or the name of a book that was imported before.
        backend: who speaks.
        model: of the backend.
        voice: of the model.
        speed: pace, 0 for what the settings say.
        language: of the text; otherwise it is detected.
        formats: what the release is made of.
        output: library folder.
        chapters: numbers of the chapters to narrate, from 1; empty for all.
        allow_gaps: publish even where chunks failed.
        mastering: what the sound is brought to.
        max_cost: cap on what the run may cost.
    """
    order = Order(backend, model, voice, speed, language, formats, output, chapters, allow_gaps, mastering, max_cost)
    with present_context() as context:
        return run_book(context, import_task(context, source).slug, order)
