"""Flows of several programs stay under a service's limit together, by the Prefect server's own limits."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from flows.server.prefect_server import PrefectServer
from flows.server.server_process import withdraw, write_address
from pipeline.errors import StoreError
from tests.flows.test_flows import address_of, wait_until
from tests.remote.conftest import KEY, Rig
from tests.remote.test_narration import paragraphs, write_book
from tests.speech_service import Ask, SpeechService


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeechService]:
    monkeypatch.setenv("RIG_API_KEY", KEY)
    running = SpeechService(keys=(KEY,), latency_s=0.4).serve()
    yield running
    running.close()


@pytest.mark.long
def test_two_programs_share_four_slots_and_a_killed_one_frees_its_own(
    service: SpeechService, server: PrefectServer, tmp_path: Path
) -> None:
    """Each has a data directory of its own: nothing but the server binds them."""
    runs = []
    for n in range(2):
        folder = tmp_path / str(n)
        folder.mkdir()
        book = write_book(folder, [f"{text} Told in book {n}." for text in paragraphs(120)])
        config = Rig(service).toml(folder, concurrency=4)
        command = [sys.executable, "-m", "pipeline.cli", "--config", str(config), "--data", str(folder / "data")]
        environment = {**os.environ, **address_of(server), "PYTHONPATH": str(Path(__file__).parents[2])}
        runs.append(
            subprocess.Popen(
                [*command, "narrate", str(book), "--json"], cwd=folder, env=environment, start_new_session=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )
        )  # fmt: skip

    def asked(n: int) -> int:
        return sum(f"book {n}" in ask.text for ask in service.asks)

    wait_until(lambda: asked(0) > 10 and asked(1) > 10, "both to speak")
    ahead = int(asked(1) > asked(0))  # the other one has enough left to show what it may use
    os.killpg(runs[ahead].pid, signal.SIGKILL)
    runs[ahead].wait()
    killed = time.monotonic()
    assert _widest([ask for ask in list(service.asks) if ask.began < killed]) <= 4
    service.latency_s = 4.0  # the other book must not end before a lease that nobody could note runs out

    def of_the_living() -> list[Ask]:
        """Without the dead one's: a service goes on with those for a while, whoever hears it."""
        return [ask for ask in list(service.asks) if f"book {1 - ahead}" in ask.text]

    wait_until(
        lambda: _widest([ask for ask in of_the_living() if ask.began > killed]) == 4, "the share of the killed one"
    )
    assert time.monotonic() - killed < 65
    service.latency_s = 0.05
    out, _ = runs[1 - ahead].communicate(timeout=90)
    assert json.loads(out)["failed"] == 0
    assert _widest(of_the_living()) == 4


def _widest(asks: list[Ask]) -> int:
    """Most of these requests that were under way at once."""
    return max((sum(a.began <= ask.began < (a.ended or 1e12) for a in asks) for ask in asks), default=0)


def test_a_missing_limit_is_an_error_and_not_a_free_way(server: PrefectServer, tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    from flows.sharing.service_share import ensure_limit, share_of_service
    from pipeline.narration.core.context import Context
    from pipeline.settings import Settings

    context = Context(Settings(), tmp_path / "data")
    with temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.credential}):
        with pytest.raises(StoreError, match="not there"), share_of_service(context, "nobody", 1, lambda: None):
            raise AssertionError("let through")
        ensure_limit("rig", 2)
        with share_of_service(context, "rig", 2, lambda: None):
            ensure_limit("rig", 3)
    context.close()


def test_programs_that_create_the_limit_at_once_do_not_trip_over_each_other(server: PrefectServer) -> None:
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    from flows.sharing.service_share import ensure_limit

    def create(n: int) -> None:
        with temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.credential}):
            ensure_limit(f"at-once-{n // 4}", 3)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(create, range(24)))


@pytest.mark.studio
def test_what_answers_at_a_port_that_somebody_else_was_quicker_to_take_is_not_our_server(tmp_path: Path) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    with PrefectServer(tmp_path / "data") as ours:
        taken = ours.api_url
        address = ("127.0.0.1", int(taken.split(":")[2].removesuffix("/api")))
        with HTTPServer(address, Other) as other:  # before our server has come as far as that
            threading.Thread(target=other.serve_forever, args=(0.05,), daemon=True).start()
            assert ours.wait() != taken
            other.shutdown()


def test_a_server_that_is_about_to_end_stays_for_who_found_it_just_before(tmp_path: Path) -> None:
    (tmp_path / "users").mkdir()
    write_address(tmp_path, 4711)
    with FileLock(tmp_path / "users" / "late.lock"):
        assert not withdraw(tmp_path, 4711)
        assert json.loads((tmp_path / "server.json").read_text())["api_url"] == "http://127.0.0.1:4711/api"
    assert withdraw(tmp_path, 4711)
    assert not (tmp_path / "server.json").exists()
