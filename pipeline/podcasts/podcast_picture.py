"""The picture of a podcast: that of its feed or book, else one that is drawn for it."""

import hashlib
from pathlib import Path

from pipeline.model.book import Cover
from pipeline.model.syndication.podcast import PodcastId, PodcastKind
from pipeline.narration.core.context import Context
from pipeline.narration.making.book_cover import cover_of, drawn_picture, usable_cover
from pipeline.narration.reading.ask_site import find_picture
from pipeline.store.files.whole_file import whole_file
from pipeline.store.records.feed_rows import StoredFeed


def podcast_picture(context: Context, podcast: PodcastId) -> Cover:
    """JPEG or PNG."""
    found = None
    if podcast.kind is PodcastKind.BOOKS:
        found = cover_of(context, podcast.name)
    elif feed := context.store.feeds.find_named(podcast.name):
        path = _path(context, feed.facts.picture)
        data = path.read_bytes() if path.is_file() else b""
        found = usable_cover(context, Cover("image/unknown", data)) if data else None
    return found or drawn_picture(context, str(podcast))


def fetch_feed_picture(context: Context, feed: StoredFeed) -> None:
    """Keep the picture that a feed names; asked for once."""
    path = _path(context, feed.facts.picture)
    if feed.facts.picture and not path.is_file():
        cover = find_picture(context, feed.facts.picture)
        with whole_file(path) as temporary:
            temporary.write_bytes(cover.data if cover else b"")


def _path(context: Context, url: str) -> Path:
    return context.store.data / "work" / "feed-pictures" / hashlib.sha256(url.encode()).hexdigest()
