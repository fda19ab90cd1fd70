"""Editions: what a chapter inherits of the one before it, and how former editions go."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pipeline.model.book import BookMetadata
from pipeline.model.text import Block, BlockKind, Chapter, Document
from pipeline.store import Store

Texts = list[tuple[str, str]]
"""Title and words of every chapter."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def change(tmp_path: Path, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    connection = sqlite3.connect(tmp_path / "bookcast.db")
    with connection:
        connection.executemany(statement, rows)
    connection.close()


def save(store: Store, texts: Texts) -> str:
    chapters = tuple(Chapter(title, (Block(BlockKind.PARAGRAPH, words),)) for title, words in texts)
    data = repr(texts).encode()
    document = Document(id=data.hex()[-64:].zfill(64), metadata=BookMetadata(title="A Book"), chapters=chapters)
    return store.documents.save("a-book", "file:/a.md", document, data, name="a.md", reading="2").book.slug


def sounds_after(store: Store, tmp_path: Path, before: Texts, after: Texts) -> list[str]:
    """The sound of every chapter of the edition `after`; that of a chapter of `before` is called as its words."""
    slug = save(store, before)
    rows = [(words, chapter.id) for (_, words), chapter in zip(before, store.editions.chapters(slug), strict=True)]
    change(tmp_path, "UPDATE chapters SET audio_key = ? WHERE id = ?", rows)
    save(store, after)
    return [chapter.audio_key for chapter in store.editions.chapters(slug)]


@pytest.mark.parametrize(
    ("before", "after", "sounds"),
    [
        ([("", "a"), ("B", "b")], [("", "x"), ("", "y"), ("B", "b")], ["", "", "b"]),
        ([("", "a"), ("B", "b")], [("", "x"), ("", "a"), ("B", "b")], ["", "a", "b"]),
        ([("A", "a")], [("Preface", "x"), ("A", "a")], ["", "a"]),
        ([("A", "a")], [("Preface", "x"), ("A", "changed")], ["", "a"]),
    ],
    ids=["two of its title", "its words moved", "the only one has a preface now", "a preface, and other words"],
)
def test_nobody_hears_the_sound_of_one_chapter_in_another(
    store: Store, tmp_path: Path, before: Texts, after: Texts, sounds: list[str]
) -> None:
    assert sounds_after(store, tmp_path, before, after) == sounds


def test_a_changed_chapter_keeps_its_sound_until_it_is_narrated_anew(store: Store, tmp_path: Path) -> None:
    before, after = [("A", "a"), ("B", "b")], [("B", "b"), ("A", "changed")]
    assert sounds_after(store, tmp_path, before, after) == ["b", "a"]
    assert sounds_after(store, tmp_path, [("Old", "a")], [("New", "changed")]) == ["a"]


def test_any_number_of_former_editions_can_be_removed(store: Store, tmp_path: Path) -> None:
    slug = save(store, [("A", "a")])
    many = 40_000  # SQLite as it ships takes 32,766 values in one statement
    copied = "SELECT book, document_id, ?, facts, read_at FROM editions LIMIT 1"
    change(
        tmp_path,
        f"INSERT INTO editions (book, document_id, reading, facts, read_at) {copied}",
        [(f"old {number}",) for number in range(many)],
    )
    assert store.editions.remove_former() == many
    assert len(store.editions.chapters(slug)) == 1


def test_what_is_read_of_one_moment_knows_nothing_of_a_later_one(store: Store, tmp_path: Path) -> None:
    slug = save(store, [("A", "a"), ("B", "b")])

    def titles() -> list[str]:
        return [chapter.title for chapter in store.editions.chapters(slug)]

    with store.snapshot():
        before = titles()
        save(store, [("C", "c")])
        with store.snapshot():
            assert titles() == before == ["A", "B"], "one within another is part of it"
        assert titles() == before
    assert titles() == ["C"]
