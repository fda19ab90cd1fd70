"""Episodes that were kept long enough leave: their sound, their releases and their books; never while one is used."""

from datetime import timedelta

from pipeline.publish.library import remove_empty_folders
from pipeline.stages.context import Context
from pipeline.stages.order import Order
from pipeline.store.documents import now
from pipeline.store.feeds import DONE, StoredFeed


def expire_episodes(context: Context) -> int:
    """Remove what every feed that brought it has kept for its `keep_days`; how many episodes left."""
    count = 0
    for feed in context.store.feeds.all():
        days = _keep_days(context, feed)
        for item in context.store.feeds.items(feed.url) if days else []:
            if item.state == DONE and item.first_at and item.first_at < now() - timedelta(days=days):
                context.store.feeds.expire(item)
                count += 1
                if not context.store.feeds.users(item.book):
                    _remove_book(context, item.book)
    return count


def _keep_days(context: Context, feed: StoredFeed) -> int:
    own = feed.options.keep_days
    return own if own >= 0 else context.settings.feeds.keep_days


def _remove_book(context: Context, slug: str) -> None:
    library = context.library(Order())
    for path in context.store.releases.releases(slug):
        path.unlink(missing_ok=True)
        for beside in ("metadata.json", "cover.jpg", "cover.png"):
            path.with_name(beside).unlink(missing_ok=True)
        remove_empty_folders(path.parent, library)
    for chapter in context.store.documents.chapters(slug):
        context.store.releases.remove_chapter(chapter.audio_key)
    context.store.documents.remove(slug)
