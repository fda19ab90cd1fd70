"""The Python API: a data directory that is open, and what can be done with it in one call.

>>> import tempfile
>>> from pipeline import open_library
>>> with tempfile.TemporaryDirectory() as folder, open_library(data=folder) as library:
...     plan = library.estimate("data/samples/the-keeper-of-gull-rock.epub")
...     plan.chapters, plan.chunks > 40, library.books()
(4, True, [])
"""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Report, ignore
from pipeline.narration.core.order import Order
from pipeline.narration.core.run_state import Summary
from pipeline.narration.running import estimate as estimates
from pipeline.narration.running import narrations
from pipeline.narration.running.estimate import Estimate
from pipeline.settings import read_settings
from pipeline.settings.places import find_data
from pipeline.store.records.documents import StoredBook


class Library:
    """An open data directory."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def books(self) -> list[StoredBook]:
        """Every book, by title."""
        return self._context.store.documents.books()

    def estimate(self, source: str | PathLike[str], **options: Any) -> Estimate:
        """What the narration of a document would take. Nothing is spoken, and nothing is stored.

        Args:
            source: path, web address, or name of a book.
            options: fields of `Order`: backend, model, voice, speed, language, formats, chapters and so on.

        Raises:
            NarrationError: it cannot be read, or the order cannot be.
        """
        return estimates.estimate(self._context, str(source), Order(**options))

    def narrate(self, source: str | PathLike[str], **options: Any) -> Summary:
        """Narrate a document into a release, in this process.

        Args:
            source: path, web address, or name of a book.
            options: as in `estimate`.

        Raises:
            PartialFailure: some passages failed; everything else is done and kept.
            NarrationError: whatever stopped it; nothing finished is lost.
        """
        return narrations.narrate(self._context, str(source), Order(**options))

    def rerun(self, book: str, **wanted: Any) -> Summary:
        """Speak passages of a book again: `failed=True`, `chapters=[1, 3]` or `chunks=[...]`.

        Raises:
            NarrationError: there is no such book or passage, or as in `narrate`.
        """
        return narrations.run_prepared(self._context, narrations.prepare_rerun(self._context, book, **wanted))


@contextmanager
def open_library(
    data: str | PathLike[str] | None = None, *, config: str | PathLike[str] | None = None, report: Report = ignore
) -> Iterator[Library]:
    """A data directory, closed at the end.

    Args:
        data: the folder, made where it is missing; None for the one that the command line would use.
        config: settings file; None for the one that the command line would use.
        report: is told what happens, in the thread in which it happens.

    Raises:
        SettingsError, StoreError.
    """
    folder = find_data(Path(data) if data else None).path
    context = Context(read_settings(Path(config) if config else None), folder, report)
    try:
        yield Library(context)
    finally:
        context.close()


def narrate(
    source: str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    config: str | PathLike[str] | None = None,
    report: Report = ignore,
    **options: Any,
) -> Summary:
    """`Library.narrate` on a data directory that is opened for it."""
    with open_library(data, config=config, report=report) as library:
        return library.narrate(source, **options)


def estimate(
    source: str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    config: str | PathLike[str] | None = None,
    **options: Any,
) -> Estimate:
    """`Library.estimate` on a data directory that is opened for it."""
    with open_library(data, config=config) as library:
        return library.estimate(source, **options)
