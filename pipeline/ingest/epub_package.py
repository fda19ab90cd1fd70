"""EPUB package: the archive's own description -> reading order, table of contents, metadata, cover.

Follows EPUB 3.3 (package document, navigation document) and EPUB 2.0.1 (OPF, NCX).
"""

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from pipeline.errors import DamagedDocument
from pipeline.ingest.epub_archive import EpubArchive, parse_xml
from pipeline.ingest.html import parse_markup
from pipeline.ingest.markup import local_name, semantics
from pipeline.model.book import BookMetadata, Cover

_MARKUP_TYPES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})


@dataclass(frozen=True, slots=True)
class Item:
    """One manifest entry that the archive really holds."""

    path: str
    media_type: str
    properties: frozenset[str]


@dataclass(frozen=True, slots=True)
class SpineItem:
    """One file of the reading order."""

    path: str
    linear: bool


@dataclass(frozen=True, slots=True)
class TocEntry:
    """One line of the table of contents."""

    title: str
    path: str
    fragment: str
    level: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class Package:
    """Everything the package document says that matters for listening."""

    metadata: BookMetadata
    spine: tuple[SpineItem, ...]
    toc: tuple[TocEntry, ...]
    cover: Cover | None
    navigation_path: str
    """The EPUB 3 navigation document, or empty."""


def read_package(archive: EpubArchive) -> Package:
    """Raises: DamagedDocument where there is no package or no reading order."""
    path = _package_path(archive)
    root = parse_xml(archive.read(path), name=archive.name)
    manifest = _manifest(root, archive, posixpath.dirname(path))
    navigation = next((item.path for item in manifest.values() if "nav" in item.properties), "")
    spine = _spine(root, manifest)
    if not spine:
        raise DamagedDocument(f"{archive.name} names no file in its reading order that exists", path=archive.name)
    return Package(
        metadata=_metadata(root),
        spine=spine,
        toc=_toc(root, archive, manifest, navigation),
        cover=_cover(root, archive, manifest),
        navigation_path=navigation,
    )


def _package_path(archive: EpubArchive) -> str:
    if "META-INF/container.xml" in archive:
        container = parse_xml(archive.read("META-INF/container.xml"), name=archive.name)
        for element in container.iter():
            path = resolve("", element.get("full-path") or "")[0]
            if local_name(element) == "rootfile" and path in archive:
                return path
    found = archive.find_by_suffix(".opf")
    if found is None:
        raise DamagedDocument(f"{archive.name} has no package document, so it is not an EPUB", path=archive.name)
    return found


def resolve(base: str, href: str) -> tuple[str, str]:
    """The path in the archive and the fragment that `href` means in a file of folder `base`."""
    path, _, fragment = href.strip().partition("#")
    joined = posixpath.normpath(posixpath.join(base, unquote(path))) if path else ""
    return joined.lstrip("/"), unquote(fragment)


def _manifest(root: etree._Element, archive: EpubArchive, base: str) -> dict[str, Item]:
    items: dict[str, Item] = {}
    for element in root.iter():
        if local_name(element) != "item" or not element.get("id"):
            continue
        path, _ = resolve(base, element.get("href") or "")
        found = path if path in archive else archive.find_by_basename(path)
        if found:
            properties = frozenset((element.get("properties") or "").split())
            items[element.get("id") or ""] = Item(found, (element.get("media-type") or "").lower(), properties)
    return items


def _spine(root: etree._Element, manifest: dict[str, Item]) -> tuple[SpineItem, ...]:
    """The reading order, each file once: some books list a file for every anchor in it."""
    seen: dict[str, bool] = {}
    for element in root.iter():
        item = manifest.get(element.get("idref") or "") if local_name(element) == "itemref" else None
        if item and (item.media_type in _MARKUP_TYPES or item.path.endswith(("html", "htm"))):
            seen[item.path] = seen.get(item.path, False) or element.get("linear") != "no"
    return tuple(SpineItem(path, linear) for path, linear in seen.items())


def _toc(
    root: etree._Element, archive: EpubArchive, manifest: dict[str, Item], navigation: str
) -> tuple[TocEntry, ...]:
    """The navigation document's table of contents, or the NCX where that gives none."""
    if navigation:
        tree = parse_markup(archive.read(navigation), name=navigation)
        entries = _nav_entries(tree, archive, posixpath.dirname(navigation))
        if entries:
            return entries
    ncx = next((item.path for item in manifest.values() if item.media_type == "application/x-dtbncx+xml"), None)
    ncx = ncx or archive.find_by_suffix(".ncx")
    return _ncx_entries(parse_xml(archive.read(ncx), name=ncx), archive, posixpath.dirname(ncx)) if ncx else ()


