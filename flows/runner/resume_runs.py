"""A run that was cut short -> its flow run scheduled again, once, unless a person wanted its end.

How a flow run ended says little: Prefect's runner records the runs that it ends at a shutdown as cancelled,
too. What tells a person's cancel apart is the way there, in the history of its states: it goes through
Cancelling, or comes straight from Scheduled, where there was nothing to be ended yet.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry

from flows.runs.run_names import TERMINAL_TAG
from pipeline.model.states import RunState
from pipeline.store.records.runs import Runs, StoredRun

MOST_STARTS = 5
"""A run whose process died this often is left as it is; to be told to end does not count."""
SETTLE = timedelta(seconds=20)
"""How long a runner that ends may take to report its runs; what it reports would undo a start before."""
BEGIN = timedelta(seconds=120)
"""A process that was to begin a run within this time will not begin it any more."""
MOST_LOOKED_AT = 50
_UNDER_WAY = {StateType.PENDING, StateType.RUNNING}
_RESUMES = "It was interrupted; it resumes."


def resume_run(client: SyncPrefectClient, lost: Sequence[StoredRun], runs: Runs) -> bool:
    """Schedule the flow run of these records again; asked each second until it has begun.

    Args:
        client: of the Prefect server.
        lost: what was cut short of one flow run.
        runs: the history of narrations.

    Returns:
        False where it is not to resume: a person ended it, it is done, or it kills its process each time.
    """
    last = max(lost, key=lambda run: run.started_at)
    try:
        known = client.read_flow_run(UUID(last.flow_run))
        states = _since_last_start(_history(client, known), last.started_at.replace(tzinfo=UTC))
    except ObjectNotFound:
        return False  # of another server
    current = known.state
    if not current or not known.deployment_id or _is_ended_by_person(states) or current.is_completed():
        return False
    if _is_to_begin(current, states) or _is_being_reported(current, last):
        return True
    was_told = any(run.state is RunState.INTERRUPTED for run in lost)
    if not was_told and (current.is_failed() or runs.deaths(last.flow_run, last.book) >= MOST_STARTS):
        return False
    client.set_flow_run_state(known.id, AwaitingRetry(message=_RESUMES), force=True)
    return True


def resume_unbegun(client: SyncPrefectClient, runs: Runs) -> None:
    """Schedule again what a shutdown ended before it had a record; asked once, at the start of a studio."""
    chosen = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED, StateType.CRASHED])),
        tags=FlowRunFilterTags(all_=["bookcast"]),
    )
    for run in client.read_flow_runs(flow_run_filter=chosen, sort=FlowRunSort.START_TIME_DESC, limit=MOST_LOOKED_AT):
        if not run.deployment_id or TERMINAL_TAG in run.tags or runs.book_of(str(run.id)):
            continue
        history = _history(client, run)
        starts = sum(state.type is StateType.SCHEDULED for state in history)
        if starts <= MOST_STARTS and not _is_ended_by_person(_since_last_start(history)):
            client.set_flow_run_state(run.id, AwaitingRetry(message=_RESUMES), force=True)


def _history(client: SyncPrefectClient, run: FlowRun) -> list[State]:
    return sorted(client.read_flow_run_states(run.id), key=lambda state: state.timestamp)


def _since_last_start(history: Sequence[State], began: datetime | None = None) -> Sequence[State]:
    """From the last time that it was scheduled after `began`, or from `began` where it was not."""
    since = [state for state in history if began is None or state.timestamp > began]
    starts = [at for at, state in enumerate(since) if state.type is StateType.SCHEDULED]
    return since[starts[-1] :] if starts else since


def _is_ended_by_person(states: Sequence[State]) -> bool:
    types = [state.type for state in states]
    return StateType.CANCELLING in types or types[:2] == [StateType.SCHEDULED, StateType.CANCELLED]


def _is_to_begin(current: State, states: Sequence[State]) -> bool:
    """It was started again, here or by a person; Prefect's heartbeat notices if its process dies."""
    if current.type in {StateType.SCHEDULED, StateType.PAUSED}:
        return True
    is_started = bool(states) and states[0].type is StateType.SCHEDULED
    is_late = current.is_pending() and datetime.now(UTC) - current.timestamp > BEGIN
    return is_started and current.type in _UNDER_WAY and not is_late


def _is_being_reported(current: State, last: StoredRun) -> bool:
    """Its process has said that it ends; the runner has not."""
    if current.type not in _UNDER_WAY or last.ended_at is None:
        return False
    return datetime.now(UTC) - last.ended_at.replace(tzinfo=UTC) < SETTLE
