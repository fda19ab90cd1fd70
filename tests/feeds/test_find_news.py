"""Feeds are looked at before anything is started for them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from filelock import Timeout

from flows.runner.feed_rounds import FeedRounds
from flows.runner.schedules import Timetable
from pipeline.feeds.find_news import find_news
from pipeline.feeds.read_feed import unfinished
from pipeline.ingest.feeds.parse_feed import parse_feed
from pipeline.model.syndication.feed import Feed, FeedOptions
from pipeline.model.syndication.schedule import NEVER
from pipeline.narration.making.own_process import Bounds, run_bounded
from pipeline.narration.reading import parse_apart
from tests.feed_desk import FeedDesk, feed_settings
from tests.feed_makers import Post, rss, story
from tests.waiting import wait_until
from tests.web_site import Site


@pytest.fixture
def desk(tmp_path: Path, fake_voice: Path) -> Iterator[FeedDesk]:
    desk = FeedDesk(tmp_path / "data")
    yield desk
    desk.close()


def put(web: Site, path: str = "/feed", posts: int = 1) -> str:
    made = [Post(f"{path}-{n}", f"Story {n} of {path}", story(f"boat {n} {path}"), day=n + 1) for n in range(posts)]
    return web.put(path, rss(f"Paper {path}", made, web.url), "application/rss+xml")


def test_a_look_finds_the_feeds_with_news_and_leaves_the_others_as_they_are(desk: FeedDesk, web: Site) -> None:
    one, two = desk.add(put(web, "/one")), desk.add(put(web, "/two"))
    desk.convert(one)
    asked = len(web.log)
    news = find_news(desk.context, [one, two], asked=True)
    assert [look.feed.url for look in news.looks] == [two]
    assert not news.failures
    assert {entry.path: entry.status for entry in web.log[asked:]} == {"/one": 304, "/two": 200}
    assert [look.feed.url for look in find_news(desk.context, [one, two], asked=True).looks] == [two], (
        "not yet narrated"
    )


def test_a_feed_that_cannot_be_read_keeps_no_other_from_being_looked_at(desk: FeedDesk, web: Site) -> None:
    broken, good = desk.add(put(web, "/one")), desk.add(put(web, "/two"))
    web.put("/one", "<html>No feed any more</html>")
    news = find_news(desk.context, [broken, good, "https://example.org/unknown"], asked=True)
    assert [look.feed.url for look in news.looks] == [good]
    assert {failure.what for failure in news.failures} == {broken, "https://example.org/unknown"}
    assert desk.context.store.feeds.get(broken).error


def test_a_fault_in_reading_one_feed_is_that_feeds_alone(
    desk: FeedDesk, web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, good = desk.add(put(web, "/odd")), desk.add(put(web, "/good"))

    def parse(data: bytes, *, url: str, content_type: str) -> Feed:
        if url == odd:
            raise UnicodeError("encoding with 'undefined' codec failed")
        return parse_feed(data, url=url, content_type=content_type)

    monkeypatch.setattr("pipeline.feeds.read_feed.parse_feed", parse)
    news = find_news(desk.context, [odd, good], asked=True)
    assert [look.feed.url for look in news.looks] == [good]
    assert [failure.what for failure in news.failures] == [odd]
    assert desk.context.store.feeds.get(odd).failures == 1, "it is left alone for a while"


def test_hosts_are_asked_side_by_side_and_none_twice_at_once(desk: FeedDesk, web: Site) -> None:
    urls = [desk.add(put(web, f"/{n}")) for n in range(3)]
    urls += [desk.add(put(web, f"/other{n}").replace("127.0.0.1", "localhost")) for n in range(3)]
    web.most_at_once, web.delay_s = 0, 0.05
    assert len(find_news(desk.context, urls, asked=True).looks) == 6
    assert web.most_at_once == 2


def test_what_another_run_has_narrated_meanwhile_is_no_news_any_more(desk: FeedDesk, web: Site) -> None:
    url = desk.add(put(web, posts=2))
    (look,) = find_news(desk.context, [url], asked=True).looks
    assert unfinished(desk.context, look).items == look.items
    desk.convert(url)
    assert not unfinished(desk.context, look).items


class Questions:
    """Counts what would be asked of Prefect's server."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, question: Callable[..., object]) -> None:
        self.count += 1


