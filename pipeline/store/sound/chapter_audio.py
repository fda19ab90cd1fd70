"""Assembled chapters by the content address of their sound: their cues, and where their encoded files are."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from pipeline.errors import NotFound
from pipeline.model.audio import ChapterAudio, Cue
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import BookRow, ChapterAudioRow, ChapterRow, ReleaseChapterRow

# Made once: every page of a book asks it, and to put it together takes as long as SQLite takes to answer it.
_LENGTHS = (
    select(ChapterRow.position, ChapterAudioRow.samples, ChapterAudioRow.loudness_lufs, ChapterAudioRow.gain_db)
    .join(ChapterAudioRow, ChapterAudioRow.key == ChapterRow.audio_key)
    .join(BookRow, BookRow.edition_id == ChapterRow.edition_id)
    .where(BookRow.slug == bindparam("book"))
)


class ChapterAudios:
    """Assembled chapters; equal ones of several books are one."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def folder(self, key: str) -> Path:
        """Where the encoded files of an assembled chapter are, or would be."""
        return self._folder / key[:2] / key[2:]

    def save(self, audio: ChapterAudio, cues: Sequence[Cue]) -> None:
        """Record an assembled chapter whose files are written."""
        with self._database.writing() as session:
            # Not an insert: a chapter whose files were deleted is made again under the same key.
            session.merge(
                ChapterAudioRow(
                    key=audio.key,
                    samples=audio.samples,
                    loudness_lufs=audio.loudness_lufs,
                    gain_db=audio.gain_db,
                    cues=[[c.sentence_id, c.text, c.start_samples, c.end_samples] for c in cues],
                    made_at=now(),
                )
            )

    def find(self, key: str, *, position: int, title: str) -> ChapterAudio | None:
        """The assembled chapter of that key, for the chapter at `position`."""
        with self._database.reading() as session:
            row = session.get(ChapterAudioRow, key) if key else None
        if row is None:
            return None
        # Position and title are those of who asks, because equal chapters of several books share a row.
        return ChapterAudio(
            key=key,
            position=position,
            title=title,
            samples=row.samples,
            loudness_lufs=row.loudness_lufs,
            gain_db=row.gain_db,
        )

    def lengths(self, book: str) -> dict[int, tuple[int, float | None]]:
        """Samples, and loudness in LUFS as it is heard, of the assembled chapters of a book, by position."""
        with self._database.reading() as session:
            return {
                position: (samples, None if lufs is None else lufs + gain)
                for position, samples, lufs, gain in session.execute(_LENGTHS, {"book": book})
            }

    def cues(self, key: str) -> list[Cue]:
        """The cues of an assembled chapter, in order. Raises: NotFound where there is none."""
        with self._database.reading() as session:
            row = session.get(ChapterAudioRow, key)
        if row is None:
            raise NotFound(f"No chapter audio {key[:12]} is stored")
        return [
            Cue(sentence_id=sentence, text=text, start_samples=start, end_samples=end)
            for sentence, text, start, end in row.cues
        ]

    def unused(self) -> list[str]:
        """Keys of folders and rows that no chapter of a present edition and no release points at."""
        with self._database.reading() as session:
            used = _used(session)
            rows = set(session.scalars(select(ChapterAudioRow.key)))
        # Rows alone miss a chapter whose program was killed between its files and its row.
        folders = {path.parent.name + path.name for path in self._folder.glob("??/*")}
        return sorted((folders | rows) - used)

    def forget_unused(self, keys: Sequence[str]) -> list[str]:
        """Drop the rows of those of `keys` that nothing points at; whoever looks now makes them anew."""
        with self._database.writing() as session:
            # Asked again inside the transaction: a run may point at one since.
            unused = sorted(set(keys) - _used(session))
            for at in range(0, len(unused), 500):  # SQLite bounds the parameters of a statement
                session.execute(delete(ChapterAudioRow).where(ChapterAudioRow.key.in_(unused[at : at + 500])))
        return unused

    def is_recorded(self, key: str) -> bool:
        """True where the chapter is there to be used."""
        with self._database.reading() as session:
            return session.get(ChapterAudioRow, key) is not None

    def remove_files(self, key: str) -> int:
        """Delete the encoded files of a chapter that is not recorded; how many bytes they had."""
        folder = self.folder(key)
        size = sum(file.stat().st_size for file in folder.glob("*"))
        shutil.rmtree(folder, ignore_errors=True)
        return size


def _used(session: Session) -> set[str]:
    """What chapters of present editions and releases point at."""
    shown = select(ChapterRow.audio_key).join(BookRow, BookRow.edition_id == ChapterRow.edition_id)
    released = select(ReleaseChapterRow.audio_key)
    return {*session.scalars(shown), *session.scalars(released)} - {""}
