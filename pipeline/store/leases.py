"""Which process of this machine holds which lease of a server, so that those of killed ones can be given back."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.store.owners import Owner, is_held


class Leases:
    """A file for each lease, naming the lock of its holder: programs with other data directories read it too."""

    def __init__(self, server: str, owner: Owner) -> None:
        """Leases that the server at that address grants."""
        user = os.getuid() if hasattr(os, "getuid") else 0
        name = hashlib.sha256(server.encode()).hexdigest()[:16]
        self._folder = Path(tempfile.gettempdir()) / f"bookcast-{user}" / name
        self._owner = owner

    def note(self, lease: str) -> None:
        """This process holds `lease`."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._folder / lease).write_text(str(self._owner.lock_file), "utf-8")

    def forget(self, lease: str) -> None:
        """`lease` was given back."""
        (self._folder / lease).unlink(missing_ok=True)

    def of_the_dead(self) -> Iterator[str]:
        """Leases of processes that have ended."""
        for path in self._folder.glob("*"):
            try:
                lock = path.read_text("utf-8")
            except OSError:
                continue  # just given back
            if lock and not is_held(Path(lock)):
                yield path.name
