"""This process -> an owner of claims and runs: a row with a lease, renewed while the process lives.

Everybody who shares the database sees by the lease, at the latest, that an owner has died; on the same
machine its lock file shows it at once. Leases are compared by the database's clock alone: machines disagree
about the time.
"""

import os
import threading
import uuid
import weakref
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from filelock import FileLock
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pipeline.errors import StoreError
from pipeline.store.db.clock import now, read_clock
from pipeline.store.db.database import Database
from pipeline.store.db.tables import OwnerRow
from pipeline.store.ownership.locks import is_abandoned
from pipeline.store.ownership.scratch import Scratch

FORGET_AFTER_S = 3600.0
"""Rows of owners that have been dead for so long are removed, though nobody met them."""


@dataclass(frozen=True, slots=True)
class Lease:
    """How long an owner counts as alive without being heard of."""

    lease_s: float = 75.0
    """Four beats may be missed, by a busy disk or database. With the half minute for which others may have to
    be patient, the dead of every machine are known as dead within two minutes."""
    beat_s: float = 15.0
    """One commit in so many seconds is below what can be measured: 3 ms of waiting for the disk (November 2026)."""
    clock: Callable[[Session], float] = read_clock
    """The database's time in Unix seconds."""


USUAL_LEASE = Lease()


class Owner:
    """This process, as the owner of what it works on.

    Its row is written with the first thing that it owns: who only looks writes nothing.
    """

    def __init__(self, database: Database, scratch: Scratch, lease: Lease = USUAL_LEASE) -> None:
        """Raises: StoreError where the scratch folder cannot be written."""
        self.id = uuid.uuid4().hex
        self.scratch = scratch
        self.lock_file = scratch.lock_file(self.id)
        self._database = database
        self._lease = lease
        self._lease_until = self._patient_until = 0.0
        self._heart: threading.Thread | None = None
        self._ended = threading.Event()
        self._chores: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._lock = FileLock(self.lock_file)
        try:
            self._lock.acquire(timeout=5)
        except OSError as error:
            raise StoreError(f"{self.lock_file} cannot be locked: {error}", remedy="bookcast doctor") from error

    def is_alive(self, owner: str) -> bool:
        """False where the owner of that id has died, ended, or stood still for longer than its lease."""
        with self._database.reading() as session:
            return owner in self.living(session, {owner})

    def living(self, session: Session, owners: Collection[str]) -> set[str]:
        """Those of `owners` that are alive; this one always is. Changes nothing."""
        others = set(owners) - {self.id}
        living = set(owners) - others
        if others:
            time_s = self._lease.clock(session)
            query = select(OwnerRow.id, OwnerRow.machine, OwnerRow.lease_until).where(OwnerRow.id.in_(others))
            rows = session.execute(query).tuples()
            living |= {owner for owner, machine, until in rows if self._lives(owner, machine, until, time_s)}
        return living

    def _lives(self, owner: str, machine: str, lease_until: float, time_s: float) -> bool:
        if machine == self.scratch.machine and is_abandoned(self.scratch.lock_file(owner)):
            return False
        # A process that slept through its own lease goes by no lease until the others had time to renew theirs.
        return lease_until > time_s or self._has_lapsed(time_s) or time_s < self._patient_until

    def _has_lapsed(self, time_s: float) -> bool:
        """True where this process was not heard of itself: it stood still, or nobody could write."""
        return 0.0 < self._lease_until < time_s

    def enter(self, session: Session) -> None:
        """Renew the lease, in the transaction that writes what is owned.

        The row is put back where others have removed it, for this process stood still too long for them.
        """
        time_s = self._lease.clock(session)
        if self._has_lapsed(time_s):  # those who were stopped by the same thing are to be heard first
            self._patient_until = time_s + 2 * self._lease.beat_s
        self._lease_until = time_s + self._lease.lease_s
        renewed = session.connection().execute(
            update(OwnerRow).where(OwnerRow.id == self.id).values(lease_until=self._lease_until)
        )
        if not renewed.rowcount:
            session.execute(delete(OwnerRow).where(OwnerRow.lease_until < time_s - FORGET_AFTER_S))
            session.add(self._row())
            session.flush()
        self._start_heart()

    def _row(self) -> OwnerRow:
        return OwnerRow(
            id=self.id,
            machine=self.scratch.machine,
            process=os.getpid(),
            started_at=now(),
            lease_until=self._lease_until,
        )

    def forget(self, session: Session, owners: Collection[str]) -> None:
        """Remove rows of the dead; the database removes what they claimed with them."""
        if owners:
            session.execute(delete(OwnerRow).where(OwnerRow.id.in_(owners)))

    def with_each_beat(self, chore: Callable[[], None]) -> None:
        """Do `chore`, a method, after every renewal for as long as its object is there; it may raise StoreError."""
        self._chores.append(weakref.WeakMethod(chore))

    def beat(self) -> bool:
        """Renew the lease; False where the database did not take it."""
        try:
            with self._database.writing() as session:
                # A beat that waited for the database while `close` ran must not put the row back.
                if self._ended.is_set():
                    return True
                self.enter(session)
            for chore in self._chores:
                if do := chore():
                    do()
        except Exception:  # whatever it is: a heart that stops for good makes a living process a dead one
            return False
        return True

    def _start_heart(self) -> None:
        if self._heart is None:
            # it knows its owner weakly: a store that nobody closed must not be kept alive by it
            arguments = weakref.ref(self), self._ended, self._lease.beat_s
            self._heart = threading.Thread(target=_beat_on, args=arguments, name="heartbeat", daemon=True)
            self._heart.start()

    def close(self) -> None:
        """Let go; whatever this owner still claims is free."""
        self._ended.set()
        is_gone = self._heart is None
        with suppress(StoreError):
            if not is_gone:
                with self._database.writing() as session:
                    self.forget(session, {self.id})
                is_gone = True
        self._lock.release()
        if is_gone:  # else the file is needed, as the proof that the row's owner has ended
            self.lock_file.unlink(missing_ok=True)


def _beat_on(owner: "weakref.ref[Owner]", ended: threading.Event, beat_s: float) -> None:
    pause_s = beat_s
    while not ended.wait(pause_s):
        living = owner()
        if living is None:
            return
        pause_s = beat_s if living.beat() else beat_s / 5  # there is time for several more tries
        del living  # while it waits, nothing may hold the owner
