"""A watched folder -> files that have stopped changing, taken one by one, and put away with a note.

    inbox/              where people drop files
    inbox/narrating/    what was taken, with which run narrates it
    inbox/done/         what was narrated, inbox/failed/ what was not; each with a note: NAME.txt

It is looked at again and again, for network disks tell nobody what happens on them.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store.files.whole_file import whole_file

LOOKS = 3
"""A file that was the same in so many looks is whole. A copy over a slow network pauses for seconds, not for longer."""
EMPTY_LOOKS = 60
"""The same for one that is empty, as most are for a while before they are written."""
MOST_NAME_BYTES = 255
"""Of a name, as nearly all disks have it."""
_MOST_SUFFIX_BYTES = 20
"""What is longer after a point is no kind of file, but a part of the name."""
_BEING_WRITTEN = frozenset({".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp", ".temp"})


class Outcome(StrEnum):
    """Which folder a file is put into at its end."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InboxRun:
    """Which run narrates a file that was taken."""

    book: str
    """Slug."""
    run: str
    """Prefect's id of the flow run."""


@dataclass(slots=True)
class _Seen:
    size: int
    changed_ns: int
    looks: int = 1


class InboxFolder:
    """The folder of one studio; it need not be there, as when the disk that it is on is away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[str, _Seen] = {}
        self._runs: dict[Path, InboxRun] = {}
        """As noted beside the files, for a disk may be full: then a run would be started again and again."""

    def look(self) -> list[Path]:
        """The files that have not changed over the last looks, oldest first; each call is one look."""
        before, self._seen = self._seen, {}
        for entry in self._entries():
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:  # gone meanwhile
                continue
            seen = before.get(entry.name)
            if seen is None or (seen.size, seen.changed_ns) != (found.st_size, found.st_mtime_ns):
                seen = _Seen(found.st_size, found.st_mtime_ns, looks=0)
            seen.looks += 1
            self._seen[entry.name] = seen
        whole = [name for name, seen in self._seen.items() if seen.looks >= (LOOKS if seen.size else EMPTY_LOOKS)]
        return [self.folder / name for name in sorted(whole, key=lambda name: (self._seen[name].changed_ns, name))]

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        try:
            with os.scandir(self.folder) as entries:
                yield from (entry for entry in entries if _is_wanted(entry))
        except OSError:  # the disk is away; what was dropped there is still there when it comes back
            return

    def take(self, path: Path) -> Path | None:
        """Move a file to those that are being narrated, so that it is taken once; None where it is not whole after all.

        Raises:
            StoreError: it cannot be moved.
        """
        seen = self._seen.pop(path.name, None)
        # To open it has a network disk tell what it is now, and not what it was some seconds ago.
        if seen is None or (size_and_time(path) or (seen.size, seen.changed_ns)) != (seen.size, seen.changed_ns):
            return None
        try:
            target = _free_name(self.folder / "narrating", path.name)
            # Of a file that had this name, and was taken away or ended just before a kill.
            self._runs.pop(target, None)
            _record(target).unlink(missing_ok=True)
            return path.rename(target)
        except FileNotFoundError:  # somebody took it back
            return None
        except OSError as error:
            raise StoreError(
                f"{path} cannot be taken out of the inbox: {error.strerror or error}",
                remedy=f"make {self.folder} writable",
            ) from error

    def taken(self) -> list[Path]:
        """The files that are being narrated. Raises: StoreError where that cannot be seen."""
        try:
            with os.scandir(self.folder / "narrating") as entries:
                return sorted(Path(entry.path) for entry in entries if _is_wanted(entry))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(f"{self.folder} cannot be read: {error.strerror or error}") from error

    def find_run(self, path: Path) -> InboxRun | None:
        """Which run narrates a file that was taken; None where none was started yet."""
        if path in self._runs:
            return self._runs[path]
        try:
            return InboxRun(**json.loads(_record(path).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def note_run(self, path: Path, run: InboxRun) -> None:
        """Remember which run narrates a file, also for the studio that is started next. Raises: StoreError."""
        self._runs[path] = run
        with whole_file(_record(path)) as temporary:
            temporary.write_text(json.dumps(asdict(run)), "utf-8")

    def put_away(self, path: Path, outcome: Outcome, note: str) -> Path:
        """Move a file that was taken to its end, with a note beside it; where it is then. Raises: StoreError."""
        try:
            moved = path.rename(_free_name(self.folder / outcome, path.name))
            self._runs.pop(path, None)
            _record(path).unlink(missing_ok=True)
            with whole_file(_free_name(moved.parent, f"{moved.name}.txt")) as temporary:
                temporary.write_text(f"{note.strip()}\n", "utf-8")
        except OSError as error:
            raise StoreError(f"{path} cannot be put away: {error.strerror or error}") from error
        return moved


def size_and_time(path: Path) -> tuple[int, int] | None:
    """Size in bytes and time of the last change in nanoseconds of a file; None where it cannot be opened."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _is_wanted(entry: "os.DirEntry[str]") -> bool:
    if entry.name.startswith((".", "~")) or Path(entry.name).suffix.lower() in _BEING_WRITTEN:
        return False
    try:
        # Through a link, whoever may drop a file would hear any file that the studio may read.
        return entry.is_file(follow_symlinks=False)
    except OSError:  # gone meanwhile
        return False


def _record(path: Path) -> Path:
    """Named by a digest, for a name may be as long as the disk takes."""
    return path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.json")


def _free_name(folder: Path, name: str) -> Path:
    """A path in the folder, which is made, with this name or one like it: never that of a file that is there."""
    folder.mkdir(exist_ok=True)
    suffix = Path(name).suffix
    if len(os.fsencode(suffix)) > _MOST_SUFFIX_BYTES:
        suffix = ""
    number, target = 1, folder / _shortened(name.removesuffix(suffix), suffix)
    while target.exists() or target.is_symlink():
        number += 1
        target = folder / _shortened(name.removesuffix(suffix), f" ({number}){suffix}")
    return target


def _shortened(stem: str, ending: str) -> str:
    """The name of both together, with as much of the first as a disk takes."""
    while len(os.fsencode(stem + ending)) > MOST_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending
