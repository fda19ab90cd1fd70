"""A path -> a data directory that can be written and is closed to everybody but its owner.

Folders have mode 700, databases, secrets and logs 600; those of an older Bookcast are brought to it. What is published
keeps the modes that the user's umask gives, so that a library outside the data directory can be read by a player.
A folder that holds files of somebody else, too, as a home folder or a network disk does, keeps its mode and theirs:
only what Bookcast makes there is closed.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.model.file_names import is_plain, readable_name

LEAST_FREE_BYTES = 16_000_000
"""Prefect's server and the database begin with less than half of it (November 2026)."""
_FOLDERS = ("work", "work/logs", "prefect")
DATABASE = "bookcast.db"
_DATABASES = f"{DATABASE}*"
_FILES = (_DATABASES, "work/*", "work/logs/*", "prefect/*")
_OTHERS = 0o077
_OWN = frozenset({"backup.json", "clips", "inbox", "library", "podcasts", "prefect", "samples", "uploads", "work"})
"""What is in a data directory, besides the database; `samples` in that of a checkout."""
_OF_DISKS = frozenset({"lost+found"})
"""What systems put into every disk."""


def open_data_folder(data: Path, *folders: str) -> Path:
    """The data directory as an absolute path, made where it is missing, with these folders in it.

    Raises:
        StoreError: it cannot be made or written, or its name is no text.
    """
    data = data.expanduser().resolve()
    if not is_plain(str(data)):
        raise StoreError(f"The name of the data directory {readable_name(str(data))} is not UTF-8", remedy="rename it")
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_own = all(_is_own(name) for name in os.listdir(data))
        for name in folders:
            (data / name.partition("/")[0]).mkdir(exist_ok=True, mode=0o777 if is_own else 0o700)
            (data / name).mkdir(parents=True, exist_ok=True)
        for folder in (data, *(data / name for name in folders)):
            _check_writable(folder)
    except OSError as error:
        raise unwritable(data, error) from error
    for path in _private(data) if is_own else data.glob(_DATABASES):
        close_to_others(path)
    return data


def check_no_other(data: Path) -> None:
    """Raises: StoreError where the folder is no data directory, and holds other files."""
    try:
        names = os.listdir(data.expanduser())
    except OSError:  # not there yet; whatever else it is, to open it says so
        return
    if not all(map(_is_own, names)) and DATABASE not in names:
        raise StoreError(
            f"{data.expanduser().absolute()} is not a data directory: it holds other files",
            remedy="name the data directory with --data",
        )


def unwritable(data: Path, error: OSError) -> StoreError:
    """What a person is told of a data directory that the system refuses."""
    return StoreError(
        f"The data directory {data} cannot be written: {error.strerror or error}",
        remedy=f"make {data} writable, or choose another with --data",
    )


def check_room(data: Path, *, least_bytes: int = LEAST_FREE_BYTES) -> None:
    """Raises: StoreError where the data directory's disk is as good as full; programs die of it in many ways."""
    there = next(folder for folder in (data, *data.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < least_bytes:
        raise StoreError(
            f"The disk of the data directory {data} is full: {free / 1e6:.1f} MB are free",
            remedy="free some space and start again: nothing that was finished is lost",
        )


def for_its_owner(path: str, flags: int) -> int:
    """An opener for `open`: a file that is made has mode 600."""
    return os.open(path, flags, 0o600)


def _check_writable(folder: Path) -> None:
    # asked of the system, because a folder that is already there is made without an error on a read-only disk
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_own(name: str) -> bool:
    return name in _OWN | _OF_DISKS or fnmatch(name, _DATABASES) or name.startswith(".")


def _private(data: Path) -> Iterator[Path]:
    yield data
    yield from (data / name for name in _FOLDERS)
    for pattern in _FILES:
        yield from (path for path in data.glob(pattern) if path.is_file())


def close_to_others(path: Path) -> None:
    """Take the rights of everybody but its owner off a file or folder, where that is possible and right."""
    with suppress(OSError):  # it belongs to somebody else, or its disk knows no modes
        found = os.lstat(path)
        # A folder with the sticky bit, such as /tmp, is there for everybody.
        is_shared = stat.S_ISLNK(found.st_mode) or found.st_mode & stat.S_ISVTX
        if found.st_mode & _OTHERS and not is_shared:
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
