"""Bytes of an (X)HTML file -> its tree.

XHTML is read as XML first; what is not well-formed falls back to HTML 5's forgiving reading (WHATWG, by libxml2).
"""

import re
from html.entities import html5

from lxml import etree

from pipeline.errors import DamagedDocument
from pipeline.ingest.documents.markup_bounds import check_attributes, check_tags
from pipeline.ingest.documents.text_encodings import find_encoding

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_NAMED_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")


def parse_markup(data: bytes, *, name: str) -> etree._Element:
    """The tree of an XHTML or HTML file, without comments and instructions.

    No entity of the file's own is expanded and nothing is fetched.

    Raises:
        DocumentTooLarge: more tags, or more attributes in one tag, than any book has.
        DamagedDocument: it declares entities, or holds no element at all.
    """
    if _ENTITY.search(data):
        raise DamagedDocument(
            f"{name} declares entities of its own, which can hide an attack",
            path=name,
            remedy="remove the <!ENTITY ...> declarations from the file",
        )
    check_tags(data, name=name)
    strict = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True, remove_comments=True
    )
    try:
        return etree.fromstring(number_entities(data), strict)
    except (etree.XMLSyntaxError, ValueError):
        return _parse_forgiving(data, name)


def number_entities(data: bytes) -> bytes:
    """Names of HTML as numbers: XML itself knows only five names."""
    return _NAMED_ENTITY.sub(_number_entity, data)


def _number_entity(match: re.Match[bytes]) -> bytes:
    """`&nbsp;` as `&#160;`."""
    name = match.group(1).decode("ascii")
    if name in {"amp", "lt", "gt", "quot", "apos"} or f"{name};" not in html5:
        return match.group(0)
    return "".join(f"&#{ord(c)};" for c in html5[f"{name};"]).encode("ascii")


def _parse_forgiving(data: bytes, name: str) -> etree._Element:
    check_attributes(data, name=name)
    encoding = _encoding(data)
    if encoding not in {None, "utf-8"}:  # libxml2 knows fewer than Python, under other names
        data, encoding = data.decode(encoding or "", "replace").encode("utf-8", "replace"), "utf-8"
    parser = etree.HTMLParser(encoding=encoding, no_network=True, remove_pis=True, remove_comments=True)
    try:
        root: etree._Element | None = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError, LookupError, AssertionError) as error:
        raise DamagedDocument(f"{name} holds no readable markup", path=name) from error
    if root is None:
        raise DamagedDocument(f"{name} holds no readable markup", path=name)
    return root


def _encoding(data: bytes) -> str | None:
    """UTF-8 where the bytes are; else what they declare; else windows-1252. None leaves it to a byte order mark."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        match = re.search(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", data[:2048])
    declared = find_encoding(match.group(1).decode("ascii", "replace")) if match else None
    # what has been read byte by byte is not in UTF-16
    return "windows-1252" if declared is None or declared.startswith(("utf-", "ascii")) else declared
