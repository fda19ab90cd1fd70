"""A web page, or what a feed holds -> the article: its facts and its text without what stands around it."""

import html
import json
import re
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import trafilatura
from lxml import etree
from lxml import html as lxml_html

from pipeline.errors import DamagedDocument, DocumentTooLarge, EmptyDocument
from pipeline.ingest.article_tree import as_html, mark_for_extraction, prune_junk
from pipeline.ingest.html import MAX_TAGS
from pipeline.ingest.markup import local_name
from pipeline.ingest.plain import plain_line, plain_text
from pipeline.model.feed import FeedItem

_ELEMENTS: Any = lxml_html  # its types are known to some releases of the stubs only
MIN_WORDS = 20
"""A page with fewer in its text holds no article."""
PAYWALLED_CHARS = 2_500
"""A page that says that it is not free, and shows less than this, shows only the beginning."""
_TEASER_END = re.compile(
    r"(subscri\w+ (now )?to (continue|keep|read)|to continue reading|already a subscriber|for subscribers only|"
    r"sign in to (read|continue)|subscribe to unlock|weiterlesen mit|réservé aux abonnés)",
    re.IGNORECASE,
)
_PAYWALL = re.compile(r"(^|[\s_-])(paywall|regwall|subscriber-?only|premium-?wall)", re.IGNORECASE)
_CUT = re.compile(r"(\[?(…|\.\.\.)\]?|(read more|read on|continue reading|weiterlesen)\W*)$", re.IGNORECASE)
_WHOLE_CHARS = 400
_LONG_SUMMARY_CHARS = 1_500


@dataclass(frozen=True, slots=True)
class Article:
    """An article as read."""

    title: str
    body: etree._Element
    """A `body` of HTML with its text alone: headings, paragraphs, lists, quotes, tables, captions, code, notes."""
    author: str = ""
    published: str = ""
    """ISO 8601 date or moment in UTC, or empty."""
    site: str = ""
    language: str = ""
    """BCP 47 tag, or empty."""
    picture: str = ""
    """Address of its lead picture, or empty."""
    url: str = ""
    """The canonical address, or empty."""
    summary: str = ""


