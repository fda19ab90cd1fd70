"""Which runs resume, by the history of a real Prefect server: told to end yes, cancelled by a person never."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Cancelled, Cancelling, Completed, Crashed, Failed, Pending, Running, State

from flows.runner.resume_runs import MOST_STARTS, resume_run, resume_unbegun
from flows.runs.rerun_chunks import rebuild_release
from flows.runs.run_names import TERMINAL_TAG
from flows.server.prefect_server import PrefectServer
from pipeline.model.states import RunState
from pipeline.store import Store

SHUTDOWN = Cancelled(message="Runner is shutting down.")
"""What Prefect's runner records of a run that it ends at its own end."""


@dataclass
class Desk:
    client: SyncPrefectClient
    store: Store
    deployment: UUID

    def run(self, *states: State, tags: tuple[str, ...] = ()) -> str:
        created = self.client.create_flow_run_from_deployment(self.deployment, tags=tags)
        for state in states:
            self.move(str(created.id), state)
        return str(created.id)

    def move(self, run: str, *states: State) -> None:
        for state in states:
            # ours are made anew: a state has a moment
            fresh = State(type=state.type, name=state.name, message=state.message)
            self.client.set_flow_run_state(UUID(run), fresh, force=True)

    def begin(self, run: str, book: str = "a-book") -> str:
        time.sleep(0.002)  # a record is never as old as the state before it
        record = self.store.runs.start(book, {}, flow_run=run)
        time.sleep(0.002)
        return record

    def resumes(self, run: str) -> bool:
        lost = [record for record in self.store.runs.lost() if record.flow_run == run]
        return bool(lost) and resume_run(self.client, lost, self.store.runs)

    def state(self, run: str) -> StateType | None:
        return self.client.read_flow_run(UUID(run)).state_type


@pytest.fixture(scope="module")
def client(server: PrefectServer) -> Iterator[SyncPrefectClient]:
    known = {PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.credential}
    with temporary_settings(known), get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def desk(client: SyncPrefectClient, tmp_path: Path) -> Iterator[Desk]:
    flow = client.create_flow(rebuild_release)
    deployment = client.create_deployment(flow, "rebuild-release-resumed", tags=["bookcast"])
    store = Store(tmp_path)
    yield Desk(client, store, deployment)
    store.close()


@pytest.mark.parametrize("end", [SHUTDOWN, Crashed(), Failed()], ids=lambda state: state.type.value)
def test_a_run_that_was_told_to_end_resumes_once_however_prefect_calls_its_end(desk: Desk, end: State) -> None:
    run = desk.run(Pending(), Running())
    desk.store.runs.end(desk.begin(run), RunState.INTERRUPTED, {})
    assert desk.resumes(run)
    assert desk.state(run) is StateType.RUNNING, "the runner has not said yet how it ended"
    desk.move(run, end)
    for state in (None, Pending(), Running()):
        if state:
            desk.move(run, state)
        before = desk.client.read_flow_run(UUID(run)).state
        assert desk.resumes(run), "until it has begun"
        after = desk.client.read_flow_run(UUID(run)).state
        assert after
        assert before
        assert after.type is StateType.SCHEDULED if state is None else after.id == before.id, "it is started once"
    record = desk.begin(run)
    assert not desk.store.runs.lost()
    desk.store.runs.end(record, RunState.FINISHED, {})
    desk.move(run, Completed())
    assert not desk.resumes(run)


@pytest.mark.parametrize(
    ("told", "way"),
    [
        (True, (Cancelling(), Cancelled())),
        (True, (Cancelling(), SHUTDOWN)),
        (True, (Cancelling(),)),
        (True, (SHUTDOWN, AwaitingRetry(), Cancelled())),
        (True, (SHUTDOWN, AwaitingRetry(), Pending(), Cancelling(), Cancelled())),
        (False, (Cancelling(), Crashed())),
        (False, (Cancelling(), Cancelled())),
        (False, (Completed(),)),
    ],
    ids=lambda given: "-".join(state.type.value for state in given) if isinstance(given, tuple) else str(given),
)
def test_what_a_person_cancelled_or_is_done_never_begins_again(desk: Desk, told: bool, way: tuple[State, ...]) -> None:
    run = desk.run(Pending(), Running())
    record = desk.begin(run)
    if told:
        desk.store.runs.end(record, RunState.INTERRUPTED, {})
    desk.move(run, *way)
    lost = desk.store.runs.lost() or _as_lost(desk)
    assert not resume_run(desk.client, lost, desk.store.runs)
    assert desk.state(run) is way[-1].type


def _as_lost(desk: Desk) -> list:  # type: ignore[type-arg]
    """What another process sees of the runs of this one once it is dead."""
    data = desk.store.data
    desk.store.close()
    desk.store = Store(data)
    return desk.store.runs.lost()


@pytest.mark.parametrize("end", [Running(), SHUTDOWN, Crashed()], ids=lambda state: state.type.value)
def test_a_run_whose_process_died_resumes_but_not_for_ever(desk: Desk, end: State) -> None:
    run = desk.run()
    for n in range(MOST_STARTS):
        desk.move(run, Pending(), Running())
        desk.begin(run)
        desk.move(run, end)
        lost = _as_lost(desk)
        is_last = n == MOST_STARTS - 1
        assert resume_run(desk.client, lost, desk.store.runs) is not is_last
        assert (desk.state(run) is StateType.SCHEDULED) is not is_last


def test_many_orderly_stops_do_not_use_up_the_starts(desk: Desk) -> None:
    run = desk.run()
    for _ in range(MOST_STARTS + 1):
        desk.move(run, Pending(), Running())
        desk.store.runs.end(desk.begin(run), RunState.INTERRUPTED, {})
        desk.move(run, SHUTDOWN)
        assert desk.resumes(run)
        assert desk.state(run) is StateType.SCHEDULED


def test_a_later_run_of_the_book_takes_the_place_of_one_that_was_cut_short(desk: Desk) -> None:
    run = desk.run(Pending(), Running())
    desk.store.runs.end(desk.begin(run), RunState.INTERRUPTED, {})
    desk.store.runs.end(desk.store.runs.start("another-book", {}), RunState.FINISHED, {})
    assert len(desk.store.runs.lost()) == 1
    desk.store.runs.end(desk.store.runs.start("a-book", {"voice": "low"}), RunState.FINISHED, {})
    assert not desk.store.runs.lost()


def test_what_a_shutdown_ended_before_it_began_resumes_and_a_persons_stop_does_not(desk: Desk) -> None:
    resumed = [desk.run(Pending(), SHUTDOWN), desk.run(Pending(), Running(), Crashed())]
    left = [
        desk.run(Cancelled()),
        desk.run(Pending(), Cancelling(), Cancelled()),
        desk.run(Pending(), Running(), Crashed(), tags=(TERMINAL_TAG,)),
        desk.run(*[s for _ in range(MOST_STARTS) for s in (AwaitingRetry(), Pending(), Crashed())]),
    ]
    recorded = desk.run(Pending(), Running())
    desk.store.runs.end(desk.begin(recorded), RunState.STOPPED, {})
    desk.move(recorded, Cancelled())
    before = [desk.state(run) for run in [*left, recorded]]
    resume_unbegun(desk.client, desk.store.runs)
    assert {desk.state(run) for run in resumed} == {StateType.SCHEDULED}
    assert [desk.state(run) for run in [*left, recorded]] == before
