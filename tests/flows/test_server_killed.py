"""The Prefect server of a narration is killed: the book is made all the same, and Ctrl-C ends the program soon."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.fakes import spoken
from tests.flows.test_feeds import ARTICLES, FEEDS, put_feeds
from tests.flows.test_flows import House, wait_until
from tests.makers import make_epub
from tests.remote.conftest import KEY, Rig
from tests.remote.test_narration import paragraphs, write_book
from tests.speech_service import SpeechService
from tests.web_site import Site

LONG_S = 300.0
CHAPTERS, SENTENCES = 2, 8
CLIPS = CHAPTERS * (SENTENCES + 1)


class Program:
    """A running `bookcast`."""

    def __init__(self, house: House, *arguments: str) -> None:
        self.house = house
        self.err_file = house.folder / "err"
        with open(self.err_file, "wb") as err:
            self.process = subprocess.Popen(
                house.command(*arguments, "--json"), cwd=house.folder, stdout=subprocess.PIPE, stderr=err, text=True,
                start_new_session=True,
            )  # fmt: skip

    @property
    def err(self) -> str:
        return self.err_file.read_text()

    @property
    def run(self) -> str:
        """Prefect's id of its run; empty until it is announced."""
        return self.err.partition(": run ")[2].partition(" ")[0]

    def kill_server(self) -> str:
        """Kill the server that the program uses; its address."""
        known = wait_until(lambda: self.house.server, "a server", LONG_S)
        os.kill(known["pid"], signal.SIGKILL)
        return str(known["api_url"])

    def end(self) -> dict[str, object]:
        out, _ = self.process.communicate(timeout=LONG_S)
        assert self.process.returncode == 0, self.err
        assert "Traceback" not in self.err
        assert "Error" not in self.err
        value: dict[str, object] = json.loads(out)
        return value

    def stop(self, how: int = signal.SIGINT) -> float:
        """Seconds until it ended, which it does as one that a person stopped."""
        began = time.monotonic()
        self.process.send_signal(how)
        assert self.process.wait(60) == 130
        took = time.monotonic() - began
        assert "Traceback" not in self.err
        return took


@pytest.fixture
def house(tmp_path: Path, fake_voice: Path) -> House:
    (fake_voice / "delay").write_text("0.3")
    return House(tmp_path)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeechService]:
    monkeypatch.setenv("RIG_API_KEY", KEY)
    running = SpeechService(keys=(KEY,), latency_s=0.4).serve()
    yield running
    running.close()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    chapters = {
        f"{n}.xhtml": f"<h2>Part {n}</h2>" + "".join(f"<p>This is the sentence {n} {s}.</p>" for s in range(SENTENCES))
        for n in range(CHAPTERS)
    }
    path = tmp_path / "slow.epub"
    path.write_bytes(make_epub(chapters, title="Slow"))
    return path


@pytest.fixture
def program(house: House) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        started.append(Program(house, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)


@contextmanager
def taken(api_url: str) -> Iterator[None]:
    """Somebody else listens at the port of a server that is gone."""
    port = int(api_url.rpartition(":")[2].removesuffix("/api"))

    def listen() -> socket.socket | None:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            return None  # the system has not let go of it yet

    with wait_until(listen, "the port"):
        yield


def check_whole(house: House, summary: dict[str, object], fake_voice: Path) -> None:
    assert summary["failed"] == 0
    assert summary["chunks"] == CLIPS
    assert Counter(spoken(fake_voice)).most_common(1)[0][1] == 1, "nothing is spoken twice"
    assert len(spoken(fake_voice)) == CLIPS
    assert list(house.data.rglob("*.m4b"))


def states(house: House) -> list[str]:
    with closing(sqlite3.connect(house.data / "bookcast.db")) as database:
        return [state for (state,) in database.execute("SELECT state FROM runs ORDER BY started_at")]


@pytest.mark.long
def test_a_server_that_cannot_come_back_is_done_without(
    house: House, program: Callable[..., Program], book: Path, fake_voice: Path
) -> None:
    running = program("narrate", str(book))
    wait_until(lambda: len(spoken(fake_voice)) >= 3, "clips")
    with taken(running.kill_server()):
        summary = running.end()
    check_whole(house, summary, fake_voice)
    assert running.err.count("goes on without it") == 1, "it is said, once"
    assert states(house) == ["finished"]


@pytest.mark.studio
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("announced", marks=pytest.mark.slow),
        pytest.param("first clip", marks=pytest.mark.slow),
        "publishing",
    ],
)
def test_a_server_that_is_killed_is_started_again_and_hears_how_the_run_ended(
    house: House, program: Callable[..., Program], book: Path, fake_voice: Path, moment: str
) -> None:
    moments: dict[str, Callable[[], object]] = {
        "announced": lambda: running.run,
        "first clip": lambda: spoken(fake_voice),
        "publishing": lambda: "2/2 chapters" in running.err,
    }
    running = program("narrate", str(book))
    wait_until(moments[moment], moment, LONG_S)
    running.kill_server()
    check_whole(house, running.end(), fake_voice)
    assert states(house) == ["finished"]
    if moment != "publishing":  # then it may be over before the server is back
        run = running.run
        with closing(sqlite3.connect(house.data / "prefect" / "prefect.db")) as database:
            known = database.execute("SELECT state_type FROM flow_run WHERE id = ?", [run]).fetchall()
        assert known == [("COMPLETED",)]


