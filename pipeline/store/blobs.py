"""Bytes <-> files that are whole or absent: temporary file, fsync, rename."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StoreError


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` to write to; it takes the target's name only when all went well.

    Raises:
        StoreError: the disk is full, or the folder cannot be written.
    """
    temporary = target.with_name(f".{uuid.uuid4().hex}{target.suffix}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}", remedy=_remedy(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remedy(error: OSError) -> str:
    return (
        "free some space and start again: nothing that was finished is lost" if error.errno == 28 else "bookcast doctor"
    )


class Blobs:
    """A folder of files named by the sha256 of their content."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder = folder
        self.suffix = suffix

    def path(self, digest: str) -> Path:
        """Where the blob lies, or would lie."""
        return self.folder / digest[:2] / f"{digest[2:]}{self.suffix}"

    def write(self, data: bytes) -> str:
        """Keep `data`; its digest.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        if not self._is_whole(target, len(data)):
            with whole_file(target) as temporary:
                temporary.write_bytes(data)
        return digest

    @staticmethod
    def _is_whole(target: Path, size: int) -> bool:
        try:
            return target.stat().st_size == size
        except OSError:
            return False

    def find(self, digest: str) -> bytes | None:
        """The bytes of the blob, or None where they are missing or not what their name says."""
        try:
            data = self.path(digest).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == digest else None

    def digests(self) -> Iterator[str]:
        """The names of all blobs in the folder."""
        for file in self.folder.glob(f"??/*{self.suffix}"):
            yield file.parent.name + file.name.removesuffix(self.suffix)

    def remove(self, digest: str) -> int:
        """Delete a blob; how many bytes it had."""
        path = self.path(digest)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror}") from error
        return size
