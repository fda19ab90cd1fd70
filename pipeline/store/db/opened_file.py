"""A file that was opened -> whether its name still leads to it.

SQLite goes on reading and writing a file that was deleted, moved or replaced, and all of it is lost.
"""

from pathlib import Path

from pipeline.errors import StoreError

REMEDY = "bring it back, or run `bookcast cache rebuild`, which finds the sound already made; then start again"


class OpenedFile:
    """The database file of one data directory, as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = self._find_identity()

    def check(self) -> None:
        """Raises: StoreError where the file was deleted, moved away or replaced, or its disk is gone."""
        found = self._find_identity()
        if found == self._identity:
            return
        what = "that was opened: another file is in its place" if found else "there: it was deleted or moved away"
        raise StoreError(f"The database {self._path} is no longer {what}", remedy=REMEDY)

    def _find_identity(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:  # also where the folder is missing, or the network of its disk
            return None
        return status.st_dev, status.st_ino
