"""A book -> gone: its rows and releases at once, its clips, chapters and document with the next `cache prune`.

What another book needs stays. An archived book keeps its releases and its edits, and loses the work behind them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pipeline.errors import PublishError
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.publish.library import remove_empty_folders
from pipeline.store.files.whole_file import remove_files


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of a book."""

    book: str
    """Slug."""
    title: str
    deleted: list[str] = field(default_factory=list)
    """Paths of the files of its releases."""
    kept: list[str] = field(default_factory=list)
    """Paths of those that stay."""
    archived: bool = False


def remove_book(context: Context, slug: str, *, keep_files: bool = False) -> Removed:
    """Forget a book with its edits and pronunciations, and delete its releases unless their files are to be kept.

    An article of a feed does not come again.

    Raises:
        NotFound: there is no such book.
        StoreError: it is being narrated.
        PublishError: a file of a release cannot be deleted; the book is still there then.
    """
    book = context.store.documents.get_book(slug)
    check = partial(context.store.runs.let_go, book=slug)
    # First, so that a book that is narrated loses nothing, and one whose files cannot be deleted can be removed again.
    context.store.runs.check_let_go(slug)
    files = _published(context, slug)
    if not keep_files:
        delete_releases(context, slug)
    context.store.feeds.expire_book(slug)
    context.store.removals.forget(slug, check)
    kept, deleted = (files, []) if keep_files else ([], files)
    return Removed(slug, book.metadata.title, deleted=deleted, kept=kept)


def archive_book(context: Context, slug: str) -> Removed:
    """Keep a book and its releases, and let go of the work behind them: to narrate it again speaks it anew.

    Raises:
        NotFound: there is no such book.
        StoreError: it is being narrated.
    """
    book = context.store.documents.get_book(slug)
    context.store.removals.archive(slug, partial(context.store.runs.let_go, book=slug))
    return Removed(slug, book.metadata.title, kept=_published(context, slug), archived=True)


def delete_releases(context: Context, slug: str) -> None:
    """Delete the published files of a book, and the folders that are empty then.

    Raises:
        NotFound: there is no such book.
        PublishError: a file cannot be deleted.
    """
    store = context.store
    order = Order.from_options(store.documents.get_book(slug).narration)
    files = store.releases.files(slug)
    try:
        remove_files(files, but=store.releases.files_of_others(slug))
    except OSError as error:
        raise PublishError(
            f"{error.filename} cannot be deleted: {error.strerror or error}",
            remedy="make its folder writable, or keep the files with --keep-files",
        ) from error
    for folder in {path.parent for path in files}:
        _remove_empty(folder, (context.library(order), context.library(Order())))


def _published(context: Context, slug: str) -> list[str]:
    return [str(path) for path in dict.fromkeys(context.store.releases.files(slug)) if path.exists()]


def _remove_empty(folder: Path, libraries: Sequence[Path]) -> None:
    """The folder, and those above it as far as a library that is known; elsewhere they may be anybody's."""
    root = next((library for library in libraries if folder.is_relative_to(library)), folder.parent)
    remove_empty_folders(folder, root)
