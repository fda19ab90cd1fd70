"""Feeds and podcasts over HTTP: added by address, listed, rerun; the podcast at an address that only its subscriber has."""

import re
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import segno

from tests.feed_desk import FeedDesk, feed_settings
from tests.feed_makers import Post, rss, story
from tests.podcast_reader import read_podcast
from tests.web.conftest import Studio
from tests.web_site import Site

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def studio(make_studio: Callable[..., Studio], fake_voice: Path) -> Studio:
    return make_studio(feed_settings())


def narrate(studio: Studio, web: Site, title: str = "The Paper", **more: str) -> str:
    """A feed with one episode and one failure, converted beside the studio; its name."""
    posts = [Post("a", more.get("article", "Boats"), story("boat")), Post("gone", "Gone", summary="x")]
    url = web.put("/feed", rss(title, posts, web.url), "application/rss+xml")
    desk = FeedDesk.__new__(FeedDesk)
    desk.context = studio.context
    desk.convert(desk.add(url))
    return studio.context.store.feeds.get(url).name


def subscriber(studio: Studio) -> str:
    """The path of the podcast of all feeds for a new subscriber."""
    assert studio.client.post("/api/subscribers", json={"name": "my telephone"}).status_code == 201
    (row,) = studio.client.get("/api/feeds").json()["podcast"]
    assert row["name"] == "my telephone"
    return str(row["url"]).removeprefix(studio.url).removesuffix("feeds/all/feed.xml")


def test_a_feed_is_added_by_the_address_of_its_site_and_listed_with_its_articles(studio: Studio, web: Site) -> None:
    web.put("/", '<html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head></html>')
    web.put("/feed", rss("The Paper", [], web.url), "application/rss+xml")
    answer = studio.client.post("/feeds", data={"url": f"{web.url}/"})
    assert answer.headers["location"] == "/feeds/the-paper?did=saved"
    name = narrate(studio, web)
    page = studio.client.get(f"/feeds/{name}").text
    assert "Boats" in page
    assert "answers with status 404" in page
    assert studio.client.get("/api/feeds").json()["feeds"][0]["narrated"] == 1


def test_nothing_of_a_hostile_feed_reaches_the_page_unescaped(studio: Studio, web: Site) -> None:
    url = web.put(
        "/feed",
        rss(EVIL + "Paper", [Post("a", EVIL + "Boats", story("boat"), author=EVIL)], web.url),
        "application/rss+xml",
    )
    data = web.answers["/feed"].body.replace(b"&lt;script&gt;", b"&amp;lt;script&amp;gt;")
    web.put("/feed", data, "application/rss+xml")
    desk = FeedDesk.__new__(FeedDesk)
    desk.context = studio.context
    desk.convert(desk.add(url))
    name = studio.context.store.feeds.get(url).name
    for path in ("/feeds", f"/feeds/{name}", "/"):
        text = studio.client.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    path = subscriber(studio)
    podcast = studio.client.get(f"{path}feeds/all/feed.xml").text
    assert "<script>" not in podcast