def _nav_entries(tree: etree._Element, archive: EpubArchive, base: str) -> tuple[TocEntry, ...]:
    navs = [element for element in tree.iter() if local_name(element) == "nav"]
    nav = next((element for element in navs if "toc" in semantics(element)), navs[0] if len(navs) == 1 else None)
    if nav is None:
        return ()
    entries = []
    for link in nav.iter():
        if local_name(link) == "a" and link.get("href"):
            level = sum(local_name(parent) == "ol" for parent in link.iterancestors())
            entries.append(_entry(archive, base, "".join(link.itertext()), link.get("href") or "", level))
    return tuple(entry for entry in entries if entry)


def _ncx_entries(tree: etree._Element, archive: EpubArchive, base: str) -> tuple[TocEntry, ...]:
    entries = []
    for point in tree.iter():
        if local_name(point) != "navpoint":
            continue
        content = next((child for child in point if local_name(child) == "content"), None)
        label = next((child for child in point if local_name(child) == "navlabel"), None)
        if content is not None and label is not None:
            level = 1 + sum(local_name(parent) == "navpoint" for parent in point.iterancestors())
            entries.append(_entry(archive, base, "".join(label.itertext()), content.get("src") or "", level))
    return tuple(entry for entry in entries if entry)


def _entry(archive: EpubArchive, base: str, title: str, href: str, level: int) -> TocEntry | None:
    path, fragment = resolve(base, href)
    found = path if path in archive else archive.find_by_basename(path)
    return TocEntry(" ".join(title.split()), found, fragment, max(1, level)) if found else None


def _cover(root: etree._Element, archive: EpubArchive, manifest: dict[str, Item]) -> Cover | None:
    """EPUB 3's `cover-image`, else EPUB 2's `<meta name="cover">`, else a picture called cover."""
    pictures = {key: item for key, item in manifest.items() if item.media_type.startswith("image/")}
    named = [e.get("content") for e in root.iter() if local_name(e) == "meta" and e.get("name") == "cover"]
    candidates = [item for item in pictures.values() if "cover-image" in item.properties]
    candidates += [pictures[key] for key in named if key in pictures]
    candidates += [
        item for key, item in pictures.items() if "cover" in f"{key} {posixpath.basename(item.path)}".lower()
    ]
    return Cover(candidates[0].media_type, archive.read(candidates[0].path)) if candidates else None


def _metadata(root: etree._Element) -> BookMetadata:
    metas = [element for element in root.iter() if local_name(element) == "meta"]
    series, index = _series(metas)
    return BookMetadata(
        title=_first(root, "title"),
        authors=_authors(root, metas),
        language=_first(root, "language"),
        description=_plain(_first(root, "description")),
        publisher=_first(root, "publisher"),
        published=_first(root, "date")[:10],
        subjects=tuple(_texts(root, "subject")),
        series=series,
        series_index=index,
        identifier=_first(root, "identifier"),
    )


def _texts(root: etree._Element, name: str) -> list[str]:
    """The texts of all Dublin Core elements of that name."""
    found = (e for e in root.iter() if local_name(e) == name and "purl.org/dc" in str(e.tag))
    return [text for text in (" ".join("".join(e.itertext()).split()) for e in found) if text]


def _first(root: etree._Element, name: str) -> str:
    return next(iter(_texts(root, name)), "")


def _authors(root: etree._Element, metas: list[etree._Element]) -> tuple[str, ...]:
    """Creators whose role, where one is given, is author."""
    roles: dict[str, set[str]] = {}
    for meta in metas:
        if meta.get("property") == "role":
            roles.setdefault((meta.get("refines") or "").lstrip("#"), set()).add((meta.text or "").strip())
    authors = []
    for element in root.iter():
        if local_name(element) != "creator":
            continue
        own = next((value for key, value in element.attrib.items() if str(key).endswith("role")), "")
        known = roles.get(element.get("id") or "", set()) | ({str(own)} if own else set())
        if not known or "aut" in known:
            authors.append(" ".join("".join(element.itertext()).split()))
    return tuple(dict.fromkeys(author for author in authors if author))


def _series(metas: list[etree._Element]) -> tuple[str, str]:
    """EPUB 3 collections of type series, or calibre's own words for them."""
    refined: dict[str, dict[str, str]] = {}
    for meta in metas:
        target = (meta.get("refines") or "").lstrip("#")
        refined.setdefault(target, {})[meta.get("property") or ""] = (meta.text or "").strip()
    for meta in metas:
        facts = refined.get(meta.get("id") or "", {})
        if meta.get("property") == "belongs-to-collection" and facts.get("collection-type", "series") == "series":
            return (meta.text or "").strip(), facts.get("group-position", "")
    named = {meta.get("name"): meta.get("content") or "" for meta in metas}
    return named.get("calibre:series", ""), re.sub(r"\.0$", "", named.get("calibre:series_index", ""))


def _plain(text: str) -> str:
    """Descriptions often hold escaped markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())
