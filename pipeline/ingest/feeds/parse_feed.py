"""Bytes of a feed -> its items: RSS 0.9x to 2.0 and Atom by feedparser, JSON Feed by `json_feed`."""

from calendar import timegm
from datetime import UTC, datetime
from time import struct_time
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import DamagedDocument
from pipeline.extras import needing
from pipeline.ingest.articles.canonical_link import absolute_link
from pipeline.ingest.documents.plain_line import plain_line, plain_text, plain_title
from pipeline.ingest.feeds.json_feed import parse_json_feed
from pipeline.ingest.feeds.tidy_feed import tidy_feed
from pipeline.model.syndication.feed import MOMENT, Feed, FeedFacts, FeedItem

MAX_TITLE_CHARS = 300
MAX_SUMMARY_CHARS = 4_000


def parse_feed(data: bytes, *, url: str, content_type: str = "") -> Feed:
    """The feed in `data`.

    Args:
        data: as fetched.
        url: where it came from; relative links start there.
        content_type: as the server gave it, for the encoding.

    Raises:
        DamagedDocument: it is none, or declares entities of its own.
        MissingExtra
    """
    with needing("feeds"):
        import feedparser

    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return parse_json_feed(data, url=url)
    tidy = tidy_feed(data, url=url, content_type=content_type)
    headers = {"content-location": url, "content-type": "application/xml; charset=utf-8"}
    # nobody follows the links inside of an article, and its markup is read for its text alone
    found = feedparser.parse(tidy, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    channel = found.feed
    if not found.get("version") or not (found.entries or _title(channel.get("title", ""))):
        raise DamagedDocument(f"{url} is not a feed", path=url, remedy="give the address of its RSS or Atom feed")
    return Feed(
        _title(channel.get("title", "")) or urlsplit(url).hostname or url,
        tuple(item for entry in found.entries if (item := _item(entry, url))),
        FeedFacts(
            site=absolute_link(url, channel.get("link")),
            description=plain_text(str(channel.get("subtitle", "")))[:MAX_SUMMARY_CHARS],
            author=_title(channel.get("author", "")),
            language=str(channel.get("language", ""))[:35],
            picture=absolute_link(
                url, channel.get("image", {}).get("href") or channel.get("logo") or channel.get("icon")
            ),
        ),
    )


def _item(entry: Any, url: str) -> FeedItem | None:
    link = absolute_link(url, entry.get("link"))
    guid = plain_line(str(entry.get("id", ""))) or link
    if not guid:
        return None
    bodies = [str(part.get("value", "")) for part in entry.get("content", [])]
    summary = str(entry.get("summary", ""))
    content = max([*bodies, summary], key=len)
    updated = entry["updated_parsed"] if "updated" in entry else None  # feedparser takes another date for it
    return FeedItem(
        guid=guid[:1000],
        link=link,
        title=_title(entry.get("title", "")) or plain_text(summary)[:80] or "Untitled",
        published=_moment(entry.get("published_parsed") or updated),
        updated=_moment(updated),
        author=_author(entry),
        content=content,
        is_whole=bool(bodies) and len(content) > len(summary),
        summary=plain_text(summary)[:MAX_SUMMARY_CHARS],
        categories=tuple(plain_line(str(tag.get("term") or tag.get("label") or "")) for tag in entry.get("tags", [])),
        picture=absolute_link(url, _picture(entry)),
    )


def _author(entry: Any) -> str:
    """RSS 2.0 puts the name in brackets behind an address of mail."""
    detail = entry.get("author_detail", {})
    name = str(detail.get("name") or entry.get("author", ""))
    return "" if "@" in name else _title(name)


def _picture(entry: Any) -> str:
    media = [*entry.get("media_content", []), *entry.get("media_thumbnail", [])]
    pictures = [m.get("url", "") for m in media if m.get("medium", "image") == "image"]
    enclosed = [e.get("href", "") for e in entry.get("enclosures", []) if str(e.get("type", "")).startswith("image/")]
    return next(filter(None, [*enclosed, *pictures]), "")


def _title(text: object) -> str:
    return plain_title(str(text))[:MAX_TITLE_CHARS]


def _moment(moment: struct_time | None) -> str:
    try:
        return datetime.fromtimestamp(timegm(moment), UTC).strftime(MOMENT) if moment else ""
    except (ValueError, OverflowError, OSError):
        return ""
