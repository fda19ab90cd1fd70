"""A file, a web address or bytes -> a book in the store."""

import hashlib
from pathlib import Path

from pipeline.ingest import MAX_BYTES, parse_document, read_bytes
from pipeline.model.keys import book_slug
from pipeline.stages.context import Context
from pipeline.store.documents import StoredBook

READING = "1"
"""Raised when the readers give other blocks for the same bytes."""


def import_document(context: Context, source: str) -> StoredBook:
    """Read the document at `source` and make it the present edition of its book.

    The name of a book stands for the document that it was read from. What was imported before is not read again.

    Args:
        context: the open data directory.
        source: path, address of a web page, or name of a book.

    Raises:
        DocumentError: or one of its kinds.
        StoreError
    """
    if source.startswith(("http://", "https://")):
        return import_page(context, source)
    path = Path(source).expanduser()
    if not path.exists() and (book := context.store.documents.find_book(source)):
        return book
    return import_bytes(context, read_bytes(path), name=path.name)


def import_page(context: Context, url: str) -> StoredBook:
    """Fetch a page, take the article out of it, and make it a book. Raises: DocumentError, StoreError."""
    from pipeline.ingest.article import extract_document  # brings what most narrations never need
    from pipeline.ingest.fetch import fetch

    allowed = context.settings.studio.private_addresses
    fetched = fetch(url, max_bytes=max(MAX_BYTES.values()), private_addresses=allowed)
    name, data = extract_document(fetched)
    return import_bytes(context, data, name=name)


def import_bytes(context: Context, data: bytes, *, name: str) -> StoredBook:
    """Read a document and make it the present edition of its book; `name` gives the format where bytes do not.

    Raises:
        DocumentError: or one of its kinds.
        StoreError
    """
    known = context.store.documents.find_book_of(hashlib.sha256(data).hexdigest(), READING)
    if known:
        return known
    document = parse_document(data, name=name)
    slug = book_slug(document.metadata.title, document.metadata.authors)
    return context.store.documents.save(slug, document, data, name=name, reading=READING)
