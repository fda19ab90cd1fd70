"""Files that are whole or absent: temporary file, fsync, rename; and reading that tells absent from unreadable."""

import errno
import os
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import StoreError

STRAY_AFTER_S = 3600.0
"""A temporary file that was not written for so long belongs to a program that was killed."""
_PARTS = ".*.part"
_NOT_SYNCED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES, errno.EPERM})
"""What SMB, 9p, vboxsf and FUSE say of a folder that is to be synced; each has renamed the file before."""


@contextmanager
def whole_file(target: Path, *, root: Path | None = None) -> Iterator[Path]:
    """A temporary path beside `target` to write to; it takes the target's name only when all went well.

    Args:
        target: the file; its folder is made.
        root: a folder that has to be there, with `target` in it or one folder below. A data directory that was
            deleted or unmounted is not made anew in its place.

    Raises:
        StoreError: the disk is full, or the folder cannot be written or is no longer there.
    """
    with whole_files([target], root=root) as (temporary,):
        yield temporary


@contextmanager
def whole_files(targets: Sequence[Path], *, root: Path | None = None) -> Iterator[list[Path]]:
    """`whole_file` for several that belong together: none takes its name before all of them are written.

    Raises:
        StoreError: as there.
    """
    # Random names, because two programs may write the same target; beside it, because a rename stays on one disk.
    temporaries = [target.with_name(f".{uuid.uuid4().hex}{target.suffix}.part") for target in targets]
    try:
        for folder in {target.parent for target in targets}:
            folder.mkdir(parents=root is None, exist_ok=True)
        yield temporaries
        for temporary in temporaries:
            with open(temporary, "rb+") as stream:
                # Before the rename: otherwise a power cut can leave the final name on an empty file.
                os.fsync(stream.fileno())
        for temporary, target in zip(temporaries, targets, strict=True):
            os.replace(temporary, target)
        for folder in {target.parent for target in targets}:
            _sync_folder(folder)
    except OSError as error:
        # A folder that is gone is the reason worth telling, whatever the system said about the file.
        if root:
            check_present(root)
        what = targets[0] if len(targets) == 1 else targets[0].parent
        raise StoreError(f"{what} cannot be written: {error.strerror or error}", remedy=_remedy(error)) from error
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def stray_parts(folder: Path, *, deep: bool = False) -> Iterator[tuple[Path, int]]:
    """Temporary files, with their sizes in bytes, that killed programs left in a folder; `deep`: or below it."""
    for path in folder.rglob(_PARTS) if deep else folder.glob(_PARTS):
        with suppress(FileNotFoundError):  # whoever it belongs to is done with it
            found = path.stat()
            if found.st_mtime < time.time() - STRAY_AFTER_S:
                yield path, found.st_size


def remove_files(paths: Iterable[Path], *, but: Collection[Path]) -> None:
    """Delete files that are there, unless they are one of `but`, under whatever name.

    Where a disk does not tell capitals from small letters, `the lamp.m4b` may be `The Lamp.m4b`, just written.

    Raises:
        OSError: one cannot be deleted.
    """
    kept = {identity for path in but if (identity := _identity(path))}
    for path in paths:
        if path not in but and _identity(path) not in kept:
            path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def read_if_there(path: Path, *, root: Path) -> bytes | None:
    """What is in a file, or None where there is none.

    Args:
        path: the file.
        root: the folder of the data directory that it lies in, which has to be there.

    Raises:
        StoreError: the file is there and cannot be read, perhaps only now; or `root` has gone away.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        check_present(root)
        return None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error.strerror or error}",
            remedy="start again; where it stays so, mend the disk or the rights of the file, or delete it",
        ) from error


def check_present(folder: Path) -> None:
    """Raises: StoreError where a folder of the data directory has gone away."""
    if not folder.exists():
        raise StoreError(
            f"The folder {folder} is no longer there: it was deleted or moved away",
            remedy="bring the data directory back (is its disk mounted?), then start again",
        )


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can.

    Raises:
        OSError: the disk is broken; not where it only has no such thing, as network disks and shared folders do.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise


def _remedy(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "free some space and start again: nothing that was finished is lost"
    return "bookcast doctor"
