"""One narration of one book while it runs: what is asked for, what came of it, whether it is to stop."""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.errors import Interrupted
from pipeline.stages.context import Context
from pipeline.stages.order import Order
from pipeline.store.documents import StoredBook


@dataclass
class Summary:
    """What a run did; `narrate --json` prints it."""

    book: str
    title: str
    chapters: int = 0
    chunks: int = 0
    cached: int = 0
    synthesized: int = 0
    failed: int = 0
    skipped_blocks: int = 0
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    chars_billed: int = 0
    cost: float = 0.0
    outputs: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Chunk id and reason; not part of the printed object."""

    def as_json(self) -> dict[str, Any]:
        """The stable contract of the command line."""
        values = asdict(self)
        values.pop("failures")
        return {**values, "audio_seconds": round(self.audio_seconds, 3), "wall_seconds": round(self.wall_seconds, 3)}


class Run:
    """What the stages of one run share."""

    def __init__(self, context: Context, book: StoredBook, order: Order, again: frozenset[str] | None = None) -> None:
        """Open the run in the store.

        Args:
            context: the open data directory.
            book: to narrate.
            order: what is asked for.
            again: ids of the chunks to speak, spoken before or not, and no others; None for all that are missing.

        Raises:
            StoreError: the book is being narrated with another voice.
        """
        self.context = context
        self.book = book
        self.order = order
        self.again = again
        self.summary = Summary(book.slug, book.metadata.title)
        self.id = context.store.runs.start(book.slug, order.as_options())
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the stages of this run to end soon; other runs of the same context go on."""
        self._stopping.set()

    def check_stopping(self) -> None:
        """Raises: Interrupted after `stop` of this run or of the whole context."""
        self.context.check_stopping()
        if self._stopping.is_set():
            raise Interrupted("The run was stopped", remedy="start it again: everything done is kept")
