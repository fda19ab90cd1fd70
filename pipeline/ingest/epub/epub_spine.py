"""Manifest and spine of a package document -> the files of a book in reading order (EPUB 3.3, 5.6 and 5.7)."""

import re
from dataclasses import dataclass, replace

from lxml import etree

from pipeline.ingest.documents.markup import local_name
from pipeline.ingest.epub.archive_names import resolve
from pipeline.ingest.epub.epub_archive import EpubArchive
from pipeline.ingest.epub.epub_toc import Links

_MARKUP = re.compile(r"html|xml|oeb1-document")
_NOTHING_TO_HEAR = re.compile(r"^(image/(?!svg)|audio/|video/|font/|text/css)|javascript|font|dtbncx|smil")
"""Media types without text; some tools put pictures, or the NCX itself, into the reading order."""
COVER_NAME = re.compile(r"^(front|book)?[-_ ]?cover([-_ ]?page)?$")

_CONTENTS_IDS = frozenset({"nav", "ncx", "toc"})
_MOST_FALLBACKS = 5


@dataclass(frozen=True, slots=True)
class Item:
    """One manifest entry."""

    path: str
    """Of its file in the archive; as it is named where the archive lacks it."""
    media_type: str
    properties: frozenset[str]
    fallback: str
    """Id of the item that is read instead by readers who do not know the type, or empty."""
    is_missing: bool

    @property
    def is_markup(self) -> bool:
        """True where it may hold text."""
        if _NOTHING_TO_HEAR.search(self.media_type):
            return False
        return bool(_MARKUP.search(self.media_type)) or self.path.lower().endswith(("html", "htm"))


@dataclass(frozen=True, slots=True)
class SpineItem:
    """One file of the reading order."""

    path: str
    linear: bool
    hole: str = ""
    """Why there is nothing to read, or empty."""


def read_manifest(root: etree._Element, archive: EpubArchive, base: str) -> tuple[dict[str, Item], Links]:
    """The items by id, and the way from any address to their files."""
    elements = [e for e in root.iter() if local_name(e) == "item" and e.get("id")]
    targets = [resolve(base, element.get("href") or "") for element in elements]
    given = archive.names.assign(targets)
    items = {
        element.get("id") or "": Item(
            path=given.get(target.path, target.path),
            media_type=(element.get("media-type") or "").strip().lower(),
            properties=frozenset((element.get("properties") or "").split()),
            fallback=element.get("fallback") or "",
            is_missing=target.path not in given,
        )
        for element, target in zip(elements, targets, strict=True)
    }
    return items, Links(archive.names, {target.path: given.get(target.path, target.path) for target in targets})


def read_spine(root: etree._Element, manifest: dict[str, Item]) -> tuple[SpineItem, ...]:
    """The reading order, each file once: some books list a file for every anchor in it."""
    found: dict[str, SpineItem] = {}
    for element in root.iter():
        if local_name(element) != "itemref":
            continue
        item = _spine_item((element.get("idref") or "").strip(), manifest, linear=element.get("linear") != "no")
        if item:
            before = found.get(item.path, item)
            found[item.path] = replace(item, linear=item.linear or before.linear)
    return tuple(found.values())


def _spine_item(name: str, manifest: dict[str, Item], *, linear: bool) -> SpineItem | None:
    """The file of the entry `name`, with the reason where there is none to read; None for what holds no text."""
    item = manifest.get(name)
    for _ in range(_MOST_FALLBACKS):  # each may have one of its own (EPUB 3.3, section 3.5.1), or lead in a circle
        if item is None or item.is_markup or item.fallback not in manifest:
            break
        item = manifest[item.fallback]
    if item is None:
        if COVER_NAME.match(name.lower()) or name.lower() in _CONTENTS_IDS:
            return None
        return SpineItem(name, linear, f"missing from the file: the entry {name} of its reading order")
    if _NOTHING_TO_HEAR.search(item.media_type):
        return None
    if item.is_missing:
        return SpineItem(item.path or name, linear, f"missing from the file: {item.path or name}")
    if not item.is_markup:
        return SpineItem(item.path, linear, f"not a page of text: {item.path} ({item.media_type})")
    return SpineItem(item.path, linear)
