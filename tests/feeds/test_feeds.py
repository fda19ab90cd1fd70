"""Feeds on a real server: each new article is narrated once, an edited one only where it changed, nothing stops the others."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import DocumentError, SettingsError
from pipeline.feeds.read_feed import ALL_FEEDS, find_feed
from pipeline.model.states import ItemState, RunState
from pipeline.model.syndication.podcast import PodcastId, PodcastKind
from pipeline.podcasts.expire_episodes import expire_episodes
from pipeline.podcasts.find_podcast import find_podcast
from pipeline.store.db.clock import now
from tests.fakes import spoken
from tests.feed_desk import FeedDesk, feed_settings
from tests.feed_makers import Post, article_page, atom, json_feed, paragraphs, rdf, rss, story
from tests.web_site import Site

XML = "application/rss+xml"


@pytest.fixture
def desk(tmp_path: Path, fake_voice: Path) -> Iterator[FeedDesk]:
    desk = FeedDesk(tmp_path / "data", feed_settings(formats=("flac",)))  # encoding beeps as AAC takes longer
    yield desk
    desk.close()


def put_feed(
    web: Site, posts: list[Post], path: str = "/feed", title: str = "The Paper", make: object = rss, **more: object
) -> str:
    return web.put(path, make(title, posts, web.url), XML, **more)  # type: ignore[operator]


def test_each_new_article_of_every_format_is_narrated_once(web: Site, desk: FeedDesk, fake_voice: Path) -> None:
    urls = []
    for make in (rss, atom, json_feed, rdf):
        posts = [
            Post(f"{make.__name__}-{n}", f"{make.__name__} {n}", story(f"{make.__name__} {n}"), day=n + 1)
            for n in range(2)
        ]
        urls.append(desk.add(put_feed(web, posts, f"/{make.__name__}", make.__name__, make)))
    for url in urls:
        converted = desk.convert(url)
        assert list(converted.states.values()) == [ItemState.DONE, ItemState.DONE], converted
    texts = spoken(fake_voice)
    assert len(texts) == len(set(texts))
    before = len(web.log)
    for url in urls:
        assert desk.convert(url).outcomes == []
    assert len(spoken(fake_voice)) == len(texts)
    assert [(asked.status, asked.conditional) for asked in web.log[before:]] == [(304, True)] * 4


def test_an_article_that_the_feed_only_begins_is_read_from_its_page(
    web: Site, desk: FeedDesk, fake_voice: Path
) -> None:
    web.put("/long", article_page("Long", story("page", 8)))
    url = desk.add(put_feed(web, [Post("long", "Long", summary="The page came by …")]))
    assert desk.convert(url).states == {"Long": ItemState.DONE}
    said = " ".join(spoken(fake_voice))
    assert "The page came by in the morning, and it had the number 7" in said
    assert "Home page" not in said


def test_the_pages_of_one_article_are_joined(web: Site, desk: FeedDesk, fake_voice: Path) -> None:
    web.put("/a", article_page("A", story("first", 5) + '<a class="next" href="/a/2">Next page</a>'))
    web.put("/a/2", article_page("A", story("second", 5)))
    desk.convert(desk.add(put_feed(web, [Post("a", "A", summary="x")])))
    said = " ".join(spoken(fake_voice))
    assert "The first came by" in said
    assert "The second came by" in said


@pytest.mark.parametrize("where", ["feed", "page"])
def test_an_edited_article_is_the_same_episode_and_only_its_changed_sentence_is_spoken(
    where: str, web: Site, desk: FeedDesk, fake_voice: Path
) -> None:
    def put(text: str) -> str:
        if where == "page":
            web.put("/a", article_page("A", text))
            return put_feed(web, [Post("a", "A", summary="The beginning …")], validated=False)
        return put_feed(web, [Post("a", "A", text)])

    url = desk.add(put(story("boat", 6)))
    desk.convert(url)
    (before,) = desk.context.store.feeds.items(url)
    count = len(spoken(fake_voice))
    put(story("boat", 6).replace("number 3 on its side", "number 3 on its bow"))
    assert desk.convert(url).spoken == 1
    fresh = spoken(fake_voice)[count:]
    assert len(fresh) == 1
    assert "number 3 on its bow" in fresh[0]
    (after,) = desk.context.store.feeds.items(url)
    assert (after.book, after.guid, after.first_at) == (before.book, before.guid, before.first_at)
    assert len(desk.context.store.documents.books()) == 1


def test_a_page_that_has_not_changed_is_asked_conditionally_and_not_read_again(web: Site, desk: FeedDesk) -> None:
    web.put("/a", article_page("A", story("boat")))
    url = desk.add(put_feed(web, [Post("a", "A", summary="x")], validated=False))
    desk.convert(url)
    asked = len(web.asked("/a"))
    assert desk.convert(url).states == {"A": ItemState.DONE}
    assert [entry.status for entry in web.asked("/a")[asked:]] == [304]


def test_an_article_of_two_feeds_is_narrated_once_and_is_in_both(web: Site, desk: FeedDesk, fake_voice: Path) -> None:
    link = f"{web.url}/same"
    first = desk.add(put_feed(web, [Post("x", "Same", story("boat"), link=f"{link}?utm_source=a")], "/one", "One"))
    second = desk.add(put_feed(web, [Post("y", "Same", story("boat"), link=link)], "/two", "Two"))
    threads = [threading.Thread(target=desk.convert, args=(url,)) for url in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    books = {item.book for url in (first, second) for item in desk.context.store.feeds.items(url)}
    assert len(books) == 1
    assert len(spoken(fake_voice)) == len(set(spoken(fake_voice)))
    assert len(desk.context.store.feeds.episodes()) == 1
    assert [len(desk.context.store.feeds.episodes([url])) for url in (first, second)] == [1, 1]


def test_articles_of_one_title_are_two_episodes_in_folders_of_their_own(web: Site, desk: FeedDesk) -> None:
    posts = [Post(f"w{n}", "Weekly links", story(f"link {n}"), day=n) for n in (1, 2)]
    url = desk.add(put_feed(web, posts))
    assert len(desk.convert(url).outcomes) == 2
    files = [
        path for book in desk.context.store.documents.books() for path in desk.context.store.releases.files(book.slug)
    ]
    sound = [path for path in files if path.suffix == ".flac"]
    assert len(set(sound)) == 2
    assert all(path.is_file() for path in sound)


def test_one_bad_article_stops_no_other_and_is_listed_after_its_attempts(
    web: Site, desk: FeedDesk, fake_voice: Path
) -> None:
    (fake_voice / "poison").write_text("The cursed came by")
    posts = [Post("a", "Good", story("boat")), Post("b", "Bad", story("cursed")), Post("c", "Gone", summary="x")]
    url = desk.add(put_feed(web, posts))
    assert desk.convert(url).states == {"Good": ItemState.DONE, "Bad": ItemState.FAILED, "Gone": ItemState.FAILED}
    failed = {item.title: item for item in desk.context.store.feeds.items(url) if item.state == ItemState.FAILED}
    assert "404" in failed["Gone"].reason
    assert failed["Gone"].next_at is not None
    assert failed["Gone"].next_at > now() + timedelta(minutes=10)
    assert desk.convert(url).outcomes == [], "it is too early to try again"
    for item in failed.values():
        desk.context.store.feeds.record(replace(item, next_at=now()))
    assert desk.convert(url).states == {"Bad": ItemState.FAILED, "Gone": ItemState.FAILED}
    again = desk.context.store.feeds.find_item(url, "c")
    assert again
    assert again.attempts == 2
    assert again.next_at
    assert again.next_at > now() + timedelta(minutes=25), "the pauses grow"
    desk.context.store.feeds.record(replace(again, next_at=now(), attempts=5))
    assert "Gone" not in desk.convert(url).states, "a person has to look at it"
    web.put("/c", article_page("Gone", story("returned")))
    desk.context.store.feeds.again(url, "c")
    assert desk.convert(url).states["Gone"] == ItemState.DONE


def test_what_was_read_but_not_spoken_is_not_fetched_again(web: Site, desk: FeedDesk, fake_voice: Path) -> None:
    (fake_voice / "poison").write_text("number 3")
    web.put("/a", article_page("A", story("boat")))
    url = desk.add(put_feed(web, [Post("a", "A", summary="x")]))
    assert desk.convert(url).states == {"A": ItemState.FAILED}
    (fake_voice / "poison").unlink()
    (item,) = desk.context.store.feeds.items(url)
    desk.context.store.feeds.record(replace(item, next_at=None))
    asked = len(web.asked("/a"))
    assert desk.convert(url).spoken == 1
    assert len(web.asked("/a")) == asked


def test_what_holds_nothing_to_narrate_is_skipped_with_the_reason(web: Site, desk: FeedDesk) -> None:
    web.put("/paid", article_page("Paid", '<div class="paywall">Pay</div>' + story("secret", 2)))
    web.put("/empty", "<html><body><p>Nothing.</p></body></html>")
    web.put("/picture", b"GIF89a", "image/gif")
    posts = [Post(name, name, summary="x") for name in ("paid", "empty", "picture")]
    url = desk.add(put_feed(web, posts))
    assert set(desk.convert(url).states.values()) == {ItemState.SKIPPED}
    reasons = {item.title: item.reason for item in desk.context.store.feeds.items(url)}
    assert "has to be paid for" in reasons["paid"]
    assert "holds no article" in reasons["empty"]
    assert "image/gif" in reasons["picture"]


def test_filters_and_the_beginning_choose_what_is_narrated(web: Site, desk: FeedDesk) -> None:
    posts = [Post(f"p{n}", f"Story {n}", story(f"boat {n}"), day=n) for n in range(1, 9)]
    posts += [
        Post("quiz", "The daily QUIZ", story("quiz"), day=20),
        Post("sea", "Fish", story("fish"), day=21, category="Sea"),
    ]
    posts += [Post("short", "Short", paragraphs("Only this."), day=22, link="")]
    url = desk.add(put_feed(web, posts), exclude="quiz", begin_with=3, min_chars=200)
    web.put(
        "/short",
        article_page(
            "Short",
            paragraphs(
                "This is a short text, which has just about the twenty words that are wanted of an article here, no more."
            ),
        ),
    )
    states = desk.convert(url).states
    assert states == {"Fish": ItemState.DONE, "Short": ItemState.SKIPPED, "Story 8": ItemState.DONE}
    reasons = {item.title: item.reason for item in desk.context.store.feeds.items(url)}
    assert reasons["Story 1"] == "older than the beginning"
    assert reasons["The daily QUIZ"] == 'about "quiz"'
    assert reasons["Short"] == "shorter than 200 characters"
    posts.append(Post("new", "New", story("new"), day=23))
    put_feed(web, posts)
    assert desk.convert(url).states == {"New": ItemState.DONE}


def test_a_pattern_that_is_none_is_refused(web: Site, desk: FeedDesk) -> None:
    with pytest.raises(SettingsError, match="no regular expression"):
        desk.add(put_feed(web, []), include="[")


def test_the_feed_s_own_voice_is_used(web: Site, desk: FeedDesk) -> None:
    url = desk.add(put_feed(web, [Post("a", "A", story("boat"))]), backend="tone", speed=1.2)
    desk.convert(url)
    (book,) = desk.context.store.documents.books()
    assert (book.narration["backend"], book.narration["speed"]) == ("tone", 1.2)


def test_a_feed_that_is_gone_is_asked_no_more(web: Site, desk: FeedDesk) -> None:
    url = desk.add(put_feed(web, [Post("a", "A", story("boat"))]))
    web.put("/feed", "", status=410)
    assert desk.convert(url, asked=False).error
    asked = len(web.log)
    assert desk.convert(url, asked=False).error is None
    assert len(web.log) == asked
    assert "410" in desk.context.store.feeds.get(url).ended
    put_feed(web, [Post("a", "A", story("boat"))])
    assert desk.convert(url).states == {"A": ItemState.DONE}, "a person may ask again"
    assert not desk.context.store.feeds.get(url).ended


def test_a_feed_that_moved_for_good_is_asked_where_it_is_now(web: Site, desk: FeedDesk) -> None:
    url = desk.add(put_feed(web, [Post("a", "A", story("boat"))]))
    put_feed(web, [Post("a", "A", story("boat"))], "/new")
    web.put("/feed", "", status=301, headers={"Location": "/new"})
    desk.convert(url)
    feed = desk.context.store.feeds.get(url)
    assert (feed.url, feed.address) == (url, f"{web.url}/new")
    asked = len(web.log)
    desk.convert(url)
    assert [entry.path for entry in web.log[asked:]] == ["/new"]
    assert desk.context.store.feeds.get(f"{web.url}/new").url == url


def test_a_server_that_asks_for_time_gets_it_even_from_a_person(web: Site, desk: FeedDesk) -> None:
    url = desk.add(put_feed(web, []))
    web.put("/feed", "", status=429, headers={"Retry-After": "3600"})
    assert desk.convert(url).error
    asked = len(web.log)
    desk.convert(url)
    desk.convert(url, asked=False)
    assert len(web.log) == asked


def test_failures_are_tried_again_after_growing_pauses_but_at_once_when_a_person_asks(
    web: Site, desk: FeedDesk
) -> None:
    url = desk.add(put_feed(web, []))
    web.put("/feed", "", status=500)
    assert desk.convert(url, asked=False).error
    asked = len(web.log)
    assert desk.convert(url, asked=False).error is None
    assert len(web.log) == asked
    assert desk.convert(url).error
    assert len(web.log) == asked + 1
    assert desk.context.store.feeds.get(url).failures == 2


def test_what_is_fresh_is_not_asked_again_by_schedule(web: Site, desk: FeedDesk) -> None:
    url = desk.add(put_feed(web, [], headers={"Cache-Control": "max-age=3600"}))
    desk.convert(url, asked=False)
    asked = len(web.log)
    desk.convert(url, asked=False)
    assert len(web.log) == asked
    desk.convert(url)
    assert len(web.log) == asked + 1


def test_a_host_is_asked_one_thing_at_a_time(web: Site, desk: FeedDesk) -> None:
    web.delay_s = 0.05
    urls = [desk.add(put_feed(web, [Post(f"{n}", f"T{n}", summary="x")], f"/f{n}")) for n in range(4)]
    for n in range(4):
        web.put(f"/{n}", article_page(f"T{n}", story(f"boat {n}")))
    threads = [threading.Thread(target=desk.convert, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert web.most_at_once == 1
    assert len(desk.context.store.feeds.episodes()) == 4


def test_a_site_names_its_feed_and_a_page_without_one_is_said_to_have_none(web: Site, desk: FeedDesk) -> None:
    put_feed(web, [], "/news.xml")
    web.put(
        "/",
        '<html><head><link rel="alternate" type="application/rss+xml" href="/news.xml"></head><body>Home</body></html>',
    )
    assert desk.add(f"{web.url}/") == f"{web.url}/news.xml"
    web.put("/plain", "<html><body>No feed named</body></html>")
    with pytest.raises(DocumentError, match="names no feed"):
        find_feed(desk.context, f"{web.url}/plain")
    put_feed(web, [], "/rss")
    assert find_feed(desk.context, f"{web.url}/plain")[0] == f"{web.url}/rss", "many sites keep it there"


def test_a_feed_is_taken_up_once_however_its_address_is_written(web: Site, desk: FeedDesk) -> None:
    url = desk.add(put_feed(web, []))
    put_feed(web, [], "/feed?utm_source=page")
    assert desk.add(f"{web.url}/feed?utm_source=page") == url
    assert len(desk.context.store.feeds.all()) == 1


def test_feeds_of_the_own_network_are_refused(web: Site, tmp_path: Path, fake_voice: Path) -> None:
    settings = feed_settings()
    closed = settings.model_copy(update={"studio": settings.studio.model_copy(update={"private_addresses": False})})
    desk = FeedDesk(tmp_path / "closed", closed)
    with pytest.raises(DocumentError, match="address of this network"):
        desk.add(put_feed(web, []))
    desk.close()


def test_articles_left_over_or_lost_in_a_crash_are_done_by_the_next_run(
    web: Site, tmp_path: Path, fake_voice: Path
) -> None:
    desk = FeedDesk(tmp_path / "few", feed_settings(most_per_run=2))
    url = desk.add(put_feed(web, [Post(f"{n}", f"T{n}", story(f"boat {n}"), day=n + 1) for n in range(5)]))
    assert [len(desk.convert(url).outcomes) for _ in range(4)] == [2, 2, 1, 0]
    assert len(spoken(fake_voice)) == len(set(spoken(fake_voice)))
    desk.close()


def test_episodes_leave_after_their_time_and_never_come_again(web: Site, desk: FeedDesk) -> None:
    posts = [Post("a", "Old", story("boat")), Post("b", "Young", story("ship"))]
    url = desk.add(put_feed(web, posts, validated=False), keep_days=7)
    desk.convert(url)
    old = next(item for item in desk.context.store.feeds.items(url) if item.title == "Old")
    files = desk.context.store.releases.files(old.book)
    desk.context.store.feeds.record(replace(old, first_at=now() - timedelta(days=8)))
    assert expire_episodes(desk.context) == 1
    assert not any(path.exists() for path in files)
    assert desk.context.store.documents.find_book(old.book) is None
    assert [item.title for item in desk.context.store.feeds.episodes()] == ["Young"]
    desk.convert(url)
    found = desk.context.store.feeds.find_item(url, "a")
    assert found
    assert found.state == ItemState.EXPIRED


def test_the_sound_of_what_left_is_deleted_while_the_run_over_all_feeds_goes_on(web: Site, desk: FeedDesk) -> None:
    posts = [Post("a", "Old", story("boat")), Post("b", "Young", story("ship"))]
    url = desk.add(put_feed(web, posts), keep_days=7)
    store = desk.context.store
    run = store.runs.start(ALL_FEEDS, {})
    desk.convert(url)
    old = next(item for item in store.feeds.items(url) if item.title == "Old")
    chapters = store.data / "work" / "chapters"
    assert len(list(chapters.glob("??/*"))) == 2
    store.feeds.record(replace(old, first_at=now() - timedelta(days=8)))
    expire_episodes(desk.context)
    assert len(list(chapters.glob("??/*"))) == 1
    assert store.chapters.unused() == []
    store.runs.end(run, RunState.FINISHED, {})


@pytest.mark.parametrize("how", ["gone", "emptied", "unspeakable"])
def test_an_episode_stays_when_its_article_can_not_be_brought_up_to_date(
    how: str, web: Site, desk: FeedDesk, fake_voice: Path
) -> None:
    web.put("/a", article_page("A", story("boat")))
    url = desk.add(put_feed(web, [Post("a", "A", summary="x")], validated=False))
    desk.convert(url)
    (before,) = desk.context.store.feeds.episodes()
    (fake_voice / "poison").write_text("cursed")
    pages = {
        "gone": ("", 404),
        "emptied": ("<html></html>", 200),
        "unspeakable": (article_page("A", story("cursed")), 200),
    }
    body, status = pages[how]
    web.put("/a", body, status=status)
    converted = desk.convert(url)
    assert [outcome.is_news for outcome in converted.outcomes] == [False]
    (after,) = desk.context.store.feeds.episodes()
    assert (after.book, after.first_at) == (before.book, before.first_at)
    assert after.reason
    assert find_podcast(desk.context, PodcastId(PodcastKind.FEEDS, "the-paper")).episodes  # type: ignore[union-attr]
    (fake_voice / "poison").unlink()
    web.put("/a", article_page("A", story("mended boat")))
    desk.context.store.feeds.again(url, "a")
    assert desk.convert(url).spoken
    assert not desk.context.store.feeds.episodes()[0].reason


def test_an_introduction_is_spoken_with_author_site_and_date(web: Site, desk: FeedDesk, fake_voice: Path) -> None:
    desk.convert(desk.add(put_feed(web, [Post("a", "Of Boats", story("boat"), day=2)])))
    assert any("Of Boats. By Ann Author. The Paper, November 2, 2026." in text for text in spoken(fake_voice))


def test_a_foreign_fault_in_one_article_is_a_failure_of_that_article(web: Site, desk: FeedDesk) -> None:
    posts = [
        Post("a", "Good", story("boat")),
        Post("b", "Odd", story("ship") + "<p>\x00\ud800</p>".encode("utf-8", "ignore").decode()),
    ]
    assert desk.convert(desk.add(put_feed(web, posts, make=json_feed))).states["Good"] == ItemState.DONE
