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

from flows.server import PrefectServer
from flows.server_process import withdraw, write_address
from pipeline.errors import StoreError
from tests.flows.test_flows import wait_until
from tests.remote.conftest import KEY, Rig
from tests.remote.test_narration import paragraphs, write_book
from tests.speech_service import SpeechService


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeechService]:
    monkeypatch.setenv("RIG_API_KEY", KEY)
    running = SpeechService(keys=(KEY,), latency_s=0.4).serve()
    yield running
    running.close()


def test_two_programs_share_four_slots_and_a_killed_one_frees_its_own(
    service: SpeechService, server: str, tmp_path: Path
) -> None:
    """Each has a data directory of its own: nothing but the server binds them."""
    runs = []
    for n in range(2):
        folder = tmp_path / str(n)
        folder.mkdir()
        book = write_book(folder, [f"{text} Told in book {n}." for text in paragraphs(120)])
        config = Rig(service).toml(folder, concurrency=4)
        command = [sys.executable, "-m", "pipeline.cli.main", "--config", str(config), "--data", str(folder / "data")]
        environment = {**os.environ, "PREFECT_API_URL": server, "PYTHONPATH": str(Path(__file__).parents[2])}
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
    # the service still answers what the dead one had asked: it must not take longer over that than the slots are held
    wait_until(lambda: all(ask.ended for ask in list(service.asks) if f"book {ahead}" in ask.text), "its last answers")
    service.latency_s = 4.0  # the other book must not end before a lease that nobody could note runs out
    wait_until(lambda: _widest(service, killed + 0.5) == 4, "the share of the killed one")
    assert time.monotonic() - killed < 65
    service.latency_s = 0.05
    out, _ = runs[1 - ahead].communicate(timeout=90)
    assert json.loads(out)["failed"] == 0
    assert service.most_in_flight == 4


def _widest(service: SpeechService, since: float) -> int:
    """Most requests under way at once that began after `since`."""
    asks = [ask for ask in list(service.asks) if ask.began > since]
    return max((sum(a.began <= ask.began < (a.ended or 1e12) for a in asks) for ask in asks), default=0)


def test_a_missing_limit_is_an_error_and_not_a_free_way(server: str, tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.service_share import ensure_limit, share_of_service
    from pipeline.settings import Settings
    from pipeline.stages.context import Context

    context = Context(Settings(), tmp_path / "data")
    with temporary_settings({PREFECT_API_URL: server}):
        with pytest.raises(StoreError, match="not there"), share_of_service(context, "nobody", 1, lambda: None):
            raise AssertionError("let through")
        ensure_limit("rig", 2)
        with share_of_service(context, "rig", 2, lambda: None):
            ensure_limit("rig", 3)
    context.close()


def test_programs_that_create_the_limit_at_once_do_not_trip_over_each_other(server: str) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.service_share import ensure_limit

    def create(n: int) -> None:
        with temporary_settings({PREFECT_API_URL: server}):
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
