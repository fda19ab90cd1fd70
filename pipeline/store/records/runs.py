"""Runs: which narrations were started, and how they ended."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from pipeline.errors import StoreError
from pipeline.model.states import RunState
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import RunRow
from pipeline.store.ownership.owners import Owner

RUN_OVER_FEEDS = "*feeds"
"""The book of a run over all feeds; its articles are narrated by runs of their own."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A narration, running or ended."""

    id: str
    book: str
    state: RunState
    """Never RUNNING where its process is dead."""
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

    def start(self, book: str, options: dict[str, Any], *, flow_run: str = "", replaces: bool = True) -> str:
        """Open a run; its id. What was cut short of the same flow run has resumed with this.

        Runs of one book do not disturb each other: each works by plans of its own, and clips are claimed.

        Args:
            book: slug.
            options: what was asked for.
            flow_run: Prefect's id of the flow run that this is, or empty.
            replaces: another run of the book that was cut short is not to resume after this one.
        """
        run = uuid.uuid4().hex
        related = or_(RunRow.book == book, RunRow.flow_run == flow_run) if flow_run else RunRow.book == book
        with self._database.writing() as session:
            rows = session.scalars(select(RunRow).where(related, RunRow.state.in_(_OPEN))).all()
            living = self._owner.living(session, {row.owner for row in rows})
            for row in rows:
                is_open = row.state == RunState.RUNNING and row.owner in living
                if not is_open and (replaces or row.flow_run == flow_run):
                    row.state = RunState.STOPPED
                    if not flow_run or row.flow_run != flow_run:  # see `deaths`
                        row.ended_at = row.ended_at or now()
            self._owner.enter(session)
            session.add(
                RunRow(
                    id=run,
                    book=book,
                    state=RunState.RUNNING,
                    owner=self._owner.id,
                    started_at=now(),
                    options=options,
                    flow_run=flow_run,
                )
            )
        return run

    def end(self, run: str, state: RunState, summary: dict[str, Any]) -> None:
        """Close a run."""
        with self._database.writing() as session:
            row = session.get_one(RunRow, run)
            row.state, row.ended_at, row.summary = state, now(), summary

    def stop_own(self) -> None:
        """Close what this process runs as stopped by a person, who does not wait for its end."""
        own = update(RunRow).where(RunRow.owner == self._owner.id, RunRow.state == RunState.RUNNING)
        with self._database.writing() as session:
            session.execute(own.values(state=RunState.STOPPED, ended_at=now()))

    def is_any_live(self, *, but: str = "") -> bool:
        """True where anybody is narrating; `but` is the id of a run that does not count.

        Nor does a run over all feeds, which speaks nothing itself: nothing could be swept for as long as it goes on.
        """
        with self._database.reading() as session:
            return self._is_any_live(session, but)

    def _is_any_live(self, session: Session, but: str = "") -> bool:
        narrates = (RunRow.state == RunState.RUNNING, RunRow.id != but, RunRow.book != RUN_OVER_FEEDS)
        return bool(self._owner.living(session, set(session.scalars(select(RunRow.owner).where(*narrates)))))

    def check_idle(self, session: Session) -> None:
        """The beginning of a transaction that deletes: no run is under way, and one that starts later finds the rest.

        Raises:
            StoreError: somebody is narrating.
        """
        if self._is_any_live(session):
            raise StoreError("A narration is running", remedy="try again when it has ended")

    def ended(self) -> dict[RunState, int]:
        """How many runs have ended in which state."""
        query = select(RunRow.state, func.count()).where(RunRow.ended_at.is_not(None)).group_by(RunRow.state)
        with self._database.reading() as session:
            return {RunState(state): count for state, count in session.execute(query)}

    def let_go(self, session: Session, book: str) -> None:
        """The beginning of a transaction that forgets a book; what was cut short of it is not to resume.

        Raises:
            StoreError: it is being narrated.
        """
        for row in self._open_runs(session, book):
            row.state, row.ended_at = RunState.STOPPED, row.ended_at or now()

    def check_let_go(self, book: str) -> None:
        """Raises: StoreError where a book is being narrated."""
        with self._database.reading() as session:
            self._open_runs(session, book)

    def _open_runs(self, session: Session, book: str) -> Sequence[RunRow]:
        """What may still come to an end of a book that nobody narrates."""
        rows = session.scalars(select(RunRow).where(RunRow.book == book, RunRow.state.in_(_OPEN))).all()
        if self._owner.living(session, {row.owner for row in rows if row.state == RunState.RUNNING}):
            raise StoreError(f'"{book}" is being narrated', remedy="wait for the end, or stop it first")
        return rows

    def find_flow_run(self, flow_run: str) -> StoredRun | None:
        """The newest record of a flow run; None where it has not begun."""
        query = select(RunRow).where(RunRow.flow_run == flow_run).order_by(RunRow.started_at.desc()).limit(1)
        with self._database.reading() as session:
            return next(iter(self._stored(session, session.scalars(query).all())), None)

    def last(self, book: str) -> tuple[RunState, dict[str, Any]] | None:
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
            return {run.book: run for run in self._stored(session, session.scalars(query).all())}

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
        """Runs that were cut short: told to end by the system, or their process died before they ended."""
        with self._database.reading() as session:
            rows = session.scalars(select(RunRow).where(RunRow.state.in_(_OPEN))).all()
            return [run for run in self._stored(session, rows) if run.state is not RunState.RUNNING]

    def deaths(self, flow_run: str, book: str) -> int:
        """How often the process of a flow run died while it narrated this book; to be told to end is no death.

        A record without an end is a death: `start` leaves it so where the same flow run has resumed.
        """
        query = select(RunRow).where(RunRow.flow_run == flow_run, RunRow.book == book, RunRow.ended_at.is_(None))
        with self._database.reading() as session:
            rows = session.scalars(query).all()
            return sum(run.state is not RunState.RUNNING for run in self._stored(session, rows))

    def _stored(self, session: Session, rows: Sequence[RunRow]) -> list[StoredRun]:
        """The runs of these rows; those whose process died before they ended are called stopped."""
        living = self._owner.living(session, {row.owner for row in rows if row.state == RunState.RUNNING})
        return [_run(row, is_alive=row.owner in living) for row in rows]


_OPEN = (RunState.RUNNING, RunState.INTERRUPTED)
"""What may still come to an end."""


def _run(row: RunRow, *, is_alive: bool) -> StoredRun:
    state = RunState(row.state)
    return StoredRun(
        id=row.id,
        book=row.book,
        state=RunState.STOPPED if state is RunState.RUNNING and not is_alive else state,
        flow_run=row.flow_run,
        started_at=row.started_at,
        ended_at=row.ended_at,
        options=row.options,
        summary=row.summary,
    )
