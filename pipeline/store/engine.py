"""A database file -> sessions: SQLite in WAL with one writer, migrated on open, its errors as ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.orm import Session

from pipeline.errors import StoreError

BUSY_TIMEOUT_S = 60


class Database:
    """The open database of one data directory; usable from every thread of the process."""

    def __init__(self, path: Path) -> None:
        """Raises: StoreError where the file cannot be opened, is no database, or is newer than this program."""
        self.path = path
        self._write_lock = threading.Lock()
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        with self._errors_as_ours():
            _migrate(self._engine, path)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for queries."""
        with self._errors_as_ours(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end, or rolled back by an exception; one at a time."""
        engine = self._engine.execution_options(immediate=True)
        with (
            self._errors_as_ours(),
            self._write_lock,
            Session(engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def check(self) -> None:
        """Raises: StoreError where SQLite's own integrity check finds damage."""
        with self.reading() as session:
            found = session.connection().exec_driver_sql("PRAGMA quick_check").scalar_one()
        if found != "ok":
            raise StoreError(f"The database {self.path} is damaged: {found}", remedy=self._remedy())

    def close(self) -> None:
        """Release every connection."""
        self._engine.dispose()

    def _remedy(self) -> str:
        return f"move {self.path.name} away and narrate again: sound already made is found by `bookcast cache verify`"

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise StoreError(
                f"The database {self.path} {_explain(str(error.orig))}", remedy=self._hint(error)
            ) from error
        except (SQLAlchemyError, CommandError) as error:
            raise StoreError(f"The database {self.path} cannot be used: {error}", remedy="bookcast doctor") from error

    def _hint(self, error: DatabaseError) -> str:
        text = str(error.orig)
        if "full" in text:
            return "free some space and start again: nothing that was finished is lost"
        if "readonly" in text or "unable to open" in text:
            return f"make {self.path.parent} writable, or choose another with --data"
        return self._remedy()


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


def _migrate(engine: Engine, path: Path) -> None:
    """Bring the tables to this program's version; several programs may try at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present == script.get_current_head():
        return
    if present and present not in {revision.revision for revision in script.walk_revisions()}:
        raise StoreError(f"The database {path} was made by a newer Bookcast", remedy="upgrade Bookcast")
    with engine.execution_options(immediate=True).connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
