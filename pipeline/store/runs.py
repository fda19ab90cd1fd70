"""Runs: which narrations were started, and how they ended."""

import uuid
from typing import Any

from sqlalchemy import select

from pipeline.errors import StoreError
from pipeline.store.documents import now
from pipeline.store.engine import Database
from pipeline.store.owners import Owner
from pipeline.store.tables import RunRow


class Runs:
    """The history of narrations."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    def start(self, book: str, options: dict[str, Any]) -> str:
        """Open a run; its id.

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
                RunRow(id=run, book=book, state="running", owner=self._owner.id, started_at=now(), options=options)
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
        query = select(RunRow).where(RunRow.book == book).order_by(RunRow.started_at.desc()).limit(1)
        with self._database.reading() as session:
            row = session.scalars(query).first()
        if row is None:
            return None
        dead = row.state == "running" and not self._owner.is_alive(row.owner)
        return ("stopped" if dead else row.state), row.summary


def _voice(options: dict[str, Any]) -> list[Any]:
    return [options.get(key) for key in ("backend", "model", "voice", "speed", "language")]
