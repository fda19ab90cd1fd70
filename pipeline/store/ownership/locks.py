"""A lock file -> whether its holder lives: the system lets a lock go when the process that holds it dies."""

from pathlib import Path

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # not on Windows: there a dead owner is known by its lease alone
    fcntl = None  # type: ignore[assignment]


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


def is_abandoned(path: Path) -> bool:
    """True where the lock file is there and nobody holds it; it stays, as the proof for all who look after us.

    A file that is missing proves nothing: programs that clean temporary folders remove held ones, too.
    """
    if fcntl is None:
        return False
    try:
        with path.open("rb") as file:
            # shared: two who look at the same moment must not take each other for the holder
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
    except OSError:  # held, missing, or on a disk that has no locks
        return False
