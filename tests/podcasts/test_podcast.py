"""Podcasts: true figures, stable guids, the same bytes for the same input, and read whole by a real podcast parser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pipeline.errors import NotFound
from pipeline.model.audio import SAMPLE_RATE_HZ, Cue
from pipeline.model.syndication.podcast import (
    ALL_ARTICLES,
    Episode,
    EpisodeId,
    Podcast,
    PodcastId,
    PodcastKind,
    parse_episode_file,
    parse_podcast_id,
)
from pipeline.narration.reading.import_document import import_document
from pipeline.podcasts.find_podcast import find_podcast
from pipeline.podcasts.subscribers import address_token, find_subscriber
from pipeline.podcasts.write_podcasts import write_podcasts
from pipeline.publish.captions import write_vtt
from pipeline.publish.podcast_xml import podcast_xml
from pipeline.settings.article_sections import PodcastSettings
from tests.conftest import Desk
from tests.feed_desk import FeedDesk, feed_settings
from tests.feed_makers import Post, rss, story
from tests.podcast_reader import read_podcast
from tests.web_site import Site, open_site

BASE = "https://pods.example/audio"
PAPER = PodcastId(PodcastKind.FEEDS, "the-paper")
SECTIONS = story("boat", 3) + "<h2>Of oars</h2>" + story("oar", 3) + "<h2>Of sails &amp; ropes</h2>" + story("sail", 3)
SECONDS_OFF = 0.1


@pytest.fixture
def desk(tmp_path: Path, fake_voice: Path) -> Iterator[FeedDesk]:
    desk = FeedDesk(tmp_path / "data")
    yield desk
    desk.close()


def narrated(
    desk: FeedDesk, web: Site, posts: list[Post] | None = None, path: str = "/feed", title: str = "The <Paper>"
) -> str:
    posts = posts or [
        Post("a", "Boats & oars", SECTIONS, "About boats, oars and sails.", day=2),
        Post("b", "Birds", story("bird"), day=3),
    ]
    url = desk.add(web.put(path, rss(title, posts, web.url), "application/rss+xml"))
    assert len(desk.convert(url).outcomes) == len(posts)
    return url


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FeedDesk, Path]]:
    """A podcast that is narrated and written once, and its folder: for tests that only look."""
    folder = tmp_path_factory.mktemp("paper")
    desk = FeedDesk(folder / "data", feed_settings("tone"))
    with open_site() as site:
        narrated(desk, site)
        yield desk, folder / "www"
    desk.close()


def written(desk: FeedDesk, folder: Path, **more: Any) -> Path:
    """The first page of the feed's own podcast."""
    paths = write_podcasts(desk.context, folder=folder, **more)
    return next(path for path in paths if path.parent.name == "the-paper")


def local(url: str, root: Path) -> Path:
    """The file that an app would fetch from an address under BASE."""
    assert url.startswith(f"{BASE}/"), url
    return root / unquote(urlsplit(url).path).removeprefix("/audio/")


