"""EPUB 2 and 3 -> Document: the bytes of a book in, its chapters in reading order out.

A text of the reading order that cannot be read leaves a block of kind MISSING in its place. The rest is
read, and whoever publishes decides whether a book with a hole is wanted.
"""

from dataclasses import replace

from pipeline.errors import DamagedDocument
from pipeline.ingest.documents.chapters import ChapterStart, divide_chapters
from pipeline.ingest.documents.html_blocks import AnchoredBlock, read_blocks
from pipeline.ingest.documents.markup import Reading
from pipeline.ingest.documents.markup_tree import parse_markup
from pipeline.ingest.epub.epub_archive import MAX_MARKUP_BYTES, EpubArchive
from pipeline.ingest.epub.epub_package import Package, read_package
from pipeline.ingest.epub.epub_spine import SpineItem
from pipeline.ingest.epub.epub_toc import TocEntry
from pipeline.model.text import Block, BlockKind, Document


def read_epub(data: bytes, *, name: str, document_id: str) -> Document:
    """Read a whole book.

    Args:
        data: the bytes of the .epub file.
        name: what to call it in messages.
        document_id: sha256 of `data`.

    Raises:
        DamagedDocument: it is no EPUB, or none of its texts can be read.
        DocumentTooLarge, EmptyDocument, ProtectedDocument.
    """
    archive = EpubArchive(data, name=name)
    package = read_package(archive)
    blocks: list[AnchoredBlock] = []
    starts: list[ChapterStart] = []
    entries_of = _entries_by_path(package.toc)
    for item in package.spine:
        found = _read_item(archive, package, item, targeted=item.path in entries_of)
        entries = entries_of.get(item.path, [])
        places = _places(found) if entries else {}
        for entry in entries:
            starts.append(
                ChapterStart(
                    title=entry.title,
                    level=entry.level,
                    source=_href(entry),
                    at=len(blocks) + places.get(entry.fragment, 0),
                )
            )
        blocks.extend(found)
    _check_anything_is_read(blocks, name)
    chapters = divide_chapters(blocks, starts, book_title=package.metadata.title or name)
    return Document(id=document_id, metadata=package.metadata, chapters=chapters, cover=package.cover)


def _entries_by_path(toc: tuple[TocEntry, ...]) -> dict[str, list[TocEntry]]:
    entries: dict[str, list[TocEntry]] = {}
    for entry in toc:
        entries.setdefault(entry.path, []).append(entry)
    return entries


def _read_item(archive: EpubArchive, package: Package, item: SpineItem, *, targeted: bool) -> list[AnchoredBlock]:
    """The blocks of one file, or the hole that it leaves."""
    reason = ""
    if item.path == package.navigation_path:
        reason = "navigation"
    elif not item.linear and not targeted:
        reason = "outside the reading order"
    hole = item.hole
    if not hole:
        try:
            return _read_file(archive, item.path, Reading(skip_reason=reason), package.metadata.language)
        except DamagedDocument as error:
            hole = f"cannot be read: {error}"
    # what is never spoken, and what is only looked at, leaves no hole for a listener
    is_heard = not reason and item.path not in package.pictured
    # named in the text, so that plans and pages list it like everything else that is left out
    block = Block(BlockKind.MISSING, item.path, source=item.path, skip_reason=hole)
    return [AnchoredBlock(block, ())] if is_heard else []


def _read_file(archive: EpubArchive, path: str, reading: Reading, language: str) -> list[AnchoredBlock]:
    root = parse_markup(archive.read(path, limit=MAX_MARKUP_BYTES), name=f"{path} in {archive.name}")
    if not len(root) and not (root.text or "").strip():
        raise DamagedDocument(f"{path} in {archive.name} is empty", path=archive.name)
    found = read_blocks(root, source=path, reading=reading)
    return [replace(b, block=replace(b.block, language=b.block.language or language)) for b in found]


def _check_anything_is_read(blocks: list[AnchoredBlock], name: str) -> None:
    """A book of which only holes are left is damaged, not empty."""
    holes = [found.block for found in blocks if found.block.kind is BlockKind.MISSING]
    if holes and all(found.block.skip_reason for found in blocks):
        more = f" (and {len(holes) - 1} more)" if len(holes) > 1 else ""
        raise DamagedDocument(f"{name} holds nothing that can be read: {holes[0].skip_reason}{more}", path=name)


def _href(entry: TocEntry) -> str:
    return f"{entry.path}#{entry.fragment}" if entry.fragment else entry.path


def _places(blocks: list[AnchoredBlock]) -> dict[str, int]:
    """How many blocks of a file stand before each of its anchors, where it occurs first."""
    places: dict[str, int] = {}
    for at, found in enumerate(blocks):
        for anchor in found.anchors:
            places.setdefault(anchor, at)
    return places
