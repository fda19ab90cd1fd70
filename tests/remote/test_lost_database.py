"""The index may be lost, the sound is not: losing the database costs no request, losing it under a run ends that run."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.program import Result, bookcast
from tests.remote.conftest import Rig
from tests.remote.test_narration import paragraphs, write_book
from tests.speech_service import SpeechService
from tests.store.test_opened_file import WAYS, delete, replace, unmount


class Shell:
    """Runs `bookcast` on one data directory."""

    def __init__(self, folder: Path, rig: Rig) -> None:
        self.data = folder / "d"
        self.book = str(write_book(folder, paragraphs(12)))
        self._start = ["--config", str(rig.toml(folder)), "--data", str(self.data)]

    def __call__(self, *arguments: str) -> Result:
        return bookcast(*self._start, *arguments)

    def narrate(self) -> Result:
        return self("narrate", self.book, "--direct", "--json")

    def audiobook(self) -> bytes:
        (path,) = (self.data / "library").rglob("*.m4b")
        return path.read_bytes()


@pytest.fixture
def shell(tmp_path: Path, rig: Rig) -> Shell:
    return Shell(tmp_path, rig)


def test_losing_the_database_costs_no_request(shell: Shell, service: SpeechService) -> None:
    assert shell.narrate().returncode == 0
    before, asked = shell.audiobook(), len(service.asks)
    delete(shell.data)
    rebuilt = json.loads(shell("cache", "rebuild", "--json").stdout)
    assert rebuilt == {"found": 15, "takes": 0, "known": 0, "without_key": 0, "damaged": 0}
    again = shell.narrate()
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert (summary["synthesized"], summary["cost"], len(service.asks)) == (0, 0, asked)
    assert shell.audiobook() == before


def test_whoever_just_narrates_after_a_loss_pays_nothing_either(
    shell: Shell, service: SpeechService, tmp_path: Path
) -> None:
    assert shell("say", "Paragraph number 3.", "-o", str(tmp_path / "a.wav")).returncode == 0
    assert shell.narrate().returncode == 0
    asked = len(service.asks)
    delete(shell.data)
    assert shell("cache", "prune").returncode == 7, "all would look as if nobody needed it"
    assert shell("say", "Paragraph number 3.", "-o", str(tmp_path / "b.wav")).returncode == 0
    done = shell.narrate()
    assert json.loads(done.stdout)["synthesized"] == 0
    assert len(service.asks) == asked
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def lose_at_the_sixth_request(shell: Shell, service: SpeechService, lose: Callable[[Path], None]) -> None:
    once = threading.Lock()

    def fault(text: str, nth: int) -> str:
        if len(service.asks) >= 6 and once.acquire(blocking=False):
            lose(shell.data)
        return ""

    service.fault = fault


@pytest.mark.parametrize("lose", WAYS)
def test_a_database_that_vanishes_under_a_run_is_an_error_of_that_run(
    shell: Shell, service: SpeechService, lose: Callable[[Path], None]
) -> None:
    lose_at_the_sixth_request(shell, service, lose)
    done = shell.narrate()
    assert done.returncode == 7, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert "is no longer" in errors[0]
    assert "bookcast cache rebuild" in done.stderr or "bring the data directory back" in done.stderr
    assert "Traceback" not in done.stderr
    if lose is not replace:
        assert not (shell.data / "bookcast.db").exists(), "no new database is made in silence"
    assert not list(shell.data.rglob("*.m4b"))
    if lose is unmount:  # locks are empty; anything else would be lost when the disk comes back
        assert not [path for path in shell.data.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_after_a_loss_under_a_run_nothing_is_bought_again(shell: Shell, service: SpeechService) -> None:
    lose_at_the_sixth_request(shell, service, delete)
    assert shell.narrate().returncode == 7
    assert shell("cache", "rebuild").returncode == 0
    done = shell.narrate()
    assert done.returncode == 0, done.stderr
    assert set(service.whole_answers().values()) == {1}
    assert len(service.whole_answers()) == 15
