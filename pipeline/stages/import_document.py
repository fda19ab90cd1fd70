"""A file, a web address or bytes -> a book in the store."""

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pipeline.ingest import MAX_BYTES, parse_document, read_bytes
from pipeline.model.book import Cover
from pipeline.model.keys import book_slug
from pipeline.model.text import Chapter, Document
from pipeline.stages.context import Context
from pipeline.store.documents import StoredBook

READING = "1"
"""Raised when the readers give other blocks for the same bytes."""
_SUFFIX_OF = {
    "application/epub+zip": ".epub",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "application/xhtml+xml": ".html",
    "text/html": ".html",
}


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
    from pipeline.stages.ask_site import ask_site, find_picture  # these bring what most narrations never need
    from pipeline.stages.read_article import read_page

    fetched = ask_site(context, url, max_bytes=max(MAX_BYTES.values()))
    path = PurePosixPath(unquote(urlsplit(fetched.url).path))
    suffix = _SUFFIX_OF.get(fetched.media_type, path.suffix.lower() or ".html")
    name = f"{path.stem or urlsplit(fetched.url).hostname or 'page'}{suffix}"
    if suffix not in {".html", ".htm", ".xhtml"}:
        return import_bytes(context, fetched.data, name=name)
    article = read_page(context, fetched)
    return import_bytes(context, article.data, name=name, cover=find_picture(context, article.picture))


def import_bytes(context: Context, data: bytes, *, name: str, cover: Cover | None = None) -> StoredBook:
    """Read a document and make it the present edition of its book.

    Args:
        context: the open data directory.
        data: the document's.
        name: gives the format where the bytes do not.
        cover: where the document has none.

    Raises:
        DocumentError: or one of its kinds.
        StoreError
    """
    known = context.store.documents.find_book_of(hashlib.sha256(data).hexdigest(), READING)
    if known:
        return known
    document = parse_document(data, name=name)
    document = replace(document, cover=document.cover or cover)
    slug = book_slug(document.metadata.title, document.metadata.authors)
    return context.store.documents.save(slug, document, data, name=name, reading=READING)


def import_article(context: Context, data: bytes, slug: str, cover: Cover | None) -> StoredBook:
    """Make an article's document the present edition of the book `slug`: one chapter, and so one file of sound.

    Raises:
        DocumentError, StoreError.
    """
    document = parse_document(data, name=f"{slug}.html")
    blocks = tuple(block for chapter in document.chapters for block in chapter.blocks)
    whole = Document(document.id, document.metadata, (Chapter(document.metadata.title, blocks),), cover)
    return context.store.documents.save(slug, whole, data, name=f"{slug}.html", reading=f"{READING} article")
