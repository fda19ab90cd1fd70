"""JSON Feed 1.0 and 1.1 -> its items."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import DamagedDocument
from pipeline.ingest.articles.canonical_link import absolute_link
from pipeline.ingest.documents.plain_line import plain_line, plain_text, plain_title
from pipeline.model.syndication.feed import MOMENT, Feed, FeedFacts, FeedItem

_VERSION = "https://jsonfeed.org/version/"


def parse_json_feed(data: bytes, *, url: str) -> Feed:
    """The feed in `data`. Raises: DamagedDocument where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _no_feed(url) from error
    if not isinstance(value, dict) or not str(value.get("version", "")).startswith(_VERSION):
        raise _no_feed(url)
    items = value.get("items")
    return Feed(
        plain_title(str(value.get("title") or ""))[:300] or urlsplit(url).hostname or url,
        tuple(i for v in (items if isinstance(items, list) else []) if isinstance(v, dict) and (i := _item(v, url))),
        FeedFacts(
            site=_address(url, value, "home_page_url"),
            description=_text(value, "description")[:4000],
            author=_author(value),
            language=_text(value, "language")[:35],
            picture=_address(url, value, "icon"),
        ),
    )


def _no_feed(url: str) -> DamagedDocument:
    return DamagedDocument(f"{url} is not a feed", path=url, remedy="give the address of its RSS, Atom or JSON feed")


def _item(value: dict[str, Any], url: str) -> FeedItem | None:
    link = _address(url, value, "url") or _address(url, value, "external_url")
    guid = plain_line(str(value.get("id") or "")) or link
    if not guid:
        return None
    content = value.get("content_html")
    if not isinstance(content, str):
        content = _paragraphs(str(value.get("content_text") or ""))
    tags = value.get("tags")
    return FeedItem(
        guid=guid[:1000],
        link=link,
        title=plain_title(str(value.get("title") or ""))[:300] or plain_text(content)[:80] or "Untitled",
        published=_moment(value, "date_published") or _moment(value, "date_modified"),
        updated=_moment(value, "date_modified"),
        author=_author(value),
        content=content,
        is_whole=bool(content),
        summary=_text(value, "summary")[:4000],
        categories=tuple(plain_line(str(tag)) for tag in tags) if isinstance(tags, list) else (),
        picture=_address(url, value, "image") or _address(url, value, "banner_image"),
    )


def _paragraphs(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"<p>{paragraph}</p>" for paragraph in escaped.split("\n\n") if paragraph.strip())


def _text(value: dict[str, Any], key: str) -> str:
    return plain_text(str(value.get(key) or ""))


def _author(value: dict[str, Any]) -> str:
    authors = value.get("authors") or [value.get("author")]  # 1.1, 1.0
    names = [_text(author, "name") for author in authors if isinstance(author, dict)] if authors else []
    return ", ".join(filter(None, names))[:300]


def _address(base: str, value: dict[str, Any], key: str) -> str:
    link = value.get(key)
    return absolute_link(base, link) if isinstance(link, str) else ""


def _moment(value: dict[str, Any], key: str) -> str:
    """RFC 3339."""
    try:
        moment = datetime.fromisoformat(str(value.get(key) or ""))
    except ValueError:
        return ""
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).strftime(MOMENT)
