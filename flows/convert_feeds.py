"""The flow of the feeds: every new article becomes a narrated book; one bad article never stops the others."""

from prefect import flow

from flows.run_book import THREADS, present_context, run_book
from pipeline.errors import Interrupted, NarrationError, PartialFailure
from pipeline.ingest.feed import FeedItem
from pipeline.stages.context import Context
from pipeline.stages.events import Note
from pipeline.stages.order import Order
from pipeline.stages.read_feed import import_item, new_items, record_item


@flow(name="convert-feeds", flow_run_name="convert feeds", persist_result=False, task_runner=THREADS)
def convert_feeds(feeds: tuple[str, ...] = (), most: int = 10) -> int:
    """Narrate the new articles of feeds; how many there were.

    Args:
        feeds: addresses; empty for all that were added.
        most: articles of one feed in one run.
    """
    failures: list[tuple[str, str]] = []
    done = 0
    with present_context() as context:
        for url in feeds or tuple(feed.url for feed in context.store.feeds.all()):
            try:
                items = new_items(context, url, most)
            except NarrationError as error:
                failures.append((url, str(error)))
                continue
            for item in items:
                wrong = _narrate(context, url, item)
                done += wrong is None
                failures += [(item.title, str(wrong))] if wrong else []
    if failures:
        raise PartialFailure(
            f"{len(failures)} feeds or articles failed: " + "; ".join(f"{what}: {why}" for what, why in failures[:5]),
            failures=tuple(failures),
            remedy="bookcast feeds list shows why; they are tried again with the next run",
        )
    return done


def _narrate(context: Context, url: str, item: FeedItem) -> NarrationError | None:
    """What went wrong with an article, if anything. Raises: errors that would stop every other one too."""
    slug = ""
    try:
        slug = import_item(context, url, item).slug
        run_book(context, slug, Order())
    except Interrupted:
        raise
    except NarrationError as error:
        record_item(context, url, item, slug, error)
        context.report(Note(f"{item.title}: {error}"))
        if error.stops_run:
            raise
        return error
    record_item(context, url, item, slug)
    return None
