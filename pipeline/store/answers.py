"""Answers of services that are paid for and not yet clips: a kill between the two must not cost them again.

Written without waiting for the disk: a killed program loses nothing that the system holds, and a power
cut at most the answers of that moment.
"""

import os
import uuid
from pathlib import Path

from pipeline.errors import StoreError


class Answers:
    """A folder with a file for each answer, by the key of what was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, key: str, data: bytes) -> None:
        """Raises: StoreError where the file cannot be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = self._folder / f".{uuid.uuid4().hex}.part"
            temporary.write_bytes(data)
            os.replace(temporary, self._folder / key)
        except OSError as error:
            raise StoreError(
                f"An answer cannot be kept in {self._folder}: {error.strerror or error}",
                remedy="free some space and start again: nothing that was finished is lost",
            ) from error

    def find(self, key: str) -> bytes | None:
        """The answer to what has that key, if one was kept."""
        try:
            return (self._folder / key).read_bytes()
        except OSError:
            return None

    def forget(self, key: str) -> None:
        """It has become a clip, or is of no use."""
        (self._folder / key).unlink(missing_ok=True)

    def paths(self) -> list[Path]:
        """Every answer that is kept; those that no program works on are left by killed ones."""
        return list(self._folder.glob("*"))
