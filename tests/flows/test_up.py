"""`bookcast up` as a person runs it: one at a time, whatever dies comes back, everything ends with it."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fakes import spoken
from tests.flows.test_flows import House, wait_until
from tests.makers import make_epub

SENTENCES = 60
pytestmark = pytest.mark.studio


class Up(House):
    """A running studio."""

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command("up", "--port", "0"), cwd=self.folder, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        while "Ctrl-C" not in (line := self.process.stdout.readline()):
            assert line, "it ended"

    @property
    def where(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.data / "work" / "up.json").read_text())
        return value

    def part(self, name: str) -> psutil.Process:
        """The program whose command line holds `name`."""
        return next(p for p in self.programs() if name in " ".join(p.cmdline()))

    def programs(self) -> list[psutil.Process]:
        mine = str(self.data.resolve())
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("BOOKCAST_DATA") == mine or mine in " ".join(process.cmdline()):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def narrate(self, book: Path) -> str:
        (deployment,) = [d for d in self.ask("deployments/filter", {}) if d["name"] == "narrate-document"]
        run = self.ask(f"deployments/{deployment['id']}/create_flow_run", {"parameters": {"source": str(book)}})
        return str(run["id"])

    def state(self, run: str) -> str:
        try:
            (found,) = self.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        except (OSError, KeyError):
            return ""
        return str(found["state"]["type"])

    def stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0
        return time.monotonic() - began


@pytest.fixture
def up(tmp_path: Path, fake_voice: Path) -> Iterator[Up]:
    house = Up(tmp_path)
    house.start()
    yield house
    if house.process.poll() is None:
        house.stop()


@pytest.fixture
def slow_book(tmp_path: Path, fake_voice: Path) -> Path:
    (fake_voice / "delay").write_text("0.4")
    text = "".join(f"<p>This is the sentence that has the number {n}.</p>" for n in range(SENTENCES))
    path = tmp_path / "slow.epub"
    path.write_bytes(make_epub({"one.xhtml": f"<h2>One</h2>{text}"}, title="Slow"))
    return path


def test_whatever_is_killed_comes_back_and_the_book_is_completed(up: Up, slow_book: Path, fake_voice: Path) -> None:
    run = up.narrate(slow_book)
    for victim in ("prefect.engine", "flows.deployments", "flows.server_process"):
        before = len(spoken(fake_voice))
        wait_until(lambda: len(spoken(fake_voice)) > before + 4, f"work before the kill of {victim}")  # noqa: B023
        os.kill(up.part(victim).pid, signal.SIGKILL)
    wait_until(lambda: list(up.data.rglob("*.m4b")), "the book")
    wait_until(lambda: up.state(run) == "COMPLETED", "the end of the run")
    repeated = sum(count - 1 for count in Counter(spoken(fake_voice)).values())
    assert repeated <= 2 * (os.cpu_count() or 1), "only what was in flight at a kill of the narrating process"


def test_a_second_one_names_the_first_and_the_first_ends_with_all_it_started(
    up: Up, slow_book: Path, fake_voice: Path
) -> None:
    second = up.run("up")
    assert second.returncode == 7
    assert up.where["studio"] in second.stderr
    up.narrate(slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work")
    assert up.stop() < 10
    wait_until(lambda: not up.programs(), "the end of everything")
    up.start()  # what was under way goes on
    wait_until(lambda: list(up.data.rglob("*.m4b")), "the book")
    assert max(Counter(spoken(fake_voice)).values()) <= 2


def test_a_cancelled_run_stops_soon_and_keeps_what_is_done(up: Up, slow_book: Path, fake_voice: Path) -> None:
    run = up.narrate(slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work")
    began = time.monotonic()
    up.ask(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    wait_until(lambda: up.state(run) == "CANCELLED", "the end of the run")
    assert time.monotonic() - began < 10
    done = len(spoken(fake_voice))
    (fake_voice / "delay").unlink()
    again = up.narrate(slow_book)
    wait_until(lambda: up.state(again) == "COMPLETED", "the book")
    assert len(spoken(fake_voice)) <= SENTENCES + 1 + (os.cpu_count() or 1), f"{done} were done"
