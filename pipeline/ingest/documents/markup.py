"""What an element of (X)HTML means for reading aloud: its block kind, or why it is not spoken.

Follows EPUB 3.3 structural semantics (`epub:type`), DPUB-ARIA 1.1 roles and common EPUB 2 habits.
"""

import re
from dataclasses import dataclass

from lxml import etree

from pipeline.model.text import BlockKind

EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
SKIP_ATTRIBUTE = "data-bookcast-skip"
"""Holds the reason why an element is not spoken, in documents that Bookcast has made of articles."""
_MOST_INDENTED_CHARS = 400
"""A mark and the white space behind it."""
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

NOT_TEXT = frozenset({"script", "style", "head", "template", "title", "meta", "link", "object", "iframe"})
BLOCK_TAGS = frozenset(
    re.findall(
        r"\w+",
        """address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption
        figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section
        summary table tbody tfoot thead tr ul""",
    )
)
_KINDS = {
    "blockquote": BlockKind.QUOTE,
    "li": BlockKind.LIST_ITEM,
    "dt": BlockKind.LIST_ITEM,
    "dd": BlockKind.LIST_ITEM,
    "figcaption": BlockKind.CAPTION,
    "caption": BlockKind.CAPTION,
    "pre": BlockKind.CODE,
    "table": BlockKind.TABLE,
}
_VERSE = re.compile(r"(^|[\s:-])(poem|verse|song|hymn|lyrics|stanza|poetry)($|[\s_-])")
_NOTE_BODIES = frozenset(
    f"{prefix}{name}" for name in ("footnote", "endnote", "rearnote", "note") for prefix in ("", "doc-")
) | {"footnotes", "endnotes", "rearnotes", "doc-endnotes"}
_NOTE_CLASS = re.compile(r"\s(footnotes?|endnotes?)(-item)?\s")
_NAVIGATION = frozenset(
    {"toc", "landmarks", "page-list", "loi", "lot", "index-locator", "doc-toc", "doc-pagelist", "navigation"}
)
_NOTE_MARK = re.compile(r"^[\[(]?(\d{1,4}|[*†‡§¶]{1,4}|[a-z]|[ivxl]{1,5}|[↩↑⇑^]\ufe0e?)[\])]?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text directly inside an element is to be read."""

    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    language: str = ""
    skip_reason: str = ""
    preformatted: bool = False
    silent: bool = False
    """Inside something that holds no text for readers: scripts, styles, the head."""


def local_name(element: etree._Element) -> str:
    """The tag without its namespace, in lower case; empty for comments and instructions."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def semantics(element: etree._Element) -> frozenset[str]:
    """The words of `epub:type` and `role`, without their prefixes."""
    words = f"{element.get(EPUB_TYPE) or element.get('epub:type') or ''} {element.get('role') or ''}".split()
    return frozenset(word.rpartition(":")[2].lower() for word in words)


def is_block(element: etree._Element) -> bool:
    """True where the element begins and ends a block of its own."""
    return local_name(element) in BLOCK_TAGS


def read_element(element: etree._Element, outer: Reading) -> Reading:
    """How `element`'s own text is read, inside a parent that is read as `outer`."""
    tag, words = local_name(element), semantics(element)
    language = element.get(XML_LANG) or element.get("lang") or outer.language
    kind, level = _kind(tag, words, f" {element.get('class') or ''} ".lower(), element, outer)
    return Reading(
        kind=kind,
        level=level,
        language=language,
        skip_reason=outer.skip_reason or _skip_reason(tag, words, element),
        preformatted=outer.preformatted or tag == "pre",
        silent=outer.silent or tag in NOT_TEXT,
    )


def _kind(
    tag: str, words: frozenset[str], classes: str, element: etree._Element, outer: Reading
) -> tuple[BlockKind, int]:
    if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        return BlockKind.HEADING, int(tag[1])
    if words & {"title", "subtitle", "ordinal"} and tag in {"p", "div"}:
        return BlockKind.HEADING, outer.level or 2
    if words & _NOTE_BODIES or (is_block(element) and _NOTE_CLASS.search(classes)):
        return BlockKind.NOTE, 0
    if outer.kind in {BlockKind.NOTE, BlockKind.TABLE}:
        return outer.kind, 0
    if is_block(element) and (_VERSE.search(" ".join(words)) or _VERSE.search(classes)):
        return BlockKind.VERSE, 0
    if outer.kind is BlockKind.VERSE:
        return outer.kind, 0
    return _KINDS.get(tag) or outer.kind, outer.level


def _skip_reason(tag: str, words: frozenset[str], element: etree._Element) -> str:
    if words & {"pagebreak", "doc-pagebreak"} or _is_page_number(element):
        return "page number"
    if words & {"noteref", "doc-noteref", "doc-backlink", "backlink"} or _is_note_mark(tag, element):
        return "note reference"
    if tag == "nav" or words & _NAVIGATION:
        return "navigation"
    if tag in {"rt", "rp"}:
        return "ruby annotation"
    if tag == "svg":
        return "picture"
    style = (element.get("style") or "").replace(" ", "").lower()
    if reason := element.get(SKIP_ATTRIBUTE):
        return str(reason)[:60]
    if element.get("hidden") is not None or "display:none" in style:
        return "hidden"
    return ""


def _is_page_number(element: etree._Element) -> bool:
    classes = set((element.get("class") or "").lower().split())
    is_named = bool(classes & {"pageno", "pagenum", "page-number", "pagebreak", "pagenumber"})
    return is_named and len(short_text(element)) <= 12


def _is_note_mark(tag: str, element: etree._Element) -> bool:
    """EPUB 2 has no word for it: a short linked mark, raised or said to be a note by its class or target."""
    if tag == "sup":
        links = [child for child in element if local_name(child) == "a" and child.get("href")]
        return bool(links) and bool(_NOTE_MARK.match(short_text(element)))
    if tag != "a" or "#" not in (element.get("href") or ""):
        return False
    hint = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('href') or ''}".lower()
    raised = any(local_name(child) == "sup" for child in element)
    return (raised or bool(re.search(r"note|#fn|#_ftn|#ftn", hint))) and bool(_NOTE_MARK.match(short_text(element)))


def short_text(element: etree._Element, most_chars: int = 40) -> str:
    """The text of an element without the white space around it; of a long one, a beginning that is longer than that."""
    text = ""
    for piece in element.itertext():
        text = (text + piece).lstrip()
        if len(text) > _MOST_INDENTED_CHARS or len(text.rstrip()) > most_chars:
            break
    return text.rstrip()
