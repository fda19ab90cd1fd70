"""A file -> a book in the store."""

import hashlib
from pathlib import Path

from pipeline.ingest import parse_document, read_bytes
from pipeline.model.keys import book_slug
from pipeline.stages.context import Context
from pipeline.store.documents import StoredBook

READING = "1"
"""Raised when the readers give other blocks for the same bytes."""


def import_document(context: Context, source: str) -> StoredBook:
    """Read the document at the path `source` and make it the present edition of its book.

    The name of a book stands for the document that it was read from. What was imported before is not read again.

    Raises:
        DocumentError: or one of its kinds.
        StoreError
    """
    path = Path(source).expanduser()
    if not path.exists() and (book := context.store.documents.find_book(source)):
        return book
    data = read_bytes(path)
    known = context.store.documents.find_book_of(hashlib.sha256(data).hexdigest(), READING)
    if known:
        return known
    document = parse_document(data, name=path.name)
    slug = book_slug(document.metadata.title, document.metadata.authors)
    return context.store.documents.save(slug, document, data, name=path.name, reading=READING)
