"""Bytes <-> files named by their content."""

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store.files.whole_file import read_if_there, whole_file


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
            StoreError: the disk is full, or the folder cannot be written or is no longer there.
        """
        digest = hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        # The size is proof enough, because files only ever appear whole; damage since then is found by `find`.
        if not self._touch(target, len(data)):
            with whole_file(target, root=self.folder) as temporary:
                temporary.write_bytes(data)
        return digest

    @staticmethod
    def _touch(target: Path, size: int) -> bool:
        """True where the file is there in full; upkeep takes it for a new one then, and leaves it."""
        try:
            os.utime(target)
            return target.stat().st_size == size
        except OSError:
            return False

    def find(self, digest: str) -> bytes | None:
        """The bytes of the blob, or None where they are missing or not what their name says.

        Raises:
            StoreError: the file cannot be read, or the folder is no longer there. Nothing is known of the blob then:
                whoever took it for damaged would delete sound that was paid for.
        """
        data = read_if_there(self.path(digest), root=self.folder)
        # checked with every read: a disk can change a file without an error, and it would be published
        return data if data is not None and hashlib.sha256(data).hexdigest() == digest else None

    def total_size(self) -> int:
        """Bytes of all blobs in the folder; what goes meanwhile, or cannot be looked at, is not counted."""
        total = 0
        for digest in self.digests():
            with suppress(OSError):
                total += self.path(digest).stat().st_size
        return total

    def digests(self) -> Iterator[str]:
        """The names of all blobs in the folder."""
        for file in self.folder.glob(f"??/*{self.suffix}"):
            yield file.parent.name + file.name.removesuffix(self.suffix)

    def newest_first(self) -> Iterator[tuple[str, float]]:
        """The names of all blobs in the folder with the times of their files (Unix time), newest first."""
        packed = []  # 40 bytes each: there may be a million
        for digest in self.digests():
            with suppress(OSError, ValueError):  # gone meanwhile; not named by a digest, so none of ours
                packed.append(struct.pack(">q32s", self.path(digest).stat().st_mtime_ns, bytes.fromhex(digest)))
        packed.sort(reverse=True)
        for at_ns, name in map(struct.Struct(">q32s").unpack, packed):
            yield name.hex(), at_ns / 1e9

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
