"""Runs: which narrations were started, and how they ended."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from pipeline.errors import StoreError
from pipeline.store.documents import now
from pipeline.store.engine import Database
from pipeline.store.owners import Owner
from pipeline.store.tables import RunRow


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A narration, running or ended."""

    id: str
    book: str
    state: str
    """running, finished, failed or stopped."""
    flow_run: str
    started_at: datetime
    """UTC."""
    ended_at: datetime | None
    options: dict[str, Any]
    summary: dict[str, Any]


class Runs:
    """The history of narrations."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    def start(self, book: str, options: dict[str, Any], *, flow_run: str = "") -> str:
        """Open a run; its id.

        Args:
            book: slug.
            options: what was asked for.
            flow_run: Prefect's id of the flow run that this is, or empty.

        Raises:
            StoreError: the book is being narrated with other options right now; the plan is one, so they
                would undo each other's work.
        """
        run = uuid.uuid4().hex
        with self._database.writing() as session:
            for row in session.scalars(select(RunRow).where(RunRow.book == book, RunRow.state == "running")):
                if not self._owner.is_alive(row.owner):
                    row.state = "stopped"
                elif _voice(row.options) != _voice(options):
                    raise StoreError(
                        f'"{book}" is being narrated with another voice at this moment', remedy="wait for it to end"
                    )
            session.add(
                RunRow(
                    id=run,
                    book=book,
                    state="running",
                    owner=self._owner.id,
                    started_at=now(),
                    options=options,
                    flow_run=flow_run,
                )
            )
        return run

    def end(self, run: str, state: str, summary: dict[str, Any]) -> None:
        """Close a run as finished, failed or stopped."""
        with self._database.writing() as session:
            row = session.get_one(RunRow, run)
            row.state, row.ended_at, row.summary = state, now(), summary

    def is_any_live(self) -> bool:
        """True where another process is narrating."""
        with self._database.reading() as session:
            owners = set(session.scalars(select(RunRow.owner).where(RunRow.state == "running")))
        return any(owner != self._owner.id and self._owner.is_alive(owner) for owner in owners)

    def last(self, book: str) -> tuple[str, dict[str, Any]] | None:
        """State and summary of the newest run of a book; one whose process died is called stopped."""
        found = self.newest([book]).get(book)
        return (found.state, found.summary) if found else None

    def newest(self, books: Sequence[str] = ()) -> dict[str, StoredRun]:
        """The newest run of each of these books, of all where none is named; see `last` for its state."""
        newest = select(func.max(RunRow.started_at), RunRow.book).group_by(RunRow.book)
        if books:
            newest = newest.where(RunRow.book.in_(books))
        at = newest.subquery()
        query = select(RunRow).join(at, (RunRow.started_at == at.c[0]) & (RunRow.book == at.c[1]))
        with self._database.reading() as session:
            return {row.book: self._stored(row) for row in session.scalars(query)}

    def began(self, book: str) -> datetime | None:
        """When a book was narrated for the first time, UTC."""
        with self._database.reading() as session:
            return session.scalar(select(func.min(RunRow.started_at)).where(RunRow.book == book))

    def book_of(self, flow_run: str) -> str:
        """The book that a flow run narrates; empty where it has not begun to."""
        with self._database.reading() as session:
            query = select(RunRow.book).where(RunRow.flow_run == flow_run).order_by(RunRow.started_at)
            return session.scalars(query).first() or ""

    def lost(self) -> list[StoredRun]:
        """Runs whose process died before they ended."""
        with self._database.reading() as session:
            rows = session.scalars(select(RunRow).where(RunRow.state == "running")).all()
        return [run for run in map(self._stored, rows) if run.state == "stopped"]

    def _stored(self, row: RunRow) -> StoredRun:
        dead = row.state == "running" and not self._owner.is_alive(row.owner)
        state = "stopped" if dead else row.state
        return StoredRun(row.id, row.book, state, row.flow_run, row.started_at, row.ended_at, row.options, row.summary)


def _voice(options: dict[str, Any]) -> list[Any]:
    return [options.get(key) for key in ("backend", "model", "voice", "speed", "language")]
