"""A file, a web address or bytes -> a document in memory, and from there a book in the store."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pipeline.errors import NarrationError
from pipeline.ingest.articles.canonical_link import canonical_link
from pipeline.ingest.read_document import MAX_BYTES, parse_document, read_bytes
from pipeline.model.book import Cover
from pipeline.model.book_identity import trusted_identifier
from pipeline.model.file_names import path_identity, readable_name
from pipeline.model.keys import book_slug
from pipeline.model.text import Chapter, Document
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.narration.reading.parse_apart import Read, read_here
from pipeline.store.records.documents import Arrival, Imported, StoredBook

READING = "2"
"""Raised when the readers give other blocks for the same bytes."""
_SUFFIX_OF = {
    "application/epub+zip": ".epub",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "application/xhtml+xml": ".html",
    "text/html": ".html",
}


class Parse(Protocol):
    """Reads the bytes of a document; `name` gives the format where the bytes do not show it."""

    def __call__(self, data: bytes, *, name: str) -> Document:
        """Raises: DocumentError, or one of its kinds."""


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a document with where they come from."""

    data: bytes
    name: str
    """Of its file: gives the format where the bytes do not."""
    origin: str = ""
    """What tells the source from every other: `file:` and a path, or an address; empty for bytes without one."""
    cover: Cover | None = None
    """Where the document has none."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document as read; nothing is stored of it yet."""

    source: Source
    document: Document
    identity: str
    """Of the book that it is an edition of."""
    slug: str
    """How a new book of it would be called."""


def open_source(context: Context, source: str) -> StoredBook | Source:
    """The bytes at a path or an address; or the book of that name, which stands for its document.

    Raises:
        DocumentError: or one of its kinds.
    """
    if is_address(source):
        return fetch_source(context, source)
    path = Path(source).expanduser()
    if book := context.store.documents.find_book(source):
        # A name has no folder and no ending, as paths mostly have; and no file near by is to take the place of a book.
        if path.exists():
            context.report(Note(f'"{source}" is taken for the book of that name; the file is ./{source}'))
        return book
    return Source(read_bytes(path), name=readable_name(path.name), origin=path_identity(path.resolve()))


def is_address(source: str) -> bool:
    """True for an address of the web, False for a path or the name of a book."""
    return source.startswith(("http://", "https://"))


def fetch_source(context: Context, url: str, read: Read = read_here) -> Source:
    """Fetch a page and take the article out of it, or whatever document is there; `read` says where it is read.

    Raises:
        DocumentError, StoreError.
    """
    from pipeline.narration.reading.ask_site import (  # these bring what most narrations never need
        ask_site,
        find_picture,
    )
    from pipeline.narration.reading.read_article import read_page

    fetched = ask_site(context, url, max_bytes=max(MAX_BYTES.values()))
    path = PurePosixPath(unquote(urlsplit(fetched.url).path))
    suffix = _SUFFIX_OF.get(fetched.media_type, path.suffix.lower() or ".html")
    name = f"{path.stem or urlsplit(fetched.url).hostname or 'page'}{suffix}"
    # Without tracking and after redirects: an article is one book, however somebody linked to it.
    origin = f"address:{canonical_link(fetched.url)}"
    if suffix not in {".html", ".htm", ".xhtml"}:
        return Source(fetched.data, name=name, origin=origin)
    article = read_page(context, fetched, read)
    return Source(article.data, name=name, origin=origin, cover=find_picture(context, article.picture))


def find_known(context: Context, source: Source) -> StoredBook | None:
    """The book whose present edition these bytes are, wherever they come from: they need not be read again."""
    return context.store.documents.find_book_of(hashlib.sha256(source.data).hexdigest(), READING)


def read_source(source: Source, parse: Parse = parse_document) -> ReadDocument:
    """Read a document; nothing is stored. Raises: DocumentError, or one of its kinds."""
    document = parse(source.data, name=source.name)
    document = replace(document, cover=document.cover or source.cover)
    facts = document.metadata
    # bytes from nowhere that name no identifier are told apart by themselves: two texts of one title are two books
    identity = trusted_identifier(facts.identifier, facts.isbn) or source.origin or f"bytes:{document.id}"
    return ReadDocument(source, document, identity=identity, slug=book_slug(facts.title, facts.authors))


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
    opened = open_source(context, source)
    return opened if isinstance(opened, StoredBook) else import_source(context, opened)


def import_source(context: Context, source: Source, *, parse: Parse = parse_document) -> StoredBook:
    """Read a document and make it the present edition of its book; says what became of it.

    Args:
        context: the open data directory.
        source: the document.
        parse: reads it, here or in another process.

    Raises:
        DocumentError: or one of its kinds.
        StoreError
    """
    if known := find_known(context, source):
        if not known.identity:  # of an older Bookcast: read once more, or the next document of its name would take it
            context.store.documents.claim(known.slug, read_source(source, parse).identity)
        return known
    read = read_source(source, parse)
    imported = context.store.documents.save(
        read.slug, read.identity, read.document, source.data, name=source.name, reading=READING
    )
    for text in _news(imported, read.slug):
        context.report(Note(text))
    return imported.book


def _news(imported: Imported, slug: str) -> list[str]:
    title, own = imported.book.metadata.title, imported.book.slug
    if imported.arrival is Arrival.NEW_EDITION:
        return [f"{title} ({own}): this is a new edition; its edits and all clips of unchanged passages are kept"]
    if imported.is_namesake:
        return [f'Another book is already called "{slug}", so this one is "{own}", with a library folder of its own']
    return []


def import_article(context: Context, data: bytes, slug: str, cover: Cover | None) -> StoredBook:
    """Make an article's document the present edition of the book `slug`: one chapter, and so one file of sound.

    Raises:
        NarrationError: the name belongs to another book; nothing is stored.
        DocumentError, StoreError.
    """
    identity = f"article:{slug}"
    book = context.store.documents.find_identified(identity, slug) or context.store.documents.find_book(slug)
    if book is not None and (book.slug != slug or book.identity not in {"", identity}):
        raise NarrationError(f'The name "{slug}" of an article belongs to another book')
    document = parse_document(data, name=f"{slug}.html")
    blocks = tuple(block for chapter in document.chapters for block in chapter.blocks)
    whole = Document(
        id=document.id, metadata=document.metadata, chapters=(Chapter(document.metadata.title, blocks),), cover=cover
    )
    imported = context.store.documents.save(
        slug, identity, whole, data, name=f"{slug}.html", reading=f"{READING} article"
    )
    return imported.book
