"""No reader takes longer than in proportion to what it reads, whatever strangers have written."""

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from lxml import etree

import pipeline.ingest
from pipeline.ingest.articles.article_document import article_document, fill, say_date
from pipeline.ingest.articles.article_of_item import article_of_item, is_whole
from pipeline.ingest.articles.article_pages import find_next_page, is_next_page, join_pages
from pipeline.ingest.articles.article_tree import as_html, drop_trees, mark_for_extraction, prune_junk
from pipeline.ingest.articles.canonical_link import absolute_link, canonical_link
from pipeline.ingest.articles.parse_article import Article, parse_article, parse_page
from pipeline.ingest.articles.read_pages import Page, body_text, read_pages
from pipeline.ingest.documents.chapters import ChapterStart, divide_chapters, headings
from pipeline.ingest.documents.html_blocks import AnchoredBlock, is_decoration, read_blocks
from pipeline.ingest.documents.markup import Reading, read_element, semantics, short_text
from pipeline.ingest.documents.markup_bounds import check_attributes
from pipeline.ingest.documents.markup_tree import number_entities, parse_markup
from pipeline.ingest.documents.plain_line import plain_line, plain_text, plain_title, unescape
from pipeline.ingest.documents.read_html import read_html
from pipeline.ingest.documents.read_markdown import read_markdown
from pipeline.ingest.documents.read_plain_text import decode_text, read_plain_text
from pipeline.ingest.documents.text_encodings import find_encoding
from pipeline.ingest.epub.archive_names import ArchiveNames, normal_name, readings_of, resolve
from pipeline.ingest.epub.epub_archive import EpubArchive, parse_xml
from pipeline.ingest.epub.read_epub import read_epub
from pipeline.ingest.feeds.discover_feeds import find_feeds
from pipeline.ingest.feeds.feed_form import mend_form
from pipeline.ingest.feeds.json_feed import parse_json_feed
from pipeline.ingest.feeds.opml import parse_opml, write_opml
from pipeline.ingest.feeds.parse_feed import parse_feed
from pipeline.ingest.feeds.tidy_feed import tidy_feed
from pipeline.ingest.http.addresses import host_of
from pipeline.ingest.http.freshness import parse_freshness
from pipeline.ingest.read_document import parse_document
from pipeline.model.syndication.article import DEFAULT_PHRASES, SpokenRules
from pipeline.model.syndication.feed import FeedItem
from pipeline.model.text import Block, BlockKind
from tests.growth import (
    EVERYTHING,
    MARKDOWN,
    MARKUP,
    MOST_GROWTH,
    PROSE,
    Prepare,
    feeding,
    growth,
    public_functions,
    telling,
)
from tests.makers import make_epub, make_zip

URL = "https://paper.example/story"
FACTS = {"name": "x.html", "document_id": "0"}


def page(text: str) -> bytes:
    return f"<html><head><title>A</title></head><body><article><p>Long ago.</p>{text}</article></body></html>".encode()


def tree(text: str) -> Any:
    return parse_page(page(text), url=URL)


def article(text: str) -> Article:
    return Article("A", tree(text).find("body"), author="B")


def block(text: str) -> AnchoredBlock:
    return AnchoredBlock(Block(BlockKind.HEADING, text, level=1), ())


def item(text: str) -> FeedItem:
    return FeedItem(guid="a", link=URL, title="A", content=text, is_whole=True)


def rss(text: str) -> bytes:
    """Hostile text where a feed has escaped markup, names and dates."""
    said = escape(text.replace("\u200b", " "))
    return (
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>A</title><item><guid>a</guid>'
        f"<title>{said[:40_000]}</title><link>{URL}</link><description>{said}</description><dc:creator>{said}</dc:creator>"
        f"<author>{said}</author><pubDate>{said}</pubDate><category>{said}</category></item></channel></rss>"
    ).encode()


def broken_rss(text: str) -> bytes:
    """Hostile text instead of well-formed markup."""
    return f'<rss version="2.0"><channel><title>A</title><item><guid>a</guid><description>{text}'.encode()


def atom(text: str) -> bytes:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><id>a</id><entry><id>b</id><title>C</title>'
        f'<author><name>{escape(text)}</name></author><content type="xhtml"><div>{text}</div></content></entry></feed>'
    ).encode()


def json_feed(text: str) -> bytes:
    value = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": text,
        "items": [{"id": text, "content_html": text}],
    }
    return json.dumps(value).encode()


def book(text: str) -> bytes:
    said = escape(text).replace("\u200b", " ")
    return make_epub({"a.xhtml": f"<p>{said}</p>", "b.xhtml": f"<!DOCTYPE html><p>{text}"}, title=said, author=said)


def crowded_book(text: str) -> bytes:
    """An entry of the contents, an anchor, a picture and a chapter without sound for every 40 characters."""
    count = len(text) // 40
    toc = [("A", f"a.xhtml#a{n}") for n in range(count)] + [("B", "a.xhtml#gone")] * count
    body = "".join(f'<p id="a{n}" class="x">*</p>' for n in range(count))
    metadata = "".join(f'<meta name="cover" content="i{n}"/>' for n in range(count))
    return make_epub({"a.xhtml": f"<p>a</p>{body}"}, toc=toc, extra_metadata=metadata)


