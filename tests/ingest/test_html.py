"""Markup to blocks: kinds, what is skipped and why, and that no text disappears."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.documents.html_blocks import read_blocks
from pipeline.ingest.documents.markup_tree import parse_markup
from pipeline.model.text import Block, BlockKind
from tests.makers import xhtml


def blocks(body: str) -> list[Block]:
    return [found.block for found in read_blocks(parse_markup(xhtml(body).encode(), name="x"), source="x")]


def only(body: str) -> Block:
    (block,) = blocks(body)
    return block


def test_kinds_are_kept() -> None:
    markup = (
        "<h2>H</h2><p>P</p><blockquote><p>Q</p></blockquote><ul><li>L</li></ul><pre>C\n  c</pre>"
        '<figure><figcaption>F</figcaption></figure><div epub:type="z3998:poem"><p>V</p></div>'
        '<aside epub:type="footnote"><p>N</p></aside><table><tr><td>a</td><td>b</td></tr></table><hr/>'
    )
    assert [(b.kind.value, b.text) for b in blocks(markup)] == [
        ("heading", "H"),
        ("paragraph", "P"),
        ("quote", "Q"),
        ("list_item", "L"),
        ("code", "C\n  c"),
        ("caption", "F"),
        ("verse", "V"),
        ("note", "N"),
        ("table", "a, b"),
        ("scene_break", ""),
    ]


@pytest.mark.parametrize(
    ("declared", "true"),
    [
        (name, "cp1252")
        for name in ("undefined", "punycode", "idna", "unicode_escape", "rot13", "utf-7", "utf-16", "none")
    ]
    + [(name, name) for name in ("mac-roman", "euc_jp", "iso2022_jp", "koi8-u", "gb2312")],
)
def test_a_page_is_read_in_the_encoding_that_it_declares_if_texts_have_it(declared: str, true: str) -> None:
    word = {"mac-roman": "Grüße", "koi8-u": "міст", "cp1252": "Grüße"}.get(true, "日本")
    page = f'<html><head><meta charset="{declared}"></head><body><p>{word}<br>\xff</p>'.encode(true, "ignore")
    page += "<p>ü".encode("cp1252")  # no UTF-8
    assert word in "".join(parse_markup(page, name="x").itertext())


def test_heading_levels_and_subtitles() -> None:
    found = blocks('<hgroup><h2>II</h2><p epub:type="title">The Storm</p></hgroup>')
    assert [(b.kind, b.level) for b in found] == [(BlockKind.HEADING, 2), (BlockKind.HEADING, 2)]


def test_text_around_a_picture_is_kept() -> None:
    assert [b.text for b in blocks('<p>before <img src="x" alt="no"/> after</p>')] == ["before after"]
    assert [b.text for b in blocks("loose<div>inner</div>tail")] == ["loose", "inner", "tail"]


def test_page_numbers_and_note_references_are_skipped_with_their_reason() -> None:
    found = blocks('<p>He<span epub:type="pagebreak">12</span> ran<a epub:type="noteref" href="#n">3</a>.</p>')
    assert [(b.text, b.skip_reason) for b in found] == [("He ran.", ""), ("12", "page number"), ("3", "note reference")]


def test_raised_linked_figures_are_note_references_in_old_books() -> None:
    for mark in (
        '<sup><a href="#fn1">1</a></sup>',
        '<a href="#fn1"><sup>1</sup></a>',
        '<a class="noteref" href="#x">*</a>',
    ):
        assert [b.skip_reason for b in blocks(f"<p>Word{mark}</p>")] == ["", "note reference"]


def test_ordinary_links_and_powers_are_read() -> None:
    assert only('<p>See <a href="#c2">chapter 2</a>, x<sup>2</sup>.</p>').text == "See chapter 2, x2."


def test_ornaments_are_scene_breaks() -> None:
    for mark in ("* * *", "***", "⁂", "———", "• • •", "#"):
        assert only(f"<p>{mark}</p>").kind is BlockKind.SCENE_BREAK
    assert only("<p>O.</p>").kind is BlockKind.PARAGRAPH


def test_line_breaks_part_lines_of_verse() -> None:
    assert only('<p class="poem">one<br/>two</p>').text == "one\ntwo"


def test_named_entities_need_no_dtd() -> None:
    assert only("<p>a&nbsp;b&eacute; &amp; c&hellip;</p>").text == "a\xa0bé & c…"


def test_languages_are_inherited() -> None:
    assert only('<div lang="fr"><p>Oui</p></div>').language == "fr"


def test_broken_markup_is_read_forgivingly() -> None:
    root = parse_markup(b"<p>one<p>two <b>bold<p>three", name="x")
    assert [b.block.text for b in read_blocks(root, source="x")] == ["one", "two bold", "three"]


def test_a_self_closed_anchor_does_not_swallow_what_follows() -> None:
    root = parse_markup(b'<html><body><p>a<a id="x"/>b &undefined; c</p><p>d</p></body></html>', name="x")
    assert "".join(b.block.text for b in read_blocks(root, source="x")).startswith("ab")


WORDS = st.text("abc ÄÖ中.,", min_size=1, max_size=8)
TAGS = st.sampled_from(["p", "div", "em", "span", "li", "blockquote", "h3", "b", "td"])


@st.composite
def markup(draw: st.DrawFn, depth: int = 3) -> str:
    parts = draw(st.lists(WORDS if depth == 0 else st.one_of(WORDS, markup(depth - 1)), min_size=1, max_size=3))
    tag = draw(TAGS)
    return f"<{tag}>{''.join(parts)}</{tag}>{draw(WORDS)}"


@given(markup())
def test_no_character_is_lost_in_any_nesting(body: str) -> None:
    root = parse_markup(xhtml(body).encode(), name="x")
    wanted = sorted("".join("".join(root.find("{*}body").itertext()).split()))  # type: ignore[union-attr]
    got = "".join(b.block.text for b in read_blocks(root, source="x"))
    commas = body.count("<td>")  # cells are parted by commas of ours
    assert len(wanted) <= len("".join(got.split())) <= len(wanted) + commas
    assert not set(wanted) - set(got) or commas
