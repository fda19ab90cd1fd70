"""The flow on a real Prefect server: the same result as without it, failures listed, retried from the page."""

import inspect
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from flows.server.credential import authorization, credential_of
from flows.server.prefect_server import PrefectServer
from pipeline.narration.core.order import Order
from tests.fakes import KIND, spoken

BUSY = 503
"""What Prefect answers while something else writes; its own client asks again, too."""
DEADLINE_S = 240
"""Tests wait for facts; this is for those that never come, also on a machine with much else to do."""


class House:
    """A data directory with its programs."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.data = tmp_path / "data"
        self.config = tmp_path / "settings.toml"
        self.config.write_text(f'[narration]\nbackend = "fake"\n[backends.fake]\nkind = "{KIND}"\n')

    def command(self, *arguments: str) -> list[str]:
        options = ["--data", "data", "--config", str(self.config)]  # relative, as by default
        return [sys.executable, "-m", "pipeline.cli", *options, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    @property
    def server(self) -> dict[str, Any]:
        try:
            value: dict[str, Any] = json.loads((self.data / "prefect" / "server.json").read_text())
        except (OSError, ValueError):
            return {}
        return value

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json", **authorization(credential_of(self.data / "prefect"))}
        request = urllib.request.Request(f"{self.server['api_url']}/{path}", json.dumps(body).encode(), headers)

        def answer() -> tuple[Any] | None:
            try:
                with urllib.request.urlopen(request, timeout=60) as answered:
                    return (json.load(answered),)
            except urllib.error.HTTPError as error:
                if error.code != BUSY:
                    raise
                return None

        return wait_until(answer, f"an answer to {path}")[0]


def address_of(server: PrefectServer) -> dict[str, str]:
    """What a user sets to have runs kept by a server of their own."""
    return {"PREFECT_API_URL": server.api_url, "PREFECT_API_AUTH_STRING": server.credential}


def test_every_value_of_an_order_can_be_handed_to_its_flow() -> None:
    from flows.runs.narrate_document import narrate_document  # brings Prefect, which reads its settings then

    parameters = inspect.signature(narrate_document.fn).parameters
    assert set(parameters) == {"source", *(field.name for field in fields(Order))}


def wait_until(check: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.3)
    raise AssertionError(f"not within {deadline_s} s: {what}")


@pytest.fixture
def house(tmp_path: Path, fake_voice: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def up(house: House) -> Iterator[House]:
    process = subprocess.Popen(house.command("up", "--port", "0"), cwd=house.folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line, "it ended"
        yield house
    finally:
        process.terminate()
        assert process.wait(20) == 0
        wait_until(lambda: not house.server, "the server to end with its last user")


@pytest.mark.studio
def test_a_failed_run_lists_its_chunk_and_a_retry_from_the_page_completes_it(
    up: House, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "poison").write_text("wickedest of two")
    failed = up.run("narrate", str(short_epub), "--json")
    assert failed.returncode == 9, failed.stderr
    assert not list(up.data.rglob("*.m4b"))
    tables = [a for a in up.ask("artifacts/filter", {}) if a["type"] == "table"]
    assert any("fails on this text" in table["data"] for table in tables)
    assert up.ask("automations/filter", {})[0]["name"] == "bookcast: no heartbeat"
    (run,) = [run for run in up.ask("flow_runs/filter", {}) if not run["auto_scheduled"]]
    assert run["state"]["type"] == "FAILED"
    (fake_voice / "poison").unlink()
    before = len(spoken(fake_voice))
    # what the Retry button of Prefect's page sends
    state = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the page"}, "force": True}
    up.ask(f"flow_runs/{run['id']}/set_state", state)
    wait_until(lambda: list(up.data.rglob("*.m4b")), "the book")
    wait_until(
        lambda: (
            up.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})[0]["state"]["type"] == "COMPLETED"
        ),
        "the end of the run",
    )
    assert len(spoken(fake_voice)) == before + 1
    assert any(a["type"] == "markdown" for a in up.ask("artifacts/filter", {}))


@pytest.mark.long
def test_runs_at_once_share_a_server_that_starts_for_them_and_ends_after_them(
    house: House, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "delay").write_text("0.3")
    both = [
        subprocess.Popen(
            house.command("narrate", str(short_epub), "--json"), cwd=house.folder, env=os.environ.copy(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=DEADLINE_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for out, err in said:
        assert json.loads(out)["failed"] == 0
        assert "bookcast up shows the pages of runs" in err
        assert "Traceback" not in err
    assert len(spoken(fake_voice)) == 12
    wait_until(lambda: not house.server, "the server to end")
    direct = house.run("narrate", str(short_epub), "--direct", "--json")
    assert json.loads(direct.stdout)["synthesized"] == 0
