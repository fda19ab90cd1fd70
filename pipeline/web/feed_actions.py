"""What can be done with feeds, for the forms of the page and the REST interface."""

from dataclasses import replace
from typing import Any

from pipeline.errors import SettingsError
from pipeline.model.feed import FeedOptions
from pipeline.model.schedule import NEVER, check_cron
from pipeline.stages.context import Context
from pipeline.stages.narrate_item import article_order
from pipeline.stages.order import resolve_voice
from pipeline.stages.read_feed import ALL_FEEDS, add_feed, check_options
from pipeline.store.feeds import StoredFeed
from pipeline.web.errors import ApiError
from pipeline.web.feed_views import get_feed
from pipeline.web.run_desk import RunDesk


def take_feed(context: Context, url: str) -> StoredFeed:
    """Take a feed up by its address or that of its site. Raises: DocumentError, StoreError."""
    return add_feed(context, url)[0]


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
        if options.cron and options.cron != NEVER:
            options = replace(options, cron=check_cron(options.cron))
    except (ValueError, TypeError) as error:
        raise SettingsError(str(error), key="options", remedy="mend the field") from error
    check_options(options)
    resolve_voice(context.settings, article_order(context.settings, options))
    context.store.feeds.set_options(feed.url, options)
    return get_feed(context, name)


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
