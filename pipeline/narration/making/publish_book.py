"""Assembled chapters -> a release in the library: one M4B, or one file a chapter, whole or not at all."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.audio.encode import describe_encoder
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.book import Cover, ReleaseTags
from pipeline.model.keys import book_slug, content_address
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import ReleaseReady
from pipeline.narration.core.order import Order, resolve_formats
from pipeline.narration.making.assemble_chapter import MadeChapter, chapter_encoding, chapter_file
from pipeline.narration.making.book_cover import release_cover
from pipeline.narration.making.own_process import run_apart
from pipeline.narration.making.place_release import place_release
from pipeline.narration.making.release_tags import book_tags, chapter_tags, narrator
from pipeline.publish.library import (
    ReleaseFile,
    chapter_file_name,
    cover_file,
    detailed_name,
    metadata_file,
    release_folder,
    remove_empty_folders,
    selection_name,
)
from pipeline.publish.m4b import EncodedChapter, split_parts, write_m4b
from pipeline.store.files.whole_file import remove_files
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.releases import ReleasePlace

APART_FROM_HOURS = 8.0
"""Longer books are joined in a process of their own, which takes 0.3 s to start: up to here the index takes 48 MB."""
PUBLISH_VERSION = 2
"""Raised when the same chapters would be written otherwise."""
_MAX_OWN_BYTES = 60
"""Of what tells the folders of two books of one title apart."""


def publish_book(context: Context, book: StoredBook, made: Sequence[MadeChapter], order: Order) -> list[Path]:
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
        # By the usual folder, because two books of one title decide under this lock which of them gets it.
        with context.store.lock(f"release {usual}"):
            place = ReleasePlace(format=name, folder=_own_folder(context, book, usual), selection=order.chapters)
            key = _release_key(context, book, made, order, name, original)
            found = context.store.releases.find(book.slug, place)
            if found and found[0] == key:
                paths += _sound_files(found[1], name)
            else:
                paths += _publish(context, book, made, order, place, key, original)
        # Only when the new release is whole: at no moment is the book without one.
        _remove_moved(context, book.slug, place, context.library(order))
    # another run of this book may have pointed its chapters elsewhere meanwhile: what was published last is heard
    context.store.releases.point(book.slug, [chapter.released for chapter in made])
    return paths


def _own_folder(context: Context, book: StoredBook, folder: Path) -> Path:
    """The folder, or one beside it where another book of that title, such as a weekly column, is in it."""
    if not context.store.releases.is_taken(folder, but=book.slug):
        return folder
    plain = book_slug(book.metadata.title, book.metadata.authors)
    own = book.slug.removeprefix(plain).strip("-") or book.slug[-8:]
    if len(own.encode()) > _MAX_OWN_BYTES:
        own = content_address([book.slug])[:8]
    return folder.with_name(detailed_name(folder.name, f" ({own})"))


def _remove_moved(context: Context, slug: str, place: ReleasePlace, library: Path) -> None:
    """What was published of the book in the same library under a former title or author."""
    releases = context.store.releases
    kept = set(releases.files(slug, folder=place.folder))
    for former in releases.places(slug):
        same_kind = (former.format, former.selection) == (place.format, place.selection)
        if same_kind and former.folder != place.folder and former.folder.is_relative_to(library):
            remove_files(releases.forget(slug, former), but=kept)
            remove_empty_folders(former.folder, library)


def _release_key(
    context: Context, book: StoredBook, made: Sequence[MadeChapter], order: Order, name: str, cover: Cover | None
) -> str:
    return content_address(
        [
            PUBLISH_VERSION,
            # Position and title are in marks and file names, so a change of them alone is another release.
            [[each.audio.key, each.audio.position, each.audio.title] for each in made],
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
    made: Sequence[MadeChapter],
    order: Order,
    place: ReleasePlace,
    key: str,
    original: Cover | None,
) -> list[Path]:
    found = release_cover(context, book, original) if original else None
    cover = found.cover if found else None
    chapters = [chapter.audio for chapter in made]
    files = _sound(context, book, made, order, place.format, cover)
    files += [cover_file(cover)] if cover else []
    files += [metadata_file(book.metadata, narrator(context, order), chapters)]
    before = context.store.releases.published_files(book.slug, place)
    paths = place_release(place.folder, files)
    # The new files are in place: a kill from here on leaves a file too many, never one too few.
    remove_files(before, but=paths)
    own = key if found is None or found.is_final else content_address([key, "with another cover for now"])
    context.store.releases.save(book.slug, place, own, paths, [chapter.released for chapter in made])
    sound = _sound_files(paths, place.format)
    for path in sound:
        context.report(ReleaseReady(path, book=book.slug))
    return sound


def _sound_files(paths: Sequence[Path], name: str) -> list[Path]:
    return [path for path in paths if path.suffix == f".{name}"]


def _sound(
    context: Context,
    book: StoredBook,
    made: Sequence[MadeChapter],
    order: Order,
    name: str,
    cover: Cover | None,
) -> list[ReleaseFile]:
    encoding = chapter_encoding(context, name)
    if name == "m4b":
        sound = [each.audio for each in made]
        joined = [EncodedChapter(chapter_file(context, a.key, encoding, None), a.title, a.samples) for a in sound]
        return _m4b_files(context, book, joined, order, cover)
    files = []
    for each in made:  # as planned: the book may have got a newer edition while this one was narrated
        source = chapter_file(context, each.audio.key, encoding, chapter_tags(context, book, each.chapter, order))
        # numbered by the whole book, so that chapters published one by one still sort in order
        chapters = context.store.editions.count_beside(each.chapter.id)
        named = chapter_file_name(each.audio.position + 1, chapters, each.audio.title, name)
        files.append(ReleaseFile(named, _copier(source)))
    return files


def _m4b_files(
    context: Context, book: StoredBook, chapters: Sequence[EncodedChapter], order: Order, cover: Cover | None
) -> list[ReleaseFile]:
    """One M4B, or several parts of a very long book."""
    tags = book_tags(context, book, order)
    chosen = f" ({selection_name(order.chapters)})" if order.chapters else ""
    parts = split_parts(chapters, context.settings.publish.m4b_max_hours)
    files = []
    for number, part in enumerate(parts, start=1):
        which = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        name = detailed_name(book.metadata.title, chosen + which, ".m4b")
        own = replace(tags, title=tags.title + which, track=number, tracks=len(parts)) if which else tags
        files.append(ReleaseFile(name, _joiner(part, own, cover)))
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
