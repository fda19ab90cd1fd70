"""Starts and cancels flow runs for the studio, and knows which are under way.

What Prefect says is asked for in the background, so that no page waits for it. A run whose process was
killed is started again: the store knows it by its owner, who is dead.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Cancelling

from flows.schedules import FeedSchedules
from pipeline.errors import StoreError
from pipeline.stages.context import Context
from pipeline.web.run_desk import BookRun

POLL_S = 1.0
MOST_STARTS = 5
"""A run that was killed this often is left as it is."""
_TAG = "book:"
_UNDER_WAY = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_LEFT_BEHIND = {StateType.RUNNING, StateType.PENDING, StateType.CRASHED}


class PrefectDesk:
    """The desk of one studio; closed at its end."""

    def __init__(self, context: Context, api_url: str) -> None:
        self._context = context
        self._api_url = api_url
        self._active: dict[str, BookRun] = {}
        self._schedules = FeedSchedules(context)
        self._starts = 0
        """Runs that were started here; what was asked before the last of them does not know it."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="run desk")
        self._thread.start()

    @property
    def page_url(self) -> str:
        """The address of Prefect's own page."""
        return self._api_url.removesuffix("/api")

    def run_url(self, run: str) -> str:
        """Prefect's page of a flow run."""
        return f"{self.page_url}/runs/flow-run/{run}"

    def active(self) -> dict[str, BookRun]:
        """Runs that wait or are under way, by book, as of a moment ago."""
        return self._active

    def start(self, deployment: str, parameters: dict[str, Any], book: str) -> str:
        """Start a flow run; its id. Raises: StoreError."""

        def create(client: SyncPrefectClient) -> str:
            known = client.read_deployment_by_name(f"{deployment}/{deployment}")
            run = client.create_flow_run_from_deployment(known.id, parameters=parameters, tags=[_TAG + book])
            return str(run.id)

        run: str = self._ask(create)
        self._starts += 1
        self._active = {**self._active, book: BookRun(run, "scheduled", book)}
        return run

    def cancel(self, run: str) -> None:
        """Have a flow run stopped; what is done is kept. Raises: StoreError."""
        self._ask(lambda client: client.set_flow_run_state(UUID(run), Cancelling(), force=False))

    def close(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join(5)

    def _ask(self, question: Callable[[SyncPrefectClient], Any]) -> Any:
        try:
            with temporary_settings({PREFECT_API_URL: self._api_url}), get_client(sync_client=True) as client:
                return question(client)
        except ObjectNotFound as error:
            raise StoreError("Prefect does not know this", remedy="wait until `bookcast up` has started") from error
        except Exception as error:  # the client passes on whatever its transport raises
            raise StoreError("Prefect's server does not answer", remedy="wait a moment: it is started again") from error

    def _watch(self) -> None:
        while not self._ended.wait(POLL_S):
            try:
                starts, found = self._starts, self._ask(self._under_way)
                if starts == self._starts:
                    self._active = found
                self._start_lost()
                self._schedules.keep(self._ask)
            except (StoreError, PrefectException):
                continue  # the server is being started again

    def _under_way(self, client: SyncPrefectClient) -> dict[str, BookRun]:
        chosen = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY)),
            tags=FlowRunFilterTags(all_=["bookcast"]),
        )
        found = client.read_flow_runs(flow_run_filter=chosen, limit=200)
        return {
            book: BookRun(str(run.id), run.state_type.value.lower(), book)
            for run in found
            if run.state_type and (book := self._book_of(run))
        }

    def _book_of(self, run: FlowRun) -> str:
        tagged = next((tag.removeprefix(_TAG) for tag in run.tags if tag.startswith(_TAG)), "")
        return tagged or self._context.store.runs.book_of(str(run.id))

    def _start_lost(self) -> None:
        """Runs whose process died before they ended."""
        for lost in self._context.store.runs.lost():
            if lost.flow_run:
                self._ask(partial(_start_again, run=lost.flow_run))
            self._context.store.runs.end(lost.id, "stopped", lost.summary)


def _start_again(client: SyncPrefectClient, run: str) -> None:
    try:
        known = client.read_flow_run(UUID(run))
    except ObjectNotFound:
        return  # of another server
    if known.state and known.state.type in _LEFT_BEHIND and known.deployment_id and known.run_count < MOST_STARTS:
        client.set_flow_run_state(known.id, AwaitingRetry(message="Its process died; it goes on."), force=True)
