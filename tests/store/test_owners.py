"""Owners: alive as long as they are heard of, dead for everybody soon after, whatever their machine is called."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from pipeline.errors import StoreError
from pipeline.store import Store
from pipeline.store.db.clock import read_clock
from pipeline.store.db.database import Database
from pipeline.store.ownership.owners import Lease, Owner
from pipeline.store.ownership.scratch import VARIABLE, Scratch
from pipeline.store.ownership.service_leases import Leases
from tests.store.holder import holding, short_lease, stand_still
from tests.waiting import wait_until

USUAL = Lease()


class Clock:
    """The database's clock, set by hand."""

    def __init__(self) -> None:
        self.time_s = 1_000_000.0

    def __call__(self, session: Session) -> float:
        return self.time_s


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "bookcast.db")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def enter(owner: Owner) -> None:
    assert owner.beat()


def rows(path: Path, table: str = "owners") -> int:
    with sqlite3.connect(path) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


def test_the_database_s_clock_is_unix_time(database: Database) -> None:
    with database.reading() as session:
        assert read_clock(session) == pytest.approx(time.time(), abs=2)


def test_an_owner_of_another_machine_lives_by_its_lease(database: Database, clock: Clock, tmp_path: Path) -> None:
    ours, theirs = (Owner(database, Scratch(tmp_path / name), Lease(clock=clock)) for name in ("a", "b"))
    enter(ours)
    enter(theirs)
    clock.time_s += USUAL.lease_s - 1
    enter(ours)
    assert ours.is_alive(theirs.id)
    clock.time_s += 2
    assert not ours.is_alive(theirs.id)
    enter(theirs)
    assert ours.is_alive(theirs.id), "it stood still, and goes on"


def test_the_dead_of_other_machines_are_known_within_two_minutes() -> None:
    assert USUAL.lease_s + 2 * USUAL.beat_s < 120
    assert USUAL.beat_s * 4 < USUAL.lease_s, "some beats may be missed"


def test_an_orderly_end_is_seen_at_once_and_leaves_nothing(database: Database, tmp_path: Path) -> None:
    owner, other = Owner(database, Scratch(tmp_path / "a")), Owner(database, Scratch(tmp_path / "b"))
    enter(owner)
    assert other.is_alive(owner.id)
    owner.close()
    assert not other.is_alive(owner.id)
    assert rows(database.path) == 0
    assert not owner.lock_file.exists()


def test_a_missing_lock_file_says_nothing(database: Database, tmp_path: Path) -> None:
    """Temporary folders are cleaned."""
    scratch = Scratch(tmp_path / "a")
    owner, other = Owner(database, scratch), Owner(database, scratch)
    enter(owner)
    owner.lock_file.unlink()
    assert other.is_alive(owner.id)


def test_who_stood_still_lets_the_others_be_heard_first(database: Database, clock: Clock, tmp_path: Path) -> None:
    """A machine that slept wakes all of its programs at once."""
    owner, other = (Owner(database, Scratch(tmp_path / name), Lease(clock=clock)) for name in ("a", "b"))
    enter(owner)
    enter(other)
    clock.time_s += 8 * 3600
    assert owner.is_alive(other.id)
    enter(owner)
    assert owner.is_alive(other.id)
    clock.time_s += 2 * USUAL.beat_s + 1
    assert not owner.is_alive(other.id), "it is not heard of"


def test_the_heart_renews_the_lease_and_puts_back_a_row_that_others_removed(database: Database, tmp_path: Path) -> None:
    owner = Owner(database, Scratch(tmp_path / "a"), Lease(beat_s=0.02))
    watching = Owner(database, Scratch(tmp_path / "b"))
    enter(owner)
    with database.writing() as session:
        watching.forget(session, {owner.id})
    wait_until(lambda: watching.is_alive(owner.id), "the row")
    owner.close()