def test_only_a_feed_with_news_has_prefect_asked_for_a_run(desk: FeedDesk, web: Site) -> None:
    desk.context.store.feeds.set_options(url := desk.add(put(web)), feed_options("* * * * *"))
    desk.convert(url)
    make_overdue(desk)
    asked, questions = len(web.log), Questions()
    rounds = FeedRounds(desk.context, questions)
    rounds.keep()
    wait_until(lambda: len(web.log) > asked, "the look at the feed")
    wait_until(lambda: not is_held(desk, url), "its end")
    rounds.keep()
    assert questions.count == 1, "whether an older Bookcast left schedules"
    put(web, posts=2)
    make_overdue(desk)
    asked = len(web.log)
    rounds = FeedRounds(desk.context, questions)
    rounds.keep()
    wait_until(lambda: len(web.log) > asked, "the next look")

    def has_asked() -> bool:
        rounds.keep()
        return questions.count == 3

    wait_until(has_asked, "the run")
    rounds.keep()
    assert questions.count == 3, "one run for the news"


def test_a_round_reads_feeds_where_they_can_be_given_up_and_unchanged_ones_not_at_all(
    desk: FeedDesk, web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, hostile = (desk.add(put(web, path)) for path in ("/calm", "/hostile"))
    desk.convert(calm)
    read: list[str] = []

    def run(bounds: Bounds, parse: Callable[..., object], data: object, *, url: str, **named: object) -> object:
        read.append(url)
        small = replace(bounds, memory_bytes=2**20)
        return run_bounded(small, parse, data, url=url, **named)

    monkeypatch.setattr(parse_apart, "run_bounded", run)
    make_overdue(desk)
    rounds = FeedRounds(desk.context, Questions())
    rounds.keep()
    wait_until(lambda: "memory" in desk.context.store.feeds.get(hostile).error, "the end of the look")
    assert read == [hostile]
    assert not desk.context.store.feeds.get(calm).error


def feed_options(cron: str) -> FeedOptions:
    return FeedOptions(cron=cron)


def make_overdue(desk: FeedDesk) -> None:
    with closing(sqlite3.connect(desk.context.store.data / "bookcast.db")) as database, database:
        database.execute("UPDATE feeds SET checked_at = datetime('now', '-2 days'), not_before = NULL")


def is_held(desk: FeedDesk, url: str) -> bool:
    try:
        with desk.context.store.lock(f"feed {url}").acquire(timeout=0):
            return False
    except Timeout:
        return True


def test_a_timetable_tells_once_of_each_time_and_first_of_what_was_missed(tmp_path: Path, web: Site) -> None:
    desk = FeedDesk(tmp_path / "data", feed_settings(schedule="0 5 * * *", time_zone="UTC"))
    try:
        usual, own, never = (desk.add(put(web, path)) for path in ("/usual", "/own", "/never"))
        desk.context.store.feeds.set_options(own, feed_options("30 * * * *"))
        desk.context.store.feeds.set_options(never, feed_options(NEVER))
        added = desk.context.store.feeds.get(own).added_at.replace(tzinfo=UTC)
        morning = (added + timedelta(days=2)).replace(hour=5, minute=0, second=1)
        table = Timetable(desk.context)
        assert set(table.due(morning)) == {usual, own}, "both were missed"
        assert table.due(morning + timedelta(minutes=20)) == []
        assert table.due(morning + timedelta(minutes=31)) == [own]
        assert table.due(morning + timedelta(minutes=32)) == []
        assert usual in table.due(morning + timedelta(days=1))
        desk.context.store.feeds.set_options(own, feed_options("45 * * * *"))
        assert table.due(morning + timedelta(days=1, minutes=31)) == [], "a change holds at once"
        assert table.due(morning + timedelta(days=1, minutes=46)) == [own]
    finally:
        desk.close()
