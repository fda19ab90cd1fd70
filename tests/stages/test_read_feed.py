"""Feeds on a real server: new articles become books of a series, each once; what is wrong is noted and stops no other."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from pipeline.errors import DocumentError, NarrationError
from pipeline.ingest.feed import parse_feed
from pipeline.settings import StudioSettings
from pipeline.stages.read_feed import MOST_ATTEMPTS, add_feed, import_item, new_items, record_item
from tests.conftest import Desk


def test_articles_become_books_of_the_feed_s_series_and_each_is_taken_once(
    make_desk: Callable[..., Desk], site: str
) -> None:
    context = make_desk(studio=StudioSettings(private_addresses=True)).open()
    feed = f"{site}/feed"
    assert add_feed(context, feed).title == "Harbour & News"
    whole, short, _ = new_items(context, feed, 10)
    for item in (whole, short):
        book = import_item(context, feed, item)
        assert (book.metadata.title, book.metadata.series) == (item.title, "Harbour & News")
        blocks = [b for c in context.store.documents.chapters(book.slug) for b in context.store.documents.blocks(c.id)]
        text = " ".join(block.text for block in blocks)
        assert "alert" not in text
        assert "menu" not in text
        assert ("stands in the feed itself" in text) == (item is whole)
        record_item(context, feed, item, book.slug)
    assert [item.guid for item in new_items(context, feed, 10)] == ["three"]
    for _ in range(MOST_ATTEMPTS):
        (item,) = new_items(context, feed, 10)
        with pytest.raises(NarrationError) as caught:
            import_item(context, feed, item)
        record_item(context, feed, item, "", caught.value)
    assert not new_items(context, feed, 10), "it is given up"
    failed = [item for item in context.store.feeds.items(feed) if item.state == "failed"]
    assert (failed[0].title, failed[0].attempts) == ("Gone", MOST_ATTEMPTS)
    assert "404" in failed[0].reason
    context.store.feeds.remove(feed)
    assert not context.store.feeds.all()
    context.close()


def test_what_is_no_feed_is_said_and_noted(make_desk: Callable[..., Desk], site: str) -> None:
    context = make_desk(studio=StudioSettings(private_addresses=True)).open()
    with pytest.raises(DocumentError, match="not a feed"):
        add_feed(context, f"{site}/page")
    context.store.feeds.add(f"{site}/away", "Away")
    with pytest.raises(DocumentError):
        new_items(context, f"{site}/away", 5)
    (feed,) = context.store.feeds.all()
    assert "404" in feed.error
    context.close()


def test_feeds_of_the_own_network_are_refused(desk: Desk, site: str) -> None:
    context = desk.open()
    with pytest.raises(DocumentError, match="address of this network"):
        add_feed(context, f"{site}/feed")
    context.close()


@pytest.mark.parametrize("data", [b"", b"<html><body>No feed</body></html>", b"\x00\xff", b"<rss" + b"<a>" * 5000])
def test_rubbish_is_no_feed(data: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_feed(data, url="https://example.org/feed")


def test_entities_are_not_followed() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><title>&x;</title></channel></rss>'
    with suppress(DocumentError):
        assert "root:" not in parse_feed(bomb, url="https://example.org/feed").title
