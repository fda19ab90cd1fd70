"""Documents, books, chapters and blocks: what was read, in the store."""

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from pipeline.errors import StoreError
from pipeline.model.book import BookMetadata, Cover
from pipeline.model.text import Block, BlockKind, Chapter, Document
from pipeline.store.blobs import Blobs
from pipeline.store.engine import Database
from pipeline.store.tables import BlockRow, BookRow, ChapterRow, DocumentRow


@dataclass(frozen=True, slots=True)
class StoredBook:
    """A book as stored."""

    slug: str
    document_id: str
    metadata: BookMetadata
    narration: dict[str, Any]
    """Options of the last narration."""
    cover_digest: str = ""
    """Changes with the cover; empty where there is none."""
    updated_at: datetime | None = None
    """UTC; when it was imported or narrated last."""


@dataclass(frozen=True, slots=True)
class StoredChapter:
    """A chapter as stored, without its text."""

    id: int
    book: str
    """Slug."""
    position: int
    """From 0."""
    title: str
    level: int
    chars: int
    """Characters that are to be spoken."""
    plan_key: str
    audio_key: str


def now() -> datetime:
    """The present moment in UTC, without zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Documents:
    """What was imported."""

    def __init__(self, database: Database, originals: Blobs, covers: Blobs) -> None:
        self._database = database
        self._originals = originals
        self._covers = covers

    def save(self, slug: str, document: Document, data: bytes, *, name: str, reading: str) -> StoredBook:
        """Make `document` the present edition of the book `slug`; its bytes are kept too.

        A book that already is this edition, read by the same reader, is left as it is.
        """
        self._originals.write(data)
        if document.cover:
            self._covers.write(document.cover.data)
        with self._database.writing() as session:
            if session.get(DocumentRow, document.id) is None:
                session.add(DocumentRow(id=document.id, name=name, size_bytes=len(data), imported_at=now()))
                session.flush()
            row = session.get(BookRow, slug)
            if row is None or (row.document_id, row.reading) != (document.id, reading):
                _write_edition(session, slug, document, reading, row)
        return self.get_book(slug)

    def get_book(self, slug: str) -> StoredBook:
        """Raises: StoreError where there is no such book."""
        book = self.find_book(slug)
        if book is None:
            raise StoreError(f'There is no book "{slug}"', remedy="bookcast status lists the books")
        return book

    def find_book(self, slug: str) -> StoredBook | None:
        """The book of that name."""
        with self._database.reading() as session:
            row = session.get(BookRow, slug)
        return None if row is None else stored_book(row)

    def find_book_of(self, document_id: str, reading: str) -> StoredBook | None:
        """The book whose present edition this document is, read by that reader."""
        with self._database.reading() as session:
            query = select(BookRow).where(BookRow.document_id == document_id, BookRow.reading == reading)
            row = session.scalars(query.order_by(BookRow.updated_at.desc())).first()
        return None if row is None else stored_book(row)

    def books(self) -> list[StoredBook]:
        """All books by title."""
        with self._database.reading() as session:
            rows = session.scalars(select(BookRow).order_by(BookRow.title, BookRow.slug)).all()
        return [stored_book(row) for row in rows]

    def search(self, words: str, *, limit: int, offset: int = 0) -> tuple[list[StoredBook], int]:
        """Books whose title, author or series holds every one of these words, by title; and how many there are."""
        query = select(BookRow)
        for word in words.split():
            query = query.where(BookRow.words.contains(word.casefold(), autoescape=True))
        with self._database.reading() as session:
            total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
            rows = session.scalars(query.order_by(BookRow.title, BookRow.slug).limit(limit).offset(offset)).all()
        return [stored_book(row) for row in rows], total

    def remember_narration(self, slug: str, options: dict[str, Any]) -> None:
        """Keep the options of a narration for reruns."""
        with self._database.writing() as session:
            row = session.get_one(BookRow, slug)
            row.narration, row.updated_at = options, now()

    def find_cover(self, slug: str) -> Cover | None:
        """The cover of the book's present edition."""
        with self._database.reading() as session:
            row = session.get(BookRow, slug)
        cover = (row.changed.get("cover") or row.cover_type) if row else ""
        if not cover:
            return None
        media_type, _, digest = cover.partition(" ")
        data = self._covers.find(digest)
        return Cover(media_type, data) if data else None

    def change_facts(self, slug: str, facts: dict[str, Any], cover: Cover | None = None) -> StoredBook:
        """Let a person's facts of BookMetadata, and cover, stand before those of the document, in every edition.

        Raises:
            StoreError: there is no such book.
        """
        self.get_book(slug)
        if cover:
            facts = {**facts, "cover": f"{cover.media_type} {self._covers.write(cover.data)}"}
        with self._database.writing() as session:
            row = session.get_one(BookRow, slug)
            row.changed = {**row.changed, **facts}
            row.title = row.changed.get("title") or row.title
            row.words = _words(row)
        return self.get_book(slug)

    def remove(self, slug: str) -> None:
        """Drop a book with its chapters and plans; clips and releases are not touched."""
        with self._database.writing() as session:
            session.execute(delete(BookRow).where(BookRow.slug == slug))

    def chapters(self, slug: str) -> list[StoredChapter]:
        """The chapters of the present edition, in order."""
        with self._database.reading() as session:
            rows = session.scalars(select(ChapterRow).where(ChapterRow.book == slug).order_by(ChapterRow.position))
            return [_chapter(row) for row in rows]

    def find_chapter(self, slug: str, position: int) -> StoredChapter | None:
        """The chapter at that position, from 0."""
        query = select(ChapterRow).where(ChapterRow.book == slug, ChapterRow.position == position)
        with self._database.reading() as session:
            row = session.scalars(query).first()
            return _chapter(row) if row else None

    def blocks(self, chapter_id: int) -> list[Block]:
        """The blocks of one chapter, in order."""
        with self._database.reading() as session:
            query = select(BlockRow).where(BlockRow.chapter_id == chapter_id).order_by(BlockRow.position)
            return [_block(row) for row in session.scalars(query)]

    def skipped_blocks(self, slug: str) -> int:
        """How many blocks of the book are never spoken."""
        query = select(func.count()).select_from(BlockRow).join(ChapterRow, ChapterRow.id == BlockRow.chapter_id)
        with self._database.reading() as session:
            return session.scalar(query.where(ChapterRow.book == slug, BlockRow.skip_reason != "")) or 0

    def documents(self) -> Iterator[str]:
        """Ids of all documents that a book still uses."""
        with self._database.reading() as session:
            yield from session.scalars(select(BookRow.document_id))


