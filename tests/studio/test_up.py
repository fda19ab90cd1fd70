"""`bookcast up` as a person runs it: one at a time, whatever dies comes back, everything ends with it."""

import os
import signal
import stat
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
    for victim in ("prefect.engine", "flows.runner.deployments", "flows.server.server_process"):
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
    up.stop()
    wait_until(lambda: not up.programs(), "the end of everything")
    up.start()  # what was under way goes on
    wait_until(lambda: list(up.data.rglob("*.m4b")), "the book")
    assert max(Counter(spoken(fake_voice)).values()) <= 2


def test_a_cancelled_run_stops_soon_and_keeps_what_is_done(up: Up, slow_book: Path, fake_voice: Path) -> None:
    run = up.narrate(slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work")
    up.ask(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    wait_until(lambda: up.state(run) == "CANCELLED", "the end of the run")
    done = len(spoken(fake_voice))
    assert done < SENTENCES, "it did not wait for the end of the book"
    (fake_voice / "delay").unlink()
    again = up.narrate(slow_book)
    wait_until(lambda: up.state(again) == "COMPLETED", "the book")
    assert len(spoken(fake_voice)) <= SENTENCES + 1 + (os.cpu_count() or 1), f"{done} were done"


def test_a_browser_is_let_in_by_the_link_of_each_start_and_stays_in(tmp_path: Path, fake_voice: Path) -> None:
    house = Up(tmp_path)
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=60) as browser:
        for n, options in enumerate(((), ("--host", "0.0.0.0"), ("--host", "0.0.0.0"))):
            said = house.start(*options)
            here = f"http://127.0.0.1:{house.studio.rpartition(':')[2]}"
            links = [line.rpartition(" ")[2].strip() for line in said if "token=" in line]
            assert links == [house.link, f"{house.studio}/?token={house.token}"][: 1 + bool(options)]
            assert house.where["link"] == house.link
            assert house.run("up", "--show-link").stdout.split()[0] == house.link, "at the port that it has"
            assert stat.S_IMODE((house.data / "work" / "up.json").stat().st_mode) == 0o600
            if n == 0:
                assert browser.get(here).status_code == 401
                assert "There is no book yet" in browser.get(house.link).text
            assert "There is no book yet" in browser.get(here).text, "by the cookie, also after a restart"
            house.stop()
