"""Secrets in the data directory: for the eyes of its owner alone, and whole or absent."""

import stat
from contextlib import suppress
from pathlib import Path

from pipeline.store.files.data_folder import for_its_owner
from pipeline.store.files.whole_file import whole_file


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only its owner can read. Raises: StoreError."""
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", opener=for_its_owner) as file:
        file.write(secret)


def keep_secret(path: Path) -> None:
    """Close a file to others: a copy that was brought back can have lost its rights."""
    with suppress(OSError):  # some disks know no rights
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
