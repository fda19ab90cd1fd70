"""Assembled chapters and published releases, in the store."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, select

from pipeline.errors import StoreError
from pipeline.model.audio import ChapterAudio, Cue
from pipeline.store.documents import now
from pipeline.store.engine import Database
from pipeline.store.tables import ChapterAudioRow, ChapterRow, ReleaseRow


class Releases:
    """What was assembled and published."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def chapter_folder(self, key: str) -> Path:
        """Where the encoded files of an assembled chapter lie, or would lie."""
        return self._folder / key[:2] / key[2:]

    def remove_chapter(self, key: str) -> int:
        """Delete the encoded files of a chapter and its row; how many bytes they had."""
        folder = self.chapter_folder(key)
        size = sum(file.stat().st_size for file in folder.glob("*")) if key else 0
        if key:
            shutil.rmtree(folder, ignore_errors=True)
            with self._database.writing() as session:
                session.execute(delete(ChapterAudioRow).where(ChapterAudioRow.key == key))
        return size

    def save_chapter(self, audio: ChapterAudio, cues: Sequence[Cue]) -> None:
        """Record an assembled chapter whose files are written."""
        with self._database.writing() as session:
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

    def find_chapter(self, key: str, *, position: int, title: str) -> ChapterAudio | None:
        """The assembled chapter of that key, for the chapter at `position`."""
        with self._database.reading() as session:
            row = session.get(ChapterAudioRow, key)
        if row is None:
            return None
        return ChapterAudio(key, position, title, row.samples, row.loudness_lufs, row.gain_db)

    def chapter_lengths(self, book: str) -> dict[int, tuple[int, float | None]]:
        """Samples, and loudness in LUFS as it is heard, of the assembled chapters of a book, by position."""
        query = (
            select(ChapterRow.position, ChapterAudioRow.samples, ChapterAudioRow.loudness_lufs, ChapterAudioRow.gain_db)
            .join(ChapterAudioRow, ChapterAudioRow.key == ChapterRow.audio_key)
            .where(ChapterRow.book == book)
        )
        with self._database.reading() as session:
            return {
                position: (samples, None if lufs is None else lufs + gain)
                for position, samples, lufs, gain in session.execute(query)
            }

    def cues(self, key: str) -> list[Cue]:
        """The cues of an assembled chapter, in order. Raises: StoreError where there is none."""
        with self._database.reading() as session:
            row = session.get(ChapterAudioRow, key)
        if row is None:
            raise StoreError(f"No chapter audio {key[:12]} is stored")
        return [Cue(*values) for values in row.cues]

    def find_release(self, book: str, target: str) -> tuple[str, list[Path]] | None:
        """Key and files of what was published to `target`, where every file is still there in full size."""
        with self._database.reading() as session:
            row = session.get(ReleaseRow, (book, target))
        if row is None or not all(_has_size(Path(path), size) for path, size in row.files):
            return None
        return row.key, [Path(path) for path, _ in row.files]

    def published_files(self, book: str, target: str) -> list[Path]:
        """Files that the last release to `target` wrote, whether they are still there or not."""
        with self._database.reading() as session:
            row = session.get(ReleaseRow, (book, target))
        return [Path(path) for path, _ in row.files] if row else []

    def save_release(self, book: str, target: str, key: str, files: Sequence[Path]) -> None:
        """Record a release whose files are in place."""
        sizes = [[str(path), path.stat().st_size] for path in files]
        with self._database.writing() as session:
            session.merge(ReleaseRow(book=book, target=target, key=key, files=sizes))

    def releases(self, book: str, *, folder: Path | None = None) -> list[Path]:
        """All files that were published of a book, or those to a folder."""
        with self._database.reading() as session:
            rows = session.scalars(select(ReleaseRow).where(ReleaseRow.book == book)).all()
        paths = [Path(path) for row in rows for path, _ in row.files]
        return [path for path in paths if folder is None or path.is_relative_to(folder)]

    def targets(self, book: str) -> list[str]:
        """To what a book was published."""
        with self._database.reading() as session:
            return list(session.scalars(select(ReleaseRow.target).where(ReleaseRow.book == book)))

    def is_taken(self, folder: Path, *, but: str) -> bool:
        """True where another book than `but` was published to that folder before."""
        query = select(ReleaseRow.book).where(ReleaseRow.target.endswith(str(folder), autoescape=True))
        with self._database.reading() as session:
            return any(book != but for book in session.scalars(query))

    def forget_release(self, book: str, target: str) -> list[Path]:
        """Drop the record of a release; the files that it had."""
        paths = self.published_files(book, target)
        with self._database.writing() as session:
            session.execute(delete(ReleaseRow).where(ReleaseRow.book == book, ReleaseRow.target == target))
        return paths

    def unused_chapters(self) -> list[str]:
        """Keys of assembled chapters that no book's present plan uses."""
        with self._database.reading() as session:
            used = set(session.scalars(select(ChapterRow.audio_key).where(ChapterRow.audio_key != "")))
        return [key for f in self._folder.glob("??/*") if (key := f.parent.name + f.name) not in used]


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