@pytest.mark.slow
@pytest.mark.studio
def test_a_server_that_is_killed_twice_costs_nothing(
    house: House, program: Callable[..., Program], book: Path, fake_voice: Path
) -> None:
    (fake_voice / "delay").write_text("1.5")
    running = program("narrate", str(book))
    wait_until(lambda: spoken(fake_voice), "clips", LONG_S)
    first = running.house.server["pid"]
    running.kill_server()
    wait_until(lambda: house.server.get("pid", first) != first, "another server", LONG_S)
    running.kill_server()
    check_whole(house, running.end(), fake_voice)


@pytest.mark.studio
def test_a_rerun_speaks_its_chunks_once_though_the_server_is_gone_before_it_begins(
    house: House, program: Callable[..., Program], book: Path, fake_voice: Path
) -> None:
    assert house.run("narrate", str(book), "--direct").returncode == 0
    (slug,) = [row["book"] for row in json.loads(house.run("status", "--json").stdout)["books"]]
    (fake_voice / "spoken.log").unlink()
    running = program("rerun", slug, "--chapter", "1")
    wait_until(lambda: running.run, "its run", LONG_S)
    with taken(running.kill_server()):
        assert running.end()["synthesized"] == SENTENCES + 1
    assert len(spoken(fake_voice)) == SENTENCES + 1


@pytest.mark.studio
@pytest.mark.parametrize("comes_back", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_service_is_paid_once_though_the_server_that_shares_it_is_killed(
    service: SpeechService, tmp_path: Path, program: Callable[..., Program], house: House, comes_back: bool
) -> None:
    house.config = Rig(service).toml(tmp_path, concurrency=4)
    running = program("narrate", str(write_book(tmp_path, paragraphs(60))))
    wait_until(lambda: len(service.asks) > 10, "work", LONG_S)
    address = running.kill_server()
    with nullcontext() if comes_back else taken(address):
        summary = running.end()
    assert summary["failed"] == 0
    assert len(service.asks) == summary["synthesized"] == 63
    assert service.most_in_flight <= 4


@pytest.mark.studio
def test_feeds_are_narrated_though_the_server_is_killed(
    house: House, program: Callable[..., Program], web: Site, fake_voice: Path
) -> None:
    with open(house.config, "a", encoding="utf-8") as file:
        file.write("[studio]\nprivate_addresses = true\n[feeds]\nbegin_with = 100\n")
    for url in put_feeds(web):
        assert house.run("feeds", "add", url).returncode == 0
    running = program("feeds", "update")
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work", LONG_S)
    running.kill_server()
    assert running.end()["narrated"] == FEEDS * ARTICLES
    assert max(Counter(spoken(fake_voice)).values()) == 1


@pytest.mark.studio
@pytest.mark.parametrize(
    ("how", "killed"),
    [
        (signal.SIGINT, True),
        pytest.param(signal.SIGTERM, False, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, False, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, True, marks=pytest.mark.slow),
    ],
)
def test_a_stop_ends_it_soon_whatever_became_of_the_server(
    program: Callable[..., Program], house: House, book: Path, fake_voice: Path, how: int, killed: bool
) -> None:
    running = program("narrate", str(book))
    wait_until(lambda: len(spoken(fake_voice)) >= 3, "clips", LONG_S)
    if killed:
        running.kill_server()
        time.sleep(1.5)  # any moment of its coming back
    assert running.stop(how) < 60, "it waits neither for a server nor for the rest of the book"
    assert states(house) == ["stopped"], "a person's stop does not resume by itself"


@pytest.mark.studio
def test_a_second_stop_ends_it_at_once_and_is_no_death(
    program: Callable[..., Program], house: House, book: Path, fake_voice: Path
) -> None:
    (fake_voice / "delay").write_text("8")
    running = program("narrate", str(book))
    wait_until(lambda: spoken(fake_voice), "a clip", LONG_S)
    running.process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert running.stop() < 6, "it does not wait for the clip"
    assert states(house) == ["stopped"]