def full_archive(text: str) -> bytes:
    return make_zip({f"{n}/{text[:50]}": b"" for n in range(len(text) // 40)})


def starts(text: str) -> tuple[list[AnchoredBlock], list[ChapterStart]]:
    count = len(text) // 10
    blocks = [AnchoredBlock(Block(BlockKind.PARAGRAPH, "a", skip_reason="b" if n else ""), ()) for n in range(count)]
    marks = [ChapterStart(title=f"{text[:20]}{n}", level=1, source="a", at=n // 2) for n in range(count)]
    return blocks, marks


def found_by_trafilatura(text: str) -> etree._Element:
    root = etree.Element("body")
    for _ in range(len(text) // 20):
        part = etree.SubElement(root, "unknown")
        part.text, part.tail = text[:10], text[10:20]
    return root


def crowd(text: str) -> tuple[Any, list[Any]]:
    root = tree("<b>a</b>c" * (len(text) // 8))
    return root, list(root.iter("b"))


def names(text: str) -> dict[str, list[str]]:
    return {f"{n}/{text[:20]}": [text[:20]] for n in range(len(text) // 20)}


PLAIN: dict[str, Prepare] = {
    "canonical_link.absolute_link": feeding(lambda text: absolute_link(URL, f"http://{text}")),
    "canonical_link.canonical_link": feeding(lambda text: canonical_link(f"http://a.b/{text}?{text}")),
    "article_pages.is_next_page": feeding(lambda text: is_next_page(URL, f"http://{text}")),
    "html_blocks.is_decoration": feeding(is_decoration),
    "read_plain_text.decode_text": feeding(decode_text, str.encode),
    "text_encodings.find_encoding": feeding(find_encoding),
    "read_plain_text.read_plain_text": feeding(lambda data: read_plain_text(data, **FACTS), str.encode),
    "archive_names.resolve": feeding(lambda text: resolve("a", text)),
    "archive_names.normal_name": feeding(normal_name),
    "archive_names.readings_of": feeding(readings_of, str.encode),
    "archive_names.ArchiveNames.find": feeding(lambda text: ArchiveNames(names(text)).find(resolve("", text))),
    "archive_names.ArchiveNames.assign": feeding(
        lambda text: ArchiveNames(names(text)).assign([resolve("", f"{n}/{text[:20]}") for n in range(len(text) // 20)])
    ),
    "addresses.host_of": feeding(lambda text: host_of(f"http://{text}")),
    "freshness.parse_freshness": feeding(lambda text: parse_freshness(f"max-age{text}")),
    "chapters.divide_chapters": feeding(lambda made: divide_chapters(*made, book_title="A"), starts),
    "chapters.headings": feeding(lambda text: headings([block(word).block for word in text.split(" ")])),
    "article_document.say_date": feeding(lambda text: say_date(text, text)),
    "article_document.fill": feeding(lambda text: fill(DEFAULT_PHRASES["en"].introduction, {"title": text})),
    "json_feed.parse_json_feed": feeding(lambda data: parse_json_feed(data, url=URL), json_feed),
    "opml.parse_opml": feeding(
        lambda data: parse_opml(data, name="x"),
        lambda text: f"<opml><body><outline xmlUrl={quoteattr('http://' + text)}/></body></opml>".encode(),
    ),
    "opml.write_opml": feeding(lambda text: write_opml([(text, text, text)])),
    "epub_archive.EpubArchive.find_by_suffix": feeding(
        lambda data: EpubArchive(data, name="x").find_by_suffix(".x"), full_archive
    ),
    "read_epub.read_epub": feeding(lambda data: read_epub(data, **FACTS), crowded_book),
}
IN_MARKUP: dict[str, Prepare] = {
    "plain_line.plain_line": feeding(plain_line),
    "plain_line.plain_text": feeding(plain_text),
    "plain_line.plain_title": feeding(plain_title),
    "plain_line.unescape": feeding(unescape),
    "markup_bounds.check_attributes": feeding(lambda data: check_attributes(data, name="x"), str.encode),
    "markup_tree.number_entities": feeding(number_entities, str.encode),
    "markup_tree.parse_markup": feeding(lambda data: parse_markup(data, name="x"), page),
    "html_blocks.read_blocks": feeding(lambda root: read_blocks(root, source="x"), tree),
    "markup.short_text": feeding(lambda root: [short_text(e) for e in root.iter()], tree),
    "markup.semantics": feeding(
        lambda text: semantics(etree.Element("p", role=text)), lambda text: text[1:].strip("\0")
    ),
    "markup.read_element": feeding(lambda root: [read_element(e, Reading()) for e in root.iter()], tree),
    "read_html.read_html": feeding(lambda data: read_html(data, **FACTS), page),
    "read_document.parse_document": feeding(lambda data: parse_document(data, name="x.epub"), book),
    "epub_archive.parse_xml": feeding(lambda data: parse_xml(data, name="x"), page),
    "article_of_item.article_of_item": feeding(article_of_item, item),
    "article_of_item.is_whole": feeding(is_whole, item),
    "article_document.article_document": feeding(
        lambda made: article_document(made, SpokenRules(), DEFAULT_PHRASES["en"]), article
    ),
    "article_pages.find_next_page": feeding(lambda data: find_next_page(data, url=URL), page),
    "article_pages.join_pages": feeding(lambda made: join_pages([made, made]), article),
    "read_pages.body_text": feeding(lambda made: body_text(made.body), article),
    "read_pages.read_pages": feeding(
        lambda data: read_pages(
            [Page(data, URL)], url=URL, rules=SpokenRules(), phrases_of=lambda _: DEFAULT_PHRASES["en"]
        ),
        page,
    ),
    "article_tree.as_html": feeding(as_html, found_by_trafilatura),
    "article_tree.drop_trees": feeding(lambda made: drop_trees(made[1]), crowd),
    "article_tree.mark_for_extraction": feeding(mark_for_extraction, tree),
    "article_tree.prune_junk": feeding(prune_junk, tree),
    "parse_article.parse_page": feeding(lambda data: parse_page(data, url=URL), page),
    "parse_article.parse_article": feeding(lambda data: parse_article(data, url=URL), page),
    "discover_feeds.find_feeds": feeding(lambda data: find_feeds(data, url=URL), page),
    "parse_feed.parse_feed": feeding(lambda data: parse_feed(data, url=URL), rss),
    "feed_form.mend_form": feeding(lambda data: mend_form(data, most_prefixes=100), broken_rss),
    "tidy_feed.tidy_feed": feeding(lambda data: tidy_feed(data, url=URL, content_type=""), broken_rss),
}
FURTHER: dict[str, Prepare] = {
    "a page of plain text": feeding(lambda data: read_html(data, **FACTS), str.encode),
    "an Atom feed": feeding(lambda data: parse_feed(data, url=URL), atom),
    "a feed that is not well-formed": feeding(lambda data: parse_feed(data, url=URL), broken_rss),
}
IN_MARKDOWN: dict[str, Prepare] = {
    "read_markdown.read_markdown": feeding(lambda data: read_markdown(data, **FACTS), str.encode)
}
OWN = {
    "article_of_item.with_item": "joins what has been read",
    "parse_article.no_article": "makes an error",
    "markup.is_block": "looks at a tag",
    "markup.local_name": "looks at a tag",
    "addresses.is_public": "the address of a server",
    "addresses.at_host": "an address that was asked",
    "addresses.checked_hosts": "resolves names; its address is driven by host_of",
    "find_documents.find_documents": "a path",
    "discover_feeds.usual_addresses": "an address that was asked",
    "epub_archive.EpubArchive.read": "bounded, see test_hostile.py",
    "epub_metadata.read_metadata": "driven by read_epub",
    "epub_package.read_package": "driven by read_epub",
    "epub_spine.read_manifest": "driven by read_epub",
    "epub_spine.read_spine": "driven by read_epub",
    "epub_toc.Links.find": "driven by read_epub",
    "epub_toc.read_contents": "driven by read_epub",
    "addresses.checked_request": "resolves names; its address is driven by host_of",
    "bodies.read_body": "bounded, see test_fetch.py",
    "fetch.fetch": "bounded, see test_fetch.py",
    "markup_bounds.check_tags": "counts",
    "read_document.read_bytes": "a path",
    "read_document.read_document": "a path; driven by parse_document",
}
DRIVERS = {
    **dict.fromkeys(PLAIN, PROSE),
    **dict.fromkeys({**IN_MARKUP, **FURTHER}, MARKUP),
    **dict.fromkeys(IN_MARKDOWN, MARKDOWN),
    "read_epub.read_epub": {"stars": "*"},  # a crowd of parts, whatever they say
}
PREPARE = {**PLAIN, **IN_MARKUP, **FURTHER, **IN_MARKDOWN}


def test_every_public_function_of_ingest_is_driven() -> None:
    assert public_functions(pipeline.ingest) == (PREPARE.keys() - FURTHER.keys()) | OWN.keys()


@pytest.mark.long
@pytest.mark.parametrize("name", DRIVERS)
def test_work_grows_in_proportion_to_what_is_read(name: str) -> None:
    grown = {kind: growth(PREPARE[name], unit) for kind, unit in telling(DRIVERS[name]).items()}
    assert {kind: g for kind, g in grown.items() if g > MOST_GROWTH} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRIVERS)
def test_work_grows_in_proportion_to_everything_that_is_read(name: str) -> None:
    grown = {kind: growth(PREPARE[name], unit) for kind, unit in EVERYTHING.items()}
    assert {kind: g for kind, g in grown.items() if g > MOST_GROWTH} == {}
