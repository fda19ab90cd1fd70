"""What a person changed from the page: pronunciations, and how single sentences are spoken."""

from dataclasses import dataclass

from sqlalchemy import delete, select

from pipeline.model.edits import SentenceEdit
from pipeline.store.db.database import Database
from pipeline.store.db.tables import PronunciationRow, SpokenSentenceRow


@dataclass(frozen=True, slots=True)
class StoredPronunciation:
    """How a word is said."""

    id: int
    """0 for one that is not stored yet."""
    book: str
    """Slug; empty for every book."""
    written: str
    say: str
    ipa: str = ""
    match_case: bool = False


class Changes:
    """Changes of one data directory; plans take them up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pronunciations(self, book: str | None = None) -> list[StoredPronunciation]:
        """Those of every book and of `book`, which come last, for they overrule; None for all there are."""
        query = select(PronunciationRow).order_by(PronunciationRow.book != "", PronunciationRow.id)
        if book is not None:
            query = query.where(PronunciationRow.book.in_(["", book]))
        with self._database.reading() as session:
            return [
                StoredPronunciation(
                    id=row.id, book=row.book, written=row.written, say=row.say, ipa=row.ipa, match_case=row.match_case
                )
                for row in session.scalars(query)
            ]

    def set_pronunciation(self, word: StoredPronunciation) -> None:
        """Store it in place of an earlier one of the same word and book."""
        with self._database.writing() as session:
            same = delete(PronunciationRow).where(
                PronunciationRow.book == word.book, PronunciationRow.written == word.written
            )
            session.execute(same)
            session.add(
                PronunciationRow(
                    book=word.book, written=word.written, say=word.say, ipa=word.ipa, match_case=word.match_case
                )
            )

    def remove_pronunciation(self, number: int) -> None:
        """Forget it; nothing happens where it is gone."""
        with self._database.writing() as session:
            session.execute(delete(PronunciationRow).where(PronunciationRow.id == number))

    def sentences(self, book: str) -> list[SentenceEdit]:
        """Every changed sentence of the book, in whichever edition it was changed."""
        query = select(SpokenSentenceRow).where(SpokenSentenceRow.book == book)
        with self._database.reading() as session:
            return [_edit(row) for row in session.scalars(query.order_by(SpokenSentenceRow.sentence_id))]

    def set_sentence(self, book: str, edit: SentenceEdit, *, instead_of: SentenceEdit | None = None) -> None:
        """Speak a sentence so from now on, in place of an earlier change of it."""
        with self._database.writing() as session:
            if instead_of:
                session.execute(_of(book, instead_of))
            session.merge(
                SpokenSentenceRow(
                    book=book,
                    chapter_digest=edit.chapter_digest,
                    chapter_title=edit.chapter_title,
                    sentence_id=edit.sentence_id,
                    written=edit.written,
                    before=edit.before,
                    after=edit.after,
                    spoken=edit.spoken,
                    clip_before=edit.clip_before,
                )
            )

    def remove_sentence(self, book: str, edit: SentenceEdit) -> None:
        """Speak a sentence as it would be without a person's change."""
        with self._database.writing() as session:
            session.execute(_of(book, edit))


def _of(book: str, edit: SentenceEdit):  # type: ignore[no-untyped-def]
    return delete(SpokenSentenceRow).where(
        SpokenSentenceRow.book == book,
        SpokenSentenceRow.chapter_digest == edit.chapter_digest,
        SpokenSentenceRow.sentence_id == edit.sentence_id,
    )


def _edit(row: SpokenSentenceRow) -> SentenceEdit:
    return SentenceEdit(
        chapter_digest=row.chapter_digest,
        chapter_title=row.chapter_title,
        sentence_id=row.sentence_id,
        written=row.written,
        before=row.before,
        after=row.after,
        spoken=row.spoken,
        clip_before=row.clip_before,
    )
