"""Asking sites politely: their servers one request at a time, whoever of this data directory asks."""

from pipeline.ingest.fetch import Fetched, Known, fetch
from pipeline.stages.context import Context

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
