"""Trees of pages: what trafilatura would lose is marked before it looks, and its result becomes HTML again.

trafilatura finds the article well but forgets what is a caption and what is a note; words in brackets that
no page holds carry this through it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from pipeline.ingest.documents.markup import local_name, semantics, short_text

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
    _free_layouts(root)
    doomed: list[Any] = []
    in_captions: set[Any] = set()
    in_notes: set[Any] = set()
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or element in in_captions:
            continue
        if element.tag == "figure":
            element.tag = "div"
        elif _is_caption(element):
            in_captions.update(element.iter())
            doomed.append(_mark_caption(element))
        elif _is_note_mark(element):
            doomed.append(element)
        elif element not in in_notes and _holds_notes(element):
            in_notes.update(element.iter())
            _mark_notes(element)
    drop_trees(doomed)


def prune_junk(root: Any) -> None:
    """Drop what its class or id calls sharing, advertising and the like, unless it holds much of the page."""
    lengths = _text_lengths(root)
    whole = lengths[root] or 1
    junk = []
    for element in root.iter("div", "section", "aside", "ul", "p", "nav", "table", "footer"):
        names = f"{element.get('class') or ''} {element.get('id') or ''}"
        if _JUNK.search(names) and lengths[element] < whole * _MOST_OF_PAGE and element is not root:
            junk.append(element)
    drop_trees(junk)


def _text_lengths(root: Any) -> dict[Any, int]:
    """Characters of text in each element, found in one walk: asking each would be the square of a deep tree."""
    lengths: dict[Any, int] = {}
    before: list[int] = []  # how much text of the whole tree stands before each open element
    count = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            before.append(count)
            count += len(element.text or "")
        else:
            lengths[element] = count - before.pop()
            count += len(element.tail or "")
    return lengths


def drop_trees(elements: Iterable[Any]) -> None:
    """Remove elements with all that is in them; the text behind each stays where it is.

    All of a parent at once: each by itself would copy the text that has gathered before it.
    """
    doomed = set(elements)
    for parent in dict.fromkeys(element.getparent() for element in doomed):
        if parent is not None:
            _drop_children(parent, doomed)


def _drop_children(parent: Any, doomed: set[Any]) -> None:
    kept: Any = None
    texts = [parent.text or ""]
    for child in [*parent, None]:
        if child is not None and child in doomed:
            texts.append(child.tail or "")
            parent.remove(child)
            continue
        if len(texts) > 1 and kept is None:
            parent.text = "".join(texts)
        elif len(texts) > 1:
            kept.tail = "".join(texts)
        kept, texts = child, [child.tail or ""] if child is not None else []


def _free_layouts(root: Any) -> None:
    """A table that lays a page out holds headings or several paragraphs in a cell; its cells are no cells then."""
    laid_out: set[Any] = set()
    paragraphs: Counter[Any] = Counter()
    for element in root.iter("h1", "p"):
        for cell in element.iterancestors("td", "th"):
            paragraphs[cell] += 2 if element.tag == "h1" else 1
            if paragraphs[cell] > 1:
                laid_out.update(cell.iterancestors("table"))
                break  # what is around it is laid out with it
    for table in laid_out:
        if laid_out.isdisjoint(table.iterancestors("table")):
            for element in table.iter():
                if local_name(element) in _CELLS:
                    element.tag = "div"


def _is_caption(element: Any) -> bool:
    if element.tag in {"figcaption", "caption"}:
        return True
    return element.tag in {"div", "p", "span"} and bool(_CAPTION_CLASS.search(element.get("class") or ""))


def _mark_caption(element: Any) -> Any:
    """A paragraph of its own; that of a table stands before the table. Gives what is left of it, to be dropped."""
    text = " ".join(element.text_content().split())
    parent, is_of_table = element.getparent(), element.tag == "caption"
    paragraph = element.makeelement("p")
    paragraph.text = f"{_CAPTION} {text}" if text else ""
    if is_of_table and parent.getparent() is not None:
        parent.addprevious(paragraph)
    else:
        paragraph.tail = element.tail
        parent.replace(element, paragraph)
    return element


def _is_note_mark(element: Any) -> bool:
    if element.tag == "sup":
        links = [child for child in element.iter("a") if (child.get("href") or "").startswith("#")]
        return bool(links) and bool(_NOTE_MARK.match(short_text(element)))
    words = f"{element.get('class') or ''} {element.get('rel') or ''} {element.get('role') or ''}"
    is_link = element.tag == "a" and (element.get("href") or "").startswith("#")
    if not is_link:
        return False
    mark = short_text(element)
    return (bool(_NOTE_MARK.match(mark)) and bool(re.search("note|ref|back", words))) or mark in {"↩", "↩︎", "↑", "¶"}


def _holds_notes(element: Any) -> bool:
    return bool(semantics(element) & _NOTES or _NOTES_CLASS.search(element.get("class") or ""))


def _mark_notes(section: Any) -> None:
    for item in section.iter("li", "p"):
        if item.tag == "li" and item.find("p") is not None:
            continue
        item.text = f"{_NOTE} {item.text or ''}"


_TAGS = {"quote": "blockquote", "item": "li", "table": "table", "row": "tr", "code": "pre", "lb": "br", "p": "p"}
_INLINE = {"#b": "strong", "#i": "em", "#t": "code", "#sup": "sup", "#sub": "sub", "#u": "u"}


def as_html(found: Any) -> etree._Element:
    """What trafilatura gives as its own elements, as a `body` of HTML."""
    builder = etree.TreeBuilder()
    builder.start("body", {})
    opened: list[tuple[str, bool]] = [("body", False)]
    for event, element in etree.iterwalk(found, events=("start", "end")):
        if element is found:
            continue
        if event == "start":
            inside_code = opened[-1][1]
            tag = _html_tag(element, inside_code=inside_code)
            opened.append((tag, inside_code or tag == "pre"))
            if tag:
                builder.start(tag, {})
            builder.data(element.text or "")
        else:
            tag, _ = opened.pop()
            if tag:
                builder.end(tag)
            builder.data(element.tail or "")
    builder.end("body")
    body = builder.close()
    _place_marks(body)
    return body


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
