"""EPUB 2 and 3: order, chapters, metadata, and that no character is lost."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from pipeline.ingest.read_document import parse_document, read_document
from pipeline.model.book import BookMetadata
from pipeline.model.text import BlockKind, Document
from tests.makers import SAMPLES, build_sample, make_epub, make_png, make_zip, xhtml, zip_entries


def read(data: bytes) -> Document:
    return parse_document(data, name="book.epub")


def shape(document: Document) -> list[tuple[str, list[str]]]:
    return [(c.title, [b.text for b in c.blocks if not b.skip_reason]) for c in document.chapters]


def test_chapters_follow_the_spine_and_carry_their_toc_titles() -> None:
    book = read(make_epub({"a.xhtml": "<p>one</p>", "b.xhtml": "<p>two</p>"}, toc=[("B", "b.xhtml"), ("A", "a.xhtml")]))
    assert shape(book) == [("A", ["one"]), ("B", ["two"])]


def test_several_chapters_in_one_file_are_parted_at_their_anchors() -> None:
    body = '<h2 id="x">X</h2><p>one</p><section id="y"><h2>Y</h2><p>two</p></section>'
    book = read(make_epub({"a.xhtml": body}, toc=[("X", "a.xhtml#x"), ("Y", "a.xhtml#y")]))
    assert shape(book) == [("X", ["X", "one"]), ("Y", ["Y", "two"])]


def test_an_anchor_inside_a_heading_does_not_split_it() -> None:
    book = read(
        make_epub({"a.xhtml": '<p>one</p><h2>Down <a id="x"></a>the hole</h2><p>two</p>'}, toc=[("X", "a.xhtml#x")])
    )
    assert shape(book) == [("A Book", ["one"]), ("X", ["Down the hole", "two"])]


def test_one_chapter_may_run_over_several_files() -> None:
    files = {"a.xhtml": "<p>one</p>", "b.xhtml": "<p>two</p>", "c.xhtml": "<p>three</p>"}
    book = read(make_epub(files, toc=[("A", "a.xhtml"), ("C", "c.xhtml")]))
    assert shape(book) == [("A", ["one", "two"]), ("C", ["three"])]


def test_a_file_listed_twice_is_read_once() -> None:
    spine = '<itemref idref="i0"/><itemref idref="i1"/><itemref idref="i0"/>'
    book = read(make_epub({"a.xhtml": "<p>one</p>", "b.xhtml": "<p>two</p>"}, spine=spine))
    assert [t for _, texts in shape(book) for t in texts] == ["one", "two"]


def test_nested_toc_entries_are_chapters_with_their_depth() -> None:
    nav = '<ol><li><a href="a.xhtml">Part</a><ol><li><a href="b.xhtml">One</a></li></ol></li></ol>'
    book = read(make_epub({"a.xhtml": "<p>p</p>", "b.xhtml": "<p>q</p>"}, nav=nav))
    assert [(c.title, c.level) for c in book.chapters] == [("Part", 1), ("One", 2)]


def test_entries_that_lead_to_one_place_share_a_chapter() -> None:
    book = read(make_epub({"a.xhtml": "<p>p</p>"}, toc=[("Part One", "a.xhtml"), ("Chapter 1", "a.xhtml")]))
    assert [c.title for c in book.chapters] == ["Part One — Chapter 1"]


def test_epub_2_ncx_gives_the_chapters() -> None:
    ncx = (
        '<navPoint><navLabel><text>One</text></navLabel><content src="a.xhtml"/><navPoint><navLabel><text>Two</text>'
        '</navLabel><content src="b.xhtml#s"/></navPoint></navPoint>'
    )
    book = read(make_epub({"a.xhtml": "<p>p</p>", "b.xhtml": '<p id="s">q</p>'}, ncx=ncx))
    assert [(c.title, c.level) for c in book.chapters] == [("One", 1), ("Two", 2)]


def test_text_before_the_first_entry_is_a_chapter_of_its_own() -> None:
    book = read(make_epub({"a.xhtml": "<h1>Preface</h1><p>p</p>", "b.xhtml": "<p>q</p>"}, toc=[("One", "b.xhtml")]))
    assert [c.title for c in book.chapters] == ["Preface", "One"]


def test_a_toc_that_leads_nowhere_falls_back_to_headings() -> None:
    files = {"a.xhtml": "<h2>One</h2><p>p</p>", "b.xhtml": "<h2>Two</h2><p>q</p>"}
    book = read(make_epub(files, toc=[("Ghost", "ghost.xhtml")]))
    assert [c.title for c in book.chapters] == ["One", "Two"]


def test_links_with_a_wrong_folder_find_the_file_by_its_name() -> None:
    book = read(make_epub({"text/a.xhtml": "<p>p</p>"}, toc=[("One", "wrong/a.xhtml")]))
    assert [c.title for c in book.chapters] == ["One"]


def test_non_linear_files_are_skipped_with_a_reason_unless_the_toc_names_them() -> None:
    spine = '<itemref idref="i0"/><itemref idref="i1" linear="no"/>'
    files = {"a.xhtml": "<p>one</p>", "b.xhtml": "<p>aside</p>"}
    hidden = read(make_epub(files, toc=[("A", "a.xhtml")], spine=spine))
    assert [b.skip_reason for c in hidden.chapters for b in c.blocks] == ["", "outside the reading order"]
    named = read(make_epub(files, spine=spine))
    assert [t for _, texts in shape(named) for t in texts] == ["one", "aside"]


def test_a_cover_page_without_text_is_no_chapter() -> None:
    files = {"cover.xhtml": '<img src="c.png" alt=""/>', "a.xhtml": "<p>one</p>"}
    assert [c.title for c in read(make_epub(files, toc=[("Cover", "cover.xhtml"), ("One", "a.xhtml")])).chapters] == [
        "One"
    ]


def test_metadata_cover_and_series_are_read() -> None:
    metadata = (
        "<dc:description>&lt;p&gt;Fine.&lt;/p&gt;</dc:description><dc:publisher>House</dc:publisher><dc:date>1999-05-01</dc:date>"
        '<meta property="belongs-to-collection" id="c">Saga</meta><meta refines="#c" property="group-position">3</meta>'
    )
    picture = make_png(np.zeros((4, 4, 3), np.uint8))
    book = read(make_epub({"a.xhtml": "<p>x y</p>"}, extra_metadata=metadata, cover=picture))
    facts = book.metadata
    assert (facts.title, facts.authors, facts.language) == ("A Book", ("An Author",), "en")
    assert (facts.description, facts.publisher, facts.published) == ("Fine.", "House", "1999-05-01")
    assert (facts.series, facts.series_index) == ("Saga", "3")
    assert book.cover is not None
    assert book.cover.data == picture


def test_calibre_series_are_read() -> None:
    metadata = '<meta name="calibre:series" content="Saga"/><meta name="calibre:series_index" content="2.0"/>'
    facts = read(make_epub({"a.xhtml": "<p>x y</p>"}, extra_metadata=metadata)).metadata
    assert (facts.series, facts.series_index) == ("Saga", "2")


def test_contributors_of_other_roles_are_no_authors() -> None:
    metadata = '<dc:creator id="t">A Translator</dc:creator><meta property="role" refines="#t">trl</meta>'
    assert read(make_epub({"a.xhtml": "<p>x y</p>"}, extra_metadata=metadata)).metadata.authors == ("An Author",)


def identified(metadata: str, unique: str) -> BookMetadata:
    data = zip_entries(make_epub({"a.xhtml": "<p>x y</p>"}, extra_metadata=metadata))
    package = data["OEBPS/content.opf"].decode().replace('unique-identifier="id"', unique)
    return read(make_zip({**data, "OEBPS/content.opf": package})).metadata


def test_the_identifier_is_the_one_that_the_package_declares_unique() -> None:
    metadata = '<dc:identifier id="own">\n urn:uuid:8f2c64a0-7d1b-4e93  a5c8 </dc:identifier>'
    assert identified(metadata, 'unique-identifier="own"').identifier == "urn:uuid:8f2c64a0-7d1b-4e93 a5c8"
    for undeclared in ("", 'unique-identifier="lost"'):
        assert identified(metadata, undeclared).identifier.startswith("urn:x:")


ISBNS = {
    "<dc:identifier>urn:isbn:9780306406157</dc:identifier>": "9780306406157",
    "<dc:identifier>9780306406157</dc:identifier>": "9780306406157",
    "<dc:identifier>0306406152</dc:identifier>": "",
    '<dc:identifier xmlns:opf="http://www.idpf.org/2007/opf" opf:scheme="ISBN">0306406152</dc:identifier>': "9780306406157",
    '<dc:identifier id="i">0306406152</dc:identifier><meta refines="#i" property="identifier-type">02</meta>': (
        "9780306406157"
    ),
    "<dc:identifier>urn:isbn:9780306406158</dc:identifier>": "",
    "<dc:identifier>isbn:9780306406158</dc:identifier><dc:identifier>isbn:0804429579</dc:identifier>": "",
    "<dc:source>urn:isbn:9780306406157</dc:source>": "",
    '<dc:identifier>isbn:9780306406157</dc:identifier><dc:identifier id="own">isbn:080442957X</dc:identifier>': (
        "9780804429573"
    ),
}


@pytest.mark.parametrize("metadata", ISBNS)
def test_an_isbn_with_a_right_checksum_is_read_from_any_identifier(metadata: str) -> None:
    assert identified(metadata, 'unique-identifier="own"').isbn == ISBNS[metadata]


def test_the_committed_sample_is_what_its_maker_builds() -> None:
    markdown = (SAMPLES / "the-keeper-of-gull-rock.md").read_text("utf-8")
    stored = SAMPLES / "the-keeper-of-gull-rock.epub"
    with zipfile.ZipFile(stored) as archive:
        rebuilt = build_sample(markdown, archive.read("OEBPS/cover.png"))
    assert {c.title: [b.text for b in c.blocks] for c in read(rebuilt).chapters} == {
        c.title: [b.text for b in c.blocks] for c in read_document(stored).chapters
    }
    titles = [c.title for c in read_document(stored).chapters]
    assert titles == [
        "Title Page",
        "Chapter I. The Lamp",
        "Chapter II. THE LEDGER OF MISTER FERRIS",
        "Chapter III. What the Sea Gave Back",
    ]


def test_the_sample_holds_every_kind_of_text() -> None:
    blocks = [b for c in read_document(SAMPLES / "the-keeper-of-gull-rock.epub").chapters for b in c.blocks]
    kinds = {block.kind for block in blocks}
    assert kinds >= {BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.QUOTE, BlockKind.LIST_ITEM, BlockKind.NOTE}
    assert {b.skip_reason for b in blocks} >= {"scene break", "note reference"}


def letters(text: str) -> Counter[str]:
    return Counter(c for c in text if not c.isspace())


def test_every_character_of_a_real_book_is_in_a_block(real_book: Path) -> None:
    with zipfile.ZipFile(real_book) as archive:
        package = etree.fromstring(archive.read(next(n for n in archive.namelist() if n.endswith(".opf"))))
        hrefs = {i.get("id"): i.get("href") for i in package.iter("{*}item")}
        base = next(n for n in archive.namelist() if n.endswith(".opf")).rpartition("/")[0]
        wanted: Counter[str] = Counter()
        for ref in package.iter("{*}itemref"):
            body = etree.fromstring(archive.read(f"{base}/{hrefs[ref.get('idref')]}")).find("{*}body")
            assert body is not None
            wanted += letters("".join(body.itertext()))
    found: Counter[str] = Counter()
    for chapter in read_document(real_book).chapters:
        for block in chapter.blocks:
            found += letters(block.text)
    assert found == wanted


def test_every_toc_entry_of_a_real_book_is_a_chapter_in_order(real_book: Path) -> None:
    with zipfile.ZipFile(real_book) as archive:
        nav = etree.fromstring(archive.read(next(n for n in archive.namelist() if n.endswith("toc.xhtml"))))
    toc = next(n for n in nav.iter("{*}nav") if "toc" in (n.get("{http://www.idpf.org/2007/ops}type") or ""))
    titles = [" ".join("".join(a.itertext()).split()) for a in toc.iter("{*}a")]
    assert [c.title for c in read_document(real_book).chapters] == titles


def test_text_that_is_not_utf_8_is_read_by_its_declaration() -> None:
    page = xhtml("<p>café</p>").replace("utf-8", "iso-8859-1").encode("iso-8859-1")
    book = read(make_epub({"a.xhtml": "<p>x</p>"}, extra={"OEBPS/a.xhtml": page}))
    assert shape(book)[0][1] == ["café"]


def test_text_that_belies_its_declaration_is_still_read() -> None:
    page = xhtml("<p>café</p>").encode("windows-1252")  # says utf-8
    book = read(make_epub({"a.xhtml": "<p>x</p>"}, extra={"OEBPS/a.xhtml": page}))
    assert shape(book)[0][1] == ["café"]
