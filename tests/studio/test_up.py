"""`bookcast up` as a person runs it: one at a time, whatever dies comes back, everything ends with it."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.fakes import spoken
from tests.flows.test_flows import wait_until
from tests.studio.conftest import SENTENCES
from tests.studio.house import Up

pytestmark = pytest.mark.studio


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


def test_other_machines_are_let_in_by_the_link_of_the_first_start(tmp_path: Path, fake_voice: Path) -> None:
    house = Up(tmp_path)
    said = house.start("--host", "0.0.0.0")
    try:
        link = next(line for line in said if "token=" in line).rpartition(" ")[2].strip()
        port = house.studio.rpartition(":")[2]
        at_home = link.replace(link.split("/")[2], f"127.0.0.1:{port}")
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            assert browser.get(f"http://127.0.0.1:{port}/").status_code == 401
            assert "There is no book yet" in browser.get(at_home).text
            assert "There is no book yet" in browser.get(f"http://127.0.0.1:{port}/").text, "by the cookie"
    finally:
        house.stop()
    assert not [line for line in house.start("--host", "0.0.0.0") if "token=" in line], "it is shown once"
    house.stop()
