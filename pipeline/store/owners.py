"""Who holds a claim: every process holds a lock file, which the system lets go when the process dies.

So claims of a killed process end at once on this machine; on another machine their lease runs out.
"""

import socket
import uuid
from pathlib import Path

from filelock import FileLock, Timeout


class Owner:
    """This process, as the owner of claims and runs."""

    def __init__(self, folder: Path) -> None:
        """Raises: OSError where the folder cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        self.id = f"{socket.gethostname()[:24]}:{uuid.uuid4().hex[:16]}"
        self._folder = folder
        self.lock_file = self._path(self.id).resolve()
        self._lock = FileLock(self.lock_file)
        self._lock.acquire(timeout=5)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner.rpartition(':')[2]}.lock"

    def is_alive(self, owner: str) -> bool:
        """False where `owner` was a process of this machine that has ended."""
        if owner == self.id or owner.rpartition(":")[0] != socket.gethostname()[:24]:
            return True
        return is_held(self._path(owner))

    def close(self) -> None:
        """Let go; whatever this owner still claims is free."""
        self._lock.release()
        self._path(self.id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove the lock files that killed processes left."""
        for path in self._folder.glob("*.lock"):
            self.is_alive(f"{socket.gethostname()[:24]}:{path.stem}")


def is_held(path: Path) -> bool:
    """True where a living process holds the lock file; that of a dead one is removed."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            path.unlink(missing_ok=True)
            return False
    except Timeout:
        return True
