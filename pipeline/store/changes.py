"""What a person changed from the page: pronunciations, and how single sentences are spoken."""

from dataclasses import dataclass

from sqlalchemy import delete, select

from pipeline.store.engine import Database
from pipeline.store.tables import PronunciationRow, SpokenSentenceRow


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


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """How one sentence is spoken."""

    sentence_id: str
    spoken: str
    clip_before: str
    """Key of the clip that spoke it before, or empty."""


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
                StoredPronunciation(r.id, r.book, r.written, r.say, r.ipa, r.match_case) for r in session.scalars(query)
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

    def sentences(self, book: str, chapter: int) -> dict[str, SpokenSentence]:
        """Changed sentences of the chapter at that position (from 0), by sentence id."""
        query = select(SpokenSentenceRow).where(SpokenSentenceRow.book == book, SpokenSentenceRow.chapter == chapter)
        with self._database.reading() as session:
            rows = session.scalars(query).all()
        return {r.sentence_id: SpokenSentence(r.sentence_id, r.spoken, r.clip_before) for r in rows}

    def set_sentence(self, book: str, chapter: int, sentence: SpokenSentence) -> None:
        """Speak a sentence so from now on."""
        with self._database.writing() as session:
            session.merge(
                SpokenSentenceRow(
                    book=book,
                    chapter=chapter,
                    sentence_id=sentence.sentence_id,
                    spoken=sentence.spoken,
                    clip_before=sentence.clip_before,
                )
            )

    def remove_sentence(self, book: str, chapter: int, sentence_id: str) -> None:
        """Speak a sentence as it would be without a person's change."""
        with self._database.writing() as session:
            session.execute(
                delete(SpokenSentenceRow).where(
                    SpokenSentenceRow.book == book,
                    SpokenSentenceRow.chapter == chapter,
                    SpokenSentenceRow.sentence_id == sentence_id,
                )
            )
