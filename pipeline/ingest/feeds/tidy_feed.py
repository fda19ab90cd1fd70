"""The bytes of a feed -> the same feed as small, well-formed XML, which feedparser reads in one pass.

feedparser takes the square of the length of many a field, and of a whole feed that is not well-formed. So faults of
form are mended here, and what no feed has (a name of 10,000 letters, 5,000 categories) does not reach it.
"""

import codecs
import re
from collections import Counter
from xml.parsers import expat

from lxml import etree

from pipeline.errors import DamagedDocument
from pipeline.ingest.documents.markup import local_name
from pipeline.ingest.documents.text_encodings import find_encoding
from pipeline.ingest.feeds.feed_form import mend_form

MAX_ITEMS = 2_000
MAX_NAMESPACES = 100

_TEXTS = frozenset(
    {"title", "description", "encoded", "content", "summary", "subtitle", "tagline", "info", "abstract", "body"}
    | {"fullitem", "copyright", "rights"}
)
"""What they hold may be long, and its markup is the author's."""
_ITEMS = frozenset({"item", "entry"})
_NAMES = ("author", "name", "email", "creator", "owner", "managingeditor", "webmaster", "publisher", "contributor")
_DATES = ("pubdate", "date", "published", "updated", "modified", "issued", "created", "expirationdate")
_MOST_CHARS = {**dict.fromkeys(_NAMES, 200), **dict.fromkeys(_DATES, 100), "keywords": 255}
_MOST_CHARS_ELSE = 8_000
_MOST_CHILDREN = {"keywords": 1, "category": 30, "subject": 30, "author": 30, "creator": 30, "contributor": 30}
_MOST_CHILDREN_ELSE = 200

_DECLARATION = re.compile(r"\s*<\?xml\b[^>]{0,200}>")
_DECLARED = re.compile(rb"^[^>]{0,100}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})[\"']")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_LIMITS = {etree.ErrorTypes.ERR_RESOURCE_LIMIT, etree.ErrorTypes.ERR_INTERNAL_ERROR}
"""Of libxml2; older ones say of theirs that they are internal."""


def tidy_feed(data: bytes, *, url: str, content_type: str) -> bytes:
    """The feed, UTF-8.

    Args:
        data: as fetched.
        url: where it came from, for messages.
        content_type: as the server gave it, for the encoding.

    Raises:
        DamagedDocument: it is no XML, not even with its faults mended, declares entities of its own, or has more than
            MAX_NAMESPACES namespaces.
    """
    text = _decode(data, content_type)
    if _ENTITY.search(text):
        raise DamagedDocument(
            f"{url} declares entities of its own, which can hide an attack", path=url, remedy="subscribe to another"
        )
    declaration = _DECLARATION.match(text)
    root = _parse(text[declaration.end() if declaration else 0 :].encode("utf-8", "replace"), url)
    _cut(root)
    namespaces = {str(e.tag)[1:].partition("}")[0] for e in root.iter() if str(e.tag).startswith("{")}
    if len(namespaces) > MAX_NAMESPACES:
        raise DamagedDocument(f"{url} has {len(namespaces)} namespaces", path=url, remedy="subscribe to another")
    # one declaration for each: feedparser looks through all that it has met
    etree.cleanup_namespaces(root, top_nsmap={f"n{at}": name for at, name in enumerate(sorted(namespaces))})
    tidy = bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))
    if _is_well_formed(tidy):
        return tidy
    raise DamagedDocument(f"{url} is not a feed", path=url, remedy="give the address of its RSS or Atom feed")


def _decode(data: bytes, content_type: str) -> str:
    """By its byte order mark, as the server or the feed itself says, else UTF-8, else windows-1252."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    sent, own = _CHARSET.search(content_type), _DECLARED.search(data[:300])
    declared = find_encoding(own[1].decode("ascii", "replace")) if own else None
    if declared and declared.startswith("utf-"):
        declared = None  # what has been read byte by byte is not in UTF-16
    for encoding in filter(None, [find_encoding(sent[1]) if sent else None, declared, "utf-8"]):
        try:
            return data.decode(encoding)
        except UnicodeError:  # UTF-16 without its mark raises no UnicodeDecodeError
            continue
    return data.decode("windows-1252", errors="replace")


def _parse(data: bytes, url: str) -> etree._Element:
    """The tree; where it is not well-formed, of what is meant."""
    if not _is_well_formed(data):
        data = mend_form(data, most_prefixes=MAX_NAMESPACES)
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_pis=True,
        remove_comments=True,
        huge_tree=True,  # there are no entities, so that nothing grows beyond the bytes that were fetched
    )
    try:
        root: etree._Element | None = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise DamagedDocument(f"{url} is not a feed", path=url, remedy="give the address of its RSS or Atom feed")
    if any(fault.type in _LIMITS and fault.level == etree.ErrorLevels.FATAL for fault in parser.error_log):
        # a parser that recovers stops there, and every later article would be missing without a word
        raise DamagedDocument(
            f"{url} has elements in elements, thousands deep", path=url, remedy="tell its author, or remove the feed"
        )
    return root


def _is_well_formed(data: bytes) -> bool:
    """By the parser that feedparser uses: where that fails, it would fall back to its own slow one."""
    try:
        expat.ParserCreate(namespace_separator=" ").Parse(data, True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _cut(root: etree._Element) -> None:
    """Drop items, children and letters beyond what feeds have."""
    items = 0
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        counts: Counter[str] = Counter()
        for child in list(parent):
            name = local_name(child)
            counts[name] += 1
            items += name in _ITEMS
            is_beyond = items > MAX_ITEMS if name in _ITEMS else _is_beyond(name, counts)
            if is_beyond:
                parent.remove(child)
            elif name not in _TEXTS:
                waiting.append(child)
                most_chars = _MOST_CHARS.get(name, _MOST_CHARS_ELSE)
                if child.text and len(child.text) > most_chars:
                    child.text = child.text[:most_chars]


def _is_beyond(name: str, counts: Counter[str]) -> bool:
    most = _MOST_CHILDREN.get(name, _MOST_CHILDREN_ELSE)
    return counts[name] > most or counts.total() - counts["item"] - counts["entry"] > _MOST_CHILDREN_ELSE
