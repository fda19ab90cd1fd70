"""Asking sites politely: their servers one request at a time, whoever of this data directory asks."""

from pipeline.errors import NarrationError
from pipeline.ingest.http.fetch import Fetched, Known, fetch
from pipeline.model.book import Cover
from pipeline.narration.core.context import Context

MAX_FEED_BYTES = 16_000_000
MAX_PAGE_BYTES = 16_000_000
MAX_PICTURE_BYTES = 8_000_000


def ask_site(context: Context, url: str, *, max_bytes: int, known: Known | None = None) -> Fetched:
    """What lies at `url`. Raises: DocumentError, or one of its kinds; see `fetch`."""
    return fetch(
        url,
        max_bytes=max_bytes,
        private_addresses=context.settings.studio.private_addresses,
        known=known,
        gate=lambda host: context.store.lock(f"host {host}"),
    )


def find_picture(context: Context, url: str) -> Cover | None:
    """The picture at that address; None where it cannot be had, for no article fails for want of its picture."""
    if not url or not context.settings.feeds.pictures:
        return None
    try:
        fetched = ask_site(context, url, max_bytes=MAX_PICTURE_BYTES)
    except NarrationError:
        return None
    return Cover(fetched.media_type, fetched.data) if fetched.media_type.startswith("image/") else None
