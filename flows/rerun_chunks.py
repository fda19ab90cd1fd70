"""The flows of a book that is known: speak chosen chunks again, or rebuild its release without speaking."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.narrate_document import Format, MasteringName
from flows.run_book import THREADS, present_context, run_book
from pipeline.stages.choose_again import choose_again
from pipeline.stages.order import Order
from pipeline.stages.run import Summary


@flow(name="rerun-failed-chunks", flow_run_name="rerun {book}", persist_result=False, task_runner=THREADS)
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
        max_cost: cap on what the run may cost.
    """
    with present_context() as context:
        order = Order.from_options(context.store.documents.get_book(book).narration, max_cost=max_cost)
        again = choose_again(context, book, failed=failed, chapters=chapters, chunks=chunks)
        return run_book(context, book, order, again)


@flow(name="rebuild-release", flow_run_name="rebuild {book}", persist_result=False, task_runner=THREADS)
def rebuild_release(
    book: str, formats: tuple[Format, ...] = (), mastering: MasteringName = ""
) -> Summary | State[Summary]:
    """Write the release of a narrated book again, for other formats, tags, cover or mastering; nothing is spoken.

    Args:
        book: its name, as `bookcast status` lists it.
        formats: what the release is made of; empty for those of the last narration.
        mastering: what the sound is brought to; empty for that of the last narration.
    """
    with present_context() as context:
        options = dict(context.store.documents.get_book(book).narration)
        options.update({"formats": formats} if formats else {}, **({"mastering": mastering} if mastering else {}))
        return run_book(context, book, Order.from_options(options), frozenset())
