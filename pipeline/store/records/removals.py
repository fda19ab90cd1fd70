"""A book that is not wanted any more -> its rows gone, and with time its document and cover."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pipeline.store.db.database import Database
from pipeline.store.db.tables import (
    BookRow,
    ChapterRow,
    DocumentRow,
    EditionRow,
    PronunciationRow,
    ReleaseChapterRow,
    ReleaseRow,
    StandInRow,
)
from pipeline.store.files.blobs import Blobs

Check = Callable[[Session], None]
"""Raises, in the transaction that deletes, where nothing must be deleted."""


class Removals:
    """Forgets books, and what was kept for them alone; clips and chapter audio are upkeep's."""

    def __init__(self, database: Database, originals: Blobs, covers: Blobs) -> None:
        self._database = database
        self._originals = originals
        self._covers = covers

    def forget(self, slug: str, check: Check = lambda session: None) -> None:
        """Drop a book with its editions, releases, edits and pronunciations; files are not touched."""
        with self._database.writing() as session:
            check(session)
            session.execute(delete(PronunciationRow).where(PronunciationRow.book == slug))
            session.execute(delete(BookRow).where(BookRow.slug == slug))

    def archive(self, slug: str, check: Check) -> None:
        """Let a book point at no plan and no chapter audio any more; the book, its edits and its releases stay."""
        editions = select(EditionRow.id).where(EditionRow.book == slug)
        releases = select(ReleaseRow.id).where(ReleaseRow.book == slug)
        nothing = {"plan_id": None, "audio_key": ""}
        with self._database.writing() as session:
            check(session)
            session.execute(update(ChapterRow).where(ChapterRow.edition_id.in_(editions)).values(**nothing))
            released = ReleaseChapterRow.release_id.in_(releases)
            session.execute(update(ReleaseChapterRow).where(released).values(**nothing))
            session.execute(delete(StandInRow).where(StandInRow.book == slug))

    def used_covers(self) -> set[str]:
        """Digests of the covers that books and editions name."""
        with self._database.reading() as session:
            return _used_covers(session)

    def unused_files(self, *, older_s: float) -> Iterator[tuple[Blobs, str, int]]:
        """Documents and covers that nothing names, with their sizes in bytes.

        Args:
            older_s: so many seconds ago they were written last; a younger one may be about to get its row.
        """
        with self._database.reading() as session:
            kept = ((self._originals, _used_documents(session)), (self._covers, _used_covers(session)))
        for blobs, used in kept:
            for digest in blobs.digests():
                with suppress(OSError):  # gone meanwhile
                    found = blobs.path(digest).stat()
                    if digest not in used and found.st_mtime < time.time() - older_s:
                        yield blobs, digest, found.st_size

    def remove_files(self, *, older_s: float) -> None:
        """Delete what `unused_files` finds, and the rows of documents that no edition was read from."""
        with self._database.writing() as session:  # before files: a row never names a file that is not there
            read = select(EditionRow.document_id)
            session.execute(delete(DocumentRow).where(DocumentRow.id.not_in(read)))
        for blobs, digest, _ in list(self.unused_files(older_s=older_s)):
            blobs.remove(digest)


def _used_documents(session: Session) -> set[str]:
    return set(session.scalars(select(DocumentRow.id).join(EditionRow, EditionRow.document_id == DocumentRow.id)))


def _used_covers(session: Session) -> set[str]:
    return {*session.scalars(select(BookRow.cover_digest)), *session.scalars(select(EditionRow.cover_digest))} - {""}
