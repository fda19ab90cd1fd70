"""A web page -> the article in it: its facts and its text without what stands around it."""

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml import html as lxml_html

from pipeline.errors import DamagedDocument, EmptyDocument
from pipeline.extras import needing
from pipeline.ingest.articles.article_tree import as_html, mark_for_extraction
from pipeline.ingest.documents.markup_bounds import MAX_TAGS, check_attributes, check_tags
from pipeline.ingest.documents.plain_line import plain_line, plain_text, unescape

_ELEMENTS: Any = lxml_html  # its types are known to some releases of the stubs only
MAX_PAGE_TAGS = 100_000
"""What trafilatura takes 10 seconds for, whatever they are; the longest articles have half as many."""
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


@cache
def _extractor() -> Any:
    with needing("feeds"):
        import trafilatura
    return trafilatura


def parse_article(data: bytes, *, url: str) -> Article:
    """The article of a page.

    Raises:
        EmptyDocument: it holds none, or only the beginning of one that has to be paid for.
        DamagedDocument, DocumentTooLarge: it cannot be read.
        MissingExtra
    """
    root = parse_page(data, url=url, most_tags=MAX_PAGE_TAGS)
    prepared = deepcopy(root)
    mark_for_extraction(prepared)
    found: Any = _extractor().bare_extraction(
        prepared,
        url=url,
        include_comments=False,
        include_formatting=True,
        include_tables=True,
        with_metadata=True,
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    if found is None or found.body is None:
        raise no_article(url)
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


def parse_page(data: bytes, *, url: str, most_tags: int = MAX_TAGS) -> Any:
    """The tree of a page, by lxml.html. Raises: DamagedDocument, DocumentTooLarge, MissingExtra."""
    check_tags(data, name=url, most=most_tags)
    text = _extractor().utils.decode_file(data)
    check_attributes(text.encode(), name=url)
    try:
        parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
        parser.set_element_class_lookup(_ELEMENTS.HtmlElementClassLookup())
        root = etree.fromstring(text.encode(), parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise DamagedDocument(f"{url} holds no readable markup", path=url) from error
    if root is None:
        raise no_article(url)
    return root


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
        raise no_article(url)


def _not_free(text: str) -> bool:
    """schema.org: isAccessibleForFree."""
    try:
        found = json.dumps(json.loads(text)).lower()
    except (ValueError, RecursionError):
        return False
    return bool(re.search(r'"isaccessibleforfree": ("?)false\1', found))


def no_article(url: str) -> EmptyDocument:
    """The error of a page without an article."""
    return EmptyDocument(f"{url} holds no article", path=url, remedy="save the page and give the file")


def _head_title(root: Any) -> str:
    return plain_line(unescape(root.findtext(".//title") or "")) or "Untitled"


def _name(author: str) -> str:
    """Whole sentences that stand where a name should are none."""
    names = [plain_line(name) for name in author.split(";")]
    return ", ".join(name for name in names if name and len(name.split()) <= 5 and "http" not in name)
