"""Fetching from a real server: politely, conditionally, and within bounds whatever it answers."""

import asyncio
import gzip
import time
from collections.abc import Iterator

import brotli
import pytest

from pipeline.errors import DamagedDocument, DocumentError, DocumentTooLarge, PageUnavailable
from pipeline.ingest.http.fetch import Fetched, Known, fetch
from tests.web_site import Answer, Site


def get(url: str, **more: object) -> Fetched:
    return fetch(url, **{"max_bytes": 1_000_000, "private_addresses": True, **more})  # type: ignore[arg-type]


def test_what_has_not_changed_comes_without_bytes(web: Site) -> None:
    url = web.put("/a", "hello")
    first = get(url)
    assert (first.data, first.is_unchanged) == (b"hello", False)
    second = get(url, known=first.known)
    assert (second.data, second.is_unchanged) == (b"", True)
    web.put("/a", "other")
    assert get(url, known=first.known).data == b"other"
    assert [asked.conditional for asked in web.log] == [False, True, True]


def test_dates_are_validators_too(web: Site) -> None:
    url = web.put("/a", "x", validated=False, headers={"Last-Modified": "Mon, 02 Nov 2026 08:00:00 GMT"})
    get(url, known=get(url).known)
    assert web.log[1].headers["If-Modified-Since"] == "Mon, 02 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_compressed_answers_are_opened(web: Site, coding: str) -> None:
    assert get(web.put("/a", "hello " * 1000, coding=coding)).data == b"hello " * 1000
    assert coding in web.log[0].headers["Accept-Encoding"]


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_gigabyte_in_a_few_kilobytes_is_refused_without_being_opened(web: Site, coding: str) -> None:
    zeros = bytes(1_000_000)
    packed = gzip.compress(zeros) * 1000 if coding == "gzip" else brotli.compress(bytes(200_000_000), quality=1)
    web.answers["/bomb"] = Answer(kind="text/html", pieces=lambda: iter([packed]), headers={"Content-Encoding": coding})
    with pytest.raises(DocumentTooLarge):
        get(web.url + "/bomb", max_bytes=5_000_000)


def test_what_is_not_compressed_as_it_says_is_refused(web: Site) -> None:
    web.answers["/a"] = Answer(
        kind="text/html", pieces=lambda: iter([b"\x1f\x8bnonsense"]), headers={"Content-Encoding": "gzip"}
    )
    with pytest.raises(DamagedDocument):
        get(web.url + "/a")


def test_an_announced_size_over_the_bound_is_not_even_read(web: Site) -> None:
    web.answers["/a"] = Answer(kind="text/html", pieces=lambda: iter([b"x"]), headers={"Content-Length": str(2**30)})
    with pytest.raises(DocumentTooLarge):
        get(web.url + "/a")


def test_an_endless_answer_ends_at_the_bound(web: Site) -> None:
    def forever() -> Iterator[bytes]:
        while True:
            yield b"x" * 50_000

    web.answers["/a"] = Answer(kind="text/html", pieces=forever)
    with pytest.raises(DocumentTooLarge):
        get(web.url + "/a")


def test_an_answer_that_drips_is_held_to_a_time_as_a_whole(web: Site) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(300):
            time.sleep(0.1)
            yield b"x"

    web.answers["/a"] = Answer(kind="text/html", pieces=drip)
    began = time.monotonic()
    with pytest.raises(PageUnavailable, match="in time"):
        get(web.url + "/a", timeout_s=1.0)
    assert time.monotonic() - began < 10


def test_moves_for_good_are_told_from_those_for_now(web: Site) -> None:
    web.put("/new", "here")
    web.put("/moved", "", status=301, headers={"Location": "/halfway"})
    web.put("/halfway", "", status=308, headers={"Location": "{base}/new"})
    web.put("/elsewhere", "", status=302, headers={"Location": "/new"})
    assert get(web.url + "/moved").moved_to == web.url + "/new"
    found = get(web.url + "/elsewhere")
    assert (found.data, found.moved_to, found.url) == (b"here", "", web.url + "/new")


def test_endless_redirects_end(web: Site) -> None:
    web.put("/a", "", status=302, headers={"Location": "/b"})
    web.put("/b", "", status=302, headers={"Location": "/a"})
    with pytest.raises(DocumentError, match="ever other addresses"):
        get(web.url + "/a")


def test_a_refusal_says_when_to_come_back(web: Site) -> None:
    web.put("/a", "", status=429, headers={"Retry-After": "120"})
    with pytest.raises(PageUnavailable) as caught:
        get(web.url + "/a")
    assert (caught.value.status, caught.value.retry_after_s) == (429, 120)


def test_freshness_is_read(web: Site) -> None:
    assert get(web.put("/a", "x", headers={"Cache-Control": "public, max-age=600"})).fresh_s == 600
    assert get(web.put("/b", "x", headers={"Cache-Control": "no-cache, max-age=600"})).fresh_s == 0


def test_a_server_that_is_not_there_is_said(web: Site) -> None:
    url = web.url
    web.close()
    with pytest.raises(PageUnavailable):
        get(url + "/a")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://x", "http://", "http://[", "javascript:alert(1)", "ftp://a.org/x"]
)
def test_only_the_web_is_asked(url: str) -> None:
    with pytest.raises(DocumentError):
        fetch(url, max_bytes=10)


def test_it_works_beside_an_event_loop_too(web: Site) -> None:
    url = web.put("/a", "hello")

    async def inside() -> bytes:
        return get(url).data

    assert asyncio.run(inside()) == b"hello"


def test_conditions_hold_what_is_known() -> None:
    assert Known().headers() == {}
    assert Known('"x"', "d").headers() == {"If-None-Match": '"x"', "If-Modified-Since": "d"}
