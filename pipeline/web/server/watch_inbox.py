"""Files in the watched folder -> narrations, one after the other, as if they had been handed in on the page."""

import logging
from dataclasses import replace
from pathlib import Path

from pipeline.errors import Interrupted, NarrationError, StoreError
from pipeline.ingest.read_document import read_bytes
from pipeline.model.file_names import readable_name
from pipeline.model.states import RunState
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.store.files.inbox_folder import InboxFolder, InboxRun, Outcome, size_and_time
from pipeline.store.records.runs import StoredRun
from pipeline.web.api import book_actions
from pipeline.web.server.error_answers import ApiError
from pipeline.web.server.run_desk import RunDesk

LOST_LOOKS = 12
"""A run that in so many looks neither waits nor has begun will not begin any more."""
_PASSING = frozenset({409, 503})
"""Answers that say "not now": nothing is wrong with the file."""
_log = logging.getLogger("bookcast.inbox")


class Inbox:
    """The watched folder of a studio; `look` is called again and again, by one thread."""

    def __init__(self, context: Context, desk: RunDesk) -> None:
        self._context = context
        self._desk = desk
        configured = context.settings.inbox.folder
        self._inbox = InboxFolder(
            Path(configured).expanduser().resolve() if configured else context.store.data / "inbox"
        )
        self._lost = 0
        self._told = ""

    def look(self) -> None:
        """Put away what has ended, and take the next file where nothing of the folder is being narrated."""
        whole = self._inbox.look()
        try:
            for taken in self._inbox.taken():
                self._go_on(taken)
            if whole and not self._inbox.taken() and (path := self._inbox.take(whole[0])):
                self._go_on(path)
        except StoreError as error:  # a disk or Prefect's server is away: the next look may find it again
            if str(error) != self._told:
                _log.warning("%s", readable_name(str(error)))
            self._told = str(error)

    def _go_on(self, path: Path) -> None:
        """The next step of a file that was taken. Raises: StoreError, after which it is tried again."""
        try:
            run = self._inbox.find_run(path)
            if run is None:
                self._begin(path)
            else:
                self._follow(path, run)
        except StoreError:
            raise
        except (NarrationError, ApiError) as error:
            if isinstance(error, Interrupted) or (isinstance(error, ApiError) and error.status in _PASSING):
                return  # the next look finds it where it is
            remedy = f"\nTry: {error.remedy}" if error.remedy else ""
            self._inbox.put_away(path, Outcome.FAILED, readable_name(f"{error}{remedy}"))
        except Exception:  # of whatever kind: the files behind this one are not to wait for ever
            _log.exception("%s", readable_name(path.name))
            self._inbox.put_away(path, Outcome.FAILED, "Bookcast has a fault that this file shows; the log has it.")

    def _begin(self, path: Path) -> None:
        before = size_and_time(path)
        data = read_bytes(path)
        if before != size_and_time(path):
            return  # it is still being written, though it was quiet for a while
        book = book_actions.take_document(self._context, readable_name(path.name), data)
        if book.slug in self._desk.active():
            return  # which may be of another edition, or of a single chapter; it is waited for
        # A book that is there is narrated as it was before; to hand it in again buys nothing in another voice.
        order = replace(Order.from_options(book.narration), chapters=())
        run = book_actions.start_narration(self._context, self._desk, book.slug, order)
        self._inbox.note_run(path, InboxRun(book.slug, run))
        self._lost = 0

    def _follow(self, path: Path, run: InboxRun) -> None:
        found = self._context.store.runs.find_flow_run(run.run)
        if found is None:
            is_waiting = any(active.id == run.run for active in self._desk.active().values())
            self._lost = 0 if is_waiting else self._lost + 1
            if self._lost >= LOST_LOOKS:
                self._inbox.put_away(path, Outcome.FAILED, f"Its run did not begin: {self._desk.run_url(run.run)}")
        elif found.ended_at is not None and found.state is not RunState.INTERRUPTED:
            outcome = Outcome.DONE if found.state is RunState.FINISHED else Outcome.FAILED
            self._inbox.put_away(path, outcome, _note(found, self._desk.run_url(run.run)))


def _note(run: StoredRun, page: str) -> str:
    """What became of a file, for people."""
    title = run.summary.get("title") or run.book
    if run.state is RunState.FINISHED:
        return "\n".join([f"{title} was narrated.", *run.summary.get("outputs", ())])
    failed = run.summary.get("failed", 0)
    what = f"{failed} passages of {title} failed" if failed else f"The narration of {title} was stopped"
    return f"{what}. Everything that was finished is kept.\nTry: bookcast status {run.book} --failed\nIts run: {page}"
