"""The flow of the feeds on a real Prefect server: killed at any moment, no article is lost or narrated twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from flows.server.prefect_server import PrefectServer
from tests.fakes import KIND, spoken
from tests.feed_makers import Post, rss, story
from tests.flows.test_flows import address_of, wait_until
from tests.web_site import Site

pytestmark = pytest.mark.studio
FEEDS, ARTICLES = 3, 4
LONG_S = 300.0
"""Prefect's server on SQLite waits up to a minute for its own database where several programs write at once."""


class FeedHouse:
    """A data directory whose programs use one Prefect server that stands by itself."""

    def __init__(self, folder: Path, server: PrefectServer) -> None:
        self.folder, self.data = folder, folder / "data"
        self.config = folder / "settings.toml"
        self.config.write_text(
            f'[narration]\nbackend = "fake"\nnormalize = "never"\n[backends.fake]\nkind = "{KIND}"\n[studio]\nprivate_addresses = true\n'
            "[feeds]\nbegin_with = 100\n"
        )
        self.environment = {**os.environ, **address_of(server)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipeline.cli", "--config", str(self.config), "--data", str(self.data)]
        return subprocess.Popen(
            [*command, *arguments, "--json"], cwd=self.folder, env=self.environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, dict[str, object], str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=LONG_S)
        return process.returncode, json.loads(out or "{}"), err


@pytest.fixture
def house(tmp_path: Path, fake_voice: Path, server: PrefectServer) -> FeedHouse:
    return FeedHouse(tmp_path, server)


def put_feeds(web: Site) -> list[str]:
    return [
        web.put(
            f"/f{f}",
            rss(
                f"Feed {f}",
                [Post(f"{f}-{n}", f"Story {f} {n}", story(f"boat {f} {n}"), day=n + 1) for n in range(ARTICLES)],
                web.url,
            ),
            "application/rss+xml",
        )
        for f in range(FEEDS)
    ]


def test_every_feed_is_converted_and_one_that_fails_stops_none(house: FeedHouse, web: Site, fake_voice: Path) -> None:
    urls = put_feeds(web)
    for url in urls:
        assert house.run("feeds", "add", url)[0] == 0
    web.put("/f1", "<html>No feed any more</html>")
    (fake_voice / "poison").write_text("The boat 2 3 came")
    code, summary, err = house.run("feeds", "update")
    assert code == 9, err
    assert "Traceback" not in err
    assert summary["narrated"] == 2 * ARTICLES - 1
    assert {what for what, _ in summary["failures"]} == {urls[1], "Story 2 3"}  # type: ignore[attr-defined]
    (fake_voice / "poison").unlink()
    before = len(spoken(fake_voice))
    put_feeds(web)
    asked = len(web.log)
    code, summary, err = house.run("feeds", "update")
    assert (code, summary["narrated"]) == (0, ARTICLES), err
    assert [(entry.path, entry.conditional) for entry in web.log[asked:] if entry.path == "/f0"] == [("/f0", True)]
    assert len(spoken(fake_voice)) > before
    code, listed, _ = house.run("feeds", "list")
    assert [feed["narrated"] for feed in listed["feeds"]] == [4, 4, 3]  # type: ignore[index, attr-defined]
    assert (house.data / "podcasts" / "feeds" / "all" / "feed.xml").read_text().count("<item>") == 3 * ARTICLES - 1


def test_killed_in_the_middle_and_started_again_every_article_is_there_exactly_once(
    house: FeedHouse, web: Site, fake_voice: Path
) -> None:
    for url in put_feeds(web):
        assert house.run("feeds", "add", url)[0] == 0
    (fake_voice / "delay").write_text("0.1")
    for count in (5, 20):
        process = house.start("feeds", "update")
        wait_until(lambda: len(spoken(fake_voice)) >= count or process.poll() is not None, "speech", LONG_S)  # noqa: B023
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.3)
    (fake_voice / "delay").unlink()
    code, _summary, err = house.run("feeds", "update")
    assert code == 0, err
    assert house.run("feeds", "update")[1]["narrated"] == 0
    code, listed, _ = house.run("feeds", "list")
    assert [feed["narrated"] for feed in listed["feeds"]] == [ARTICLES] * FEEDS  # type: ignore[index, attr-defined]
    counts = Counter(spoken(fake_voice))
    assert sum(count - 1 for count in counts.values()) <= 2 * 2 * (os.cpu_count() or 1), "only what was in flight"
    feed = (house.data / "podcasts" / "feeds" / "all" / "feed.xml").read_text()
    assert feed.count("<item>") == FEEDS * ARTICLES
    books = list((house.data / "library").rglob("*.m4a"))
    assert len(books) == FEEDS * ARTICLES


def test_two_runs_at_once_narrate_each_article_once(house: FeedHouse, web: Site, fake_voice: Path) -> None:
    for url in put_feeds(web):
        assert house.run("feeds", "add", url)[0] == 0
    (fake_voice / "delay").write_text("0.05")
    both = [house.start("feeds", "update") for _ in range(2)]
    narrated = []
    for process in both:
        out, err = process.communicate(timeout=LONG_S)
        assert process.returncode == 0, err
        narrated.append(json.loads(out)["narrated"])
    assert sum(narrated) == FEEDS * ARTICLES
    assert max(Counter(spoken(fake_voice)).values()) == 1
