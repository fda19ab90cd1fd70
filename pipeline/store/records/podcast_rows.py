"""Podcasts: who has an address of them, when they changed, and the sound of their episodes."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from pipeline.errors import NotFound
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import BookRow, ChapterAudioRow, ChapterRow, EditionRow, PodcastRow, SubscriberRow
from pipeline.store.records.documents import StoredBook, stored_book

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody with an address of their own."""

    id: str
    name: str
    added_at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True)
class ChapterSound:
    """An assembled chapter of a book."""

    chapter_id: int
    position: int
    """From 0."""
    title: str
    audio_key: str
    samples: int
    made_at: datetime
    """UTC."""


class Podcasts:
    """The podcasts of one data directory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribers(self) -> list[Subscriber]:
        """Everybody, in the order of their coming."""
        with self._database.reading() as session:
            rows = session.scalars(select(SubscriberRow).order_by(SubscriberRow.added_at, SubscriberRow.id)).all()
        return [Subscriber(row.id, row.name, row.added_at) for row in rows]

    def add_subscriber(self, name: str) -> Subscriber:
        """Take somebody up."""
        row = SubscriberRow(id=uuid.uuid4().hex, name=name, added_at=now())
        with self._database.writing() as session:
            session.add(row)
        return Subscriber(row.id, row.name, row.added_at)

    def remove_subscriber(self, subscriber: str) -> None:
        """Make the address of a subscriber lead nowhere. Raises: NotFound where there is none of that id."""
        if subscriber not in {known.id for known in self.subscribers()}:
            raise NotFound("There is no such subscriber", remedy="load the page again")
        with self._database.writing() as session:
            session.execute(delete(SubscriberRow).where(SubscriberRow.id == subscriber))

    def changed_at(self, name: str, digest: str) -> datetime:
        """When a podcast became what `digest` stands for, UTC; now where it is not what it was."""
        with self._database.reading() as session:
            row = session.get(PodcastRow, name)
            if row and row.digest == digest:
                return row.changed_at
        moment = now().replace(microsecond=0)
        with self._database.writing() as session:
            session.merge(PodcastRow(name=name, digest=digest, changed_at=moment))
        return moment

    def sounds(self, slugs: Sequence[str]) -> dict[str, tuple[StoredBook, list[ChapterSound]]]:
        """Each of these books with its assembled chapters, in order."""
        found: dict[str, tuple[StoredBook, list[ChapterSound]]] = {}
        for at in range(0, len(slugs), _AT_ONCE):
            query = (
                select(BookRow, EditionRow, ChapterRow, ChapterAudioRow)
                .join(EditionRow, EditionRow.id == BookRow.edition_id)
                .join(ChapterRow, ChapterRow.edition_id == BookRow.edition_id)
                .join(ChapterAudioRow, ChapterAudioRow.key == ChapterRow.audio_key)
                .where(BookRow.slug.in_(slugs[at : at + _AT_ONCE]))
                .order_by(BookRow.slug, ChapterRow.position)
            )
            with self._database.reading() as session:
                for book, edition, chapter, audio in session.execute(query):
                    if book.slug not in found:
                        found[book.slug] = (stored_book(book, edition), [])
                    found[book.slug][1].append(
                        ChapterSound(
                            chapter_id=chapter.id,
                            position=chapter.position,
                            title=chapter.title,
                            audio_key=audio.key,
                            samples=audio.samples,
                            made_at=audio.made_at,
                        )
                    )
        return found
