"""What can be done with feeds, for the forms of the page and the REST interface."""

from dataclasses import replace
from typing import Any

from pipeline.errors import SettingsError
from pipeline.feeds.narrate_item import article_order
from pipeline.feeds.read_feed import ALL_FEEDS, add_feed, check_options
from pipeline.model.syndication.feed import FeedOptions
from pipeline.model.syndication.schedule import NEVER, check_cron
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import resolve_voice
from pipeline.narration.reading.parse_apart import read_apart
from pipeline.store.records.feed_rows import StoredFeed
from pipeline.web.server.error_answers import ApiError
from pipeline.web.server.run_desk import RunDesk
from pipeline.web.views.feed_views import get_feed


def take_feed(context: Context, url: str) -> StoredFeed:
    """Take a feed up by its address or that of its site. Raises: DocumentError, StoreError."""
    return add_feed(context, url, read=read_apart)[0]


def start_update(desk: RunDesk, url: str = "") -> str:
    """Narrate what is new, of one feed or of all; the id of the run. Raises: ApiError, StoreError."""
    if ALL_FEEDS in desk.active():
        raise ApiError(409, "conflict", "Feeds are being narrated already", remedy="wait for the end")
    return desk.start("convert-feeds", {"feeds": [url] if url else [], "asked": True}, ALL_FEEDS)


def rerun_article(context: Context, desk: RunDesk, name: str, guid: str) -> str:
    """Have one article tried anew; the id of the run. Raises: ApiError, StoreError."""
    feed = get_feed(context, name)
    context.store.feeds.again(feed.url, guid)
    context.store.feeds.checked(feed.url, etag="", last_modified="")  # so that the feed comes whole again
    return start_update(desk, feed.url)


def change_options(context: Context, name: str, values: dict[str, Any]) -> StoredFeed:
    """Narrate a feed's articles otherwise from now on. Raises: SettingsError, StoreError."""
    feed = get_feed(context, name)
    try:
        options = replace(feed.options, **values)
    except TypeError as error:
        raise SettingsError(str(error), key="options", remedy="check the names of the options") from error
    if options.cron and options.cron != NEVER:
        options = replace(options, cron=_checked_cron(options.cron))
    check_options(options)
    resolve_voice(context.settings, article_order(context.settings, options))
    context.store.feeds.set_options(feed.url, options)
    return get_feed(context, name)


def _checked_cron(text: str) -> str:
    try:
        return check_cron(text)
    except ValueError as error:
        raise SettingsError(str(error), key="cron", remedy="leave it empty for the schedule of all feeds") from error


def reset_options(context: Context, name: str) -> StoredFeed:
    """Let the settings decide again. Raises: StoreError."""
    feed = get_feed(context, name)
    context.store.feeds.set_options(feed.url, FeedOptions())
    return get_feed(context, name)


def add_subscriber(context: Context, name: str) -> str:
    """Give somebody an address of the podcasts; the id. Raises: ApiError."""
    plain = " ".join(name.split())[:80]
    if not plain:
        raise ApiError(400, "invalid", "A subscriber needs a name", remedy="write who it is for, such as: my telephone")
    return context.store.podcasts.add_subscriber(plain).id
