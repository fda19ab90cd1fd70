"""A release -> the folder layout that Audiobookshelf and other players read.

`Author/Title/` or `Author/Series/Title/`, with `cover.jpg` or `cover.png` and `metadata.json`
(Audiobookshelf's own keys) beside the sound.
"""

import json
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PublishError
from pipeline.model.audio import SAMPLE_RATE_HZ, ChapterAudio
from pipeline.model.book import BookMetadata, Cover

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
MAX_NAME_BYTES = 120


def file_name(text: str, *, fallback: str) -> str:
    """`text` as a name that every file system takes: no separators, no trailing dots, bounded in bytes."""
    name = " ".join(_FORBIDDEN.sub(" ", unicodedata.normalize("NFC", text)).split()).strip(". ")
    while len(name.encode()) > MAX_NAME_BYTES:
        name = name[:-1].rstrip(". ")
    return name or fallback


def release_folder(root: Path, metadata: BookMetadata) -> Path:
    """Where a book's release belongs under `root`."""
    author = file_name(", ".join(metadata.authors[:2]), fallback="Unknown author")
    title = file_name(metadata.title, fallback="Untitled")
    if metadata.series:
        return root / author / file_name(metadata.series, fallback="Series") / title
    return root / author / title


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
    suffix = "png" if cover.media_type == "image/png" else "jpg"
    return ReleaseFile(f"cover.{suffix}", lambda path: _write_bytes(path, cover.data))


def metadata_file(metadata: BookMetadata, narrator: str, chapters: Sequence[ChapterAudio]) -> ReleaseFile:
    """metadata.json beside the sound."""
    return ReleaseFile("metadata.json", lambda path: _write_bytes(path, metadata_json(metadata, narrator, chapters)))


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def place_release(folder: Path, files: Sequence[ReleaseFile]) -> list[Path]:
    """Write all files under temporary names first, then give all of them their names; the final paths.

    Raises:
        PublishError: the folder cannot be written or the disk is full; nothing of the release appears then.
    """
    parts = [(file, folder / f".{file.name}.part") for file in files]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, part in parts:
            file.write(part)
            with open(part, "rb+") as stream:
                os.fsync(stream.fileno())
        for file, part in parts:
            os.replace(part, folder / file.name)
    except OSError as error:
        raise PublishError(
            f"{folder} cannot be written: {error.strerror or error}",
            remedy="free some space, or choose another folder with --output",
        ) from error
    finally:
        for _, part in parts:
            part.unlink(missing_ok=True)
    return [folder / file.name for file in files]
