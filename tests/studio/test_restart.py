"""`bookcast up` stopped in an orderly way and started again: what was under way resumes, once, and nothing else."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import spoken
from tests.flows.test_flows import wait_until
from tests.studio.house import Up

pytestmark = pytest.mark.studio


@pytest.fixture
def up(tmp_path: Path, fake_voice: Path) -> Iterator[Up]:
    house = Up(tmp_path)
    house.start()
    yield house
    if house.process.poll() is None:
        house.stop()


def test_what_an_orderly_stop_cuts_short_goes_on_at_the_next_start_and_a_done_run_never(
    up: Up, slow_book: Path, fake_voice: Path
) -> None:
    run = up.narrate(slow_book)
    for n, how in enumerate((signal.SIGTERM, signal.SIGINT), 1):
        before = len(spoken(fake_voice))
        wait_until(lambda: len(spoken(fake_voice)) > before + 6, "work")  # noqa: B023
        assert up.attempts(run) == n
        up.stop(how)
        up.start()
    wait_until(lambda: up.state(run) == "COMPLETED", "the end of the run")
    assert max(Counter(spoken(fake_voice)).values()) <= 3, "only what was in flight is spoken again"
    assert up.attempts(run) == 3
    assert up.recorded() == "finished"
    everything = spoken(fake_voice)
    up.stop(signal.SIGTERM)
    up.start()
    # the studio has looked back once it shows what runs there were
    wait_until(lambda: up.ask("deployments/count", {}) >= 4, "the runner")
    later = up.narrate(slow_book)
    wait_until(lambda: up.state(later) == "COMPLETED", "a later run")
    assert up.attempts(run) == 3
    assert spoken(fake_voice) == everything


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_starts_goes_on_at_the_next_start(
    up: Up, slow_book: Path, fake_voice: Path
) -> None:
    (fake_voice / "delay").unlink()
    run = up.narrate(slow_book)
    wait_until(lambda: up.state(run) == "PENDING", "the runner to take it")
    up.stop(signal.SIGTERM)
    up.start()
    wait_until(lambda: up.state(run) == "COMPLETED", "the end of the run")


def test_what_a_person_cancelled_never_begins_again(up: Up, slow_book: Path, fake_voice: Path) -> None:
    run = up.narrate(slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work")
    up.ask(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    up.stop(signal.SIGTERM)
    for _ in range(2):
        up.start()
        wait_until(lambda: up.recorded() == "stopped", "the studio to see that it is not to resume")
        assert up.state(run) in {"CANCELLED", "CANCELLING", "CRASHED"}
        assert up.attempts(run) == 1
        up.stop()


def test_what_a_kill_of_up_cuts_short_goes_on_at_the_next_start_and_nothing_outlives_it(
    up: Up, slow_book: Path, fake_voice: Path
) -> None:
    run = up.narrate(slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work")
    up.process.kill()
    up.process.wait(60)
    wait_until(lambda: not up.programs(), "the end of everything that it had started")
    (fake_voice / "delay").unlink()
    up.start()
    wait_until(lambda: up.state(run) == "COMPLETED", "the end of the run")
    assert max(Counter(spoken(fake_voice)).values()) <= 2, "only what was in flight is spoken again"


@pytest.mark.slow
def test_what_a_power_cut_ends_goes_on_at_the_next_start(up: Up, slow_book: Path, fake_voice: Path) -> None:
    run = up.narrate(slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work")
    everything = up.programs()
    assert len(everything) >= 4
    for program in everything:
        program.suspend()  # so that none sees another one end
    for program in everything:
        program.kill()
    up.process.wait(60)
    wait_until(lambda: not up.programs(), "the end of everything")
    (fake_voice / "delay").unlink()
    up.start()
    wait_until(lambda: up.state(run) == "COMPLETED", "the end of the run")
    assert max(Counter(spoken(fake_voice)).values()) <= 2, "only what was in flight is spoken again"
    assert up.attempts(run) == 2
