"""The picture of a podcast: that of its feed or book, else one that is drawn for it."""

import hashlib
from pathlib import Path

from pipeline.model.book import Cover
from pipeline.stages.ask_site import find_picture
from pipeline.stages.context import Context
from pipeline.stages.cover import cover_of, drawn_picture, usable_cover
from pipeline.store.blobs import whole_file
from pipeline.store.feeds import StoredFeed


def podcast_picture(context: Context, podcast: str) -> Cover:
    """JPEG or PNG."""
    kind, _, name = podcast.partition("/")
    found = None
    if kind == "books":
        found = cover_of(context, name)
    elif feed := context.store.feeds.find_named(name):
        path = _path(context, feed.facts.picture)
        data = path.read_bytes() if path.is_file() else b""
        found = usable_cover(context, Cover("image/unknown", data)) if data else None
    return found or drawn_picture(context, podcast)


def fetch_feed_picture(context: Context, feed: StoredFeed) -> None:
    """Keep the picture that a feed names; asked for once."""
    path = _path(context, feed.facts.picture)
    if feed.facts.picture and not path.is_file():
        cover = find_picture(context, feed.facts.picture)
        with whole_file(path) as temporary:
            temporary.write_bytes(cover.data if cover else b"")


def _path(context: Context, url: str) -> Path:
    return context.store.data / "work" / "feed-pictures" / hashlib.sha256(url.encode()).hexdigest()