def _write_edition(session: Session, slug: str, document: Document, reading: str, row: BookRow | None) -> None:
    facts = dataclasses.asdict(document.metadata)
    cover = f"{document.cover.media_type} {_digest(document.cover.data)}" if document.cover else ""
    if row is None:
        row = BookRow(slug=slug, narration={}, changed={})
        session.add(row)
    row.document_id, row.reading = document.id, reading
    row.title = (row.changed or {}).get("title") or document.metadata.title
    row.facts, row.cover_type, row.updated_at = facts, cover, now()
    row.words = _words(row)
    session.flush()
    _replace_chapters(session, slug, document.chapters)


def _replace_chapters(session: Session, slug: str, chapters: tuple[Chapter, ...]) -> None:
    old = session.scalars(select(ChapterRow).where(ChapterRow.book == slug))
    sound = {row.position: row.audio_key for row in old}  # kept until other sound takes its place, then removed
    session.execute(delete(ChapterRow).where(ChapterRow.book == slug))
    for position, chapter in enumerate(chapters):
        chars = sum(len(block.text) for block in chapter.blocks if not block.skip_reason)
        row = ChapterRow(
            book=slug,
            position=position,
            title=chapter.title,
            level=chapter.level,
            source=chapter.source,
            chars=chars,
            audio_key=sound.get(position, ""),
        )
        session.add(row)
        session.flush()
        values = [_block_values(row.id, index, block) for index, block in enumerate(chapter.blocks)]
        if values:
            session.execute(BlockRow.__table__.insert(), values)  # type: ignore[attr-defined]
        session.expunge(row)


def _block_values(chapter_id: int, position: int, block: Block) -> dict[str, Any]:
    return {
        "chapter_id": chapter_id,
        "position": position,
        "kind": block.kind.value,
        "text": block.text,
        "source": block.source,
        "level": block.level,
        "language": block.language[:35],
        "skip_reason": block.skip_reason,
    }


def _block(row: BlockRow) -> Block:
    return Block(BlockKind(row.kind), row.text, row.source, row.level, row.language, row.skip_reason)


def _words(row: BookRow) -> str:
    facts = stored_book(row).metadata
    return " ".join([facts.title, *facts.authors, facts.series]).casefold()


def _chapter(row: ChapterRow) -> StoredChapter:
    return StoredChapter(row.id, row.book, row.position, row.title, row.level, row.chars, row.plan_key, row.audio_key)


def stored_book(row: BookRow) -> StoredBook:
    """The book of a row."""
    changed = {key: value for key, value in row.changed.items() if key != "cover"}
    cover = str(row.changed.get("cover") or row.cover_type).rpartition(" ")[2]
    return StoredBook(
        row.slug, row.document_id, _metadata({**row.facts, **changed}), row.narration, cover, row.updated_at
    )


def _metadata(facts: dict[str, Any]) -> BookMetadata:
    lists = {key: tuple(value) for key, value in facts.items() if isinstance(value, list)}
    return BookMetadata(**{**facts, **lists})


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
