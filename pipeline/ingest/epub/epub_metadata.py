"""Package document -> what the book is called: title, authors, series, identifiers (EPUB 3.3, 5.5; OPF 2.0.1, 2.2)."""

import re

from lxml import etree

from pipeline.ingest.documents.markup import local_name
from pipeline.model.book import BookMetadata
from pipeline.model.book_identity import parse_isbn

_ISBN_TYPES = frozenset({"02", "15", "ISBN"})
"""ISBN-10 and ISBN-13 in ONIX code list 5, and what is written in its place."""


def read_metadata(root: etree._Element) -> BookMetadata:
    """The bibliographic facts of a package document; what it does not say is empty."""
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
        identifier=_identifier(root),
        isbn=_isbn(root, metas),
    )


def _texts(root: etree._Element, name: str) -> list[str]:
    """The texts of all Dublin Core elements of that name."""
    found = (e for e in root.iter() if local_name(e) == name and "purl.org/dc" in str(e.tag))
    return [text for text in map(_text, found) if text]


def _text(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _first(root: etree._Element, name: str) -> str:
    return next(iter(_texts(root, name)), "")


def _identifier(root: etree._Element) -> str:
    """The identifier that the package declares its unique one (EPUB 3.3, 5.4); the first where it declares none."""
    wanted = (root.get("unique-identifier") or "").strip()
    own = (e for e in root.iter() if local_name(e) == "identifier" and wanted and e.get("id") == wanted)
    return next((text for text in map(_text, own) if text), "") or _first(root, "identifier")


def _isbn(root: etree._Element, metas: list[etree._Element]) -> str:
    """The first ISBN among the identifiers, the unique one before the others."""
    types = [meta for meta in metas if meta.get("property") == "identifier-type" and _text(meta).upper() in _ISBN_TYPES]
    named = {(meta.get("refines") or "").lstrip("#") for meta in types}
    elements = [element for element in root.iter() if local_name(element) == "identifier"]
    elements.sort(key=lambda element: element.get("id") != root.get("unique-identifier"))
    isbns = (parse_isbn(_text(e), is_named=e.get("id") in named or _is_scheme_isbn(e)) for e in elements)
    return next((isbn for isbn in isbns if isbn), "")


def _is_scheme_isbn(element: etree._Element) -> bool:
    """True where EPUB 2's `opf:scheme` says so, with or without its namespace."""
    return any(str(key).endswith("scheme") and "ISBN" in str(value).upper() for key, value in element.attrib.items())


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
            authors.append(_text(element))
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
    return " ".join(re.sub(r"<[^<>]+>", " ", text).split())  # a row of "<" would take the square of its length
