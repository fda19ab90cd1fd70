"""What the page and the REST interface show of feeds and podcasts, as plain values."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import segno
from fastapi import Request

from pipeline.errors import NotFound, SettingsError
from pipeline.model.states import ItemState
from pipeline.model.syndication.feed import MOMENT, FeedOptions
from pipeline.model.syndication.podcast import ALL_ARTICLES, PodcastId
from pipeline.narration.core.context import Context
from pipeline.podcasts.subscribers import address_token
from pipeline.store.records.feed_rows import StoredFeed, StoredItem
from pipeline.web.server.error_answers import without_paths

SHOWN = 200
"""Articles of a feed on its page."""
CODES = 500
"""QR codes that are remembered, of about 10 KB each."""


def get_feed(context: Context, name: str) -> StoredFeed:
    """The feed whose podcast has that name. Raises: NotFound."""
    feed = context.store.feeds.find_named(name)
    if feed is None or not name:
        raise NotFound(f'There is no feed "{name}"', remedy="bookcast feeds list shows them")
    return feed


def feeds(context: Context) -> list[dict[str, Any]]:
    """Every feed with its figures."""
    counts = context.store.feeds.counts()
    return [_figures(feed, counts.get(feed.url, {})) for feed in context.store.feeds.all()]


def feed(context: Context, name: str) -> dict[str, Any]:
    """One feed with its articles, the newest first. Raises: NotFound."""
    stored = get_feed(context, name)
    items = context.store.feeds.items(stored.url, limit=SHOWN)
    return {
        **_figures(stored, context.store.feeds.counts().get(stored.url, {})),
        "options": asdict(stored.options),
        "articles": [_article(item) for item in items],
    }


def changed_options(form: dict[str, str]) -> dict[str, Any]:
    """Values of FeedOptions from a form's fields. Raises: SettingsError, naming the field, for what is no number."""
    blank = asdict(FeedOptions())
    return {name: _option(name, value.strip(), blank[name]) for name, value in form.items() if name in blank}


def _option(name: str, text: str, blank: Any) -> Any:
    try:
        return type(blank)(text) if text else blank
    except ValueError as error:
        raise SettingsError(f'"{text[:40]}" is not a number', key=name, remedy="write it in figures") from error


def shown_options(options: dict[str, Any]) -> dict[str, Any]:
    """Values of FeedOptions as a form shows them: empty for what the settings say."""
    blank = asdict(FeedOptions())
    return {name: "" if value == blank[name] else value for name, value in options.items()}


def podcast_addresses(request: Request, podcast: PodcastId) -> list[dict[str, str]]:
    """The address of a podcast for every subscriber, with its QR code as SVG."""
    context: Context = request.app.state.context
    rows = []
    for subscriber in context.store.podcasts.subscribers():
        url = podcast_url(request, address_token(context, subscriber.id), f"{podcast}/feed.xml")
        rows.append({"subscriber": subscriber.id, "name": subscriber.name, "url": url, "qr": _qr_code(url)})
    return rows


@lru_cache(maxsize=CODES)
def _qr_code(url: str) -> str:
    """SVG. It takes 18 ms of a core (November 2026), and pages are drawn again every few seconds."""
    return str(segno.make(url, micro=False).svg_inline(scale=4, border=2, light="#fff", dark="#000"))


def podcast_url(request: Request, token: str, place: str) -> str:
    """Where something of a podcast is, for one subscriber."""
    return f"{str(request.base_url).rstrip('/')}/podcast/{token}/{quote(place)}"


def all_podcast(request: Request) -> list[dict[str, str]]:
    """The addresses of the podcast of all feeds."""
    return podcast_addresses(request, ALL_ARTICLES)


def _figures(feed: StoredFeed, counts: dict[ItemState, int]) -> dict[str, Any]:
    return {
        "name": feed.name,
        "url": feed.url,
        "address": feed.address,
        "title": feed.title,
        "site": feed.facts.site,
        "checked_at": feed.checked_at.strftime(MOMENT) if feed.checked_at else "",
        "error": without_paths(feed.error),
        "ended": feed.ended,
        "narrated": counts.get(ItemState.DONE, 0),
        "failed": counts.get(ItemState.FAILED, 0),
        "skipped": counts.get(ItemState.SKIPPED, 0),
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
