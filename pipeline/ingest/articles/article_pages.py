"""The pages of one article -> the article as a whole."""

import re
from copy import deepcopy
from dataclasses import replace
from urllib.parse import urlsplit

from pipeline.ingest.articles.canonical_link import MAX_ADDRESS_CHARS, absolute_link
from pipeline.ingest.articles.parse_article import Article, parse_page
from pipeline.ingest.documents.markup import short_text
from pipeline.ingest.documents.plain_line import plain_line

_LABEL_CHARS = 200


def find_next_page(data: bytes, *, url: str) -> str:
    """The address of the article's next page, or empty; links to another article do not count."""
    root = parse_page(data, url=url)
    for element in root.iter("link", "a"):
        label = plain_line(
            f"{element.get('rel') or ''} {element.get('class') or ''} {short_text(element, _LABEL_CHARS)}"
        ).lower()
        address = absolute_link(url, element.get("href"))
        if re.search(r"\bnext\b|nächste seite|下一页|page suivante", label) and is_next_page(url, address):
            return address
    return ""


def is_next_page(url: str, other: str) -> bool:
    """True where `other` is `url` with the next page number.

    >>> is_next_page("https://a.org/story", "https://a.org/story/2"), is_next_page("https://a.org/1", "https://a.org/x")
    (True, False)
    """
    before, after = _numbered(url), _numbered(other)
    return before[0] == after[0] and after[1] == before[1] + 1


def _numbered(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url[:MAX_ADDRESS_CHARS])
    except ValueError:
        return url, 1
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
