"""Editions: the chapters and blocks of a document as read. Once written they never change."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from pipeline.model.keys import chapter_digest
from pipeline.model.text import Block, BlockKind, Chapter, Document
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import BlockRow, BookRow, ChapterRow, EditionRow, table_of

_AT_ONCE = 500
"""Editions deleted with one statement."""


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
    digest: str
    """Content address of its blocks."""
    audio_key: str
    """Of the sound that people are given, or empty."""


class Editions:
    """Chapters and their blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def chapters(self, slug: str) -> list[StoredChapter]:
        """The chapters of a book's present edition, in order."""
        with self._database.reading() as session:
            rows = session.execute(_OF_BOOK, {"slug": slug}).all()
        return [_chapter(row, book) for row, book in rows]

    def find_chapter(self, slug: str, position: int) -> StoredChapter | None:
        """The chapter at that position, from 0."""
        with self._database.reading() as session:
            found = session.execute(_AT_POSITION, {"slug": slug, "position": position}).first()
        return _chapter(found[0], found[1]) if found else None

    def count_beside(self, chapter_id: int) -> int:
        """How many chapters the edition has that a chapter is of, be it still the present one of the book or not."""
        own = select(ChapterRow.edition_id).where(ChapterRow.id == chapter_id).scalar_subquery()
        with self._database.reading() as session:
            return session.scalar(select(func.count()).where(ChapterRow.edition_id == own)) or 0

    def blocks(self, chapter_id: int) -> list[Block]:
        """The blocks of one chapter, in order."""
        query = select(BlockRow).where(BlockRow.chapter_id == chapter_id).order_by(BlockRow.position)
        with self._database.reading() as session:
            return [_block(row) for row in session.scalars(query)]

    def remove_former(self) -> int:
        """Delete editions that are not the present one of their book; how many. Only while nobody narrates."""
        former = select(EditionRow.id).where(~select(BookRow.slug).where(BookRow.edition_id == EditionRow.id).exists())
        with self._database.writing() as session:
            numbers = list(session.scalars(former))
            for at in range(0, len(numbers), _AT_ONCE):  # databases bound the values of one statement
                session.execute(delete(EditionRow).where(EditionRow.id.in_(numbers[at : at + _AT_ONCE])))
        return len(numbers)

    def skipped_blocks(self, slug: str) -> int:
        """How many blocks of the book are never spoken."""
        query = (
            select(func.count())
            .select_from(BlockRow)
            .join(ChapterRow, ChapterRow.id == BlockRow.chapter_id)
            .join(BookRow, BookRow.edition_id == ChapterRow.edition_id)
            .where(BookRow.slug == slug, BlockRow.skip_reason != "")
        )
        with self._database.reading() as session:
            return session.scalar(query) or 0


_PRESENT: Select[tuple[ChapterRow, str]] = select(ChapterRow, BookRow.slug).join(
    BookRow, BookRow.edition_id == ChapterRow.edition_id
)
# Made once: every page asks them, and to put one together takes as long as SQLite takes to answer it.
_OF_BOOK = _PRESENT.where(BookRow.slug == bindparam("slug")).order_by(ChapterRow.position)
_AT_POSITION = _PRESENT.where(BookRow.slug == bindparam("slug"), ChapterRow.position == bindparam("position"))


def find_edition(session: Session, slug: str, document_id: str, reading: str) -> EditionRow | None:
    """The edition of the book that is this document, read by that reader."""
    query = select(EditionRow).where(
        EditionRow.book == slug, EditionRow.document_id == document_id, EditionRow.reading == reading
    )
    return session.scalars(query).first()


def write_edition(
    session: Session, book: BookRow, document: Document, reading: str, cover: tuple[str, str]
) -> EditionRow:
    """Write a document as an edition of the book; `cover` is its media type and digest.

    Until a chapter is narrated anew, the sound of its predecessor is what people are given.
    """
    edition = EditionRow(
        book=book.slug,
        document_id=document.id,
        reading=reading,
        facts=dataclasses.asdict(document.metadata),
        cover_media_type=cover[0],
        cover_digest=cover[1],
        read_at=now(),
    )
    session.add(edition)
    session.flush()
    digests = [chapter_digest(chapter.blocks) for chapter in document.chapters]
    before = _predecessors(session, book.edition_id, [chapter.title for chapter in document.chapters], digests)
    for position, chapter in enumerate(document.chapters):
        _write_chapter(session, edition.id, position, chapter, digests[position], before[position])
    return edition


def _predecessors(
    session: Session, edition_id: int, titles: Sequence[str], digests: Sequence[str]
) -> list[ChapterRow | None]:
    """The chapter of the edition before that each new one comes from; by its words, else its title, never its position.

    Other words inherit a chapter once at most, and only where its own words are gone: the sound of one chapter in
    several places would be the wrong one in most of them.
    """
    rows = list(session.scalars(select(ChapterRow).where(ChapterRow.edition_id == edition_id)))
    by_digest = {row.digest: row for row in rows}
    found = [by_digest.get(digest) for digest in digests]
    taken = frozenset(digests)
    # a title tells a chapter only where no other has it, neither before nor now
    before, now_so_called = Counter(row.title for row in rows), Counter(titles)
    by_title = {row.title: row for row in rows if before[row.title] == 1 and row.digest not in taken}
    for at, title in enumerate(titles):
        if found[at] is None and now_so_called[title] == 1:
            found[at] = by_title.get(title)
    if len(rows) == 1 and found and not any(found):
        # an article is one chapter, and stays an episode while its new words are spoken, whatever its title
        found[0] = rows[0]
    return found


def _write_chapter(
    session: Session, edition_id: int, position: int, chapter: Chapter, digest: str, predecessor: ChapterRow | None
) -> None:
    row = ChapterRow(
        edition_id=edition_id,
        position=position,
        title=chapter.title,
        level=chapter.level,
        source=chapter.source,
        chars=sum(len(block.text) for block in chapter.blocks if not block.skip_reason),
        digest=digest,
        # A plan belongs to these very words; sound may be heard until there is a new one.
        plan_id=predecessor.plan_id if predecessor and predecessor.digest == digest else None,
        audio_key=predecessor.audio_key if predecessor else "",
    )
    session.add(row)
    session.flush()
    values = [_block_values(row.id, index, block) for index, block in enumerate(chapter.blocks)]
    if values:
        session.connection().execute(insert(table_of(BlockRow)), values)
    session.expunge(row)  # a long book must not gather in the session


def _block_values(chapter_id: int, position: int, block: Block) -> dict[str, Any]:
    return {
        "chapter_id": chapter_id,
        "position": position,
        "kind": block.kind.value,
        "text": block.text,
        "source": block.source,
        "level": block.level,
        "language": block.language[:35],  # the room that RFC 5646, section 4.4.1, asks for
        "skip_reason": block.skip_reason,
    }


def _block(row: BlockRow) -> Block:
    return Block(
        kind=BlockKind(row.kind),
        text=row.text,
        source=row.source,
        level=row.level,
        language=row.language,
        skip_reason=row.skip_reason,
    )


def _chapter(row: ChapterRow, book: str) -> StoredChapter:
    return StoredChapter(
        id=row.id,
        book=book,
        position=row.position,
        title=row.title,
        level=row.level,
        chars=row.chars,
        digest=row.digest,
        audio_key=row.audio_key,
    )
