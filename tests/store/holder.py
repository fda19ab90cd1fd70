"""A process that opens a store and claims what it is told: `python -m tests.store.holder DATA LEASE_S`.

Each line that it reads names keys; it answers with those that it got, and ends in order when there are no more lines.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.store import Store
from pipeline.store.ownership.owners import Lease
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent


def stand_still(data: Path, send: Callable[[signal.Signals], None]) -> None:
    """Stop a process while it is not writing: it would keep SQLite's lock for as long as it stands."""

    def stops() -> bool:
        send(signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(data / "bookcast.db", timeout=0.1, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            send(signal.SIGCONT)
            return False
        return True

    wait_until(stops, "a moment in which it does not write")


def short_lease(lease_s: float) -> Lease:
    return Lease(lease_s, lease_s / 6)


class Holder:
    """The process, from outside."""

    def __init__(self, data: Path, *, lease_s: float, scratch: Path | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if scratch:
            environment["BOOKCAST_SCRATCH"] = str(scratch)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.holder", str(data), str(lease_s)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def claim(self, *keys: str) -> set[str]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(" ".join(keys) + "\n")
        self._process.stdin.flush()
        return set(self._process.stdout.readline().split())

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """In order, as at the end of a program."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(20) == 0


@contextmanager
def holding(data: Path, *, lease_s: float, scratch: Path | None = None) -> Iterator[Holder]:
    holder = Holder(data, lease_s=lease_s, scratch=scratch)
    try:
        yield holder
    finally:
        holder.kill()


def main() -> None:
    store = Store(Path(sys.argv[1]), lease=short_lease(float(sys.argv[2])))
    for line in sys.stdin:
        print(*store.claims.claim(line.split()), flush=True)
    store.close()


if __name__ == "__main__":
    main()
