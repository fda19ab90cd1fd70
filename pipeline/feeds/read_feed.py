"""A feed -> the articles of it that are to be narrated."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.errors import DamagedDocument, DocumentError, NarrationError, PageUnavailable, RateLimited, SettingsError
from pipeline.ingest.articles.canonical_link import canonical_link
from pipeline.ingest.feeds.discover_feeds import find_feeds, usual_addresses
from pipeline.ingest.feeds.parse_feed import parse_feed
from pipeline.ingest.http.fetch import Fetched, Known
from pipeline.model.keys import content_address
from pipeline.model.states import ItemState
from pipeline.model.syndication.feed import Feed, FeedItem, FeedOptions
from pipeline.narration.core.context import Context
from pipeline.narration.reading.ask_site import MAX_FEED_BYTES, ask_site
from pipeline.narration.reading.parse_apart import Read, read_here
from pipeline.podcasts.podcast_picture import fetch_feed_picture
from pipeline.store.db.clock import now
from pipeline.store.records.feed_rows import StoredFeed, StoredItem
from pipeline.store.records.runs import RUN_OVER_FEEDS

ALL_FEEDS = RUN_OVER_FEEDS
"""Stands for all feeds where runs are told apart by their book; no book can be called so."""
GONE = 410
LONGEST_PAUSE = timedelta(days=1)
FIRST_PAUSE = timedelta(minutes=15)
_HTML = {"text/html", "application/xhtml+xml"}


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a feed found."""

    feed: StoredFeed
    items: tuple[FeedItem, ...] = ()
    """To be narrated now, the newest first."""
    known: Known = field(default=Known())
    """What the feed's answer said of itself; to be kept once nothing of it is left to do."""
    left: int = 0
    """Articles that have to wait for the next run."""


def add_feed(
    context: Context, url: str, options: FeedOptions | None = None, *, read: Read = read_here
) -> tuple[StoredFeed, Feed]:
    """Take up a feed, by its address or that of its site; `read` says where what is there is read.

    Raises:
        DocumentError: there is no feed; the message names those that the site offers where it offers several.
        SettingsError: an option cannot be.
        StoreError
    """
    check_options(options or FeedOptions())
    address, feed = find_feed(context, url.strip(), read)
    own = canonical_link(address)
    known = (f.url for f in context.store.feeds.all() if own in {canonical_link(f.url), canonical_link(f.address)})
    stored = context.store.feeds.add(next(known, address), feed)
    if options:
        context.store.feeds.set_options(stored.url, options)
    return context.store.feeds.get(stored.url), feed


def check_options(options: FeedOptions) -> None:
    """Raises: SettingsError for a pattern that is none."""
    for key in ("include", "exclude"):
        try:
            re.compile(getattr(options, key))
        except re.error as error:
            raise SettingsError(
                f'"{getattr(options, key)}" is no regular expression: {error}', key=key, remedy="write plain words"
            ) from error


def find_feed(context: Context, url: str, read: Read = read_here) -> tuple[str, Feed]:
    """The feed at `url`, or the one that the page there names. Raises: DocumentError."""
    if "://" not in url:
        url = f"https://{url}"
    fetched = ask_site(context, url, max_bytes=MAX_FEED_BYTES)
    try:
        return fetched.moved_to or url, _parse(fetched, read)
    except DocumentError:
        if fetched.media_type not in _HTML and b"<html" not in fetched.data[:2000].lower():
            raise
    named = [address for address, _ in read(find_feeds, fetched.data, url=fetched.url)]
    for address in named or usual_addresses(fetched.url):
        try:
            found = ask_site(context, address, max_bytes=MAX_FEED_BYTES)
            return found.moved_to or address, _parse(found, read)
        except DocumentError:
            continue
    raise DocumentError(
        f"{url} is a page that names no feed", path=url, remedy="look for a link called RSS or Feed on the site"
    )


def _parse(fetched: Fetched, read: Read) -> Feed:
    return read(parse_feed, fetched.data, url=fetched.url, content_type=fetched.content_type)


def look_at_feed(context: Context, url: str, *, asked: bool, read: Read = read_here) -> Look:
    """Fetch a feed, unless it is too early, and choose what is to be narrated.

    Args:
        context: the open data directory.
        url: the feed's.
        asked: a person wants it now; our own pauses do not count then, only what the server asked for.
        read: says where it is read; what has not changed is not read.

    Raises:
        DocumentError: it cannot be read; noted with the feed, too.
        StoreError: there is no such feed.
    """
    feed = context.store.feeds.get(url)
    known = Known(feed.etag, feed.last_modified)
    if (feed.ended and not asked) or _is_early(feed, asked=asked):
        return Look(feed, known=known)
    try:
        fetched = ask_site(context, feed.address, max_bytes=MAX_FEED_BYTES, known=known)
        found = None if fetched.is_unchanged else _parse(fetched, read)
    except NarrationError as error:
        _note_failure(context, feed, error)
        raise
    except Exception as error:  # of a library, about what a stranger wrote: that must not stop the other feeds
        unread = DamagedDocument(f"{feed.address} cannot be read: {type(error).__name__}", path=feed.address)
        _note_failure(context, feed, unread)
        raise unread from error
    _note_success(context, feed, fetched)
    if found is None:
        return Look(feed, known=known)
    feed = context.store.feeds.add(feed.url, found)
    fetch_feed_picture(context, feed)
    chosen, left = choose_items(context, feed, found)
    return Look(feed=feed, items=tuple(chosen), known=fetched.known, left=left)


def unfinished(context: Context, look: Look) -> Look:
    """The look without the articles that another run has narrated meanwhile."""
    find = context.store.feeds.find_item
    items = [item for item in look.items if _is_wanted(context, find(look.feed.url, item.guid), item)]
    return replace(look, items=tuple(items))


