"""EPUB 2 and 3 -> Document: the bytes of a book in, its chapters in reading order out."""

from dataclasses import replace

from pipeline.errors import DamagedDocument
from pipeline.ingest.chapters import ChapterStart, divide_chapters
from pipeline.ingest.epub_archive import MAX_MARKUP_BYTES, EpubArchive
from pipeline.ingest.epub_package import Package, SpineItem, TocEntry, read_package
from pipeline.ingest.html import AnchoredBlock, parse_markup, read_blocks
from pipeline.ingest.markup import Reading
from pipeline.model.text import Document


def read_epub(data: bytes, *, name: str, document_id: str) -> Document:
    """Read a whole book.

    Args:
        data: the bytes of the .epub file.
        name: what to call it in messages.
        document_id: sha256 of `data`.

    Raises:
        DamagedDocument, DocumentTooLarge, ProtectedDocument.
    """
    archive = EpubArchive(data, name=name)
    package = read_package(archive)
    blocks: list[AnchoredBlock] = []
    starts: list[ChapterStart] = []
    entries_of = _entries_by_path(package.toc)
    for item in package.spine:
        found = _read_file(archive, package, item, targeted=item.path in entries_of)
        for entry in entries_of.get(item.path, []):
            starts.append(ChapterStart(entry.title, entry.level, _href(entry), len(blocks) + _offset(found, entry)))
        blocks.extend(found)
    chapters = divide_chapters(blocks, starts, book_title=package.metadata.title or name)
    return Document(document_id, package.metadata, chapters, package.cover)


def _entries_by_path(toc: tuple[TocEntry, ...]) -> dict[str, list[TocEntry]]:
    entries: dict[str, list[TocEntry]] = {}
    for entry in toc:
        entries.setdefault(entry.path, []).append(entry)
    return entries


def _read_file(archive: EpubArchive, package: Package, item: SpineItem, *, targeted: bool) -> list[AnchoredBlock]:
    reason = ""
    if item.path == package.navigation_path:
        reason = "navigation"
    elif not item.linear and not targeted:
        reason = "outside the reading order"
    root = parse_markup(archive.read(item.path, limit=MAX_MARKUP_BYTES), name=f"{item.path} in {archive.name}")
    if not len(root) and not (root.text or "").strip():
        raise DamagedDocument(f"{item.path} in {archive.name} is empty", path=archive.name)
    language = package.metadata.language
    found = read_blocks(root, source=item.path, reading=Reading(skip_reason=reason))
    return [replace(b, block=replace(b.block, language=b.block.language or language)) for b in found]


def _href(entry: TocEntry) -> str:
    return f"{entry.path}#{entry.fragment}" if entry.fragment else entry.path


def _offset(blocks: list[AnchoredBlock], entry: TocEntry) -> int:
    """How many blocks of its file stand before the entry's anchor; 0 where the anchor is unknown."""
    if not entry.fragment:
        return 0
    return next((i for i, found in enumerate(blocks) if entry.fragment in found.anchors), 0)
