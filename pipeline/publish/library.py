"""A release -> the folder layout that Audiobookshelf and other players read.

`Author/Title/` or `Author/Series/Title/`, with `cover.jpg` or `cover.png` and `metadata.json`
(Audiobookshelf's own keys) beside the sound.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PublishError
from pipeline.model.audio import SAMPLE_RATE_HZ, ChapterAudio
from pipeline.model.book import BookMetadata, Cover, PictureKind

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
MAX_NAME_BYTES = 120
"""Of what is written for a title, an author or a series."""
MAX_FILE_BYTES = 143
"""Of a whole name: what encrypted home folders take (eCryptfs); most disks take 255."""
_MAX_LISTED = 40
"""Characters of a list of chapters in a file name; longer ones are named by their ends."""


def file_name(text: str, *, fallback: str, most_bytes: int = MAX_NAME_BYTES) -> str:
    """`text` as a name that every file system takes: no separators, no trailing dots, bounded in bytes."""
    whole = unicodedata.normalize("NFC", text).encode("utf-8", "ignore").decode()  # without halves of characters
    name = " ".join(_FORBIDDEN.sub(" ", whole).split()).strip(". ")
    return name.encode()[:most_bytes].decode("utf-8", "ignore").rstrip(". ") or fallback


def detailed_name(title: str, detail: str, suffix: str = "") -> str:
    """A title with what tells it from others of that title; where both are too long, the title is cut.

    >>> detailed_name("The Lamp", " (part 1 of 2)", ".m4b")
    'The Lamp (part 1 of 2).m4b'
    """
    room = MAX_FILE_BYTES - len(f"{detail}{suffix}".encode())
    return file_name(title, fallback="Untitled", most_bytes=min(MAX_NAME_BYTES, room)) + detail + suffix


def selection_name(numbers: Sequence[int]) -> str:
    """A selection of chapters in a file name; another selection has another name, however many chapters there are.

    >>> selection_name([1, 3, 4, 5])
    'chapters 1,3-5'
    """
    listed = _ranges(numbers)
    if len(listed) <= _MAX_LISTED:
        return f"chapters {listed}"
    digest = hashlib.sha256(listed.encode()).hexdigest()[:8]
    return f"{len(numbers)} chapters from {numbers[0]} to {numbers[-1]}, {digest}"


def _ranges(numbers: Sequence[int]) -> str:
    """`1,3-5` for 1, 3, 4, 5."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ",".join(str(g[0]) if len(g) == 1 else f"{g[0]}-{g[-1]}" for g in groups)


def release_folder(root: Path, metadata: BookMetadata) -> Path:
    """Where a book's release belongs under `root`."""
    author = file_name(", ".join(metadata.authors[:2]), fallback="Unknown author")
    title = file_name(metadata.title, fallback="Untitled")
    if metadata.series:
        return root / author / file_name(metadata.series, fallback="Series") / title
    return root / author / title


def check_folder(folder: Path) -> None:
    """Can a release be placed here? Looked at before anything is spoken; nothing is written.

    Raises:
        PublishError: the folder cannot be written, or its disk takes only very short names.
    """
    there = next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
    remedy = "choose another folder with --output, or in [publish] library"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise PublishError(f"{there} cannot be written, and the release is to go to {folder}", remedy=remedy)
    longest = os.pathconf(there, "PC_NAME_MAX")
    if longest < MAX_FILE_BYTES:
        raise PublishError(f"The disk of {there} takes names of {longest} bytes, which is too few", remedy=remedy)


def remove_empty_folders(folder: Path, root: Path) -> None:
    """Remove `folder` and the folders above it, up to `root`, as far as they are empty."""
    while folder != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone
            if folder.exists():
                return
        folder = folder.parent


def chapter_file_name(number: int, count: int, title: str, suffix: str) -> str:
    """`07 - The Calm Before the Storm.mp3`; numbers are padded so that names sort in order."""
    digits = max(2, len(str(count)))
    return f"{number:0{digits}d} - {file_name(title, fallback=f'Chapter {number}')}.{suffix}"


def metadata_json(metadata: BookMetadata, narrator: str, chapters: Sequence[ChapterAudio]) -> bytes:
    """Audiobookshelf's metadata.json; times in seconds."""
    marks, at = [], 0
    for number, chapter in enumerate(chapters):
        start, at = at, at + chapter.samples
        marks.append(
            {"id": number, "start": start / SAMPLE_RATE_HZ, "end": at / SAMPLE_RATE_HZ, "title": chapter.title}
        )
    series = f"{metadata.series} #{metadata.series_index}".removesuffix(" #") if metadata.series else ""
    value = {
        "tags": [],
        "chapters": marks,
        "title": metadata.title,
        "subtitle": None,
        "authors": list(metadata.authors),
        "narrators": [narrator] if narrator else [],
        "series": [series] if series else [],
        "genres": list(metadata.subjects),
        "publishedYear": metadata.published[:4] or None,
        "publishedDate": metadata.published or None,
        "publisher": metadata.publisher or None,
        "description": metadata.description or None,
        "isbn": None,
        "asin": None,
        "language": metadata.language or None,
        "explicit": False,
        "abridged": False,
    }
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of a release and what writes it."""

    name: str
    write: Callable[[Path], None]
    """Is given a temporary path in the same file system."""


def cover_file(cover: Cover) -> ReleaseFile:
    """The cover beside the sound."""
    suffix = (cover.kind or PictureKind.JPEG).suffix
    return ReleaseFile(f"cover{suffix}", lambda path: _write_bytes(path, cover.data))


def metadata_file(metadata: BookMetadata, narrator: str, chapters: Sequence[ChapterAudio]) -> ReleaseFile:
    """metadata.json beside the sound."""
    return ReleaseFile("metadata.json", lambda path: _write_bytes(path, metadata_json(metadata, narrator, chapters)))


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
