"""Answers of services that are paid for and not yet clips: a kill between the two must not cost them again.

Written without waiting for the disk: a killed program loses nothing that the system holds, and a power
cut at most the answers of that moment.
"""

import os
import uuid
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store.files.whole_file import check_present, read_if_there


class Answers:
    """A folder that is there, with a file for each answer, by the key of what was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self) -> None:
        """Raises: StoreError where the folder is no longer there, so that no answer may be bought."""
        check_present(self._folder)

    def keep(self, key: str, data: bytes) -> None:
        """Raises: StoreError where the file cannot be written."""
        try:
            temporary = self._folder / f".{uuid.uuid4().hex}.part"
            temporary.write_bytes(data)
            # Renamed, so that an answer is whole or absent even if the program is killed while it writes.
            os.replace(temporary, self._folder / key)
        except OSError as error:
            # If the whole folder is gone, that is the reason worth telling.
            check_present(self._folder)
            raise StoreError(
                f"An answer cannot be kept in {self._folder}: {error.strerror or error}",
                remedy="free some space and start again: nothing that was finished is lost",
            ) from error

    def find(self, key: str) -> bytes | None:
        """The answer to what has that key, if one was kept.

        Raises:
            StoreError: it is there and cannot be read, so that it must not be bought again.
        """
        return read_if_there(self._folder / key, root=self._folder)

    def forget(self, key: str) -> None:
        """It has become a clip, or is of no use."""
        (self._folder / key).unlink(missing_ok=True)

    def paths(self) -> list[Path]:
        """Every answer that is kept, named by its key; those that no program works on are left by killed ones."""
        return list(self._folder.glob("[!.]*"))
