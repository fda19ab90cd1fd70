"""Navigation document or NCX -> the table of contents, and the pages that nobody hears.

Follows EPUB 3.3 (section 7, navigation document) and EPUB 2.0.1 (OPF 2.4.1, NCX). A damaged one is
read over: headings divide the book then, and none of its text is lost.
"""

import posixpath
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from lxml import etree

from pipeline.errors import DamagedDocument
from pipeline.ingest.documents.markup import local_name, semantics
from pipeline.ingest.documents.markup_tree import parse_markup
from pipeline.ingest.epub.archive_names import ArchiveNames, resolve
from pipeline.ingest.epub.epub_archive import EpubArchive, parse_xml


@dataclass(frozen=True, slots=True)
class TocEntry:
    """One line of the table of contents."""

    title: str
    path: str
    fragment: str
    level: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses inside a book -> its files."""

    names: ArchiveNames
    manifest: Mapping[str, str]
    """The file of each path that the manifest names; a path that the archive lacks stands for itself."""

    def find(self, base: str, address: str) -> tuple[str, str] | None:
        """Path and fragment that `address` means in a file of the folder `base`."""
        target = resolve(base, address)
        path = self.manifest.get(target.path) or self.names.find(target)
        return (path, target.fragment) if path else None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a book says of its own order."""

    entries: tuple[TocEntry, ...] = ()
    pictured: frozenset[str] = frozenset()
    """Files that it calls its cover or its list of contents: pages to look at."""


def read_contents(archive: EpubArchive, links: Links, navigation: str, ncx: str) -> Contents:
    """The navigation document's table of contents, or the NCX's where that gives none.

    Args:
        archive: the book.
        links: its files.
        navigation: path of the navigation document, or empty.
        ncx: path of the NCX, or empty.
    """
    found = Contents()
    with suppress(DamagedDocument):
        if navigation:
            found = _read_navigation(parse_markup(archive.read(navigation), name=navigation), links, navigation)
    with suppress(DamagedDocument):
        if ncx and not found.entries:
            root = parse_xml(archive.read(ncx), name=ncx)
            found = Contents(_ncx_entries(root, links, posixpath.dirname(ncx)), found.pictured)
    return found


def _read_navigation(tree: etree._Element, links: Links, path: str) -> Contents:
    base = posixpath.dirname(path)
    navs = [element for element in tree.iter() if local_name(element) == "nav"]
    toc = next((element for element in navs if "toc" in semantics(element)), navs[0] if len(navs) == 1 else None)
    pictured = {
        found[0]
        for nav in navs
        for link in nav.iter()
        if semantics(link) & {"cover", "toc"}
        and (found := links.find(base, link.get("href") or ""))
        # a fragment names a part of a file that may well hold text besides
        and not found[1]
    }
    return Contents(_nav_entries(toc, links, base) if toc is not None else (), frozenset(pictured))


def _nav_entries(nav: etree._Element, links: Links, base: str) -> tuple[TocEntry, ...]:
    entries = []
    for link in nav.iter():
        if local_name(link) == "a" and link.get("href"):
            level = sum(local_name(parent) == "ol" for parent in link.iterancestors())
            entries.append(_entry(links.find(base, link.get("href") or ""), "".join(link.itertext()), level))
    return tuple(entry for entry in entries if entry)


def _ncx_entries(tree: etree._Element, links: Links, base: str) -> tuple[TocEntry, ...]:
    entries = []
    for point in tree.iter():
        if local_name(point) != "navpoint":
            continue
        content = next((child for child in point if local_name(child) == "content"), None)
        label = next((child for child in point if local_name(child) == "navlabel"), None)
        if content is not None and label is not None:
            level = 1 + sum(local_name(parent) == "navpoint" for parent in point.iterancestors())
            entries.append(_entry(links.find(base, content.get("src") or ""), "".join(label.itertext()), level))
    return tuple(entry for entry in entries if entry)


def _entry(place: tuple[str, str] | None, title: str, level: int) -> TocEntry | None:
    if place is None:
        return None
    path, fragment = place
    return TocEntry(title=" ".join(title.split()), path=path, fragment=fragment, level=max(1, level))
