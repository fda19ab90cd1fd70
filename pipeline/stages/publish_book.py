"""Assembled chapters -> a release in the library: one M4B, or one file a chapter, whole or not at all."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.audio.encode import describe_encoder
from pipeline.model.audio import SAMPLE_RATE_HZ, ChapterAudio
from pipeline.model.book import Cover, ReleaseTags
from pipeline.model.keys import content_address
from pipeline.publish.library import (
    ReleaseFile,
    chapter_file_name,
    cover_file,
    file_name,
    metadata_file,
    place_release,
    release_folder,
    remove_empty_folders,
)
from pipeline.publish.m4b import EncodedChapter, split_parts, write_m4b
from pipeline.stages.apart import run_apart
from pipeline.stages.assemble_chapter import chapter_encoding, chapter_file
from pipeline.stages.context import Context
from pipeline.stages.cover import usable_cover
from pipeline.stages.events import ReleaseReady
from pipeline.stages.order import Order, resolve_formats
from pipeline.stages.release_tags import book_tags, chapter_tags, narrator
from pipeline.store.documents import StoredBook

APART_FROM_HOURS = 8.0
"""Longer books are joined in a process of their own, which takes 0.3 s to start."""
PUBLISH_VERSION = 1
"""Raised when the same chapters would be written otherwise."""


def publish_book(context: Context, book: StoredBook, chapters: Sequence[ChapterAudio], order: Order) -> list[Path]:
    """Write the release of every asked format; what is already there from the same input stays untouched.

    Returns:
        The sound files of the release, all formats.

    Raises:
        PublishError, StoreError.
    """
    original = context.store.documents.find_cover(book.slug)
    paths: list[Path] = []
    usual = release_folder(context.library(order), book.metadata)
    for name in resolve_formats(context.settings, order):
        with context.store.lock(f"release {usual}"):
            folder = _own_folder(context, book, usual)
            what = f"{name} {','.join(map(str, order.chapters))} "
            target = f"{what}{folder}"
            key = _release_key(context, book, chapters, order, name, original)
            found = context.store.releases.find_release(book.slug, target)
            if found and found[0] == key:
                paths += _sound_files(found[1], name)
            else:
                paths += _publish(context, book, chapters, order, name, folder, target, key, original)
        _remove_moved(context, book.slug, what, folder, context.library(order))
    return paths


def _own_folder(context: Context, book: StoredBook, folder: Path) -> Path:
    """The folder, or one beside it where another book of that title, such as a weekly column, lies in it."""
    if context.store.releases.is_taken(folder, but=book.slug):
        return folder.with_name(f"{folder.name} ({book.slug[-8:]})")
    return folder


def _remove_moved(context: Context, slug: str, what: str, folder: Path, library: Path) -> None:
    """What was published of the book in the same library under a former title or author."""
    releases = context.store.releases
    kept = set(releases.releases(slug, folder=folder))
    for target in releases.targets(slug):
        former = Path(target.removeprefix(what))
        if target.startswith(what) and former != folder and former.is_relative_to(library):
            for path in releases.forget_release(slug, target):
                if path not in kept:
                    path.unlink(missing_ok=True)
            remove_empty_folders(former, library)


def _release_key(
    context: Context, book: StoredBook, chapters: Sequence[ChapterAudio], order: Order, name: str, cover: Cover | None
) -> str:
    return content_address(
        [
            PUBLISH_VERSION,
            [[audio.key, audio.position, audio.title] for audio in chapters],
            book_tags(context, book, order).fields(),
            [book.metadata.language, book.metadata.publisher, book.metadata.published, list(book.metadata.subjects)],
            describe_encoder(chapter_encoding(context, name)),
            context.settings.publish.m4b_max_hours if name == "m4b" else 0,
            hashlib.sha256(cover.data).hexdigest() if cover else "",
        ]
    )


def _publish(
    context: Context,
    book: StoredBook,
    chapters: Sequence[ChapterAudio],
    order: Order,
    name: str,
    folder: Path,
    target: str,
    key: str,
    original: Cover | None,
) -> list[Path]:
    cover = usable_cover(context, original) if original else None
    files = _sound(context, book, chapters, order, name, cover)
    files += [cover_file(cover)] if cover else []
    files += [metadata_file(book.metadata, narrator(context, order), chapters)]
    before = context.store.releases.published_files(book.slug, target)
    paths = place_release(folder, files)
    for stale in set(before) - set(paths):
        stale.unlink(missing_ok=True)
    context.store.releases.save_release(book.slug, target, key, paths)
    sound = _sound_files(paths, name)
    for path in sound:
        context.report(ReleaseReady(path))
    return sound


def _sound_files(paths: Sequence[Path], name: str) -> list[Path]:
    return [path for path in paths if path.suffix == f".{name}"]


def _sound(
    context: Context,
    book: StoredBook,
    chapters: Sequence[ChapterAudio],
    order: Order,
    name: str,
    cover: Cover | None,
) -> list[ReleaseFile]:
    encoding = chapter_encoding(context, name)
    if name == "m4b":
        joined = [EncodedChapter(chapter_file(context, a.key, encoding, None), a.title, a.samples) for a in chapters]
        return _m4b_files(context, book, joined, order, cover)
    stored = {chapter.position: chapter for chapter in context.store.documents.chapters(book.slug)}
    files = []
    for audio in chapters:
        source = chapter_file(context, audio.key, encoding, chapter_tags(context, book, stored[audio.position], order))
        named = chapter_file_name(audio.position + 1, len(stored), audio.title, name)
        files.append(ReleaseFile(named, _copier(source)))
    return files


def _m4b_files(
    context: Context, book: StoredBook, chapters: Sequence[EncodedChapter], order: Order, cover: Cover | None
) -> list[ReleaseFile]:
    """One M4B, or several parts of a very long book."""
    tags = book_tags(context, book, order)
    chosen = f" (chapters {_ranges(order.chapters)})" if order.chapters else ""
    parts = split_parts(chapters, context.settings.publish.m4b_max_hours)
    files = []
    for number, part in enumerate(parts, start=1):
        which = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        title = file_name(book.metadata.title, fallback="Untitled") + chosen + which
        own = replace(tags, title=tags.title + which, track=number, tracks=len(parts)) if which else tags
        files.append(ReleaseFile(f"{title}.m4b", _joiner(part, own, cover)))
    return files


def _joiner(part: Sequence[EncodedChapter], tags: ReleaseTags, cover: Cover | None) -> Callable[[Path], None]:
    """The muxer's index takes 6 MB an hour of sound, which a process that runs for weeks must not keep."""
    hours = sum(chapter.samples for chapter in part) / SAMPLE_RATE_HZ / 3600
    if hours < APART_FROM_HOURS:
        return lambda path: write_m4b(path, part, tags=tags, cover=cover)
    return lambda path: run_apart(write_m4b, path, part, tags=tags, cover=cover)


def _copier(source: Path) -> Callable[[Path], None]:
    def copy(path: Path) -> None:
        shutil.copyfile(source, path)

    return copy


def _ranges(numbers: Sequence[int]) -> str:
    """`1,3-5` for 1, 3, 4, 5."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ",".join(str(g[0]) if len(g) == 1 else f"{g[0]}-{g[-1]}" for g in groups)
