"""Which process of this machine holds which lease of a server, so that those of killed ones can be given back."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.store.ownership.locks import is_abandoned
from pipeline.store.ownership.owners import Owner
from pipeline.store.ownership.scratch import is_old


class Leases:
    """A file for each lease, naming the lock of its holder: programs with other data directories read it too."""

    def __init__(self, server: str, owner: Owner) -> None:
        """Leases that the server at that address grants."""
        name = hashlib.sha256(server.encode()).hexdigest()[:16]
        self._folder = owner.scratch.folder / "leases" / name
        self._owner = owner

    def note(self, lease: str) -> None:
        """This process holds `lease`."""
        self._folder.mkdir(parents=True, exist_ok=True)
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
            if lock and is_abandoned(Path(lock)):
                yield path.name
            elif is_old(path) and not Path(lock).exists():
                path.unlink(missing_ok=True)  # it ran out long ago
