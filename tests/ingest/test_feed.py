"""Feeds of every format and in awkward encodings; what is hostile in them does no harm."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DamagedDocument, DocumentError
from pipeline.ingest.articles.canonical_link import canonical_link
from pipeline.ingest.documents.plain_line import plain_text
from pipeline.ingest.feeds.discover_feeds import find_feeds
from pipeline.ingest.feeds.opml import parse_opml, write_opml
from pipeline.ingest.feeds.parse_feed import parse_feed
from pipeline.ingest.feeds.tidy_feed import tidy_feed
from tests.feed_makers import Post, atom, json_feed, rdf, rss, rss_091, story

BASE = "https://paper.example"
POSTS = [
    Post("one", "Grüße & more", story("boat"), "In short", 2, category="Sea"),
    Post("two", "Second", story("ship"), "Also short", 1),
]
Make = Callable[..., bytes]


@pytest.mark.parametrize("make", [rss, atom, json_feed, rdf], ids=lambda make: make.__name__)
def test_every_format_gives_the_same_articles(make: Make) -> None:
    feed = parse_feed(make("The Paper", POSTS, BASE), url=f"{BASE}/feed")
    assert feed.title == "The Paper"
    one, two = feed.items
    assert (one.title, one.link, one.published) == ("Grüße & more", f"{BASE}/one", "2026-11-02T08:00:00Z")
    assert "number 5" in one.content
    assert one.is_whole
    assert two.title == "Second"
    assert one.guid != two.guid


def test_the_oldest_format_has_titles_and_links() -> None:
    feed = parse_feed(rss_091("Old", POSTS, BASE), url=f"{BASE}/feed")
    assert [(item.title, item.link) for item in feed.items] == [
        ("Grüße & more", f"{BASE}/one"),
        ("Second", f"{BASE}/two"),
    ]
    assert not feed.items[0].is_whole


def test_author_category_and_language_are_read() -> None:
    feed = parse_feed(rss("P", POSTS, BASE), url=BASE)
    assert (feed.items[0].author, feed.items[0].categories, feed.facts.language) == ("Ann Author", ("Sea",), "en")
    assert parse_feed(atom("P", POSTS, BASE), url=BASE).items[0].author == "Ann Author"
    assert parse_feed(json_feed("P", POSTS, BASE), url=BASE).items[0].author == "Ann Author"


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16"])
def test_encodings_are_read_as_declared(encoding: str) -> None:
    assert parse_feed(rss("P", POSTS, BASE, encoding=encoding), url=BASE).items[0].title == "Grüße & more"


def test_a_wrong_declaration_is_survived() -> None:
    latin = rss("P", POSTS, BASE, encoding="iso-8859-1").replace(b'encoding="iso-8859-1"', b'encoding="utf-8"')
    items = parse_feed(latin, url=BASE, content_type="application/rss+xml; charset=utf-8").items
    assert [item.link for item in items] == [f"{BASE}/one", f"{BASE}/two"]


NO_ENCODINGS = [
    "undefined",
    "punycode",
    "idna",
    "unicode_escape",
    "raw_unicode_escape",
    "rot13",
    "zlib",
    "utf-7",
    "none",
]


@pytest.mark.parametrize("encoding", NO_ENCODINGS)
def test_an_encoding_that_no_text_of_the_web_has_is_not_believed(encoding: str) -> None:
    data = rss("P", [Post("one", r"Gr\u00fc\xdfe +AGE- more", story("boat"))], BASE)
    named = data.replace(b'encoding="utf-8"', f'encoding="{encoding}"'.encode())
    sent = f'application/rss+xml; charset="{encoding}"'
    for feed in (parse_feed(named, url=BASE), parse_feed(data, url=BASE, content_type=sent)):
        assert feed == parse_feed(data, url=BASE)


@pytest.mark.parametrize("end", ["", " "])
def test_a_feed_of_bytes_that_says_it_is_utf_16_is_read(end: str) -> None:
    data = rss("P", POSTS, BASE).replace(b'encoding="utf-8"', b'encoding="utf-16"') + end.encode()
    assert parse_feed(data, url=BASE).items[0].title == "Grüße & more"


def test_relative_links_start_at_the_feed() -> None:
    data = rss("P", [Post("x", "X", link="/a/b")], BASE)
    assert parse_feed(data, url="https://paper.example/deep/feed.xml").items[0].link == "https://paper.example/a/b"


def test_links_that_lead_nowhere_on_the_web_are_dropped() -> None:
    data = rss("P", [Post("x", "X", story("boat"), link="javascript:alert(1)")], BASE)
    (item,) = parse_feed(data, url=BASE).items
    assert item.link == ""


def test_titles_are_plain_text_without_control_characters_and_scripts() -> None:
    title = "<script>alert(1)</script>A\u202e <b>bold</b>\u0007 title"
    for make in (atom, json_feed, rss):
        (item,) = parse_feed(make("P", [Post("x", title, story("boat"))], BASE), url=BASE).items
        assert item.title == "A bold title"


@pytest.mark.parametrize("data", [b"", b"<html><body>No feed</body></html>", b"\x00\xff", b"<rss" + b"<a>" * 5000, b"{}", b'{"version": 1}', b"{" * 9999, b'{"version":"https://jsonfeed.org/version/1","items":7,"title":3}'[:30]])  # fmt: skip
def test_rubbish_is_no_feed(data: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_feed(data, url="https://example.org/feed")


def test_json_with_wrong_kinds_of_values_is_survived() -> None:
    value = {"version": "https://jsonfeed.org/version/1.1", "title": 5, "items": [3, {"id": 7, "tags": 9, "authors": "x", "content_text": "a\n\nb <c>", "date_published": "soon"}]}  # fmt: skip
    (item,) = parse_feed(json.dumps(value).encode(), url=BASE).items
    assert (item.guid, item.content, item.published) == ("7", "<p>a</p><p>b &lt;c></p>", "")


BOMB = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)) + b']><rss version="2.0"><channel><title>&j;</title></channel></rss>'  # fmt: skip
XXE = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><title>&x;</title></channel></rss>'


@pytest.mark.parametrize("data", [BOMB, XXE, XXE.decode().encode("utf-16")], ids=["bomb", "outside", "hidden"])
def test_entities_are_refused_at_once(data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(DamagedDocument, match="entities"):
        parse_feed(data, url="https://example.org/feed")
    assert time.monotonic() - began < 5


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_our_errors(data: bytes) -> None:
    for start in (b"", b"<rss version='2.0'><channel><title>x", b"{"):
        try:
            parse_feed(start + data, url="https://example.org/feed")
        except DocumentError:
            continue


@given(st.text(max_size=200))
def test_plain_text_holds_no_tag_and_no_control_character(text: str) -> None:
    plain = plain_text(text)
    assert "\x00" not in plain
    assert plain == " ".join(plain.split())


def test_opml_goes_out_and_comes_back(tmp_path: Path) -> None:
    feeds = [("https://a.org/feed", "A & B", "https://a.org"), ("https://b.org/x?y=1&z=2", "<C>", "")]
    data = write_opml(feeds)
    assert parse_opml(data, name="list") == [(url, title) for url, title, _ in feeds]


def test_opml_of_other_readers_is_read_whatever_folders_it_has() -> None:
    data = b"""<?xml version="1.0"?><opml version="1.1"><body><outline text="News"><outline text="A" xmlUrl="https://a.org/f"/>
    <outline title="B" XMLURL="feed://b.org/f"/></outline><outline text="A again" xmlUrl="https://a.org/f"/><outline text="note"/></body></opml>"""
    assert parse_opml(data, name="list") == [("https://a.org/f", "A"), ("http://b.org/f", "B")]


@pytest.mark.parametrize("data", [b"", b"<html/>", b"not xml", XXE])
def test_what_is_no_opml_is_said(data: bytes) -> None:
    with pytest.raises(DamagedDocument, match="OPML"):
        parse_opml(data, name="list")


def test_a_page_names_its_feeds() -> None:
    page = b"""<html><head><base href="https://a.org/blog/"><link rel="alternate" type="application/rss+xml" title="All" href="feed.xml">
    <link rel="alternate" hreflang="de" href="/de"><link rel="ALTERNATE" type="application/feed+json; charset=utf-8" href="//a.org/feed.json"></head></html>"""
    assert find_feeds(page, url="https://x.org/") == [
        ("https://a.org/blog/feed.xml", "All"),
        ("https://a.org/feed.json", ""),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.a.org/x/", "http://a.org/x"),
        ("https://a.org/x?utm_source=rss&utm_medium=feed", "https://a.org/x"),
        ("https://A.org/x#top", "https://a.org/x"),
        ("https://a.org:443/x?id=1&fbclid=z", "https://a.org/x?id=1"),
    ],
)
def test_links_to_one_article_are_equal(one: str, other: str) -> None:
    assert canonical_link(one) == canonical_link(other) != ""


@pytest.mark.parametrize(("one", "other"), [("https://a.org/x?id=1", "https://a.org/x?id=2"), ("https://a.org/x", "https://a.org/X"), ("https://a.org:8080/x", "https://a.org/x")])  # fmt: skip
def test_links_to_two_articles_are_not(one: str, other: str) -> None:
    assert canonical_link(one) != canonical_link(other)


def test_what_is_no_link_has_no_canonical_form() -> None:
    assert [canonical_link(text) for text in ("", "mailto:x", "http://[", "/x")] == ["", "", "", ""]


def test_faults_of_form_are_read_over() -> None:
    data = (
        b'<rss version="2.0"><channel><title>Salt & Sea</title><item><guid isPermaLink="false"><![CDATA[a?b=1&c=2]]></guid><title>A&nbsp;B &c D'
        b"</title><link>https://paper.example/a</link><dc:creator>Ann Author</dc:creator><description>One & two</description>"
        b"<content:encoded><![CDATA[<p>Three & four</p>]]></content:encoded></item>"
    )
    feed = parse_feed(data, url=BASE)
    (item,) = feed.items
    assert (feed.title, item.guid, item.title, item.author) == ("Salt & Sea", "a?b=1&c=2", "A B &c D", "Ann Author")
    assert plain_text(item.content) == "Three & four"


def with_odd_entry(body: str) -> bytes:
    """Three entries; the first is odd."""
    entries = "".join(
        f'<entry><id>{n}</id><title>T</title><content type="xhtml">{text}</content></entry>'
        for n, text in enumerate([body, "one", "two"])
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title>{entries}</feed>'.encode()


@pytest.mark.parametrize("body", ["<div>" * 300 + "</div>" * 300, "x " * 5_100_000], ids=["deep", "long"])
def test_an_odd_entry_hides_none_of_the_later_ones(body: str) -> None:
    tidy = tidy_feed(with_odd_entry(body), url=BASE, content_type="")
    assert len(re.findall(rb"</(?:\w+:)?entry>", tidy)) == 3


def test_a_feed_of_which_only_a_beginning_can_be_read_is_refused_in_words() -> None:
    with pytest.raises(DamagedDocument, match="thousands deep"):
        parse_feed(with_odd_entry("<div>" * 5_000 + "</div>" * 5_000), url=BASE)


@pytest.mark.parametrize(
    ("item", "content"),
    [
        ("<title>A <b>bold</title><link>{link}</link><description>D</description>", "D"),
        ("<title>A bold</title><description>D<p>e<br>f</description><link>{link}</link>", "D e f"),
        ("<title>A bold</title></b><!-- <i> --><link>{link}</LINK><description>D</description>", "D"),
        ("<title>A bold</title><description><![CDATA[D<p>&]]></i> &<![CDATA[</p>]]></description><link>{link}</link>", "D & &"),
    ],
    ids=["title", "description", "no beginning", "literal"],
)  # fmt: skip
def test_an_element_that_is_not_closed_swallows_nothing_behind_it(item: str, content: str) -> None:
    items = "".join(f"<item><guid>{n}</guid>{item.format(link=f'{BASE}/{n}')}</item>" for n in "ab")
    feed = parse_feed(f'<rss version="2.0"><channel><title>T</title>{items}</channel></rss>'.encode(), url=BASE)
    assert [(i.title, i.link) for i in feed.items] == [("A bold", f"{BASE}/{n}") for n in "ab"]
    assert plain_text(feed.items[0].content).replace("D & &", "D & &") == content


def test_what_no_feed_has_does_not_reach_the_parser() -> None:
    crowd = "".join(f"<category>{n}</category>" for n in range(5_000))
    data = f'<rss version="2.0"><channel><title>A</title><item><guid>a</guid><author>{"a" * 50_000}</author>{crowd}'
    (item,) = parse_feed(f"{data}<title>T</title></item></channel></rss>".encode(), url=BASE).items
    assert (len(item.author), len(item.categories)) == (200, 30)


def test_a_crowd_of_namespaces_is_refused() -> None:
    crowd = "".join(f'<n{n}:a xmlns:n{n}="urn:{n}"/>' for n in range(150))
    with pytest.raises(DamagedDocument, match="namespaces"):
        parse_feed(f'<rss version="2.0"><channel><title>A</title>{crowd}</channel></rss>'.encode(), url=BASE)
