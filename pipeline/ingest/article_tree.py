"""Trees of pages: what trafilatura would lose is marked before it looks, and its result becomes HTML again.

trafilatura finds the article well but forgets what is a caption and what is a note; words in brackets that
no page holds carry this through it.
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from pipeline.ingest.markup import local_name, semantics

_CAPTION, _NOTE = "⟦caption⟧", "⟦note⟧"
_JUNK = re.compile(
    r"(^|[\s_-])(share|shar(e|ing)-?(bar|buttons?|links?)|sharedaddy|social(-share)?|related|jp-relatedposts|newsletter|"
    r"subscription(-widget)?|cookie|postprofile|post-profile|user-?info|signature|feedflare|advert(isement)?|ad-slot|"
    r"author-bio|navbox|toc|teaser-box|promo)([\s_-]|$)",
    re.IGNORECASE,
)
_CAPTION_CLASS = re.compile(
    r"(^|[\s_-])(thumb|wp-|image-|photo-|figure-)?caption(-text)?(\s|$)|thumbcaption", re.IGNORECASE
)
_NOTES = {"doc-endnotes", "doc-footnote", "doc-footnotes"}
_NOTES_CLASS = re.compile(r"(^|\s)(footnotes?|endnotes?|references|reflist)(\s|$)", re.IGNORECASE)
_NOTE_MARK = re.compile(r"^\s*[\[(]?(\d{1,3}|[*†‡§]{1,3}|[a-z]|[↩↑^]\ufe0e?)[\])]?\s*$", re.IGNORECASE)
_MOST_OF_PAGE = 0.4
_CELLS = {"table", "tbody", "thead", "tfoot", "tr", "td", "th"}


def mark_for_extraction(root: Any) -> None:
    """Prepare a page's tree for trafilatura, in place."""
    prune_junk(root)
    for table in list(root.iter("table")):
        _free_layout(table)
    for element in list(root.iter()):
        if not isinstance(element.tag, str):
            continue
        if element.tag == "figure":
            element.tag = "div"
        elif _is_caption(element):
            _mark_caption(element)
        elif _is_note_mark(element):
            element.drop_tree()
        elif semantics(element) & _NOTES or _NOTES_CLASS.search(element.get("class") or ""):
            _mark_notes(element)


def prune_junk(root: Any) -> None:
    """Drop what its class or id calls sharing, advertising and the like, unless it holds much of the page."""
    whole = len(root.text_content()) or 1
    for element in list(root.iter("div", "section", "aside", "ul", "p", "nav", "table", "footer")):
        names = f"{element.get('class') or ''} {element.get('id') or ''}"
        is_small = len(element.text_content()) < whole * _MOST_OF_PAGE
        if _JUNK.search(names) and is_small and element.getparent() is not None:
            element.drop_tree()


def _free_layout(table: Any) -> None:
    """A table that lays a page out holds headings or several paragraphs in a cell; its cells are no cells then."""
    cells = list(table.iter("td", "th"))
    if any(cell.find(".//h1") is not None or len(cell.findall(".//p")) > 1 for cell in cells):
        for element in table.iter():
            if local_name(element) in _CELLS:
                element.tag = "div"


def _is_caption(element: Any) -> bool:
    if element.tag in {"figcaption", "caption"}:
        return True
    return element.tag in {"div", "p", "span"} and bool(_CAPTION_CLASS.search(element.get("class") or ""))


def _mark_caption(element: Any) -> None:
    """A paragraph of its own; that of a table stands before the table."""
    text = " ".join(element.text_content().split())
    parent, is_of_table = element.getparent(), element.tag == "caption"
    paragraph = element.makeelement("p")
    paragraph.text = f"{_CAPTION} {text}" if text else ""
    if is_of_table and parent.getparent() is not None:
        element.drop_tree()
        parent.addprevious(paragraph)
    else:
        paragraph.tail = element.tail
        parent.replace(element, paragraph)


def _is_note_mark(element: Any) -> bool:
    if element.tag == "sup":
        links = [child for child in element.iter("a") if (child.get("href") or "").startswith("#")]
        return bool(links) and bool(_NOTE_MARK.match(element.text_content()))
    words = f"{element.get('class') or ''} {element.get('rel') or ''} {element.get('role') or ''}"
    is_link = element.tag == "a" and (element.get("href") or "").startswith("#")
    return (is_link and bool(_NOTE_MARK.match(element.text_content())) and bool(re.search("note|ref|back", words))) or (
        is_link and element.text_content().strip() in {"↩", "↩︎", "↑", "¶"}
    )


def _mark_notes(section: Any) -> None:
    for item in section.iter("li", "p"):
        if item.tag == "li" and item.find("p") is not None:
            continue
        item.text = f"{_NOTE} {item.text or ''}"


_TAGS = {"quote": "blockquote", "item": "li", "table": "table", "row": "tr", "code": "pre", "lb": "br", "p": "p"}
_INLINE = {"#b": "strong", "#i": "em", "#t": "code", "#sup": "sup", "#sub": "sub", "#u": "u"}


def as_html(found: Any) -> etree._Element:
    """What trafilatura gives as its own elements, as a `body` of HTML."""
    body = etree.Element("body")
    for child in found:
        _convert(child, body, inside_code=False)
    _place_marks(body)
    return body


def _convert(element: Any, parent: Any, *, inside_code: bool) -> None:
    tag = _html_tag(element, inside_code=inside_code)
    made = etree.SubElement(parent, tag) if tag else parent
    _append_text(made, element.text)
    for child in element:
        _convert(child, made, inside_code=inside_code or tag == "pre")
    _append_text(parent, element.tail)


def _html_tag(element: Any, *, inside_code: bool) -> str:
    tag = local_name(element)
    if tag == "head":
        level = str(element.get("rend") or "h2")
        return level if re.fullmatch("h[1-6]", level) else "h2"
    if tag == "list":
        return "ol" if element.get("rend") == "ol" else "ul"
    if tag == "cell":
        return "th" if element.get("role") == "head" else "td"
    if tag == "hi":
        return _INLINE.get(str(element.get("rend")), "span")
    if tag == "code" and (inside_code or local_name(element.getparent()) in {"p", "item", "cell", "head", "hi"}):
        return "" if inside_code else "code"
    return _TAGS.get(tag, "")


def _append_text(parent: Any, text: str | None) -> None:
    if not text:
        return
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _place_marks(body: Any) -> None:
    """Marked paragraphs become captions and notes."""
    for element in list(_marked(body)):
        text = str(element.text)
        if text.lstrip().startswith(_CAPTION):
            element.tag, element.text = "figcaption", text.replace(_CAPTION, "", 1).lstrip()
        else:
            element.text = text.replace(_NOTE, "", 1).lstrip()
            element.set("role", "doc-footnote")


def _marked(body: Any) -> Iterator[Any]:
    for element in body.iter():
        if isinstance(element.tag, str) and (element.text or "").lstrip().startswith((_CAPTION, _NOTE)):
            yield element
