"""Files, folders and addresses -> every document that they name; a folder stands for what lies in it and below."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import DocumentError
from pipeline.ingest.read_document import READABLE_SUFFIXES


@dataclass(frozen=True, slots=True)
class FoundDocuments:
    """What sources stand for."""

    documents: list[str] = field(default_factory=list)
    """Paths and addresses; those of a folder by name."""
    errors: list[DocumentError] = field(default_factory=list)
    """Folders that cannot be looked into."""


def find_documents(sources: list[str]) -> FoundDocuments:
    """The documents that the sources name.

    Hidden files are left out. Links are followed, and a folder that can be reached twice is looked into once.

    Raises:
        DocumentError: a folder holds nothing that can be read.
    """
    found = FoundDocuments()
    for source in sources:
        path = Path(source).expanduser()
        if source.startswith(("http://", "https://")) or not path.is_dir():
            found.documents.append(source)
            continue
        inside = sorted(_documents_in(path, found.errors))
        if not inside and not found.errors:
            raise DocumentError(f"The folder {path} holds no document", path=source, remedy="name a file")
        found.documents.extend(inside)
    return found


def _documents_in(root: Path, errors: list[DocumentError]) -> Iterator[str]:
    def note(error: OSError) -> None:
        message = f"The folder {error.filename} cannot be read: {error.strerror or error}"
        errors.append(DocumentError(message, path=str(error.filename), remedy="make it readable"))

    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=note):
        try:
            here = os.stat(folder)
        except OSError as error:
            note(error)
            continue
        if (here.st_dev, here.st_ino) in seen:  # a link back to a folder above, or a second way to this one
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (str(Path(folder, name)) for name in files if _is_document(folder, name))


def _is_document(folder: str, name: str) -> bool:
    path = Path(folder, name)
    if name.startswith(".") or path.suffix.lower() not in READABLE_SUFFIXES:
        return False
    # a link to nothing is one, too: to read it says so; a pipe would be waited for without an end
    return path.is_file() or not path.exists()
