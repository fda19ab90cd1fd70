"""Articles of saved pages: the expected paragraphs are all there, and none of what stands around them."""

import re
from pathlib import Path

import pytest
from lxml import etree
from lxml import html as lxml_html

from pipeline.errors import EmptyDocument
from pipeline.ingest.articles.article_document import article_document
from pipeline.ingest.articles.article_of_item import article_of_item, is_whole
from pipeline.ingest.articles.article_pages import find_next_page, is_next_page, join_pages
from pipeline.ingest.articles.article_tree import drop_trees
from pipeline.ingest.articles.parse_article import Article, parse_article
from pipeline.ingest.read_document import parse_document
from pipeline.model.syndication.article import DEFAULT_PHRASES, Phrases, SpokenRules
from pipeline.model.syndication.feed import FeedItem
from pipeline.model.text import Block, BlockKind
from tests.feed_makers import article_page, paragraphs, story

PAGES = sorted((Path(__file__).parent.parent / "pages").glob("*.html"))
_NOTE_MARK = ".//sup[a]"


def folded(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def marked(path: Path, word: str) -> list[str]:
    """The texts of elements with data-expect; marks of notes are no text."""
    root = lxml_html.document_fromstring(path.read_bytes(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    for mark in root.findall(_NOTE_MARK):
        mark.drop_tree()
    return [folded(e.text_content()) for e in root.iter() if isinstance(e.tag, str) and e.get("data-expect") == word]


def plain_page(path: Path) -> bytes:
    return re.sub(r' data-expect="\w+"', "", path.read_text("utf-8")).encode()


def test_there_are_twenty_pages_of_several_kinds() -> None:
    assert len(PAGES) >= 20
    assert {path.stem.split("-")[0] for path in PAGES} >= {"news", "blog", "docs", "forum"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_expected_piece_of_a_saved_page_is_there_and_no_junk(path: Path) -> None:
    article = parse_article(plain_page(path), url="https://example.org/a")
    text = folded(article.title + "".join(article.body.itertext()))
    wanted, junk = marked(path, "yes"), marked(path, "no")
    assert len(wanted) >= 4
    assert junk
    assert [piece for piece in wanted if piece not in text] == []
    assert [piece for piece in junk if len(piece) > 8 and piece in text] == []


def blocks_of(name: str, rules: SpokenRules | None = None, phrases: Phrases | None = None) -> list[Block]:
    (path,) = (path for path in PAGES if path.stem == name)
    article = parse_article(plain_page(path), url="https://example.org/a")
    data = article_document(article, rules or SpokenRules("read", "read", "read", "read"), phrases or Phrases())
    return [block for chapter in parse_document(data, name="a.html").chapters for block in chapter.blocks]


def kinds(blocks: list[Block]) -> dict[BlockKind, list[str]]:
    found: dict[BlockKind, list[str]] = {}
    for block in blocks:
        found.setdefault(block.kind, []).append(block.text)
    return found


def test_headings_lists_quotes_tables_captions_and_notes_stay_what_they_are() -> None:
    magazine = kinds(blocks_of("magazine"))
    assert magazine[BlockKind.HEADING] == ["The man who mended clocks for the sea", "Forty seconds"]
    assert magazine[BlockKind.CAPTION] == ["Abel Stroud at his bench, where no two clocks agree by intention."]
    assert len(magazine[BlockKind.QUOTE]) == 1
    table = kinds(blocks_of("news-table"))
    assert table[BlockKind.CAPTION] == ["Share of each source in per cent"]
    assert table[BlockKind.TABLE][:2] == ["Source, 2025, 2026", "Wind, 48, 53"]
    assert len(kinds(blocks_of("blog-wordpress"))[BlockKind.LIST_ITEM]) == 6
    essay = kinds(blocks_of("essay-footnotes"))
    assert essay[BlockKind.NOTE] == [
        "See the preface of the second edition, page nine.",
        "The remark is reported by a pupil.",
    ]
    assert "home safe. We" in " ".join(essay[BlockKind.PARAGRAPH]), "the mark of the note is gone"


def test_what_is_known_of_an_article_is_found() -> None:
    (path,) = (path for path in PAGES if path.stem == "news-harbour")
    article = parse_article(plain_page(path), url="https://other.example/x?utm_source=y")
    assert (article.author, article.published, article.site) == ("Mara Lindqvist", "2026-03-14", "The Northern Post")
    assert (article.picture, article.url) == ("https://post.example/img/harbour.jpg", "https://post.example/harbour")
    assert article.language == "en"


def spoken(blocks: list[Block]) -> str:
    return " | ".join(block.text for block in blocks if not block.skip_reason)


def test_tables_and_code_are_summed_up_in_a_sentence_and_stay_in_the_document_unspoken() -> None:
    blocks = blocks_of("news-table", SpokenRules(), DEFAULT_PHRASES["en"])
    assert "A table with 3 columns and 4 rows." in spoken(blocks)
    assert {block.skip_reason for block in blocks if block.kind is BlockKind.TABLE} == {"table"}
    code = blocks_of("blog-code", SpokenRules(), DEFAULT_PHRASES["en"])
    assert "A piece of code with 2 lines." in spoken(code)
    assert "text.split" not in spoken(code)
    assert "text.split" in " ".join(block.text for block in code)


def test_each_rule_can_read_or_skip() -> None:
    skipping = SpokenRules("skip", "skip", "skip", "skip")
    assert "table" not in spoken(blocks_of("news-table", skipping, DEFAULT_PHRASES["en"]))
    assert "Share of each source" not in spoken(blocks_of("news-table", skipping, DEFAULT_PHRASES["en"]))
    assert "Wind, 48, 53" in spoken(blocks_of("news-table", phrases=DEFAULT_PHRASES["en"]))
    read = blocks_of("blog-code", phrases=DEFAULT_PHRASES["en"])
    assert "return len(text.split())" in spoken(read)


def test_long_addresses_are_named_read_or_left_out() -> None:
    english = DEFAULT_PHRASES["en"]
    assert "is at a link to ferries.example and" in spoken(blocks_of("press-release", SpokenRules(), english))
    read = spoken(blocks_of("press-release", SpokenRules(addresses="read"), english))
    assert "ferries.example timetable 2026 summer lang en" in read
    assert "ferries.example" not in spoken(blocks_of("press-release", SpokenRules(addresses="skip"), english))


def test_an_article_is_introduced_and_its_title_is_said_once() -> None:
    phrases = Phrases(introduction="{title}.[ By {author}.][ {site}][, {date}].", ending="That was {title}.")
    blocks = blocks_of("news-harbour", SpokenRules(), phrases)
    said = spoken(blocks)
    assert said.startswith(
        "Harbour reopens after longest winter closure on record. By Mara Lindqvist. The Northern Post, March 14, 2026. | "
    )
    assert said.endswith("| That was Harbour reopens after longest winter closure on record.")
    assert said.count("Harbour reopens") == 2
    assert next(b.skip_reason for b in blocks if b.kind is BlockKind.HEADING) == "title, said in the introduction"


def test_what_nobody_knows_is_not_said() -> None:
    assert spoken(
        blocks_of("review", SpokenRules(), Phrases(introduction="{title}.[ By {author}.][ On {date}.]"))
    ).startswith("The Quiet Pilot. | Nothing happens")


PAYWALLS = {
    "schema.org": '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree": false}</script>'
    + story("minister", 3),
    "a box": story("minister", 3) + '<div class="paywall-box"><p>More for members.</p></div>',
    "a sentence": story("minister", 2) + "<p>Subscribe to continue reading this story.</p>",
}


@pytest.mark.parametrize("how", PAYWALLS)
def test_the_beginning_of_what_has_to_be_paid_for_is_not_narrated(how: str) -> None:
    with pytest.raises(EmptyDocument, match="has to be paid for"):
        parse_article(article_page("Story", PAYWALLS[how]).encode(), url="https://example.org/a")


def test_a_long_article_that_calls_itself_not_free_is_all_there() -> None:
    body = '<script type="application/ld+json">{"isAccessibleForFree": "False"}</script>' + story("minister", 40)
    assert "number 39" in "".join(
        parse_article(article_page("Story", body).encode(), url="https://e.org/a").body.itertext()
    )


@pytest.mark.parametrize(
    "page", [b"", b"<html><body></body></html>", b"<p>Hi.</p>", b"\x00\xff\xfe", b"<html>" + b"<div>" * 3000]
)
def test_a_page_without_an_article_is_said_to_hold_none(page: bytes) -> None:
    from pipeline.errors import DocumentError

    with pytest.raises(DocumentError):
        parse_article(page, url="https://example.org/a")


def test_the_pages_of_an_article_are_joined_and_what_each_repeats_is_heard_once() -> None:
    note = "<p>This article first appeared in the spring issue, and is given here as it was.</p>"
    pages = [
        parse_article(article_page("Long", note + story(f"part {n}", 5)).encode(), url=f"https://e.org/long?page={n}")
        for n in (1, 2)
    ]
    text = " ".join(join_pages(pages).body.itertext())
    assert text.count("spring issue") == 1
    assert "part 1 came by" in text
    assert "part 2 came by" in text


@pytest.mark.parametrize(
    ("url", "other", "expected"),
    [
        ("https://a.org/story", "https://a.org/story/2", True),
        ("https://a.org/story/", "https://a.org/story/page/2/", True),
        ("https://a.org/story?page=2", "https://a.org/story?page=3", True),
        ("https://a.org/story.html", "https://a.org/story-2.html", True),
        ("https://a.org/story", "https://a.org/other-story", False),
        ("https://a.org/story", "https://b.org/story/2", False),
        ("https://a.org/story?page=3", "https://a.org/story?page=3", False),
        ("https://a.org/2026/11/02/one", "https://a.org/2026/11/03/two", False),
    ],
)
def test_only_the_next_number_is_the_next_page(url: str, other: str, expected: bool) -> None:
    assert is_next_page(url, other) is expected


def test_the_next_page_is_found_by_its_link_and_the_next_article_is_not() -> None:
    def page(link: str) -> bytes:
        return article_page("A", story("boat", 4) + link).encode()

    url = "https://a.org/story"
    assert find_next_page(page('<a class="next" href="/story/2">Next page</a>'), url=url) == "https://a.org/story/2"
    assert not find_next_page(page('<a rel="next" href="/another">Next article</a>'), url=url)


def test_what_a_feed_holds_is_whole_or_only_the_beginning() -> None:
    def item(content: str, **more: object) -> FeedItem:
        return FeedItem("g", "https://a.org/x", "T", content=content, **more)  # type: ignore[arg-type]

    assert is_whole(item(story("boat", 6), is_whole=True))
    assert not is_whole(item("<p>Short.</p>", is_whole=True))
    assert not is_whole(item(story("boat", 6) + "<p>Read more…</p>", is_whole=True))
    assert not is_whole(item(story("boat", 6)))
    assert is_whole(item(story("boat", 20)))
    assert is_whole(FeedItem("g", "", "T", content="<p>All there is.</p>")), "there is no page to look at"


def test_scripts_and_sharing_in_a_feed_are_not_spoken() -> None:
    content = (
        story("boat", 6) + '<script>alert(1)</script><div class="sharedaddy">Share this</div><form>Subscribe</form>'
    )
    body = article_of_item(FeedItem("g", "https://a.org/x", "T", content=content)).body
    text = " ".join(body.itertext())
    assert "number 5" in text
    assert not re.search("alert|Share|Subscribe", text)
    assert isinstance(body, etree._Element)
    assert paragraphs("x") == "<p>x</p>"


def test_an_address_that_is_broken_is_no_error() -> None:
    body = lxml_html.fromstring(f"<body><p>See https://[{'a' * 40} now</p></body>")
    data = article_document(Article("A", body), SpokenRules(), DEFAULT_PHRASES["en"])
    assert b"See a link to now" in data


def test_notes_in_lists_within_sections_of_notes_are_marked_once() -> None:
    notes = '<section role="doc-endnotes"><ol class="references"><li>The first note of all.</li></ol></section>'
    article = parse_article(article_page("T", story("boat", 12) + notes).encode(), url="https://example.org/a")
    texts = [str(note.text) for note in article.body.iter() if note.get("role") == "doc-footnote"]
    assert all("⟦" not in text for text in texts)
    assert "⟦" not in "".join(article.body.itertext())


def test_dropped_elements_leave_the_text_behind_them() -> None:
    root = lxml_html.fromstring("<div>a<i>x</i>b<i>y<b>z</b></i>c<u>d</u>e<i>x</i>f</div>")
    drop_trees([*root.iter("i"), *root.iter("b")])
    assert lxml_html.tostring(root) == b"<div>abc<u>d</u>ef</div>"
