"""Which process holds which lease of a server, so that those of killed ones can be given back."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.store.owners import Owner


class Leases:
    """A file for each lease, with the name of its owner in it."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self._folder = folder
        self._owner = owner

    def note(self, lease: str) -> None:
        """This process holds `lease`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / lease).write_text(self._owner.id, "utf-8")

    def forget(self, lease: str) -> None:
        """`lease` was given back."""
        (self._folder / lease).unlink(missing_ok=True)

    def of_the_dead(self) -> Iterator[str]:
        """Leases of processes of this machine that have ended."""
        for path in self._folder.glob("*"):
            try:
                owner = path.read_text("utf-8")
            except OSError:
                continue  # just given back
            if owner and not self._owner.is_alive(owner):
                yield path.name
