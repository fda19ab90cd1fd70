"""Claims: never two living owners of one key, and nothing stays claimed by the dead."""

import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from pipeline.errors import StoreError
from pipeline.store import Store
from pipeline.store.db.database import Database
from pipeline.store.db.tables import ClaimRow
from pipeline.store.ownership.claims import Claims
from pipeline.store.ownership.owners import Lease, Owner
from pipeline.store.ownership.scratch import Scratch
from tests.store.test_owners import Clock
from tests.waiting import wait_until

LEASE_S, BEAT_S = 60.0, 10.0
KEYS = st.sets(st.sampled_from("abcdef"), min_size=1)


@dataclass
class Process:
    """What is known of a process from outside; a killed one has no owner."""

    machine: int
    owner: Owner | None
    claims: Claims | None
    stands: bool = False
    heard: float = -1e9
    """When its lease was last renewed."""
    patient_until: float = 0.0
    keys: set[str] = field(default_factory=set)

    def has_lease(self, time_s: float) -> bool:
        return time_s < self.heard + LEASE_S


class Machines(RuleBasedStateMachine):
    """Processes of two machines that claim, give back, stand still, go on and are killed, in any order."""

    database: Database
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.prefix = uuid4().hex
        self.processes: list[Process] = []
        self.scratch = [Scratch(self.folder / str(n)) for n in range(2)]

    def running(self) -> list[Process]:
        return [p for p in self.processes if p.owner and not p.stands]

    @rule(machine=st.integers(0, 1))
    def start(self, machine: int) -> None:
        owner = Owner(self.database, self.scratch[machine], Lease(LEASE_S, 1e6, self.clock))
        self.processes.append(Process(machine, owner, Claims(self.database, owner)))

    @precondition(running)
    @rule(data=st.data(), keys=KEYS)
    def claim(self, data: st.DataObject, keys: set[str]) -> None:
        process = data.draw(st.sampled_from(self.running()))
        assert process.claims
        lapsed = process.heard > 0 and not process.has_lease(self.clock.time_s)
        granted = {key[32:] for key in process.claims.claim([self.prefix + key for key in keys])}
        for key in keys:
            holder = next((p for p in self.processes if key in p.keys), None)
            if holder is None:
                assert key in granted
            elif key in granted:
                assert holder is not process
                assert holder.owner is None or not holder.has_lease(self.clock.time_s), "taken from the living"
                holder.keys.clear()  # all of a dead one's claims go with it
            elif holder is not process:
                seen_dead = holder.owner is None and holder.machine == process.machine
                assert not seen_dead
                assert holder.has_lease(self.clock.time_s) or lapsed or self.is_patient(process)
        process.keys |= granted
        if granted:
            self.heard(process)

    def is_patient(self, process: Process) -> bool:
        return self.clock.time_s < process.patient_until

    def heard(self, process: Process) -> None:
        if process.heard > 0 and not process.has_lease(self.clock.time_s):
            process.patient_until = self.clock.time_s + 2e6
        process.heard = self.clock.time_s

    @precondition(running)
    @rule(data=st.data(), keys=KEYS)
    def release(self, data: st.DataObject, keys: set[str]) -> None:
        process = data.draw(st.sampled_from(self.running()))
        assert process.claims
        process.claims.release([self.prefix + key for key in keys])
        process.keys -= keys

    @precondition(running)
    @rule(data=st.data())
    def stand_still(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.running())).stands = True

    @rule()
    def go_on(self) -> None:
        for process in self.processes:
            process.stands = False

    @precondition(running)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self.running()))
        process.owner = process.claims = None  # and the system lets the lock go

    @rule(seconds=st.sampled_from([1.0, BEAT_S, LEASE_S / 2, LEASE_S + 1]))
    def wait(self, seconds: float) -> None:
        """The hearts of those that run beat on meanwhile."""
        while seconds > 0:
            self.clock.time_s += min(seconds, BEAT_S)
            seconds -= BEAT_S
            for process in self.running():
                if process.heard > 0:
                    assert process.owner
                    assert process.owner.beat()
                    self.heard(process)

    @invariant()
    def nobody_holds_what_another_holds(self) -> None:
        with self.database.reading() as session:
            rows = session.execute(select(ClaimRow.clip_key, ClaimRow.owner)).tuples().all()
        stored = {key[32:]: owner for key, owner in rows if key.startswith(self.prefix)}
        for process in self.processes:
            if process.owner and process.has_lease(self.clock.time_s):
                assert all(stored.get(key) == process.owner.id for key in process.keys)


def test_no_key_ever_has_two_living_owners() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Machines.folder = Path(folder)
        Machines.database = Database(Path(folder) / "bookcast.db")
        try:
            run_state_machine_as_test(Machines, settings=settings(max_examples=30, stateful_step_count=20))
        finally:
            Machines.database.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, lease=Lease(beat_s=0.02))
    yield opened
    opened.close()


def test_what_cannot_be_given_back_now_is_given_back_later(store: Store, tmp_path: Path) -> None:
    """Without it a full disk would keep a chunk claimed for as long as the studio runs."""
    other = Store(tmp_path)
    store.claims.claim(["k", "l"])
    with sqlite3.connect(tmp_path / "bookcast.db") as raw:
        raw.execute("CREATE TRIGGER broken BEFORE DELETE ON claims BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(StoreError):
        store.claims.release(["k"])
    assert other.claims.claim(["k"]) == set()
    with sqlite3.connect(tmp_path / "bookcast.db") as raw:
        raw.execute("DROP TRIGGER broken")
    wait_until(lambda: other.claims.claim(["k"]) == {"k"}, "the next beat")
    assert other.claims.claim(["l"]) == set()
    other.close()


def test_claims_of_an_older_program_are_dropped(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    import pipeline.store.db.database as module

    path = tmp_path / "bookcast.db"
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.exec_driver_sql("INSERT INTO claims VALUES ('k', 'host:0123', 9e9)")
    engine.dispose()
    store = Store(tmp_path)
    assert store.claims.claim(["k"]) == {"k"}
    store.close()
