"""Feeds by schedule, on a real `bookcast up`: cron fires, what was missed is made up for, nothing is narrated twice."""

import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes import spoken
from tests.feed_makers import Post, rss, story
from tests.flows.test_flows import wait_until
from tests.studio.house import Up
from tests.web_site import Site

pytestmark = pytest.mark.studio


@pytest.fixture
def house(tmp_path: Path, fake_voice: Path) -> Iterator[Up]:
    house = Up(tmp_path)
    yield house
    house.stop()


def narrated(house: Up) -> int:
    return len(list(house.data.rglob("library/**/*.m4a")))


def put(web: Site, count: int) -> str:
    posts = [Post(f"{n}", f"Story {n}", story(f"boat {n}"), day=n + 1) for n in range(count)]
    return web.put("/feed", rss("The Paper", posts, web.url), "application/rss+xml")


@pytest.mark.slow
def test_cron_fires_converts_each_new_article_once_and_then_asks_conditionally(
    house: Up, web: Site, fake_voice: Path
) -> None:
    added = house.run("feeds", "add", put(web, 2), "--cron", "* * * * *")
    assert added.returncode == 0, added.stderr
    house.start()
    if datetime.now(UTC).second > 50:
        time.sleep(11)  # the next minute is too near to be a wait
    asked = len(web.log)
    assert not narrated(house)
    wait_until(lambda: narrated(house) == 2, "the schedule to fire", 240)
    texts = spoken(fake_voice)
    assert len(texts) == len(set(texts))
    first = len(web.log)
    assert first > asked
    wait_until(lambda: len(web.log) > first, "the schedule to fire again", 240)
    wait_until(
        lambda: not [r for r in house.ask("flow_runs/filter", {}) if r["state"]["type"] == "RUNNING"], "its end", 240
    )
    assert next((entry.status, entry.conditional) for entry in web.log[first:]) == (304, True)
    assert spoken(fake_voice) == texts


def test_what_was_due_while_nobody_was_there_is_made_up_for(house: Up, web: Site) -> None:
    hour_ago = datetime.now() - timedelta(hours=1)
    cron = f"{hour_ago.minute} {hour_ago.hour} * * *"
    assert house.run("feeds", "add", put(web, 1), "--cron", cron).returncode == 0
    with sqlite3.connect(house.data / "bookcast.db") as database:
        database.execute("UPDATE feeds SET added_at = datetime('now', '-2 hours')")
    database.close()
    house.start()
    wait_until(lambda: narrated(house) == 1, "the missed run", 240)