def test_a_podcast_is_read_by_a_parser_with_ranges_and_etags(studio: Studio, web: Site) -> None:
    narrate(studio, web)
    path = subscriber(studio)
    answer = studio.client.get(f"{path}feeds/all/feed.xml")
    assert answer.headers["content-type"].startswith("application/rss+xml")
    found = read_podcast(answer.content)
    (episode,) = found["episodes"]
    enclosure = episode["enclosures"][0]
    sound = studio.client.get(enclosure["url"])
    assert len(sound.content) == enclosure["file_size"]
    assert sound.headers["content-type"] == enclosure["mime_type"] == "audio/x-m4a"
    part = studio.client.get(enclosure["url"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, sound.content[10:20])
    for url in (f"{path}feeds/all/feed.xml", enclosure["url"], episode["chapters_json_url"]):
        first = studio.client.get(url)
        assert first.status_code == 200
        assert studio.client.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        assert studio.client.head(url).status_code == 200
    for address in re.findall(r'(?:url|href)="([^"]+)"', answer.text):
        assert studio.client.get(address).status_code == 200, address
    assert studio.client.get(f"{path}feeds/the-paper/feed.xml").status_code == 200


def test_a_book_has_a_podcast_too(studio: Studio, short_epub: Path) -> None:
    path = subscriber(studio)
    slug = studio.client.post("/api/documents", files={"file": ("short.epub", short_epub.read_bytes())}).json()["book"]
    studio.client.post(f"/api/books/{slug}/narrate", json={})
    studio.desk.wait()
    found = read_podcast(studio.client.get(f"{path}books/{slug}/feed.xml").content)
    assert len(found["episodes"]) == 3
    assert "Podcast" in studio.client.get(f"/books/{slug}").text


@pytest.mark.parametrize(
    "place", ["feeds/all/feed.xml", "feeds/nothing/feed.xml", "episodes/x.m4a", "books/../feed.xml"]
)
def test_an_address_that_nobody_has_leads_nowhere(studio: Studio, place: str) -> None:
    subscriber(studio)
    assert studio.client.get(f"/podcast/{'x' * 32}/{place}").status_code == 404


def test_a_subscriber_who_is_removed_hears_no_more(studio: Studio, web: Site) -> None:
    narrate(studio, web)
    path = subscriber(studio)
    assert studio.client.get(f"{path}feeds/all/feed.xml").status_code == 200
    (known,) = studio.context.store.podcasts.subscribers()
    assert studio.client.delete(f"/api/subscribers/{known.id}").status_code == 204
    assert studio.client.get(f"{path}feeds/all/feed.xml").status_code == 404


def test_what_is_not_there_is_said_not_to_be(studio: Studio, web: Site) -> None:
    narrate(studio, web)
    path = subscriber(studio)
    for place in (
        "feeds/all/feed-2.xml",
        "feeds/all/cover.jpg",
        "feeds/no/feed.xml",
        "episodes/no.m4a",
        "episodes/no.vtt",
        "other/all/feed.xml",
    ):
        assert studio.client.get(path + place).status_code == 404, place


def test_podcast_apps_need_only_their_address(make_studio: Callable[..., Studio], web: Site, fake_voice: Path) -> None:
    studio = make_studio(feed_settings())
    narrate(studio, web)
    path = subscriber(studio)
    assert studio.stranger.get("/feeds").status_code == 401
    assert studio.stranger.get(f"{path}feeds/all/feed.xml").status_code == 200
    assert studio.stranger.get("/podcast/wrong/feeds/all/feed.xml").status_code == 404


def test_the_address_stands_on_the_page_as_text_and_as_a_code(studio: Studio, web: Site) -> None:
    import segno

    name = narrate(studio, web)
    path = subscriber(studio)
    for page, place in (("/feeds", "feeds/all"), (f"/feeds/{name}", f"feeds/{name}")):
        text = studio.client.get(page).text
        url = f"{studio.url}{path}{place}/feed.xml"
        assert url in text
        drawn = segno.make(url, micro=False).svg_inline(scale=4, border=2, light="#fff", dark="#000")
        assert drawn in text


def test_a_feed_s_options_are_changed_and_wrong_ones_refused(studio: Studio, web: Site) -> None:
    name = narrate(studio, web)
    assert (
        studio.client.post(
            f"/feeds/{name}/options", data={"speed": "1.2", "exclude": "quiz", "cron": "5 4 * * *"}
        ).status_code
        == 303
    )
    options = studio.client.get(f"/api/feeds/{name}").json()["options"]
    assert (options["speed"], options["exclude"], options["cron"]) == (1.2, "quiz", "5 4 * * *")
    assert studio.client.patch(f"/api/feeds/{name}", json={"speed": 0}).json()["options"]["speed"] == 0
    for wrong in ({"speed": "quick"}, {"exclude": "["}, {"cron": "soon"}, {"voice": "nobody"}, {"backend": "none"}):
        answer = studio.client.post(f"/feeds/{name}/options", data=wrong)
        assert 400 <= answer.status_code < 500, wrong
    assert studio.client.patch(f"/api/feeds/{name}", json={"cron": "soon"}).status_code == 400


def test_an_article_is_run_again_and_runs_do_not_overlap(studio: Studio, web: Site) -> None:
    name = narrate(studio, web)
    assert studio.client.post(f"/feeds/{name}/rerun", data={"guid": "gone"}).status_code == 303
    assert studio.desk.started[-1][0] == "convert-feeds"
    assert studio.client.post(f"/feeds/{name}/rerun", data={"guid": "no such"}).status_code in {404, 409}
    deadline = time.monotonic() + 20
    while studio.desk.active() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert studio.client.delete(f"/api/feeds/{name}").status_code == 204
    assert studio.client.get(f"/feeds/{name}").status_code == 404


def test_a_feed_that_is_changed_while_the_database_is_busy_holds_up_nobody_else(
    make_studio: Callable[..., Studio], web: Site
) -> None:
    studio = make_studio(feed_settings())
    url = web.put("/feed", rss("The Paper", [], web.url), "application/rss+xml")
    name = studio.client.post("/api/feeds", json={"url": url}).json()["name"]
    with closing(sqlite3.connect(studio.context.store.data / "bookcast.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as threads:
            changed = threads.submit(studio.client.post, f"/feeds/{name}/options", data={"keep_days": "7"})
            try:
                for _ in range(20):  # the change is under way after some of them
                    assert studio.stranger.get("/healthz", timeout=5).status_code == 200
                    assert not changed.done()
            finally:
                other.execute("ROLLBACK")
            assert changed.result().status_code == 303


def test_pages_wait_for_no_lock_and_draw_each_qr_code_once(
    make_studio: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = make_studio(feed_settings())
    for n in range(3):
        studio.client.post("/api/subscribers", json={"name": f"Somebody {n}"})
    drawn: list[str] = []
    make = segno.make

    def draw(url: str, **options: bool) -> segno.QRCode:
        drawn.append(url)
        return make(url, **options)

    monkeypatch.setattr(segno, "make", draw)
    first = studio.client.get("/feeds").text
    with studio.context.store.lock("podcast secret"), ThreadPoolExecutor(1) as threads:
        assert threads.submit(studio.client.get, "/feeds", timeout=10).result().text == first
    assert first.count('class="qr"') == len(drawn) == 3
