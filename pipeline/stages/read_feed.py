"""A feed -> the articles of it that are to be narrated, each as a book of the series that the feed is."""

import html

from pipeline.errors import NarrationError
from pipeline.ingest.feed import Feed, FeedItem, parse_feed, text_length
from pipeline.ingest.fetch import fetch
from pipeline.stages.context import Context
from pipeline.stages.import_document import import_bytes, import_page
from pipeline.store.documents import StoredBook
from pipeline.store.feeds import StoredItem

MAX_FEED_BYTES = 8_000_000
WHOLE_CHARS = 1_500
"""An item with less text than this is taken for the beginning of its page."""
MOST_ATTEMPTS = 3
DONE, FAILED = "done", "failed"


def add_feed(context: Context, url: str) -> Feed:
    """Read a feed and take it up. Raises: DocumentError, StoreError."""
    feed = _fetch(context, url)
    context.store.feeds.add(url, feed.title)
    return feed


def new_items(context: Context, url: str, most: int) -> list[FeedItem]:
    """Items of a feed that were not narrated yet, nor given up, the newest `most`; the feed's first items come first.

    Raises:
        DocumentError: the feed cannot be read; noted with the feed, too.
    """
    try:
        feed = _fetch(context, url)
    except NarrationError as error:
        context.store.feeds.checked(url, str(error))
        raise
    context.store.feeds.add(url, feed.title)
    context.store.feeds.checked(url)
    known = {item.guid: item for item in context.store.feeds.items(url)}
    ended = {g for g, item in known.items() if item.state == DONE or item.attempts >= MOST_ATTEMPTS}
    return [item for item in feed.items if item.guid not in ended][:most]


def import_item(context: Context, url: str, item: FeedItem) -> StoredBook:
    """Make an item a book: of what the feed holds, where that is the whole, else of its page.

    Raises:
        DocumentError, StoreError.
    """
    series = context.store.feeds.get(url).title
    if text_length(item.content) >= WHOLE_CHARS or not item.link:
        book = import_bytes(context, _page(item), name=f"{item.title[:80]}.html")
    else:
        book = import_page(context, item.link)
    facts = {"title": item.title, "series": series, "published": item.published}
    return context.store.documents.change_facts(book.slug, {key: value for key, value in facts.items() if value})


def record_item(context: Context, url: str, item: FeedItem, book: str, error: NarrationError | None = None) -> None:
    """Keep what became of an item."""
    state, reason = (FAILED, str(error)) if error else (DONE, "")
    context.store.feeds.record(
        StoredItem(url, item.guid, item.title, item.link, item.published, book, state, 1, reason)
    )


def _fetch(context: Context, url: str) -> Feed:
    allowed = context.settings.studio.private_addresses
    return parse_feed(fetch(url, max_bytes=MAX_FEED_BYTES, private_addresses=allowed).data, url=url)


def _page(item: FeedItem) -> bytes:
    title = html.escape(item.title)
    head = f'<title>{title}</title><meta name="author" content="{html.escape(item.author)}"/>'
    return f"<html><head>{head}</head><body><h1>{title}</h1>{item.content}</body></html>".encode()
