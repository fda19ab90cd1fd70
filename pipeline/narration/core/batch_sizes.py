"""How much of a book is under way at once."""

from dataclasses import dataclass

from pipeline.narration.core.order import Order, resolve_voice
from pipeline.settings import Settings

LOCAL_BATCHES = 4
"""Enough that no worker waits, few enough that chapters finish in order."""
MOST_BATCHES = 8
STAGE_THREADS = MOST_BATCHES + 2
"""For the batches under way, and for chapters that are being assembled."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Batches, and chunks in them."""

    batches: int
    """Batches under way at once."""
    batch_chunks: int
    """Most chunks of one batch."""
    slots: int
    """Requests to a service that each batch may have under way where machines share it; 0 where they do not."""

    def batch_size(self, chunks: int) -> int:
        """Chunks of each batch of a chapter: few where a service could speak all batches at once."""
        if not self.slots:
            return self.batch_chunks
        return min(self.batch_chunks, max(self.slots, -(-chunks // self.batches)))


def pace_of(settings: Settings, order: Order, *, shared: bool) -> Pace:
    """The pace for the backend of an order.

    Args:
        settings: in force.
        order: what is asked for.
        shared: every batch takes a share of the service's limit, for other machines take theirs.

    Raises:
        UnknownBackend, UnknownVoice.
    """
    _, able = resolve_voice(settings, order)
    most = settings.prefect.batch_chunks
    if not able.is_remote:
        return Pace(LOCAL_BATCHES, most, 0)
    slots = -(-able.concurrency // MOST_BATCHES)
    return Pace(able.concurrency // slots, most, slots if shared else 0)