def parse_article(data: bytes, *, url: str) -> Article:
    """The article of a page.

    Raises:
        EmptyDocument: it holds none, or only the beginning of one that has to be paid for.
        DamagedDocument, DocumentTooLarge: it cannot be read.
    """
    root = parse_page(data, url=url)
    prepared = deepcopy(root)
    mark_for_extraction(prepared)
    found: Any = trafilatura.bare_extraction(
        prepared,
        url=url,
        include_comments=False,
        include_formatting=True,
        include_tables=True,
        with_metadata=True,
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    if found is None or found.body is None:
        raise _no_article(url)
    body = as_html(found.body)
    _check_whole(root, body, url)
    return Article(
        plain_line(found.title or "") or _head_title(root),
        body,
        author=_name(found.author or ""),
        published=found.date or "",
        site=plain_line(found.sitename or "") or urlsplit(url).hostname or "",
        language=root.get("lang") or "",
        picture=urljoin(url, found.image) if found.image else "",
        url=urljoin(url, found.url) if found.url else url,
        summary=plain_text(found.description or ""),
    )


def article_of_item(item: FeedItem) -> Article:
    """The article as far as the feed holds it. Raises: EmptyDocument, DamagedDocument."""
    root = parse_page(f"<html><body>{item.content}</body></html>".encode(), url=item.link or item.guid)
    body = root.find("body")
    if body is None:
        raise _no_article(item.link or item.guid)
    prune_junk(body)
    for element in [e for e in body.iter() if local_name(e) in {"script", "style", "form", "iframe", "nav", "button"}]:
        element.drop_tree()
    return with_item(Article(item.title, body), item)


def with_item(article: Article, item: FeedItem) -> Article:
    """The article with what the feed knows of it, which stands before what the page says of itself."""
    known: dict[str, Any] = {
        "title": item.title,
        "author": item.author,
        "published": item.published,
        "summary": item.summary,
        "picture": article.picture or item.picture,
        "url": item.link,
    }
    return replace(article, **{key: value for key, value in known.items() if value})


def is_whole(item: FeedItem) -> bool:
    """True where the feed holds the whole article, so that its page need not be fetched."""
    text = plain_text(item.content)
    if _CUT.search(text[-40:]) or not text:
        return not item.link and bool(text)
    return not item.link or len(text) >= (_WHOLE_CHARS if item.is_whole else _LONG_SUMMARY_CHARS)


def parse_page(data: bytes, *, url: str) -> Any:
    """The tree of a page, by lxml.html. Raises: DamagedDocument, DocumentTooLarge."""
    if data.count(b"<") > MAX_TAGS:
        raise DocumentTooLarge(f"{url} holds more than {MAX_TAGS:,} tags", path=url, remedy="save it as a file")
    text = trafilatura.utils.decode_file(data)
    try:
        parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
        parser.set_element_class_lookup(_ELEMENTS.HtmlElementClassLookup())
        root = etree.fromstring(text.encode(), parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise DamagedDocument(f"{url} holds no readable markup", path=url) from error
    if root is None:
        raise _no_article(url)
    return root


def find_next_page(data: bytes, *, url: str) -> str:
    """The address of the article's next page, or empty; links to another article do not count."""
    root = parse_page(data, url=url)
    for element in root.iter("link", "a"):
        label = plain_line(f"{element.get('rel') or ''} {element.get('class') or ''} {element.text_content()}").lower()
        address = urljoin(url, element.get("href") or "")
        if re.search(r"\bnext\b|nächste seite|下一页|page suivante", label) and is_next_page(url, address):
            return str(address)
    return ""


def is_next_page(url: str, other: str) -> bool:
    """True where `other` is `url` with the next page number.

    >>> is_next_page("https://a.org/story", "https://a.org/story/2"), is_next_page("https://a.org/1", "https://a.org/x")
    (True, False)
    """
    before, after = _numbered(url), _numbered(other)
    return before[0] == after[0] and after[1] == before[1] + 1


def _numbered(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    place = f"{parts.hostname}{parts.path}?{parts.query}".rstrip("?/")
    match = re.search(r"[/?&_-](?:page|p|seite|pg)?[/=_-]?(\d{1,3})(\.\w{2,5})?$", place)
    return (place[: match.start()] + (match[2] or ""), int(match[1])) if match else (place, 1)


def join_pages(pages: list[Article]) -> Article:
    """The pages of one article as one; a block that an earlier page had is left out."""
    first = replace(pages[0], body=deepcopy(pages[0].body))
    seen = {plain_line(block.xpath("string()")) for block in first.body}
    for page in pages[1:]:
        fresh = [block for block in page.body if plain_line(block.xpath("string()")) not in seen]
        seen.update(plain_line(block.xpath("string()")) for block in fresh)
        first.body.extend(deepcopy(block) for block in fresh)
    return first


def _check_whole(root: Any, body: etree._Element, url: str) -> None:
    text = plain_line(str(body.xpath("string()")))
    walled = any(
        _PAYWALL.search(f"{e.get('class') or ''} {e.get('id') or ''}") for e in root.iter("div", "section", "aside")
    )
    not_free = any(
        _not_free(script.text or "") for script in root.iter("script") if "ld+json" in (script.get("type") or "")
    )
    if (len(text) < PAYWALLED_CHARS and (walled or not_free)) or (len(text) < 1200 and _TEASER_END.search(text)):
        raise EmptyDocument(
            f"{url} shows only the beginning: the rest has to be paid for",
            path=url,
            remedy="save the page while you are signed in, and give the file",
        )
    if len(text.split()) < MIN_WORDS and len(text) < MIN_WORDS * 4:
        raise _no_article(url)


def _not_free(text: str) -> bool:
    """schema.org: isAccessibleForFree."""
    try:
        found = json.dumps(json.loads(text)).lower()
    except (ValueError, RecursionError):
        return False
    return bool(re.search(r'"isaccessibleforfree": ("?)false\1', found))


def _no_article(url: str) -> EmptyDocument:
    return EmptyDocument(f"{url} holds no article", path=url, remedy="save the page and give the file")


def _head_title(root: Any) -> str:
    return plain_line(html.unescape(root.findtext(".//title") or "")) or "Untitled"


def _name(author: str) -> str:
    """Whole sentences that stand where a name should are none."""
    names = [plain_line(name) for name in author.split(";")]
    return ", ".join(name for name in names if name and len(name.split()) <= 5 and "http" not in name)