def seconds_of(path: Path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / SAMPLE_RATE_HZ


def test_a_podcast_parser_reads_every_episode_with_chapters_and_transcript(paper: tuple[FeedDesk, Path]) -> None:
    desk, root = paper
    found = read_podcast(written(desk, root, base_url=BASE).read_bytes())
    assert found["title"] == "The <Paper>"
    assert [episode["title"] for episode in found["episodes"]] == ["Birds", "Boats & oars"]
    for episode in found["episodes"]:
        (enclosure,) = episode["enclosures"]
        sound = local(enclosure["url"], root)
        assert enclosure["file_size"] == sound.stat().st_size
        assert enclosure["mime_type"] == "audio/x-m4a"
        chapters = json.loads(local(episode["chapters_json_url"], root).read_text())
        assert chapters["version"] == "1.2.0"
        assert chapters["chapters"][0]["startTime"] == 0
        assert {person["role"] for person in episode["persons"]} == {"author", "narrator"}
        assert episode["published"] > 0
    boats = found["episodes"][1]
    assert [c["title"] for c in json.loads(local(boats["chapters_json_url"], root).read_text())["chapters"]] == [
        "Boats & oars", "Of oars", "Of sails & ropes",
    ]  # fmt: skip
    assert "About boats" in boats["description"]


def test_durations_lengths_and_cues_are_those_of_the_sound(paper: tuple[FeedDesk, Path]) -> None:
    desk, root = paper
    tree = etree.fromstring(written(desk, root, base_url=BASE).read_bytes())
    names = {
        "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
        "podcast": "https://podcastindex.org/namespace/1.0",
    }
    for item in tree.iter("item"):
        enclosure = item.find("enclosure")
        assert enclosure is not None
        sound = local(str(enclosure.get("url")), root)
        seconds = seconds_of(sound)
        assert int(str(enclosure.get("length"))) == sound.stat().st_size
        assert abs(float(str(item.findtext("itunes:duration", namespaces=names))) - seconds) < SECONDS_OFF
        addresses = {
            str(t.get("type")): local(str(t.get("url")), root) for t in item.findall("podcast:transcript", names)
        }
        segments = json.loads(addresses["application/json"].read_text())["segments"]
        times = [(segment["startTime"], segment["endTime"]) for segment in segments]
        assert times == sorted(times)
        assert all(start < end for start, end in times)
        assert all(before[1] <= after[0] + 0.001 for before, after in zip(times, times[1:], strict=False))
        assert times[-1][1] <= seconds
        cues = re.findall(r"^([\d:.]+) --> ([\d:.]+)$", addresses["text/vtt"].read_text(), re.MULTILINE)
        assert len(cues) == len(segments)
        chapters = item.find("podcast:chapters", names)
        assert chapters is not None
        starts = [c["startTime"] for c in json.loads(local(str(chapters.get("url")), root).read_text())["chapters"]]
        assert starts == sorted(set(starts))
        assert starts[-1] < seconds


def test_unchanged_input_gives_the_same_bytes_and_guids_stay_over_rebuilds(
    web: Site, desk: FeedDesk, tmp_path: Path
) -> None:
    url = narrated(desk, web)
    first = written(desk, tmp_path / "one", base_url=BASE).read_bytes()
    assert written(desk, tmp_path / "two", base_url=BASE).read_bytes() == first
    again = written(desk, tmp_path / "one", base_url=BASE)
    assert again.read_bytes() == first
    guids = re.findall(rb"<guid[^>]*>([^<]+)", first)
    posts = [
        Post("a", "Boats & oars", SECTIONS.replace("number 1", "number 9"), "Other", day=2),
        Post("b", "Birds", story("bird"), day=3),
    ]
    web.put("/feed", rss("The <Paper>", posts, web.url), "application/rss+xml")
    assert desk.convert(url).spoken == 3
    changed = written(desk, tmp_path / "one", base_url=BASE).read_bytes()
    assert re.findall(rb"<guid[^>]*>([^<]+)", changed) == guids
    assert changed != first


def test_the_build_date_changes_only_with_the_content(paper: tuple[FeedDesk, Path]) -> None:
    desk, _ = paper
    before = find_podcast(desk.context, PAPER)
    again = find_podcast(desk.context, PAPER)
    assert before
    assert again
    assert before.changed_at == again.changed_at
    kept = desk.context.store.podcasts.changed_at("feeds/the-paper", "another digest")
    assert kept >= before.changed_at  # type: ignore[operator]


def test_there_is_one_for_each_source_and_one_for_everything(web: Site, desk: FeedDesk, tmp_path: Path) -> None:
    narrated(desk, web)
    narrated(desk, web, [Post("z", "Zebras", story("zebra"), day=9)], "/other", "Other")
    paths = write_podcasts(desk.context, folder=tmp_path / "www", base_url=BASE)
    titles = {path.parent.name: re.findall(r"<item>\s*<title>([^<]+)", path.read_text()) for path in paths}
    assert titles == {
        "all": ["Zebras", "Birds", "Boats &amp; oars"],
        "the-paper": ["Birds", "Boats &amp; oars"],
        "other": ["Zebras"],
    }


def test_a_book_is_a_serial_of_its_chapters(desk: FeedDesk, tmp_path: Path, short_epub: Path) -> None:
    Desk(tmp_path / "data", feed_settings("tone")).narrate(short_epub)
    slug = import_document(desk.context, str(short_epub)).slug
    (path,) = write_podcasts(desk.context, [PodcastId(PodcastKind.BOOKS, slug)], folder=tmp_path / "www", base_url=BASE)
    found = read_podcast(path.read_bytes())
    assert found["type"] == "serial"
    assert [(e["number"], e["title"]) for e in sorted(found["episodes"], key=lambda e: e["published"])] == [
        (1, "Chapter 1"), (2, "Chapter 2"), (3, "Chapter 3"),
    ]  # fmt: skip
    for episode in found["episodes"]:
        sound = local(episode["enclosures"][0]["url"], tmp_path / "www")
        assert abs(seconds_of(sound) - episode["total_time"]) < 1 + SECONDS_OFF  # the parser drops the fraction
    assert "<podcast:medium>audiobook" in path.read_text()


def test_what_is_no_podcast_is_said(desk: FeedDesk) -> None:
    with pytest.raises(NotFound, match="no podcast"):
        write_podcasts(desk.context, [PodcastId(PodcastKind.BOOKS, "nothing")])


def test_long_podcasts_have_pages(web: Site, tmp_path: Path, fake_voice: Path) -> None:
    settings = feed_settings("tone").model_copy(update={"podcast": PodcastSettings(page_episodes=2)})
    desk = FeedDesk(tmp_path / "data", settings)
    narrated(desk, web, [Post(f"{n}", f"T{n}", story(f"boat {n}"), day=n + 1) for n in range(5)])
    first = written(desk, tmp_path / "www", base_url=BASE)
    pages = sorted(path.name for path in first.parent.glob("*.xml"))
    assert pages == ["feed-2.xml", "feed-3.xml", "feed.xml"]
    titles = [
        re.findall(r"<item>\s*<title>([^<]+)", (first.parent / name).read_text())
        for name in ("feed.xml", "feed-2.xml", "feed-3.xml")
    ]
    assert titles == [["T4", "T3"], ["T2", "T1"], ["T0"]]
    assert 'rel="next" href="https://pods.example/audio/feeds/the-paper/feed-2.xml"' in first.read_text()
    desk.close()


def test_addresses_are_relative_where_none_is_configured_and_lead_to_files(
    paper: tuple[FeedDesk, Path], tmp_path: Path
) -> None:
    desk, _ = paper
    path = written(desk, tmp_path / "www")
    for address in re.findall(r'(?:url|href)="([^"]+)"', path.read_text()):
        assert (path.parent / address).resolve().is_file(), address


def test_names_in_any_script_make_addresses_that_lead_to_files(web: Site, desk: FeedDesk, tmp_path: Path) -> None:
    narrated(desk, web, [Post("a", "老码头 reopens – “now”", story("boat"))], title="北方晚报")
    root = tmp_path / "www"
    for path in write_podcasts(desk.context, folder=root, base_url=BASE):
        for address in re.findall(r'(?:url|href)="([^"]+)"', path.read_text()):
            assert address.isascii()
            assert local(address, root).is_file(), address


def test_files_of_feeds_that_are_gone_are_removed(web: Site, desk: FeedDesk, tmp_path: Path) -> None:
    url = narrated(desk, web)
    root = tmp_path / "www"
    written(desk, root)
    assert list((root / "episodes").iterdir())
    desk.context.store.feeds.remove(url)
    assert write_podcasts(desk.context, folder=root) == []
    assert not list((root / "episodes").iterdir())
    assert not list((root / "feeds").iterdir())


def test_a_picture_of_the_article_is_the_picture_of_the_episode(web: Site, desk: FeedDesk, tmp_path: Path) -> None:
    import numpy as np

    from tests.feed_makers import article_page
    from tests.makers import make_png

    web.put("/p.png", make_png(np.full((30, 30, 3), 90, np.uint8)), "image/png")
    page = article_page("A", story("boat")).replace("<title>", '<meta property="og:image" content="/p.png"><title>')
    web.put("/a", page)
    narrated(desk, web, [Post("a", "A", summary="x")])
    root = tmp_path / "www"
    tree = etree.fromstring(written(desk, root, base_url=BASE).read_bytes())
    image = tree.find("channel/item/{http://www.itunes.com/dtds/podcast-1.0.dtd}image")
    assert image is not None
    assert local(str(image.get("href")), root).read_bytes().startswith(b"\x89PNG")


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_text_breaks_the_xml(title: str, summary: str, author: str) -> None:
    episode = Episode(
        EpisodeId("e"), "g", title, "2026-11-02T08:00:00Z", Path("e.m4a"), 1, "audio/x-m4a", 1.0, summary, author=author
    )
    podcast = Podcast(PAPER, "guid", title, summary, "", author, "en", "News", (episode,), picture="cover.png")
    tree = etree.fromstring(podcast_xml(podcast, lambda place: f"https://a.org/{place}"))
    assert len(tree.findall("channel/item")) == 1


@given(
    st.from_regex(r"[\w-]{1,80}", fullmatch=True),
    st.integers(0, 100_000),
    st.sampled_from([".m4a", ".vtt", ".chapters.json"]),
)
def test_the_names_of_files_lead_back_to_their_episodes(book: str, number: int, suffix: str) -> None:
    episode = EpisodeId(book, number)
    assert parse_episode_file(f"{episode}{suffix}") == (episode, suffix)


@pytest.mark.parametrize("name", ["", ".part", "alice", ".alice.m4a", "alice.0.m4a", "../alice.m4a.", "alice.3"])
def test_other_files_belong_to_no_episode(name: str) -> None:
    assert parse_episode_file(name) is None


@given(st.sampled_from(PodcastKind), st.text(min_size=1))
def test_a_podcast_is_found_by_the_text_of_its_id(kind: PodcastKind, name: str) -> None:
    assert parse_podcast_id(str(PodcastId(kind, name))) == PodcastId(kind, name)


@pytest.mark.parametrize("text", ["", "feeds", "feeds/", "/all", "other/all", "Books/alice"])
def test_what_is_no_id_of_a_podcast_is_none(text: str) -> None:
    assert parse_podcast_id(text) is None
    assert parse_podcast_id("feeds/all") == ALL_ARTICLES


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6), st.text(max_size=40)), max_size=8))
def test_transcripts_hold_every_cue_and_no_markup(parts: list[tuple[int, int, str]]) -> None:
    at, cues = 0, []
    for gap, length, text in parts:
        cues.append(Cue("s", text, at + gap, at + gap + length))
        at += gap + length
    vtt = write_vtt(cues).decode()
    assert vtt.count(" --> ") >= len(cues)
    assert "<" not in vtt


def test_the_secret_of_the_addresses_is_its_owner_s_alone_and_each_address_another(desk: FeedDesk) -> None:
    ids = [desk.context.store.podcasts.add_subscriber(name).id for name in ("one", "two")]
    tokens = [address_token(desk.context, subscriber) for subscriber in ids]
    assert tokens == [address_token(desk.context, subscriber) for subscriber in ids]
    assert len(set(tokens)) == 2
    assert all(len(token) == 32 for token in tokens)
    found = find_subscriber(desk.context, tokens[1])
    assert found
    assert found.name == "two"
    secret = desk.context.store.data / "work" / "podcast-secret"
    assert secret.stat().st_mode & 0o077 == 0
    assert not any(token.encode() in (desk.context.store.data / "bookcast.db").read_bytes() for token in tokens)
