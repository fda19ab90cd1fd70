"""What strangers wrote is read where it can neither hold up nor end the program that asked for it."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import DocumentTooLarge
from pipeline.narration.core.context import Context
from pipeline.narration.making.own_process import Bounds
from pipeline.narration.reading import parse_apart
from pipeline.narration.reading.import_document import fetch_source
from pipeline.narration.reading.parse_apart import read_apart
from pipeline.settings.sections import StudioSettings
from tests.conftest import make_settings
from tests.fakes import Crowd
from tests.feed_makers import article_page, story
from tests.web_site import Site


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    context = Context(make_settings(studio=StudioSettings(private_addresses=True)), tmp_path)
    yield context
    context.close()


def where(data: object, *, url: str) -> int:
    return os.getpid()


def last_for_ever(data: object, *, url: str) -> None:
    while True:
        time.sleep(1)


def test_it_is_read_in_another_process_and_given_up_when_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_apart(where, b"", url="http://a.example/") != os.getpid()
    monkeypatch.setattr(parse_apart, "PAGE_BOUNDS", Bounds(seconds=0.01, memory_bytes=2**31))
    with pytest.raises(DocumentTooLarge, match=r"http://a.example/ takes more than 0.01 seconds") as caught:
        read_apart(last_for_ever, b"", url="http://a.example/")
    assert caught.value.remedy


def test_few_pages_and_feeds_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()

    def run(bounds: Bounds, parse: Callable[..., object], data: object, **named: object) -> object:
        crowd.work()
        return data

    monkeypatch.setattr(parse_apart, "run_bounded", run)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda n: read_apart(where, n, url="x"), range(8))) == list(range(8))
    assert crowd.most == parse_apart.AT_ONCE


def test_a_page_read_apart_is_the_same_document_with_all_of_its_pages(context: Context, web: Site) -> None:
    link = '<a rel="next" href="/story/2">Next page</a>'
    url = web.put("/story", article_page("The Boats", story("boat") + link))
    web.put("/story/2", article_page("The Boats", story("ferry")))
    source = fetch_source(context, url, read_apart)
    assert source == fetch_source(context, url)
    assert b"boat" in source.data
    assert b"ferry" in source.data
