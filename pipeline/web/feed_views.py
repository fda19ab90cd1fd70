"""What the page and the REST interface show of feeds and podcasts, as plain values."""

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import segno
from fastapi import Request

from pipeline.errors import StoreError
from pipeline.model.feed import MOMENT, FeedOptions
from pipeline.stages.context import Context
from pipeline.stages.podcast import ALL
from pipeline.stages.subscribers import address_token
from pipeline.store.feeds import DONE, FAILED, SKIPPED, StoredFeed, StoredItem
from pipeline.web.errors import without_paths

SHOWN = 200
"""Articles of a feed on its page."""


def get_feed(context: Context, name: str) -> StoredFeed:
    """The feed whose podcast has that name. Raises: StoreError."""
    feed = context.store.feeds.find_named(name)
    if feed is None or not name:
        raise StoreError(f'There is no feed "{name}"', remedy="bookcast feeds list shows them")
    return feed


def feeds(context: Context) -> list[dict[str, Any]]:
    """Every feed with its figures."""
    counts = context.store.feeds.counts()
    return [_figures(feed, counts.get(feed.url, {})) for feed in context.store.feeds.all()]


def feed(context: Context, name: str) -> dict[str, Any]:
    """One feed with its articles, the newest first. Raises: StoreError."""
    stored = get_feed(context, name)
    items = context.store.feeds.items(stored.url, limit=SHOWN)
    return {
        **_figures(stored, context.store.feeds.counts().get(stored.url, {})),
        "options": asdict(stored.options),
        "articles": [_article(item) for item in items],
    }


def changed_options(form: dict[str, str]) -> dict[str, Any]:
    """Values of FeedOptions from a form's fields. Raises: ValueError for what is no number."""
    kinds = {name: type(value) for name, value in asdict(FeedOptions()).items()}
    blank = asdict(FeedOptions())
    return {
        name: kinds[name](value.strip()) if value.strip() else blank[name]
        for name, value in form.items()
        if name in kinds
    }


def podcast_addresses(request: Request, podcast: str) -> list[dict[str, str]]:
    """The address of a podcast for every subscriber, with its QR code as SVG."""
    context: Context = request.app.state.context
    rows = []
    for subscriber in context.store.podcasts.subscribers():
        url = podcast_url(request, address_token(context, subscriber.id), f"{podcast}/feed.xml")
        code = segno.make(url, micro=False).svg_inline(scale=4, border=2, light="#fff", dark="#000")
        rows.append({"subscriber": subscriber.id, "name": subscriber.name, "url": url, "qr": code})
    return rows


def podcast_url(request: Request, token: str, place: str) -> str:
    """Where something of a podcast is, for one subscriber."""
    return f"{str(request.base_url).rstrip('/')}/podcast/{token}/{quote(place)}"


def all_podcast(request: Request) -> list[dict[str, str]]:
    """The addresses of the podcast of all feeds."""
    return podcast_addresses(request, ALL)


def _figures(feed: StoredFeed, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "name": feed.name,
        "url": feed.url,
        "address": feed.address,
        "title": feed.title,
        "site": feed.facts.site,
        "checked_at": feed.checked_at.strftime(MOMENT) if feed.checked_at else "",
        "error": without_paths(feed.error),
        "ended": feed.ended,
        "narrated": counts.get(DONE, 0),
        "failed": counts.get(FAILED, 0),
        "skipped": counts.get(SKIPPED, 0),
    }


def _article(item: StoredItem) -> dict[str, Any]:
    return {
        "id": item.guid,
        "title": item.title,
        "link": item.link,
        "published": item.published,
        "state": item.state or "waiting",
        "reason": without_paths(item.reason),
        "attempts": item.attempts,
        "book": item.book,
    }