def test_the_heart_outlasts_a_failing_database(database: Database, clock: Clock, tmp_path: Path) -> None:
    owner = Owner(database, Scratch(tmp_path / "a"), Lease(beat_s=0.02, clock=clock))
    watching = Owner(database, Scratch(tmp_path / "b"), Lease(clock=clock))
    enter(owner)
    with sqlite3.connect(database.path) as raw:
        raw.execute("CREATE TRIGGER broken BEFORE UPDATE ON owners BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    wait_until(lambda: not owner.beat(), "a beat that fails")
    clock.time_s += 1000
    assert not watching.is_alive(owner.id)
    with sqlite3.connect(database.path) as raw:
        raw.execute("DROP TRIGGER broken")
    wait_until(lambda: watching.is_alive(owner.id), "the next beat")
    owner.close()


def test_the_heart_waits_for_a_busy_database(database: Database, tmp_path: Path) -> None:
    owner = Owner(database, Scratch(tmp_path / "a"))
    enter(owner)
    raw = sqlite3.connect(database.path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    beats: list[bool] = []
    thread = threading.Thread(target=lambda: beats.append(owner.beat()))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    raw.execute("ROLLBACK")
    thread.join(20)
    assert beats == [True]
    raw.close()
    owner.close()


def test_a_store_that_only_looks_writes_nothing(tmp_path: Path) -> None:
    with holding(tmp_path, lease_s=60) as killed:
        killed.claim("k")
        killed.kill()
    store = Store(tmp_path)
    assert not store.runs.is_any_live()
    assert store.runs.lost() == []
    assert store.clips.find(["k"]) == {}
    assert rows(tmp_path / "bookcast.db") == rows(tmp_path / "bookcast.db", "claims") == 1
    store.close()
    assert rows(tmp_path / "bookcast.db") == 1


def test_a_store_that_nobody_closed_is_dead_when_it_is_gone(tmp_path: Path) -> None:
    watching, left = Store(tmp_path), Store(tmp_path)
    left.claims.claim(["k"])
    assert watching.claims.claim(["k"]) == set()
    del left
    assert watching.claims.claim(["k"]) == {"k"}
    watching.close()


def test_rows_that_nobody_meets_are_removed_in_time(database: Database, clock: Clock, tmp_path: Path) -> None:
    enter(Owner(database, Scratch(tmp_path / "a"), Lease(clock=clock)))
    clock.time_s += 7200
    enter(Owner(database, Scratch(tmp_path / "b"), Lease(clock=clock)))
    assert rows(database.path) == 1


def test_runs_of_the_dead_have_ended_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Store(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere"))
    there = Store(tmp_path, lease=short_lease(1.5))
    there.runs.start("book", {"voice": "a"})
    assert here.runs.is_any_live()
    del there  # its heart stops, as at a kill
    wait_until(lambda: not here.runs.is_any_live(), "the end of the lease", seconds=10)
    assert here.runs.last("book") == ("stopped", {})
    assert [run.book for run in here.runs.lost()] == ["book"]
    here.runs.start("book", {"voice": "b"})
    here.close()


def test_a_machine_is_its_scratch_folder(tmp_path: Path) -> None:
    one, again, other = Scratch(tmp_path / "a"), Scratch(tmp_path / "a"), Scratch(tmp_path / "b")
    assert one.machine == again.machine != other.machine
    assert oct((tmp_path / "a").stat().st_mode)[-3:] == "700"
    (tmp_path / "a" / "machine").unlink()
    assert Scratch(tmp_path / "a").machine != one.machine, "a container that is started anew is another machine"


def test_a_scratch_folder_that_others_could_prepare_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="is a link") as caught:
        Scratch(tmp_path / "link")
    assert VARIABLE in caught.value.remedy
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(StoreError, match="Others can write"):
        Scratch(tmp_path / "open")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be used"):
        Scratch(tmp_path / "file")


def test_a_scratch_folder_that_others_can_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    Scratch(tmp_path / "a")
    assert oct((tmp_path / "a").stat().st_mode)[-3:] == "700"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_scratch_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    os.chown(tmp_path / "a", 12345, 12345)
    with pytest.raises(StoreError, match="another user"):
        Scratch(tmp_path / "a")


def test_lock_files_of_the_dead_go_after_a_day_and_those_of_the_living_stay(database: Database, tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "a")
    living, dead, fresh = Owner(database, scratch), scratch.lock_file("0" * 32), scratch.lock_file("1" * 32)
    for path in (dead, fresh):
        path.touch()
    for path in (living.lock_file, dead):
        os.utime(path, (1, 1))
    Scratch(tmp_path / "a")
    assert [path.exists() for path in (living.lock_file, dead, fresh)] == [True, False, True]


def test_leases_of_a_killed_process_are_known_and_those_of_the_living_are_not_touched(
    database: Database, tmp_path: Path
) -> None:
    scratch = Scratch(tmp_path / "a")
    owner, killed = Owner(database, scratch), scratch.lock_file("0" * 32)
    leases = Leases("http://127.0.0.1:4200/api", owner)
    leases.note("ours")
    folder = next((tmp_path / "a" / "leases").iterdir())
    (folder / "theirs").write_text(str(killed))
    assert list(leases.of_the_dead()) == []
    killed.touch()
    assert list(leases.of_the_dead()) == ["theirs"]


def test_a_killed_process_of_this_machine_is_dead_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with holding(tmp_path, lease_s=600) as holder:
        assert holder.claim("k", "l") == {"k", "l"}
        assert store.claims.claim(["k"]) == set()
        holder.kill()
        assert store.claims.claim(["k"]) == {"k"}
    assert rows(tmp_path / "bookcast.db", "claims") == 1, "all claims of the dead are gone"
    store.close()


def test_a_process_that_stands_still_for_longer_than_its_lease_is_dead(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with holding(tmp_path, lease_s=1.5) as holder:
        assert holder.claim("k") == {"k"}
        stand_still(tmp_path, holder.send)
        wait_until(lambda: store.claims.claim(["k"]) == {"k"}, "the end of its lease", seconds=10)
        holder.send(signal.SIGCONT)
        assert holder.claim("k", "l") == {"l"}, "it lives again, without what it lost"
        assert store.claims.claim(["l"]) == set()
        holder.end()
    store.close()


def test_two_machines_of_one_data_directory_never_take_from_each_other_while_both_live(tmp_path: Path) -> None:
    """They have one host name, and the locks of neither can be seen by the other."""
    with (
        holding(tmp_path / "data", lease_s=30, scratch=tmp_path / "a") as one,
        holding(tmp_path / "data", lease_s=30, scratch=tmp_path / "b") as two,
    ):
        assert one.claim("k", "l") == {"k", "l"}
        assert two.claim("k", "l", "m") == {"m"}
        assert one.claim("m", "n") == {"n"}
        one.end()
        assert two.claim("k") == {"k"}, "it ended in order"


def test_a_killed_process_of_another_machine_is_dead_when_its_lease_ends(tmp_path: Path) -> None:
    with (
        holding(tmp_path / "data", lease_s=2, scratch=tmp_path / "a") as one,
        holding(tmp_path / "data", lease_s=60, scratch=tmp_path / "b") as two,
    ):
        assert one.claim("k") == {"k"}
        assert two.claim("x") == {"x"}
        one.kill()
        assert two.claim("k") == set()
        wait_until(lambda: two.claim("k") == {"k"}, "the end of the lease", seconds=10)
