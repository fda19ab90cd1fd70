"""EPUB package: the archive's own description -> reading order, table of contents, metadata, cover.

Follows EPUB 3.3 (package document) and EPUB 2.0.1 (OPF).
"""

import posixpath
from contextlib import suppress
from dataclasses import dataclass

from lxml import etree

from pipeline.errors import DamagedDocument, DocumentError, EmptyDocument
from pipeline.ingest.documents.markup import local_name
from pipeline.ingest.epub.archive_names import resolve
from pipeline.ingest.epub.epub_archive import EpubArchive, parse_xml
from pipeline.ingest.epub.epub_metadata import read_metadata
from pipeline.ingest.epub.epub_spine import COVER_NAME, Item, SpineItem, read_manifest, read_spine
from pipeline.ingest.epub.epub_toc import Links, TocEntry, read_contents
from pipeline.model.book import BookMetadata, Cover

_NCX_TYPE = "application/x-dtbncx+xml"


@dataclass(frozen=True, slots=True)
class Package:
    """Everything the package document says that matters for listening."""

    metadata: BookMetadata
    spine: tuple[SpineItem, ...]
    toc: tuple[TocEntry, ...]
    cover: Cover | None
    navigation_path: str
    """The EPUB 3 navigation document, or empty."""
    pictured: frozenset[str]
    """Files to look at: covers, pictures, lists of contents. Nothing is lost to a listener without them."""


def read_package(archive: EpubArchive) -> Package:
    """What the package document of `archive` says.

    Raises:
        DamagedDocument: there is no package document or no reading order.
        EmptyDocument: the reading order holds pictures only.
    """
    path = _package_path(archive)
    root, base = parse_xml(archive.read(path), name=archive.name), posixpath.dirname(path)
    manifest, links = read_manifest(root, archive, base)
    navigation = next((item for item in manifest.values() if "nav" in item.properties), None)
    spine = read_spine(root, manifest)
    if not spine:
        raise _no_text(root, archive.name)
    contents = read_contents(
        archive,
        links,
        navigation.path if navigation and not navigation.is_missing else "",
        _ncx_path(archive, manifest),
    )
    return Package(
        metadata=read_metadata(root),
        spine=spine,
        toc=contents.entries,
        cover=_cover(root, archive, manifest),
        navigation_path=navigation.path if navigation else "",
        pictured=contents.pictured | _pictured(root, manifest, links, base),
    )


def _no_text(root: etree._Element, name: str) -> DocumentError:
    if any(local_name(element) == "itemref" for element in root.iter()):
        remedy = "run a text recognition program on its pages first"
        return EmptyDocument(f"{name} holds pictures but no text", path=name, remedy=remedy)
    return DamagedDocument(f"{name} names no files in its reading order", path=name)


def _package_path(archive: EpubArchive) -> str:
    container = archive.names.find(resolve("", "META-INF/container.xml"))
    if container:
        for element in parse_xml(archive.read(container), name=archive.name).iter():
            named = element.get("full-path") if local_name(element) == "rootfile" else None
            if named and (path := archive.names.find(resolve("", named))):
                return path
    found = archive.find_by_suffix(".opf")
    if found is None:
        raise DamagedDocument(f"{archive.name} has no package document, so it is not an EPUB", path=archive.name)
    return found


def _ncx_path(archive: EpubArchive, manifest: dict[str, Item]) -> str:
    listed = (item.path for item in manifest.values() if item.media_type == _NCX_TYPE and not item.is_missing)
    return next(listed, None) or archive.find_by_suffix(".ncx") or ""


def _pictured(root: etree._Element, manifest: dict[str, Item], links: Links, base: str) -> frozenset[str]:
    """Pages that are looked at: what the guide of EPUB 2 calls so, pictures, and files by the name of cover."""
    guide = {
        found[0]
        for element in root.iter()
        if local_name(element) == "reference" and (element.get("type") or "").lower() in {"cover", "toc"}
        # a fragment names a part of a file that may well hold text besides
        if (found := links.find(base, element.get("href") or "")) and not found[1]
    }
    named = {
        item.path
        for key, item in manifest.items()
        if item.media_type == "image/svg+xml"
        or any(COVER_NAME.match(name.lower()) for name in (key, posixpath.splitext(posixpath.basename(item.path))[0]))
    }
    return frozenset(guide | named)


def _cover(root: etree._Element, archive: EpubArchive, manifest: dict[str, Item]) -> Cover | None:
    """EPUB 3's `cover-image`, else EPUB 2's `<meta name="cover">`, else a picture called cover."""
    pictures = {
        key: item for key, item in manifest.items() if item.media_type.startswith("image/") and not item.is_missing
    }
    named = [e.get("content") for e in root.iter() if local_name(e) == "meta" and e.get("name") == "cover"]
    candidates = [item for item in pictures.values() if "cover-image" in item.properties]
    candidates += [pictures[key] for key in named if key in pictures]
    candidates += [
        item for key, item in pictures.items() if "cover" in f"{key} {posixpath.basename(item.path)}".lower()
    ]
    each_once: dict[str, Item] = {}
    for item in candidates:
        each_once.setdefault(item.path, item)
    for item in each_once.values():
        with suppress(DamagedDocument):  # a book is not refused for the sake of its picture
            return Cover(item.media_type, archive.read(item.path))
    return None
