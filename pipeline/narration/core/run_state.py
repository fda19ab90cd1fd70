"""One narration of one book while it runs: what is asked for, what came of it, whether it is to stop."""

import threading
from collections.abc import Container
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pipeline.errors import BudgetExceeded, Failure, Interrupted, NarrationError, PartialFailure, ServiceFailing
from pipeline.model.plan import ChapterPlan, PlannedChunk
from pipeline.narration.core.account import Account, Warnings, caps_of
from pipeline.narration.core.batch_sizes import pace_of
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Event, Note
from pipeline.narration.core.order import Order
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.purchases import Spending

FAILURES_IN_A_ROW = 20


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
    failures: list[Failure] = field(default_factory=list)
    """By chunk id; not part of the printed object."""

    def as_json(self) -> dict[str, Any]:
        """The stable contract of the command line."""
        values = asdict(self)
        values.pop("failures")
        return {**values, "audio_seconds": round(self.audio_seconds, 3), "wall_seconds": round(self.wall_seconds, 3)}


class BookIncomplete(PartialFailure):
    """Chunks failed, so that no release was written; what is spoken is kept."""

    def __init__(self, message: str, *, summary: Summary, remedy: str = "") -> None:
        super().__init__(message, failures=tuple(summary.failures), remedy=remedy)
        self.summary = summary


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which chunks a run is to speak."""

    chunks: frozenset[str] | None = None
    """Ids of the chunks to speak, spoken before or not, and no others; None for all that are missing."""
    is_silent: bool = False
    """Nothing may be spoken, whatever is found missing or damaged."""

    def chosen(self, plan: ChapterPlan, heard: Container[str]) -> list[PlannedChunk]:
        """The chunks of a plan that are to be spoken, given the keys of those that are heard."""
        if self.chunks is None:
            return [chunk for chunk in plan.spoken if chunk.clip_key not in heard]
        return [chunk for chunk in plan.spoken if chunk.id in self.chunks]

    @property
    def is_again(self) -> bool:
        """Chunks that are spoken already are spoken again."""
        return self.chunks is not None


MISSING = Wanted()
"""Everything that is not spoken yet."""
NOTHING = Wanted(frozenset(), is_silent=True)
"""A release is written again from what is there."""


class Run:
    """What the stages of one run share."""

    def __init__(
        self,
        context: Context,
        book: StoredBook,
        order: Order,
        wanted: Wanted,
        *,
        shared: bool,
        flow_run: str,
    ) -> None:
        """Open the run in the store.

        Args:
            context: the open data directory.
            book: to narrate.
            order: what is asked for.
            wanted: which chunks are to be spoken.
            shared: other machines use the same service, each with its share.
            flow_run: Prefect's id of the flow run that this is, or empty.

        Raises:
            StoreError
            SettingsError: the backend or its voice is not there, or its cap cannot be kept (see `caps_of`).
        """
        self.context = context
        self.book = book
        self.order = order
        self.wanted = wanted
        self.summary = Summary(book.slug, book.metadata.title)
        self.pace = pace_of(context.settings, order, shared=shared)
        self.fallback = context.settings.backends[self.backend].fallback
        self.spoken_again: set[str] = set()
        """Keys of clips that a rerun has made, so that words which stand in several chapters are paid for once."""
        self._stopping = threading.Event()
        self._reason: NarrationError | None = None
        self._lock = threading.Lock()
        self._failures_in_a_row = 0
        self._given_up_for: NarrationError | None = None
        spending = Spending.NONE if wanted.is_silent else Spending.CAPPED
        caps = caps_of(context.settings, order, spending=spending)
        self.id = context.store.runs.start(book.slug, order.as_options(), flow_run=flow_run)
        # a flow run that begins anew after its process died goes on under its cap
        cap_id = order.cap_id or flow_run or self.id
        if order.max_cost is not None:
            self.order = replace(order, cap_id=cap_id)  # reruns and edits of the book go on under it as well
        self.account = Account(
            run=self.id,
            cap_id=cap_id,
            book=book.slug,
            caps=caps,
            check_stopping=self.check_stopping,
            check_paid=self._check_paid,
            spoken=self._chunk_spoken,
            failed=self._chunk_failed,
            check_backend=self._check_backend,
            warn=Warnings(self.report),
        )

    @property
    def backend(self) -> str:
        """Name of the backend that speaks."""
        return self.order.backend or self.context.settings.narration.backend

    def report(self, event: Event) -> None:
        """Tell an event of this run."""
        self.context.report(replace(event, run=self.id, book=self.book.slug))

    def stop(self, reason: NarrationError | None = None) -> None:
        """Ask the stages of this run to end soon; other runs of the same context go on.

        Args:
            reason: what makes it pointless to go on; None where a person asked for the end.
        """
        if not self._stopping.is_set():
            self._reason = reason
        self._stopping.set()

    @property
    def is_hasty(self) -> bool:
        """True where somebody waits for the end of the run."""
        return self._reason is None or isinstance(self._reason, Interrupted)

    def _check_paid(self) -> None:
        self.context.check_stopping()
        if not isinstance(self._reason, BudgetExceeded):
            self.check_stopping()

    def _chunk_spoken(self) -> None:
        with self._lock:
            self._failures_in_a_row = 0

    def _chunk_failed(self, backend: str, error: NarrationError) -> None:
        """What no chunk can get around, and too many failures in a row, end the use of a service at once."""
        if self.is_on_fallback and backend == self.backend:
            return  # it was under way when the backend was given up
        if not error.stops_run:
            with self._lock:
                self._failures_in_a_row += 1
                if self._failures_in_a_row < FAILURES_IN_A_ROW:
                    return
                self._failures_in_a_row = 0
            error = ServiceFailing(
                f"{FAILURES_IN_A_ROW} chunks failed one after the other, the last because: {error}",
                remedy="see whether the service works, then run the same command again: everything done is kept",
            )
        if self.fallback and backend == self.backend and not isinstance(error, BudgetExceeded):
            self._given_up_for = error
            self.report(Note(f"{error}; {self.fallback} speaks from here on"))
        else:
            self.stop(error)

    @property
    def is_on_fallback(self) -> bool:
        """The backend is given up; what it was to speak goes to its fallback."""
        return self._given_up_for is not None

    def _check_backend(self, backend: str) -> None:
        if self._given_up_for and backend == self.backend:
            raise self._given_up_for

    def check_stopping(self) -> None:
        """Raises: Interrupted, or the reason, after `stop` of this run or of the whole context."""
        self.context.check_stopping()
        if self._stopping.is_set():
            raise self._reason or Interrupted("The run was stopped", remedy="start it again: everything done is kept")
