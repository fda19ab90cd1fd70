"""Documents that are handed in at once: none of them holds up another."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest

from pipeline.errors import DocumentTooLarge
from pipeline.narration.making.own_process import Bounds
from pipeline.narration.reading import parse_apart as reading
from pipeline.narration.reading.parse_apart import LONGEST_S, bounds_of, parse_apart
from pipeline.web.api.book_actions import READER_WAIT_S, READERS, WAITERS
from tests.feed_desk import feed_settings
from tests.feed_makers import article_page, rss, story
from tests.waiting import wait_until
from tests.web.conftest import Studio
from tests.web_site import Site

Make = Callable[..., Studio]


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def hand_in(studio: Studio, name: str, text: str) -> int:
    return int(studio.client.post("/api/documents", files={"file": (name, text.encode())}).status_code)


def test_a_document_that_takes_for_ever_delays_no_other(make_studio: Make) -> None:
    studio = make_studio()
    hand_in(studio, "first.md", "# First\n\nWhatever else has to be started is there from here on.\n")
    before = children()
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(hand_in, studio, "slow.md", "# Slow\n\n" + "The lamp was lit. " * 50_000)
        wait_until(lambda: bool(children() - before), "a process that reads")
        (reader,) = children() - before
        os.kill(reader, signal.SIGSTOP)
        try:
            assert hand_in(studio, "quick.md", "# Quick\n\nIt was late.\n") == 201
            assert studio.client.get("/api/books").json()["total"] == 2
        finally:
            os.kill(reader, signal.SIGCONT)
        assert slow.result() == 201


def test_pages_and_feeds_of_strangers_are_not_read_in_the_studio_itself(
    make_studio: Make, web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = make_studio(feed_settings())
    page = web.put("/story", article_page("The Boats", story("boat")))
    feed = web.put("/feed", rss("The Paper", [], web.url), "application/rss+xml")
    monkeypatch.setattr(reading, "PAGE_BOUNDS", Bounds(seconds=60, memory_bytes=2**20))
    for path, url in {"/api/pages": page, "/api/feeds": feed}.items():
        answer = studio.client.post(path, json={"url": url})
        assert "more memory" in answer.json()["error"]["message"]


@pytest.mark.long
def test_documents_that_take_for_ever_neither_fill_the_threads_nor_turn_others_away(make_studio: Make) -> None:
    """Forty of them at once: some are turned away, and every page is shown meanwhile."""
    studio = make_studio()
    hand_in(studio, "first.md", "# First\n\nWhatever else has to be started is there from here on.\n")
    before = children()
    with ThreadPoolExecutor(40) as threads:
        slow = [threads.submit(hand_in, studio, f"slow{n}.md", f"# Slow {n}\n\nThe lamp was lit.\n") for n in range(40)]
        stopped: set[int] = set()
        try:
            while len(stopped) < READERS:
                for reader in children() - before - stopped:  # none of them ends by itself
                    os.kill(reader, signal.SIGSTOP)
                    stopped.add(reader)
                time.sleep(0.01)
            assert studio.client.get("/metrics", timeout=10).status_code == 200, "it is answered by a thread"
            turned_away = 40 - READERS - WAITERS
            wait_until(lambda: len([each for each in slow if each.done()]) == turned_away, "those that find no place")
        finally:
            for reader in stopped:
                with suppress(ProcessLookupError):
                    os.kill(reader, signal.SIGCONT)
        answers = Counter(each.result() for each in slow)
    assert set(answers) == {201, 503}
    assert answers[201] >= READERS + WAITERS


def test_a_small_document_is_given_up_before_who_waits_for_it_is_turned_away() -> None:
    assert bounds_of(0).seconds < READER_WAIT_S
    assert bounds_of(1_000_000).seconds < READER_WAIT_S
    assert bounds_of(10**9).seconds == LONGEST_S


def test_a_document_that_takes_too_long_or_too_much_memory_is_given_up() -> None:
    text = ("The lamp was lit. " * 200_000).encode()
    with pytest.raises(DocumentTooLarge, match="seconds to read"):
        parse_apart(text, name="slow.md", bounds=Bounds(seconds=0.01, memory_bytes=2**31))
    with pytest.raises(DocumentTooLarge, match="memory"):
        parse_apart(text, name="large.md", bounds=Bounds(seconds=60, memory_bytes=2**20))
