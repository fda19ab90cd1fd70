"""Episodes that were kept long enough leave: their sound, their releases and their books; never while one is used."""

from datetime import timedelta

from pipeline.model.states import ItemState
from pipeline.narration.core.context import Context
from pipeline.narration.upkeep.keep_cache import sweep_chapters
from pipeline.narration.upkeep.remove_book import delete_releases
from pipeline.store.db.clock import now
from pipeline.store.records.feed_rows import StoredFeed


def expire_episodes(context: Context) -> int:
    """Remove what every feed that brought it has kept for its `keep_days`; how many episodes left."""
    count = 0
    for feed in context.store.feeds.all():
        days = _keep_days(context, feed)
        for item in context.store.feeds.items(feed.url) if days else []:
            if item.state == ItemState.DONE and item.first_at and item.first_at < now() - timedelta(days=days):
                context.store.feeds.expire(item)
                count += 1
                if not context.store.feeds.users(item.book):
                    _remove_book(context, item.book)
    if count:
        sweep_chapters(context)
    return count


def _keep_days(context: Context, feed: StoredFeed) -> int:
    own = feed.options.keep_days
    return own if own >= 0 else context.settings.feeds.keep_days


def _remove_book(context: Context, slug: str) -> None:
    if context.store.documents.find_book(slug):
        delete_releases(context, slug)
    context.store.removals.forget(slug)
