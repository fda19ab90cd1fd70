"""Markdown, HTML and plain text as books."""

from pathlib import Path

from pipeline.ingest.read_document import parse_document, read_document
from pipeline.model.text import BlockKind


def test_markdown_front_matter_and_chapters(sample_markdown: Path) -> None:
    book = read_document(sample_markdown)
    assert book.metadata.title == "The Keeper of Gull Rock"
    assert book.metadata.authors == ("The Bookcast Project",)
    assert book.metadata.series == "Bookcast Samples"
    assert [c.title for c in book.chapters][1:] == [
        "Chapter I. The Lamp",
        "Chapter II. THE LEDGER OF MISTER FERRIS",
        "Chapter III. What the Sea Gave Back",
    ]


def test_markdown_tables_quotes_and_footnotes() -> None:
    text = "# T\n\n> quoted\n\n| a | b |\n|---|---|\n| c | d |\n\nWord[^1].\n\n[^1]: The note.\n"
    blocks = parse_document(text.encode(), name="x.md").chapters[0].blocks
    kinds = [(b.kind, b.text) for b in blocks if not b.skip_reason]
    assert kinds == [
        (BlockKind.HEADING, "T"),
        (BlockKind.QUOTE, "quoted"),
        (BlockKind.TABLE, "a, b"),
        (BlockKind.TABLE, "c, d"),
        (BlockKind.PARAGRAPH, "Word."),
        (BlockKind.NOTE, "The note."),
    ]


def test_html_takes_its_facts_from_the_head() -> None:
    page = b'<html lang="en"><head><title>T &amp; U</title><meta name="author" content="A. B."></head><body><p>x y</p></body></html>'
    facts = parse_document(page, name="x.html").metadata
    assert (facts.title, facts.authors, facts.language) == ("T & U", ("A. B.",), "en")


def test_plain_text_has_paragraphs_headings_and_scene_breaks() -> None:
    text = "CHAPTER ONE\r\n\r\nFirst line\r\nsecond line.\r\n\r\n* * *\r\n\r\nMore.\r\n\r\nChapter Two\r\n\r\n- a\r\n- b\r\n"
    book = parse_document(text.encode(), name="my_book.txt")
    assert book.metadata.title == "my book"
    assert [(c.title, [(b.kind.value, b.text) for b in c.blocks]) for c in book.chapters] == [
        (
            "CHAPTER ONE",
            [
                ("heading", "CHAPTER ONE"),
                ("paragraph", "First line second line."),
                ("scene_break", "* * *"),
                ("paragraph", "More."),
            ],
        ),
        ("Chapter Two", [("heading", "Chapter Two"), ("list_item", "- a"), ("list_item", "- b")]),
    ]


def test_text_in_windows_1252_and_utf_16_is_read() -> None:
    for data in ("“Café”".encode("windows-1252"), "“Café”".encode("utf-16")):
        assert parse_document(data, name="x.txt").chapters[0].blocks[0].text == "“Café”"