def finish_look(context: Context, look: Look) -> None:
    """Keep what lets the next look be answered by "not changed", once nothing of this one is left to do."""
    counts = context.store.feeds.counts().get(look.feed.url, {})
    is_open = look.left or counts.get(ItemState.WAITING) or counts.get(ItemState.FAILED)
    known = Known() if is_open else look.known
    context.store.feeds.checked(look.feed.url, etag=known.etag, last_modified=known.last_modified)


def _is_early(feed: StoredFeed, *, asked: bool) -> bool:
    """True before the moment that the server, or after failures our back-off, names."""
    moment = now()
    if feed.not_before and moment < feed.not_before and (feed.failures or not asked):
        return True
    pause = _pause(feed.failures)
    return bool(not asked and feed.failures and feed.checked_at and moment < feed.checked_at + pause)


def _pause(failures: int) -> timedelta:
    """Longer with every failure in a row, a day at most."""
    doublings: int = min(max(0, failures - 1), 20)
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << doublings))


def retry_moment(attempts: int, error: NarrationError) -> datetime:
    """When what failed is tried again, UTC: not before the server allows it."""
    retry_after_s = error.retry_after_s if isinstance(error, PageUnavailable | RateLimited) else None
    asked_for = timedelta(seconds=retry_after_s or 0)
    return now() + max(_pause(attempts), min(asked_for, LONGEST_PAUSE * 30))


def _note_failure(context: Context, feed: StoredFeed, error: NarrationError) -> None:
    values: dict[str, object] = {"error": str(error)[:500], "failures": feed.failures + 1, "not_before": None}
    if isinstance(error, PageUnavailable):
        if error.status == GONE:
            values["ended"] = "the site says that this feed is gone for good (410)"
        if error.retry_after_s:
            values["not_before"] = now() + min(timedelta(seconds=error.retry_after_s), LONGEST_PAUSE * 30)
    context.store.feeds.checked(feed.url, **values)


def _note_success(context: Context, feed: StoredFeed, fetched: Fetched) -> None:
    fresh = min(timedelta(seconds=fetched.fresh_s), LONGEST_PAUSE)
    moved = {"address": fetched.moved_to} if fetched.moved_to else {}
    context.store.feeds.checked(
        feed.url, error="", failures=0, ended="", not_before=now() + fresh if fresh else None, **moved
    )


def choose_items(context: Context, feed: StoredFeed, read: Feed) -> tuple[list[FeedItem], int]:
    """What of the feed is to be narrated now, newest first, and how much has to wait; the rest is noted."""
    settings = context.settings.feeds
    known = {item.guid: item for item in context.store.feeds.items(feed.url)}
    newest = sorted(read.items, key=lambda item: item.published, reverse=True)
    fresh = [item for item in newest if item.guid not in known and not _filtered(feed.options, item)]
    begin_with = feed.options.begin_with if feed.options.begin_with >= 0 else settings.begin_with
    old = {item.guid for item in fresh[begin_with:]} if not known else set()
    wanted, noted = [], []
    for item in newest:
        stored = known.get(item.guid)
        reason = _filtered(feed.options, item) or ("older than the beginning" if item.guid in old else "")
        if stored is None and reason:
            noted.append(blank_item(feed, item, state=ItemState.SKIPPED, reason=reason))
        elif _is_wanted(context, stored, item):
            wanted.append(item)
    context.store.feeds.record(*noted)
    return wanted[: settings.most_per_run], max(0, len(wanted) - settings.most_per_run)


def blank_item(
    feed: StoredFeed, item: FeedItem, *, state: ItemState = ItemState.WAITING, reason: str = ""
) -> StoredItem:
    """A row for an item that was not tried yet."""
    facts = {"author": item.author, "summary": item.summary[:1000]}
    return StoredItem(
        feed=feed.url,
        guid=item.guid,
        title=item.title,
        link=item.link,
        published=item.published,
        state=state,
        reason=reason,
        canonical=canonical_link(item.link),
        digest=item_digest(item),
        facts=facts,
    )


def item_digest(item: FeedItem) -> str:
    """Equal while the feed says the same of the article."""
    return content_address([item.title, item.link, item.updated, item.author, item.content])


def _is_wanted(context: Context, stored: StoredItem | None, item: FeedItem) -> bool:
    if stored is None or not stored.state:
        return True
    if stored.state == ItemState.EXPIRED:
        return False
    changed = stored.digest != item_digest(item)
    is_due = stored.next_at is None or stored.next_at <= now()
    has_attempts = stored.attempts < context.settings.feeds.attempts
    if stored.state == ItemState.FAILED:
        return changed or (is_due and has_attempts)
    if stored.state == ItemState.DONE:
        return is_due and has_attempts and (changed or _may_have_changed(context, stored))
    return changed and stored.attempts > 0  # skipped for what its page held, not by a filter


def _may_have_changed(context: Context, stored: StoredItem) -> bool:
    """Its page told how it can be asked whether it has changed, and it is young enough to be mended."""
    oldest = now() - timedelta(days=context.settings.feeds.recheck_days)
    is_young = stored.first_at is not None and stored.first_at > oldest
    return is_young and bool(stored.facts.get("etag") or stored.facts.get("last_modified"))


def _filtered(options: FeedOptions, item: FeedItem) -> str:
    """Why the feed's filters leave an item out, or empty."""
    words = "\n".join([item.title, *item.categories])
    if options.include and not re.search(options.include, words, re.IGNORECASE):
        return f'not about "{options.include}"'
    if options.exclude and re.search(options.exclude, words, re.IGNORECASE):
        return f'about "{options.exclude}"'
    return ""
