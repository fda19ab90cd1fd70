"""What was published of books: which files, made of which sound.

Paths in the data directory are kept relative to it, so that it can be moved and restored elsewhere.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.orm import Session

from pipeline.store.db.database import Database
from pipeline.store.db.tables import ChapterRow, ReleaseChapterRow, ReleaseRow, table_of
from pipeline.store.records.plans import plan_numbers


@dataclass(frozen=True, slots=True)
class ReleasePlace:
    """What tells a release of a book from its others."""

    format: str
    folder: Path
    """Absolute."""
    selection: tuple[int, ...] = ()
    """Numbers of the chosen chapters, from 1; empty for all."""


@dataclass(frozen=True, slots=True)
class ReleasedChapter:
    """A chapter that went into a release."""

    chapter_id: int
    position: int
    """Of the chapter in its book, from 0."""
    plan_key: str
    audio_key: str


class Releases:
    """Published releases by book and place."""

    def __init__(self, database: Database, data: Path) -> None:
        """The data directory is `data`, absolute."""
        self._database = database
        self._data = data

    def find(self, book: str, place: ReleasePlace) -> tuple[str, list[Path]] | None:
        """Key and files of what was published there, where every file is still there in full size."""
        with self._database.reading() as session:
            row = session.scalars(self._at(book, place)).first()
        if row is None or not all(_has_size(self._data / path, size) for path, size in row.files):
            return None
        return row.key, self._paths(row)

    def published_files(self, book: str, place: ReleasePlace) -> list[Path]:
        """Files that the last release there wrote, whether they are still there or not."""
        with self._database.reading() as session:
            row = session.scalars(self._at(book, place)).first()
        return self._paths(row) if row else []

    def save(
        self, book: str, place: ReleasePlace, key: str, files: Sequence[Path], chapters: Sequence[ReleasedChapter]
    ) -> None:
        """Record a release whose files are in place; from now on its chapters are what people are given."""
        sizes = [[self._kept(path), path.stat().st_size] for path in files]
        with self._database.writing() as session:
            row = session.scalars(self._at(book, place)).first()
            if row is None:
                row = ReleaseRow(
                    book=book,
                    format=place.format,
                    folder=self._kept(place.folder),
                    selection=_selection(place),
                    key="",
                    files=[],
                )
                session.add(row)
            row.folder, row.key, row.files = self._kept(place.folder), key, sizes
            session.flush()
            _save_chapters(session, row.id, chapters)

    def point(self, book: str, chapters: Sequence[ReleasedChapter]) -> None:
        """Give people these sounds of the chapters; nothing is written where they are given already."""
        with self._database.reading() as session:
            wanted = {chapter.chapter_id: chapter.audio_key for chapter in chapters}
            query = select(ChapterRow.id, ChapterRow.audio_key).where(ChapterRow.id.in_(wanted))
            changed = {number for number, key in session.execute(query) if wanted[number] != key}
        if changed:
            with self._database.writing() as session:
                for number in changed:
                    values = {"audio_key": wanted[number]}
                    session.execute(update(ChapterRow).where(ChapterRow.id == number).values(**values))

    def files(self, book: str, *, folder: Path | None = None) -> list[Path]:
        """All files that were published of a book, or those in one folder."""
        query = select(ReleaseRow).where(ReleaseRow.book == book)
        if folder is not None:
            query = query.where(self._is_in(folder))
        with self._database.reading() as session:
            return [path for row in session.scalars(query) for path in self._paths(row)]

    def places(self, book: str) -> list[ReleasePlace]:
        """Where a book was published."""
        query = select(ReleaseRow.format, ReleaseRow.folder, ReleaseRow.selection).where(ReleaseRow.book == book)
        with self._database.reading() as session:
            return [
                ReleasePlace(f, self._data / folder, _numbers(chosen)) for f, folder, chosen in session.execute(query)
            ]

    def is_taken(self, folder: Path, *, but: str) -> bool:
        """True where another book than `but` is published in that folder.

        Also in one whose name differs in case or in the form of its letters only: on many disks it is the same folder.
        """
        # databases fold ASCII at most, so it is compared here; by its length first, for there may be 10,000
        lengths = {len(str(folder)), len(self._kept(folder))}
        query = select(ReleaseRow.folder).where(ReleaseRow.book != but, func.length(ReleaseRow.folder).in_(lengths))
        with self._database.reading() as session:
            return any(_folded(str(self._data / other)) == _folded(str(folder)) for other in session.scalars(query))

    def files_of_others(self, book: str) -> set[Path]:
        """Files in the folders of a book's releases that releases of other books name."""
        own = select(ReleaseRow.folder).where(ReleaseRow.book == book)
        query = select(ReleaseRow).where(ReleaseRow.book != book, ReleaseRow.folder.in_(own))
        with self._database.reading() as session:
            return {path for row in session.scalars(query) for path in self._paths(row)}

    def forget(self, book: str, place: ReleasePlace) -> list[Path]:
        """Drop the record of a release; the files that it had."""
        paths = self.published_files(book, place)
        with self._database.writing() as session:
            rows = session.scalars(self._at(book, place)).all()
            session.execute(delete(ReleaseRow).where(ReleaseRow.id.in_([row.id for row in rows])))
        return paths

    def make_movable(self, moved_from: Path) -> None:
        """Let releases that are kept by where the data directory was, follow it from `moved_from` to here."""
        with self._database.writing() as session:
            for row in session.scalars(select(ReleaseRow)):
                row.folder = _within(Path(row.folder), moved_from)
                row.files = [[_within(Path(path), moved_from), size] for path, size in row.files]

    def _at(self, book: str, place: ReleasePlace) -> Select[tuple[ReleaseRow]]:
        return select(ReleaseRow).where(
            ReleaseRow.book == book,
            ReleaseRow.format == place.format,
            self._is_in(place.folder),
            ReleaseRow.selection == _selection(place),
        )

    def _is_in(self, folder: Path) -> ColumnElement[bool]:
        # An older Bookcast kept every path as an absolute one.
        return ReleaseRow.folder.in_({str(folder), self._kept(folder)})

    def _paths(self, row: ReleaseRow) -> list[Path]:
        return [self._data / path for path, _ in row.files]

    def _kept(self, path: Path) -> str:
        return _within(path, self._data)


def _within(path: Path, folder: Path) -> str:
    """The path relative to the folder, or as it is where it is not in there."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _folded(folder: str) -> str:
    return unicodedata.normalize("NFC", folder).casefold()


def _selection(place: ReleasePlace) -> str:
    return ",".join(map(str, place.selection))


def _numbers(selection: str) -> tuple[int, ...]:
    return tuple(int(number) for number in selection.split(",") if number)


def _save_chapters(session: Session, release: int, chapters: Sequence[ReleasedChapter]) -> None:
    session.execute(delete(ReleaseChapterRow).where(ReleaseChapterRow.release_id == release))
    numbers = plan_numbers(session, (chapter.plan_key for chapter in chapters))
    values = [
        {
            "release_id": release,
            "position": chapter.position,
            "audio_key": chapter.audio_key,
            "plan_id": numbers.get(chapter.plan_key),
        }
        for chapter in chapters
    ]
    if values:
        session.connection().execute(insert(table_of(ReleaseChapterRow)), values)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
