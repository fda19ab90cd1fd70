"""A data directory in use -> a copy of it in another folder, which is a data directory itself.

Nothing has to stand still for it. The order makes the copy whole: first the answers that are paid for and not yet
clips, then the database as it is at one moment, then the files that it names; the copied database takes its place
last. What is made meanwhile may be among the files and not in the database: `bookcast cache rebuild` finds it there.
Files are only ever added or renewed, so that the next copy takes just what is new.
"""

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete

from pipeline.errors import StoreError
from pipeline.store.db.clock import now
from pipeline.store.db.database import BUSY_TIMEOUT_S, Database
from pipeline.store.db.tables import OwnerRow
from pipeline.store.files.data_folder import DATABASE, close_to_others, for_its_owner
from pipeline.store.files.whole_file import stray_parts, whole_file
from pipeline.store.records.releases import Releases

NOTE = "backup.json"
"""Says whose copy a folder is, and when it was whole last."""
LOCKS = "work/locks"
_ANSWERS = "work/answers"
_DATABASES = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"}
_LEFT_OUT = {NOTE, *_DATABASES, "inbox", "prefect", LOCKS, "work/logs", "work/up.json"}
"""Of this machine alone, or copied otherwise. Prefect's own history is not needed to go on.

A file that waits in the inbox would wait in the copy for ever, for nothing is taken out of that: it would be narrated
again after each restore. What was taken from there is among the documents.
"""
_HALF_MADE = ("work/segments-", "work/.")
_SAME_TIME_NS = 2_000_000_000
"""Disks for cameras and phones keep the time of a file to two seconds."""


@dataclass
class BackedUp:
    """What a backup took."""

    copied: int = 0
    """Files that were new or changed."""
    kept: int = 0
    """Files that were there already."""
    bytes: int = 0
    """Copied, the database included."""


def back_up(data: Path, target: Path) -> BackedUp:
    """Bring the copy of a data directory up to date.

    Args:
        data: the data directory, absolute; others may be writing in it.
        target: an empty folder, one that is made, or that of an earlier backup of this data directory.

    Raises:
        StoreError: the folder is used for something else, or a file cannot be read or written.
    """
    target = target.expanduser().resolve()
    _check_target(data, target)
    done = BackedUp()
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        close_to_others(target)
        _remove_strays(target)
        _write_note(data, target, whole_at=_read_note(target).get("whole_at", ""))
        _copy_files(data, target, data / _ANSWERS, done)
        with whole_file(target / DATABASE) as temporary:
            _copy_database(data, target, temporary)
            done.bytes += temporary.stat().st_size
            _copy_files(data, target, data, done)
        _write_note(data, target, whole_at=now().isoformat(timespec="seconds"))
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}", remedy="choose another folder"
        ) from error
    return done


def _check_target(data: Path, target: Path) -> None:
    remedy = "choose an empty folder, or that of an earlier backup of this data directory"
    if target.is_relative_to(data) or data.is_relative_to(target):
        raise StoreError(f"A backup of {data} cannot be in {target}", remedy=remedy)
    if target.exists() and not target.is_dir():
        raise StoreError(f"{target} is not a folder", remedy=remedy)
    if (target / LOCKS).exists():
        raise StoreError(f"{target} has been used as a data directory", remedy=remedy)
    of = _read_note(target).get("of")
    if of is None and target.is_dir() and any(target.iterdir()):
        raise StoreError(f"{target} is not empty, and not a backup", remedy=remedy)
    if of not in (None, str(data)):
        raise StoreError(f"{target} is the backup of another data directory, {of}", remedy=remedy)


def _remove_strays(target: Path) -> None:
    """What a backup that was killed had begun to write."""
    for part, _ in stray_parts(target, deep=True):
        for path in (part, *(part.with_name(part.name + ending) for ending in ("-wal", "-shm", "-journal"))):
            path.unlink(missing_ok=True)


def _read_note(target: Path) -> dict[str, str]:
    try:
        found = json.loads((target / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_note(data: Path, target: Path, *, whole_at: str) -> None:
    with whole_file(target / NOTE) as temporary:
        temporary.write_text(json.dumps({"of": str(data), "whole_at": whole_at}), "utf-8")


def _copy_database(data: Path, target: Path, copy: Path) -> None:
    """The database at this moment, for a data directory in which nobody is at work and whose files are in `target`."""
    try:
        os.close(for_its_owner(str(copy), os.O_CREAT | os.O_EXCL))  # SQLite would let everybody read it
        source = sqlite3.connect(f"{(data / DATABASE).as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
        sink = sqlite3.connect(copy)
        try:
            source.backup(sink)  # all pages in one step, which is one transaction: writers go on meanwhile
        finally:
            sink.close()
            source.close()
    except sqlite3.Error as error:
        raise StoreError(
            f"The database {data / DATABASE} cannot be copied: {error}", remedy="bookcast doctor"
        ) from error
    database = Database(copy)
    try:
        Releases(database, target).make_movable(data)
        with database.writing() as session:
            # On the same machine they would be seen to live, and what they claim could not be narrated from the copy.
            session.execute(delete(OwnerRow))
        database.check()
    finally:
        database.close()


def _copy_files(data: Path, target: Path, folder: Path, done: BackedUp) -> None:
    for path in _files(data, folder):
        copy = target / path.relative_to(data)
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                continue
            if _is_same(copy, found):
                done.kept += 1
                continue
            stream = path.open("rb")
        except FileNotFoundError:  # replaced or deleted meanwhile
            continue
        except OSError as error:
            raise _unreadable(path, error) from error
        with stream, whole_file(copy) as temporary:
            with temporary.open("wb") as sink:
                shutil.copyfileobj(stream, sink)
            found = os.fstat(stream.fileno())
            temporary.chmod(stat.S_IMODE(found.st_mode))
            os.utime(temporary, ns=(found.st_atime_ns, found.st_mtime_ns))
        done.copied += 1
        done.bytes += found.st_size


def _is_same(copy: Path, found: os.stat_result) -> bool:
    try:
        there = copy.stat()
    except FileNotFoundError:
        return False
    return there.st_size == found.st_size and abs(there.st_mtime_ns - found.st_mtime_ns) <= _SAME_TIME_NS


def _files(data: Path, folder: Path) -> Iterator[Path]:
    """All files that belong into a copy; a folder that is a link to another disk is followed, once.

    Raises:
        StoreError: a folder cannot be read; a copy without what is in it would not be whole.
    """
    seen: set[Path] = set()
    for name, folders, files in os.walk(folder, onerror=_raise_unless_gone, followlinks=True):
        inside = Path(name).relative_to(data)
        real = Path(name).resolve()
        folders[:] = [] if real in seen else sorted(each for each in folders if _belongs(inside / each))
        if real not in seen:
            yield from (Path(name) / each for each in sorted(files) if _belongs(inside / each))
        seen.add(real)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # deleted meanwhile, as an article that has expired
        raise _unreadable(error.filename, error) from error


def _unreadable(path: Path | str, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be read: {error.strerror or error}", remedy="bookcast doctor")


def _belongs(path: Path) -> bool:
    is_half_made = path.name.startswith(".") and path.name.endswith(".part")
    return not (path.as_posix() in _LEFT_OUT or path.as_posix().startswith(_HALF_MADE) or is_half_made)
