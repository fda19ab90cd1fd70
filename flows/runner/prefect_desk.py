"""Starts and cancels flow runs for the studio, and knows which are under way.

What Prefect says is asked for in the background, so that no page waits for it: when its server tells of a change,
often while something is under way, and hardly ever otherwise. A run that was cut short is started again: the store
knows it by its state, or by its owner, who is dead.
"""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from flows.runner.feed_rounds import FeedRounds
from flows.runner.resume_runs import resume_run, resume_unbegun
from flows.runner.run_changes import ANY_CHANGE, run_changes
from flows.runs.run_names import BOOK_TAG, name_of_run
from pipeline.errors import StoreError
from pipeline.model.states import ActiveState, RunState
from pipeline.narration.core.context import Context
from pipeline.web.server.run_desk import BookRun

BUSY_S = 1.0
"""How often the desk looks while something is under way, or has just changed."""
IDLE_S = 5.0
"""How often it looks into the store while nothing is."""
UNASKED_S = 60.0
"""How long Prefect is not asked at all while it tells of no change; the stream of its changes may have broken."""
SETTLE_S = 3.0
"""How long after a change the desk looks often: Prefect tells of it before its database has it."""
_UNDER_WAY = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


class PrefectDesk:
    """The desk of one studio; closed at its end."""

    def __init__(self, context: Context, api_url: str, page_url: str) -> None:
        """Of the server with this API, whose page is at `page_url`."""
        self._context = context
        self._api_url = api_url
        self.page_url = page_url
        self._active: dict[str, BookRun] = {}
        self._rounds = FeedRounds(context, self._ask)
        self._has_looked_back = False
        self._starts = 0
        """Runs that were started here; what was asked before the last of them does not know it."""
        self._settings = _settings_for(api_url)
        self._certificates = ssl.create_default_context()  # they take longer to read than Prefect to answer
        self._ended = threading.Event()
        self._news = threading.Event()
        """Prefect has told of a change, or one was made here."""
        self._settled_at = 0.0
        """Monotonic seconds: when the last change is sure to be seen."""
        self._asked_at = float("-inf")
        self._thread = threading.Thread(target=self._watch, daemon=True, name="run desk")
        self._thread.start()
        threading.Thread(target=self._settings.copy().run, args=(self._listen,), daemon=True, name="changes").start()

    def run_url(self, run: str) -> str:
        """Prefect's page of a flow run."""
        return f"{self.page_url.rstrip('/')}/runs/flow-run/{run}"

    def active(self) -> dict[str, BookRun]:
        """Runs that wait or are under way, by book, as of a moment ago."""
        return self._active

    def start(self, deployment: str, parameters: dict[str, Any], book: str) -> str:
        """Start a flow run; its id. Raises: StoreError."""
        name = name_of_run(self._context, deployment, book)

        def create(client: SyncPrefectClient) -> str:
            known = client.read_deployment_by_name(f"{deployment}/{deployment}")
            run = client.create_flow_run_from_deployment(
                known.id, parameters=parameters, name=name, tags=[BOOK_TAG + book]
            )
            return str(run.id)

        run: str = self._ask(create)
        self._starts += 1
        self._active = {**self._active, book: BookRun(run, ActiveState.SCHEDULED, book)}
        self._news.set()
        return run

    def cancel(self, run: str) -> None:
        """Have a flow run stopped; what is done is kept. Raises: StoreError."""
        self._ask(lambda client: client.set_flow_run_state(UUID(run), Cancelling(), force=False))
        self._news.set()

    def close(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._news.set()
        self._thread.join(5)

    def _ask(self, question: Callable[[SyncPrefectClient], Any]) -> Any:
        return self._settings.copy().run(self._put, question)

    def _put(self, question: Callable[[SyncPrefectClient], Any]) -> Any:
        try:
            with get_client(httpx_settings={"verify": self._certificates}, sync_client=True) as client:
                return question(client)
        except ObjectNotFound as error:
            raise StoreError("Prefect does not know this", remedy="wait until `bookcast up` has started") from error
        except Exception as error:  # the client passes on whatever its transport raises
            raise StoreError("Prefect's server does not answer", remedy="wait a moment: it is started again") from error

    def _listen(self) -> None:
        asyncio.run(self._hear())

    async def _hear(self) -> None:
        async for _ in run_changes(ANY_CHANGE):
            self._news.set()

    def _watch(self) -> None:
        is_busy = True
        while not self._ended.is_set():
            if self._news.wait(BUSY_S if is_busy else IDLE_S):
                self._news.clear()
                self._settled_at = time.monotonic() + SETTLE_S
                self._ended.wait(BUSY_S / 3)  # changes come in bunches
            try:
                is_busy = self._look()
            except (StoreError, PrefectException):
                is_busy = True  # the server is being started again

    def _look(self) -> bool:
        """See what is under way, resume what was cut short, look at feeds that are due; True while there is work."""
        now = time.monotonic()
        is_unsettled = now < self._settled_at
        if is_unsettled or self._active or now - self._asked_at > UNASKED_S:
            starts, found = self._starts, self._ask(self._under_way)
            self._asked_at = now
            if starts == self._starts:
                self._active = found
        has_lost = self._resume_lost()
        self._rounds.keep()
        return is_unsettled or has_lost or bool(self._active)

    def _under_way(self, client: SyncPrefectClient) -> dict[str, BookRun]:
        chosen = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY)),
            tags=FlowRunFilterTags(all_=["bookcast"]),
        )
        found = client.read_flow_runs(flow_run_filter=chosen, limit=200)
        return {
            book: BookRun(str(run.id), ActiveState(run.state_type.value.lower()), book)
            for run in found
            if run.state_type and (book := self._book_of(run))
        }

    def _book_of(self, run: FlowRun) -> str:
        tagged = next((tag.removeprefix(BOOK_TAG) for tag in run.tags if tag.startswith(BOOK_TAG)), "")
        return tagged or self._context.store.runs.book_of(str(run.id))

    def _resume_lost(self) -> bool:
        """Runs that were cut short: the record stays open until they have begun again; True where there are any."""
        runs = self._context.store.runs
        if not self._has_looked_back:
            self._ask(partial(resume_unbegun, runs=runs))
            self._has_looked_back = True
        lost = sorted(runs.lost(), key=lambda run: run.flow_run)
        for flow_run, group in groupby(lost, lambda run: run.flow_run):
            records = list(group)
            if flow_run and self._ask(partial(resume_run, lost=records, runs=runs)):
                continue
            for record in records:
                runs.end(record.id, RunState.STOPPED, record.summary)
        return bool(lost)


def _settings_for(api_url: str) -> Variables:
    """Variables in which Prefect's client asks that server; its settings take long to make, so it is done once."""
    with temporary_settings({PREFECT_API_URL: api_url}):
        return copy_context()
