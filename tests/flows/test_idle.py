"""A Prefect that has nothing to do does nothing, and forgets what is old."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from docket import Docket, Worker
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.settings.models.root import Settings as PrefectSettings
from prefect.states import Completed, Pending

from flows.runner.prefect_desk import SETTLE_S, PrefectDesk
from flows.runs.convert_feeds import convert_feeds
from flows.runs.rerun_chunks import rebuild_release
from flows.server.environment import prefect_environment, server_habits
from flows.server.prefect_server import PrefectServer
from flows.server.unhurried_chores import unhurried_worker
from tests.conftest import Desk
from tests.flows.test_flows import wait_until
from tests.tcp_relay import Relay, open_relay


def settings_under(monkeypatch: pytest.MonkeyPatch, **environment: str) -> PrefectSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return PrefectSettings()


def test_prefect_takes_what_its_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = {**server_habits(30), **prefect_environment(tmp_path, "http://127.0.0.1:1/api", "")}
    settings = settings_under(monkeypatch, **environment)
    services = settings.server.services
    assert services.db_vacuum.enabled_vacuum_types == {"events", "flow_runs", "orphans"}
    assert services.db_vacuum.retention_period == timedelta(days=30)
    assert settings.server.events.retention_period == timedelta(days=7)
    assert settings.server.events.proactive_granularity == timedelta(seconds=15)
    assert not settings.client.csrf_support_enabled
    assert not services.pause_expirations.enabled
    loops = [services.scheduler, services.late_runs, services.foreman, services.cancellation_cleanup]
    assert {loop.loop_seconds for loop in [*loops, services.cleanup_reconciler]} == {60}
    assert services.repossessor.loop_seconds == 10
    assert services.scheduler.recent_deployments_loop_seconds == 60


def test_runs_are_remembered_for_ever_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_under(monkeypatch, **server_habits(0)).server.services.db_vacuum.enabled_vacuum_types == {"events"}


class CountedLoop(asyncio.SelectorEventLoop):
    """Counts how often it wakes."""

    turns = 0

    def _run_once(self) -> None:
        self.turns += 1
        super()._run_once()  # type: ignore[misc]  # known to every loop, told by none


def turns_while_idle(make_worker: Callable[[Docket], Worker], seconds: float) -> int:
    loop = CountedLoop()

    async def idle() -> int:
        async with Docket(name="idle", url=f"memory://{id(loop)}") as docket, make_worker(docket) as worker:
            working = asyncio.create_task(worker.run_forever())
            await asyncio.sleep(seconds / 2)  # as long as its start may take
            before = loop.turns
            await asyncio.sleep(seconds)
            working.cancel()
            return loop.turns - before

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(idle())


def test_a_server_without_chores_wakes_seldom() -> None:
    assert turns_while_idle(unhurried_worker, 2) * 5 < turns_while_idle(Worker, 2)


@pytest.fixture
def relay(server: PrefectServer) -> Iterator[Relay]:
    with open_relay(server.api_url) as relay:
        yield relay


@pytest.mark.studio
def test_a_studio_asks_prefect_nothing_while_nothing_changes_and_sees_a_change_at_once(
    desk: Desk, relay: Relay, server: PrefectServer
) -> None:
    with as_client(server), get_client(sync_client=True) as client:
        known = client.create_deployment(client.create_flow(convert_feeds), "convert-feeds", tags=["bookcast"])
        context = desk.open()
        prefect = PrefectDesk(context, relay.api_url, "/prefect/")
        try:
            wait_until(lambda: relay.connections, "the first look")
            time.sleep(2 * SETTLE_S)  # as long as a change may take to settle; what is counted begins after it
            before = relay.connections
            time.sleep(2 * SETTLE_S)
            assert relay.connections == before
            run = client.create_flow_run_from_deployment(known, tags=["bookcast", "book:a-book"])
            wait_until(lambda: "a-book" in prefect.active(), "the desk to see it", 10)
            client.set_flow_run_state(run.id, Pending(), force=True)
            client.set_flow_run_state(run.id, Completed(), force=True)
            wait_until(lambda: not prefect.active(), "the desk to see its end", 10)
        finally:
            prefect.close()
            context.close()


def as_client(server: PrefectServer) -> AbstractContextManager[object]:
    return temporary_settings({PREFECT_API_URL: server.wait(), PREFECT_API_AUTH_STRING: server.credential})


def finished_run(client: SyncPrefectClient) -> str:
    run = client.create_flow_run(rebuild_release, name="An old run", state=Pending())
    client.set_flow_run_state(run.id, Completed(), force=True)
    return str(run.id)


@contextmanager
def client_of_own_server(data: Path) -> Iterator[SyncPrefectClient]:
    with (
        PrefectServer(data, keep_days=3) as server,
        as_client(server),
        get_client(sync_client=True) as client,
    ):
        yield client


@pytest.mark.studio
def test_a_server_forgets_runs_that_are_older_than_it_is_told_to_keep(tmp_path: Path) -> None:
    with client_of_own_server(tmp_path) as client:
        old, young = finished_run(client), finished_run(client)
    wait_until(lambda: not (tmp_path / "prefect" / "server.json").exists(), "the end of the server")
    with closing(sqlite3.connect(tmp_path / "prefect" / "prefect.db")) as database, database:
        moved = "UPDATE flow_run SET end_time = datetime(end_time, '-4 days') WHERE id = ?"
        assert database.execute(moved, [old]).rowcount == 1
    with client_of_own_server(tmp_path) as client:
        wait_until(lambda: {str(run.id) for run in client.read_flow_runs()} == {young}, "the pruning")
