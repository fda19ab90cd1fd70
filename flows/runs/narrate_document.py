"""The flow of one document: the same order of stages as without Prefect, each as a task."""

from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows.runs.outcome import remembered
from flows.runs.run_book import THREADS, handed_over, present_context, run_book
from flows.runs.run_names import first_name
from flows.runs.tasks import import_task
from pipeline.model.audio import AudioFormat
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.core.run_state import Summary
from pipeline.narration.reading.named_source import check_output
from pipeline.narration.running.prepare import Prepared, prepare

MasteringName = Literal["", "audiobook", "podcast", "broadcast"]


@flow(name="narrate-document", flow_run_name=first_name, persist_result=False, task_runner=THREADS)
@remembered
def narrate_document(
    source: str,
    backend: str = "",
    model: str = "",
    voice: str = "",
    speed: float = 0.0,
    language: str = "",
    formats: tuple[AudioFormat, ...] = (),
    output: str = "",
    chapters: tuple[int, ...] = (),
    allow_gaps: bool = False,
    mastering: MasteringName = "",
    max_cost: float | None = None,
    cap_id: str = "",
) -> Summary | State[Summary]:
    """Narrate one document into a release.

    Empty values stand for what the settings say. A retry speaks only what is missing.

    Args:
        source: the name of a book, a web address, or a document in the data directory's folders uploads and inbox.
        backend: who speaks.
        model: of the backend.
        voice: of the model.
        speed: pace, 0 for what the settings say.
        language: of the text; otherwise it is detected.
        formats: what the release is made of.
        output: library folder, one of [studio] folders; empty for the usual one.
        chapters: numbers of the chapters to narrate, from 1; empty for all.
        allow_gaps: publish even where chunks failed.
        mastering: what the sound is brought to.
        max_cost: cap on what the run may cost, in the currency of the backend; reruns and edits go on under it.
        cap_id: which purchases count against the cap already; empty for a new cap.
    """
    order = Order(
        backend=backend,
        model=model,
        voice=voice,
        speed=speed,
        language=language,
        formats=formats,
        output=output,
        chapters=chapters,
        allow_gaps=allow_gaps,
        mastering=mastering,
        max_cost=max_cost,
        cap_id=cap_id,
    )
    with present_context() as context:
        return run_book(context, handed_over() or _prepare(context, source, order))


def _prepare(context: Context, source: str, order: Order) -> Prepared:
    book = import_task(context, source)
    check_output(context, order, book)
    return prepare(context, book, order)
