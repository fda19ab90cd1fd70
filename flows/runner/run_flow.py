"""Runs a flow in this process, so that the page can retry it: as a run of its deployment where one is served.

Prefect keeps the books in a thread of its own: what is narrated never waits for its server. One that dies is
started again; without one the work is done all the same.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    temporary_settings,
)
from prefect.states import Pending, Scheduled

from flows.runs.outcome import Outcome, kept_in
from flows.runs.run_book import using
from flows.runs.run_names import TERMINAL_TAG, name_of_run
from flows.server.heartbeat import ensure_heartbeat_automation
from flows.server.prefect_server import PrefectServer
from flows.server.server_watch import ServerWatch, is_server_trouble, note, patiently, server_away, watched_by
from pipeline.errors import NarrationError
from pipeline.feeds.read_feed import ALL_FEEDS
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.narration.running.prepare import Prepared

ANSWER_S = 30.0
"""How long the server may take for an answer; what listens at the port of one that is gone may never give one."""
POLL_S = 0.1
REPORT_S = 30.0
"""How long Prefect may take to report the end of a run: a server that is being started again is worth waiting for."""
STOP_S = 8.0
"""How long a run that a person stops may take to put away what is under way: as long as a batch waits for it."""
STOP_REPORT_S = 1.5


def run_here(
    context: Context,
    flow: Flow[..., Any],
    parameters: dict[str, Any],
    *,
    server: PrefectServer,
    announce: Callable[[str], None],
    prepared: Prepared | None = None,
    directly: Callable[[], Any] | None = None,
) -> Any:
    """Run `flow` with these parameters in this process.

    Args:
        context: the open data directory.
        flow: one of this package, whose code is `remembered`.
        parameters: of the flow, JSON values.
        server: that answers; it is looked after while the flow runs.
        announce: is given the id of the flow run.
        prepared: the narration that the flow is to run, where it is worked out already.
        directly: does the same without Prefect, where its server is gone before the flow begins.

    Raises:
        StoreError: the server is gone, and nothing does the same without it.
        NarrationError: whatever the flow raises.
    """
    outcome = Outcome()
    with ServerWatch(server, context.report) as watch, using(context, prepared), kept_in(outcome), watched_by(watch):
        name = name_of_run(context, flow.name, prepared.book.slug if prepared else ALL_FEEDS)
        engine = _Engine(context, flow, parameters, name=name, server=server, announce=announce)
        try:
            if _await(engine, outcome, watch):
                return outcome.result()
        except KeyboardInterrupt:
            context.stop()
            if not outcome.take():
                outcome.settled.wait(STOP_S)
                engine.join(STOP_REPORT_S)
            raise
    if directly is None:
        raise _reason(engine.error)
    context.report(Note("Prefect's server went away before the run began: the narration goes on without it."))
    return directly()


class _Engine(threading.Thread):
    """Prefect at work: has the flow run, and reports to the server what became of it."""

    def __init__(
        self,
        context: Context,
        flow: Flow[..., Any],
        parameters: dict[str, Any],
        *,
        name: str,
        server: PrefectServer,
        announce: Callable[[str], None],
    ) -> None:
        """Begin; in the context variables of who calls."""
        super().__init__(daemon=True, name="Prefect")  # a server that is away must not keep the program
        self.error: Exception | None = None
        self._context, self._flow, self._parameters, self._run_name = context, flow, parameters, name
        self._address, self._credential = server.api_url, server.credential or None
        self._announce = announce
        self._variables = copy_context()
        self.start()

    def run(self) -> None:
        """Called in the thread."""
        self._variables.run(self._run)

    def _run(self) -> None:
        try:
            # Prefect may have been imported before its server was known for sure
            with temporary_settings(
                {
                    PREFECT_API_URL: self._address,
                    PREFECT_API_AUTH_STRING: self._credential,
                    PREFECT_API_REQUEST_TIMEOUT: ANSWER_S,
                }
            ):
                note(ensure_heartbeat_automation)
                run = patiently(self._create, self._context.check_stopping)
                self._announce(str(run.id))
                run_flow(self._flow, flow_run=run, parameters=self._parameters, return_type="state")
        except Exception as error:  # of whatever kind: who waits for this thread raises it
            self.error = error

    def _create(self) -> Any:
        with get_client(sync_client=True) as client:
            return _create_run(client, self._flow, self._parameters, self._run_name)


def _reason(error: Exception | None) -> Exception:
    """Why a flow did not begin."""
    if error is None or (is_server_trouble(error) and not isinstance(error, NarrationError)):
        away = server_away()
        away.__cause__ = error
        return away
    return error


def _await(engine: _Engine, outcome: Outcome, watch: ServerWatch) -> bool:
    """Wait for the flow's code, and for Prefect's report of it as far as the server lets it.

    Returns:
        False where the code has not begun, and never will.
    """
    while not outcome.settled.wait(POLL_S):
        if (watch.is_lost or not engine.is_alive()) and outcome.take():
            return False
    deadline = time.monotonic() + REPORT_S
    while engine.is_alive() and not watch.is_lost and time.monotonic() < deadline:
        engine.join(POLL_S)
    return True


def _create_run(client: SyncPrefectClient, flow: Flow[..., Any], parameters: dict[str, Any], name: str) -> Any:
    """A flow run that no runner picks up now, but that a retry from the page can hand to one."""
    try:
        deployment = client.read_deployment_by_name(f"{flow.name}/{flow.name}")
    except ObjectNotFound:
        return client.create_flow_run(flow, parameters=parameters, name=name, state=Pending(), tags=[TERMINAL_TAG])
    later: State[Any] = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1))
    run = client.create_flow_run_from_deployment(
        deployment.id, parameters=parameters, name=name, state=later, tags=[TERMINAL_TAG]
    )
    client.set_flow_run_state(run.id, Pending(), force=True)
    return client.read_flow_run(run.id)
