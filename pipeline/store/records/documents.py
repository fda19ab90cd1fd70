"""Books and the documents that they were read from, in the store."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from pipeline.errors import NotFound
from pipeline.model.book import BookMetadata, Cover
from pipeline.model.file_names import readable_name
from pipeline.model.text import Document
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import BookRow, DocumentRow, EditionRow
from pipeline.store.files.blobs import Blobs
from pipeline.store.records.editions import find_edition, write_edition


@dataclass(frozen=True, slots=True)
class StoredBook:
    """A book as stored, with its present edition."""

    slug: str
    document_id: str
    edition_id: int
    metadata: BookMetadata
    narration: dict[str, Any]
    """Options of the last narration."""
    cover_digest: str = ""
    """Changes with the cover; empty where there is none."""
    updated_at: datetime | None = None
    """UTC; when it was imported or narrated last."""
    identity: str = ""
    """What tells it from every other book; empty for one of an older Bookcast that no document has claimed yet."""


class Arrival(StrEnum):
    """What a document became."""

    KNOWN = "known"
    """The present edition of a book is this document."""
    NEW_EDITION = "new edition"
    """A book of the same identity has a new present edition."""
    READ_AGAIN = "read again"
    """The present edition is the same document, read by a newer reader."""
    NEW_BOOK = "new book"


@dataclass(frozen=True, slots=True)
class Imported:
    """A document that was imported, as the book that it is."""

    book: StoredBook
    arrival: Arrival
    is_namesake: bool = False
    """Another book had the name already, so that this one got a number."""


class Documents:
    """What was imported."""

    def __init__(self, database: Database, originals: Blobs, covers: Blobs) -> None:
        self._database = database
        self._originals = originals
        self._covers = covers

    def save(self, slug: str, identity: str, document: Document, data: bytes, *, name: str, reading: str) -> Imported:
        """Make `document` the present edition of the book of that identity; its bytes are kept too.

        A document of another identity never takes the place of a book that is there: it gets a name of its own.

        Args:
            slug: how a new book is called, if no other is.
            identity: of the book.
            document: as read.
            data: its bytes.
            name: of its file.
            reading: which reader read it.
        """
        # Files before rows, so that no row ever names a file that is not there.
        self._originals.write(data)
        cover = (document.cover.media_type, self._covers.write(document.cover.data)) if document.cover else ("", "")
        with self._database.writing() as session:
            # All in one transaction: two programs that import one document must not make two books of it.
            if session.get(DocumentRow, document.id) is None:
                session.add(DocumentRow(id=document.id, name=name, size_bytes=len(data), imported_at=now()))
                session.flush()
            row = _row_of(session, identity, slug)
            is_new = row is None
            before = None if row is None else session.get(EditionRow, row.edition_id)
            row = row or _new_book(session, slug, identity, document)
            # what an older Bookcast left goes to the first document of its name, and to no other after that
            row.identity = row.identity or identity
            known = find_edition(session, row.slug, document.id, reading)
            if known is None or known.id != row.edition_id:
                _make_present(session, row, known or write_edition(session, row, document, reading, cover))
            elif not is_new:
                return Imported(_stored(session, row), Arrival.KNOWN)
            is_same = before is not None and before.document_id == document.id
            arrival = Arrival.NEW_BOOK if is_new else Arrival.READ_AGAIN if is_same else Arrival.NEW_EDITION
            return Imported(_stored(session, row), arrival, is_namesake=is_new and row.slug != slug)

    def claim(self, slug: str, identity: str) -> None:
        """Give a book of an older Bookcast its identity, unless it has one, or another book is that one already."""
        with self._database.writing() as session:
            row = session.get(BookRow, slug)
            if row and row.identity is None and _identified(session, identity) is None:
                row.identity = identity

    def get_book(self, slug: str) -> StoredBook:
        """Raises: NotFound where there is no such book."""
        book = self.find_book(slug)
        if book is None:
            raise NotFound(f'There is no book "{slug}"', remedy="bookcast status lists the books")
        return book

    def find_book(self, slug: str) -> StoredBook | None:
        """The book of that name."""
        return self._first(_BOOKS.where(BookRow.slug == readable_name(slug)))  # a database takes text only

    def find_book_of(self, document_id: str, reading: str) -> StoredBook | None:
        """The book whose present edition this document is, read by that reader."""
        query = _BOOKS.where(EditionRow.document_id == document_id, EditionRow.reading == reading)
        return self._first(query.order_by(BookRow.updated_at.desc()))

    def find_identified(self, identity: str, slug: str) -> StoredBook | None:
        """The book that `save` would give a new edition to; None where it would make a new one."""
        with self._database.reading() as session:
            row = _row_of(session, identity, slug)
            return None if row is None else _stored(session, row)

    def books(self) -> list[StoredBook]:
        """All books by title."""
        with self._database.reading() as session:
            rows = session.execute(_BOOKS.order_by(BookRow.title, BookRow.slug)).all()
        return [stored_book(book, edition) for book, edition in rows]

    def search(self, words: str, *, limit: int, offset: int = 0) -> tuple[list[StoredBook], int]:
        """Books whose title, author or series holds every one of these words, by title; and how many there are."""
        query = _BOOKS
        for word in words.split():
            # Word by word, so that a title and an author are found together, in any order.
            query = query.where(BookRow.words.contains(word.casefold(), autoescape=True))
        with self._database.reading() as session:
            total = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0
            rows = session.execute(query.order_by(BookRow.title, BookRow.slug).limit(limit).offset(offset)).all()
        return [stored_book(book, edition) for book, edition in rows], total

    def remember_narration(self, slug: str, options: dict[str, Any]) -> None:
        """Keep the options of a narration for reruns. Raises: NotFound where the book is gone."""
        with self._database.writing() as session:
            row = session.get(BookRow, slug)
            if row is None:
                raise NotFound(f'"{slug}" was removed before its narration began')
            row.narration, row.updated_at = options, now()

    def find_cover(self, slug: str) -> Cover | None:
        """The cover that a person gave the book, else that of its present edition."""
        with self._database.reading() as session:
            found = session.execute(_BOOKS.where(BookRow.slug == slug)).first()
        if found is None:
            return None
        shown = found[0] if found[0].cover_digest else found[1]
        data = self._covers.find(shown.cover_digest) if shown.cover_digest else None
        return Cover(shown.cover_media_type, data) if data else None

    def change_facts(self, slug: str, facts: dict[str, Any], cover: Cover | None = None) -> StoredBook:
        """Let a person's facts of BookMetadata, and cover, stand before those of the document, in every edition.

        Raises:
            NotFound: there is no such book.
        """
        # Before the cover is written: nothing may be left behind for a book that is not there.
        self.get_book(slug)
        digest = self._covers.write(cover.data) if cover else ""
        with self._database.writing() as session:
            row = session.get_one(BookRow, slug)
            # A new dict, because SQLAlchemy does not see a change inside a JSON value.
            row.changed = {**row.changed, **facts}
            if cover:
                row.cover_media_type, row.cover_digest = cover.media_type, digest
            _describe(row, session.get_one(EditionRow, row.edition_id))
        return self.get_book(slug)

    def _first(self, query: Select[tuple[BookRow, EditionRow]]) -> StoredBook | None:
        with self._database.reading() as session:
            found = session.execute(query).first()
        return stored_book(found[0], found[1]) if found else None


_BOOKS = select(BookRow, EditionRow).join(EditionRow, EditionRow.id == BookRow.edition_id)


def _row_of(session: Session, identity: str, slug: str) -> BookRow | None:
    """The book of that identity, or one of an older Bookcast, which knew no more than the name."""
    row = _identified(session, identity)
    if row is None:
        row = session.scalars(select(BookRow).where(BookRow.slug == slug, BookRow.identity.is_(None))).first()
    return row


def _identified(session: Session, identity: str) -> BookRow | None:
    return session.scalars(select(BookRow).where(BookRow.identity == identity)).first()


def _new_book(session: Session, slug: str, identity: str, document: Document) -> BookRow:
    number, free = 1, slug
    while session.get(BookRow, free) is not None:
        number += 1
        free = f"{slug}-{number}"
    row = BookRow(slug=free, identity=identity, edition_id=0, title=document.metadata.title, narration={}, changed={})
    row.updated_at, row.words = now(), ""
    session.add(row)
    session.flush()
    return row


def _make_present(session: Session, row: BookRow, edition: EditionRow) -> None:
    row.edition_id, row.updated_at = edition.id, now()
    _describe(row, edition)
    session.flush()


def _describe(row: BookRow, edition: EditionRow) -> None:
    """What is stored of the facts so that books can be found and put in order."""
    facts = _facts_of(row, edition)
    row.title = facts.title
    # Folded here, because SQLite ignores the case of ASCII letters only.
    row.words = " ".join([facts.title, *facts.authors, facts.series]).casefold()


def _stored(session: Session, row: BookRow) -> StoredBook:
    return stored_book(row, session.get_one(EditionRow, row.edition_id))


def stored_book(row: BookRow, edition: EditionRow) -> StoredBook:
    """The book of a row with its present edition."""
    return StoredBook(
        slug=row.slug,
        document_id=edition.document_id,
        edition_id=edition.id,
        metadata=_facts_of(row, edition),
        narration=row.narration,
        cover_digest=row.cover_digest or edition.cover_digest,
        updated_at=row.updated_at,
        identity=row.identity or "",
    )


def _facts_of(row: BookRow, edition: EditionRow) -> BookMetadata:
    # JSON of the version that wrote it, which may have known other fields; and JSON has no tuples.
    known = {field.name for field in dataclasses.fields(BookMetadata)}
    facts = {key: value for key, value in {**edition.facts, **(row.changed or {})}.items() if key in known}
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in facts.items()}
    return BookMetadata(**values)
