"""Bytes of a feed -> its items: RSS 0.9x to 2.0 and Atom, by feedparser, which is given bytes and fetches nothing."""

import html
import re
from dataclasses import dataclass
from time import struct_time
from typing import Any
from urllib.parse import urljoin

import feedparser

from pipeline.errors import DamagedDocument

MAX_ITEMS = 500
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """An article that a feed announces."""

    guid: str
    """What the feed knows it by: its guid, else its link."""
    link: str
    title: str
    published: str
    """ISO 8601 date, or empty."""
    author: str
    content: str
    """HTML as far as the feed holds it; often only the beginning."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as read."""

    title: str
    items: tuple[FeedItem, ...]
    """In the order of the feed."""


def parse_feed(data: bytes, *, url: str) -> Feed:
    """The feed in `data`. Raises: DamagedDocument where it is none."""
    found = feedparser.parse(data)
    if not found.get("version") or not (found.entries or found.feed.get("title")):
        raise DamagedDocument(f"{url} is not a feed", path=url, remedy="give the address of its RSS or Atom feed")
    items = [item for entry in found.entries[:MAX_ITEMS] if (item := _item(entry, url))]
    return Feed(_plain(found.feed.get("title", "")) or url, tuple(items))


def _item(entry: Any, url: str) -> FeedItem | None:
    link = urljoin(url, str(entry.get("link", ""))) if entry.get("link") else ""
    guid = str(entry.get("id", "")) or link
    if not guid:
        return None
    bodies = [str(part.get("value", "")) for part in entry.get("content", [])] or [str(entry.get("summary", ""))]
    return FeedItem(
        guid=guid[:1000],
        link=link,
        title=_plain(entry.get("title", "")) or "Untitled",
        published=_date(entry.get("published_parsed") or entry.get("updated_parsed")),
        author=_plain(entry.get("author", "")),
        content=max(bodies, key=len),
    )


def _plain(text: str) -> str:
    return _text(str(text))[:300]


def _date(moment: struct_time | None) -> str:
    return f"{moment.tm_year:04d}-{moment.tm_mon:02d}-{moment.tm_mday:02d}" if moment else ""


def text_length(content: str) -> int:
    """Characters of the text in a piece of HTML."""
    return len(_text(content))


def _text(content: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", content)).split())
