"""What runs are called on Prefect's page: as people would say it, never by a hash or an invented animal."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from prefect.runtime import flow_run

from pipeline.feeds.read_feed import ALL_FEEDS
from pipeline.narration.core.context import Context

BOOK_TAG = "book:"
"""Of runs that the studio started, followed by the slug of their book."""
TERMINAL_TAG = "terminal"
"""Of runs that a person started in a terminal, where it is for the person to start them again."""
_OF_BOOKS = {"rerun-failed-chunks": ": passages again", "rebuild-release": ": release again"}


def name_of_run(context: Context, flow: str, book: str) -> str:
    """The name of a run of that flow for a book, or for the feeds.

    Raises:
        StoreError
    """
    if book == ALL_FEEDS:
        return "New articles of the feeds"
    known = context.store.documents.find_book(book)
    return (known.metadata.title if known else book) + _OF_BOOKS.get(flow, "")


def first_name() -> str:
    """What the run that is beginning is called: as it was by who started it, else by its document."""
    if any(tag == TERMINAL_TAG or tag.startswith(BOOK_TAG) for tag in flow_run.tags):
        return str(flow_run.name)
    given = flow_run.parameters
    return PurePath(str(given.get("source") or given.get("book") or "")).name or "New articles of the feeds"


def name_of_plan(parameters: dict[str, Any]) -> str:
    """Of the task that plans a chapter."""
    return f"{parameters['chapter'].title}: plan"


def name_of_batch(parameters: dict[str, Any]) -> str:
    """Of the task that speaks passages: `The Hound of the Baskervilles: chapter 3, passages 1 to 50`."""
    return f"{_chapter(parameters['run'].book, parameters['chapter'])}, {_passages(parameters['chunks'])}"


def name_of_sound(parameters: dict[str, Any]) -> str:
    """Of the task that assembles a chapter."""
    return f"{_chapter(parameters['book'], parameters['chapter'])}, sound"


def name_of_release(parameters: dict[str, Any]) -> str:
    """Of the task that publishes a book."""
    return f"{parameters['book'].metadata.title}: release"


def name_of_reading(parameters: dict[str, Any]) -> str:
    """Of the task that reads a document."""
    return f"Read {PurePath(str(parameters['source'])).name}"


def _chapter(book: Any, chapter: Any) -> str:
    return f"{book.metadata.title}: chapter {chapter.position + 1}"


def _passages(chunks: Sequence[Any]) -> str:
    first, last = chunks[0].number, chunks[-1].number
    return f"passage {first}" if first == last else f"passages {first} to {last}"
