"""A folder of this machine alone -> who this machine is, and where its processes hold their locks.

Machines are told apart by this folder, never by their names: two containers that share a data directory and
even a host name have a temporary folder each, and a container that is started anew has an empty one.
"""

import os
import stat
import tempfile
import time
import uuid
from pathlib import Path

from filelock import FileLock

from pipeline.errors import StoreError
from pipeline.store.files.whole_file import whole_file
from pipeline.store.ownership.locks import is_abandoned

VARIABLE = "BOOKCAST_SCRATCH"
OLD_S = 86_400.0
"""Files of dead processes are removed after a day: until then they prove that their holders are dead."""
_PATIENCE_S = 10.0
_REMEDY = f"set {VARIABLE} to a folder of your own on a local disk; it is made with mode 700"


def scratch_folder() -> Path:
    """The folder that the environment names, else one of this user among the temporary files."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    named = os.environ.get(VARIABLE, "").strip()
    return (Path(named) if named else Path(tempfile.gettempdir()) / f"bookcast-{user}").absolute()


class Scratch:
    """The scratch folder of this machine, made where it is missing."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use `folder`, or the usual one.

        Raises:
            StoreError: it cannot be made or used, belongs to somebody else, or others may write in it.
        """
        self.folder = folder or scratch_folder()
        self._owners = self.folder / "owners"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _check_own(self.folder)
            self._owners.mkdir(exist_ok=True, mode=0o700)
            self.machine = self._read_machine() or self._name_machine()
            self._remove_old()
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"The scratch folder {self.folder} cannot be used: {reason}", remedy=_REMEDY) from error

    def lock_file(self, owner: str) -> Path:
        """Where the process with that owner's id holds its lock."""
        return self._owners / f"{owner}.lock"

    def _read_machine(self) -> str:
        """The uuid of this machine, or empty."""
        try:
            return uuid.UUID((self.folder / "machine").read_text("ascii").strip()).hex
        except (OSError, ValueError):
            return ""

    def _name_machine(self) -> str:
        with FileLock(self.folder / "machine.lock", timeout=_PATIENCE_S):  # two programs may be first at once
            if not (name := self._read_machine()):
                name = uuid.uuid4().hex
                with whole_file(self.folder / "machine") as path:
                    path.write_text(name, "ascii")
        return name

    def _remove_old(self) -> None:
        for path in self._owners.glob("*.lock"):
            if is_old(path) and is_abandoned(path):
                path.unlink(missing_ok=True)


def is_old(path: Path) -> bool:
    """True where a file of the scratch folder has not been written for a day."""
    try:
        return path.stat().st_mtime < time.time() - OLD_S
    except OSError:
        return False  # removed meanwhile


def _check_own(folder: Path) -> None:
    """Raises: StoreError where somebody else could put files into the folder; anybody can guess its name."""
    # Not stat: a link that somebody else put here would lead to a folder of theirs.
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise StoreError(f"The scratch folder {folder} is a link or a file", remedy=_REMEDY)
    if not hasattr(os, "getuid"):
        return
    if found.st_uid != os.getuid():
        raise StoreError(f"The scratch folder {folder} belongs to another user", remedy=_REMEDY)
    if found.st_mode & 0o022:
        raise StoreError(f"Others can write in the scratch folder {folder}", remedy=f"chmod 700 {folder}")
    # Others could read at most, which is put right. Where they could write, their files may be here already.
    if found.st_mode & 0o077:
        folder.chmod(0o700)
