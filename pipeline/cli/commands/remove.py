"""`bookcast remove`: forget a book, or keep its release and let go of the work behind it."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.output.session import open_context, options, print_json, say
from pipeline.errors import SettingsError
from pipeline.narration.core.context import Context
from pipeline.narration.upkeep.remove_book import Removed, archive_book, remove_book

EXAMPLES = (
    "Examples: bookcast remove my-book  |  bookcast remove my-book --keep-files  |  "
    "bookcast remove my-book --archive --yes"
)


def remove(
    book: Annotated[str, typer.Argument(help="The book's name, as `bookcast status` shows it.")],
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Leave the audiobook in the library.")] = False,
    archive: Annotated[
        bool, typer.Option("--archive", help="Keep the book and its audiobook; let go of clips and chapters.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a book with its edits and audiobook. Its clips go with the next `cache prune`, unless others need them."""
    with open_context() as context:
        if not yes:
            _ask(context, book, keep_files=keep_files, archive=archive)
        removed = archive_book(context, book) if archive else remove_book(context, book, keep_files=keep_files)
    _describe(removed)
    if options.json:
        print_json(asdict(removed))


def _ask(context: Context, book: str, *, keep_files: bool, archive: bool) -> None:
    """Raises: typer.Abort where the answer is no; SettingsError where nobody can be asked."""
    title = context.store.documents.get_book(book).metadata.title
    files = len(context.store.releases.files(book))
    if archive:
        question = f'Let go of the clips and chapters of "{title}" and keep its {files} files?'
    elif keep_files:
        question = f'Forget "{title}" and its edits, and keep its {files} files?'
    else:
        question = f'Forget "{title}" and its edits, and delete its {files} files?'
    if options.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(f"{question} Nobody is there to be asked", key="yes", remedy="add --yes")
    typer.confirm(question, abort=True)


def _describe(removed: Removed) -> None:
    if removed.archived:
        say(f"{removed.title} is archived: its audiobook stays, and `bookcast cache prune` frees what it was made of.")
    else:
        say(f"{removed.title} is removed; `bookcast cache prune` frees its clips, unless another book needs them.")
    for path in removed.deleted:
        say(f"  deleted: {path}")
    for path in removed.kept:
        say(f"  kept: {path}")
