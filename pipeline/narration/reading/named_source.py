"""A name that was typed on a page -> a stored book: what runs of a server may read and write.

A person at the command line may name any file of their own. Whoever can start runs on Prefect's page may name books,
web addresses, and the documents in a few folders.
"""

from pathlib import Path

from pipeline.errors import DocumentError, SettingsError
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.reading.import_document import import_document, is_address
from pipeline.store.records.documents import StoredBook

OWN_FOLDERS = ("uploads", "inbox")
"""Of the data directory."""


def import_named(context: Context, source: str) -> StoredBook:
    """The book of that name, or the document at a web address or in an allowed folder, made the edition of its book.

    Args:
        context: the open data directory.
        source: name of a book, address, or path; one that is relative is looked for in each allowed folder.

    Raises:
        DocumentError: there is neither a book of that name nor such a document where one may be read; or one of
            its kinds.
        StoreError
    """
    # A book comes first: whatever file has its name in the folder that the server was started in, it is not meant.
    if book := context.store.documents.find_book(source):
        return book
    if is_address(source):
        return import_document(context, source)
    folders = _folders(context)
    for path in (_resolved(folder / source) for folder in folders):
        if path.exists() and any(path.is_relative_to(folder) for folder in folders):
            return import_document(context, str(path))
    raise DocumentError(  # the same for what is not there: which files this machine has is nobody's business
        f'There is no book "{source}", and no document of that name that may be read from here',
        path=source,
        remedy=f"put the document into {folders[0]}, or add its folder to [studio] folders",
    )


def check_output(context: Context, order: Order, book: StoredBook) -> None:
    """Raises: SettingsError where a run started on a page asks for a library in a folder that it may not write."""
    if not order.output or order.output == book.narration.get("output"):  # a person has narrated there before
        return
    library = context.library(Order())
    output = _resolved(context.library(order))
    if not any(output.is_relative_to(folder) for folder in (_resolved(library), *_folders(context))):
        raise SettingsError(
            f"{order.output} is not a folder that may be published to from here",
            key="output",
            remedy="leave it empty, or add the folder to [studio] folders",
        )


def _folders(context: Context) -> list[Path]:
    own = [context.store.data / name for name in OWN_FOLDERS]
    inbox = context.settings.inbox.folder
    named = [Path(inbox).expanduser()] if inbox else []
    return [_resolved(folder) for folder in (*own, *named, *map(Path, context.settings.studio.folders))]


def _resolved(path: Path) -> Path:
    """Where it really is, so that no link leads out of a folder. Raises: DocumentError for what is not a path."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise DocumentError(f"{str(path)!r} is not a path", path=str(path)) from error
