"""A database file -> sessions: SQLite in WAL with one writer, migrated on open, its errors as ours."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from pipeline.errors import StoreError
from pipeline.store.db.opened_file import OpenedFile
from pipeline.store.db.revision import create_tables, newest_revision, present_revision
from pipeline.store.files.data_folder import check_room

BUSY_TIMEOUT_S = 60
_OF_FULL_DISKS = ("I/O error", "unable to open")
"""What SQLite says where the small files that it needs beside the database cannot be made."""
_ROOM_BYTES = 1_000_000


class Database:
    """The open database of one data directory; usable from every thread of the process."""

    def __init__(self, path: Path) -> None:
        """Raises: StoreError where the file cannot be opened, is no database, or is newer than this program."""
        self.path = path
        # Our own threads queue here: SQLite would have them sleep and retry, which can starve one of them.
        self._write_lock = threading.Lock()
        self._of_thread = threading.local()
        self._file: OpenedFile | None = None
        _make_private(path)
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=QueuePool)
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        with self._errors_as_ours():
            self._bring_up_to_date()
            self._file = OpenedFile(path)

    def _bring_up_to_date(self) -> None:
        present = present_revision(self._engine)
        if not present:
            create_tables(self._engine)
        elif present != newest_revision():
            # here, because Alembic takes 0.3 s to import, and nearly no start needs it
            from pipeline.store.db.upgrade import upgrade

            upgrade(self._engine, self.path)

    def _connect(self) -> sqlite3.Connection:
        """A connection; once the database is open, none that would make a new file in the place of a lost one."""
        mode = "rwc" if self._file is None else "rw"
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        # The pool hands a connection to one thread at a time, which is all that SQLite asks for.
        return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for queries: that of the snapshot that this thread is in, else its own."""
        held: Session | None = getattr(self._of_thread, "snapshot", None)
        with self._errors_as_ours():
            if held is not None:
                yield held
                return
            with Session(self._engine) as session:
                self._check_file()
                yield session

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What this thread reads meanwhile is of one moment, whatever others write; in another one, part of that."""
        outer: Session | None = getattr(self._of_thread, "snapshot", None)
        with self.reading() as self._of_thread.snapshot:
            try:
                yield
            finally:
                self._of_thread.snapshot = outer

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end, or rolled back by an exception; one at a time."""
        engine = self._engine.execution_options(immediate=True)
        with self._errors_as_ours(), self._write_lock:
            self._check_file()
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
            self._check_file()  # what is committed to a file without a name is lost

    def check(self) -> None:
        """Raises: StoreError where SQLite's own integrity check finds damage."""
        with self.reading() as session:
            found = session.connection().exec_driver_sql("PRAGMA quick_check").scalar_one()
        if found != "ok":
            raise StoreError(f"The database {self.path} is damaged: {found}", remedy=self._remedy())

    def close(self) -> None:
        """Release every connection."""
        self._engine.dispose()

    def _check_file(self) -> None:
        if self._file:
            self._file.check()

    def _remedy(self) -> str:
        return f"move {self.path.name} away and run `bookcast cache rebuild`: it finds the sound already made"

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            self._check_file()  # whatever SQLite says of a lost file, that it is lost is the reason
            if any(sign in str(error.orig) for sign in _OF_FULL_DISKS):
                check_room(self.path.parent, least_bytes=_ROOM_BYTES)
            raise StoreError(
                f"The database {self.path} {_explain(str(error.orig))}", remedy=self._hint(error)
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(f"The database {self.path} cannot be used: {error}", remedy="bookcast doctor") from error

    def _hint(self, error: DatabaseError) -> str:
        text = str(error.orig)
        if "full" in text:
            return "free some space and start again: nothing that was finished is lost"
        if "readonly" in text or "unable to open" in text:
            return f"make {self.path.parent} writable, or choose another with --data"
        return self._remedy()


def _make_private(path: Path) -> None:
    """An empty file for its owner alone, where there is none: SQLite gives the files beside it the same mode."""
    with suppress(OSError):  # what is wrong with the folder is said by SQLite
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _explain(text: str) -> str:
    for sign, meaning in (
        ("disk is full", "cannot grow: the disk is full"),
        ("readonly", "cannot be written: it is read-only"),
        ("unable to open", "cannot be opened: its folder is missing or read-only"),
        ("malformed", "is damaged"),
        ("not a database", "is damaged: it is not a database"),
        ("locked", "stayed locked by another program"),
    ):
        if sign in text:
            return meaning
    return f"fails: {text}"


def _set_pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`, not by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a power cut must not forget a clip that was paid for.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-8000")
    cursor.close()


def _begin(connection: Any) -> None:
    """Writers take the lock at once: a transaction that reads first could not be upgraded under another writer."""
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
