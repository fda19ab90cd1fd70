"""Models equal migrations, and a data directory of any older Bookcast is opened with nothing lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipeline.model.book import BookMetadata
from pipeline.model.plan import ChunkState
from pipeline.model.states import RunState
from pipeline.model.text import BlockKind, Document
from pipeline.store import Store
from pipeline.store.db import migrations
from pipeline.store.db.tables import Base

FOLDER = Path(migrations.__path__[0])
MOMENT = "2026-11-01 10:00:00.000000"
BOOK, WORDS = "a-book-an-author", ("The lamp was lit.", "He read it.", "Nobody came.")


def config_of(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


REVISIONS = [r.revision for r in reversed(list(ScriptDirectory.from_config(config_of()).walk_revisions()))]


def test_models_equal_migrations(tmp_path: Path) -> None:
    engine = upgraded(tmp_path / "bookcast.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_a_new_database_is_like_one_that_was_upgraded_from_the_first(tmp_path: Path) -> None:
    Store(tmp_path / "new").close()
    new, old = sa.create_engine(f"sqlite:///{tmp_path / 'new' / 'bookcast.db'}"), upgraded(tmp_path / "old.db")
    assert described(new) == described(old)
    new.dispose()
    old.dispose()


def upgraded(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection, connection.begin():
        command.upgrade(config_of(connection), "head")
    return engine


def described(engine: sa.Engine) -> dict[str, Any]:
    """Columns, keys and indexes of all tables as SQLite knows them, and the revision."""

    def rows(pragma: str, name: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(f"PRAGMA {pragma}('{name}')")]

    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        return {"revision": revision} | {
            table: {
                "columns": sorted(row[1:] for row in rows("table_info", table)),
                "foreign keys": sorted(row[2:] for row in rows("foreign_key_list", table)),
                "indexes": sorted(
                    (*index[2:], [column[2] for column in rows("index_info", index[1])])
                    for index in rows("index_list", table)
                ),
            }
            for table in tables
        }


def make_database(path: Path, revision: str) -> None:
    """A database as a Bookcast of that revision left it, with a book, its sound and its history."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection, connection.begin():
        command.upgrade(config_of(connection), revision)
    with engine.connect() as connection, connection.begin():
        tables = sa.MetaData()
        tables.reflect(connection)
        for name, row in rows():
            if name in tables.tables:
                values = fitting(tables.tables[name], row)
                columns, marks = ", ".join(f'"{c}"' for c in values), ", ".join("?" for _ in values)
                connection.exec_driver_sql(f"INSERT INTO {name} ({columns}) VALUES ({marks})", tuple(values.values()))
    engine.dispose()


def fitting(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """The row, without columns that this revision does not have yet, and with something in every other one."""
    blank = {"INTEGER": 0, "BIGINT": 0, "BOOLEAN": False, "FLOAT": 0.0, "DOUBLE": 0.0, "BLOB": b"", "JSON": "{}"}
    needed = (c for c in table.columns if not c.nullable and c.server_default is None and c.name not in row)
    filled = {c.name: blank.get(str(c.type).split("(")[0], MOMENT if "DATE" in str(c.type) else "") for c in needed}
    return {**filled, **{key: value for key, value in row.items() if key in table.columns}}


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and row; revisions that have no such table leave it out."""
    yield "documents", {"id": "d" * 64, "name": "book.md", "size_bytes": 9, "imported_at": MOMENT}
    facts = {"title": "A Book", "authors": ["An Author"], "language": "en", "series": "Tales"}
    yield "books", {
        "slug": BOOK, "document_id": "d" * 64, "reading": "1", "title": "My Book", "facts": json.dumps(facts),
        "cover_type": "image/png " + "c" * 64, "changed": json.dumps({"title": "My Book"}), "words": "my book an author",
        "narration": json.dumps({"backend": "tone", "formats": ["m4b"]}), "updated_at": MOMENT, "edition_id": 1,
    }  # fmt: skip
    yield "editions", {
        "id": 1, "book": BOOK, "document_id": "d" * 64, "reading": "1", "facts": json.dumps(facts),
        "cover_media_type": "image/png", "cover_digest": "c" * 64, "read_at": MOMENT,
    }  # fmt: skip
    yield "plans", {"id": 1, "key": "p" * 64, "made_at": MOMENT}
    yield "chapters", {
        "id": 1, "book": BOOK, "edition_id": 1, "position": 0, "title": "One", "level": 1, "source": "", "chars": 40,
        "plan_key": "p" * 64, "plan_id": 1, "digest": "e" * 64, "audio_key": "a" * 64,
    }  # fmt: skip
    for position, text in enumerate(WORDS):
        yield "blocks", {"chapter_id": 1, "position": position, "kind": "paragraph", "text": text, "source": "",
                         "level": 0, "language": "", "skip_reason": ""}  # fmt: skip
        state = ("done", "failed", "skipped")[position]
        yield "chunks", {
            "chapter_id": 1, "plan_id": 1, "position": position, "chunk_id": f"{position:012}",
            "block_position": position, "start": 0, "end": len(text), "state": state, "attempts": 2,
            "sentences": json.dumps([[f"{position:016}", 0, len(text), text]] if position < 2 else []),
            "clip_key": f"{position}" * 64 if position < 2 else "",
            "reason": ("", "The voice failed", "note")[position], "skip_reason": "note" if position == 2 else "",
        }  # fmt: skip
    yield "failures", {"clip_key": "1" * 64, "reason": "The voice failed", "attempts": 2, "at": MOMENT}
    yield "clips", {
        "key": "0" * 64, "blob": "b" * 64, "samples": 2400, "sentence_ends": json.dumps([2400]), "exact": True,
        "peak": 0.5, "energies": b"\0\0\0\0", "chars": 17, "backend": "tone", "voice": "beep", "remark": "",
        "made_at": MOMENT,
    }  # fmt: skip
    yield "chapter_audio", {"key": "a" * 64, "samples": 48_000, "loudness_lufs": -19.0, "gain_db": 1.0,
                            "cues": json.dumps([["0" * 16, WORDS[0], 0, 2400]]), "made_at": MOMENT}  # fmt: skip
    yield "runs", {"id": "r" * 32, "book": BOOK, "state": "finished", "owner": "host:1", "started_at": MOMENT,
                   "ended_at": MOMENT, "options": "{}", "summary": json.dumps({"failed": 1})}  # fmt: skip
    yield "releases", {
        "id": 1, "book": BOOK, "target": "m4b 1,2 /books/An Author/A Book", "format": "m4b", "selection": "1,2",
        "folder": "/books/An Author/A Book", "key": "k" * 64, "files": json.dumps([["/books/A Book.m4b", 5]]),
    }  # fmt: skip
    yield "spend", {
        "id": "s" * 32, "run": "r" * 32, "book": BOOK, "backend": "rig", "model": "m", "month": "2026-11", "chars": 7,
        "cost_nano": 70_000, "currency": "USD", "state": "spent", "owner": "host:1", "at": MOMENT, "cap_id": "r" * 32,
    }  # fmt: skip
    yield (
        "pronunciations",
        {"id": 1, "book": BOOK, "written": "Ferris", "say": "Farris", "ipa": "", "match_case": False},
    )
    yield (
        "pronunciations",
        {"id": 2, "book": "a-removed-book", "written": "x", "say": "y", "ipa": "", "match_case": False},
    )
    yield "spoken_sentences", {
        "book": BOOK, "chapter": 0, "chapter_digest": "e" * 64, "chapter_title": "One", "sentence_id": f"{1:016}",
        "written": WORDS[1], "before": WORDS[0], "after": "", "spoken": "He red it.", "clip_before": "",
    }  # fmt: skip
    yield (
        "feeds",
        {"url": "https://example.org/feed", "title": "A Feed", "added_at": MOMENT, "error": "", "name": "a-feed"},
    )
    yield "feed_items", {
        "feed": "https://example.org/feed", "guid": "g", "title": "An Item", "link": "https://example.org/1",
        "published": "2026-11-01", "book": BOOK, "state": "done", "attempts": 0, "reason": "", "at": MOMENT,
    }  # fmt: skip


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_an_older_bookcast_kept_is_there(tmp_path: Path, revision: str) -> None:
    make_database(tmp_path / "bookcast.db", revision)
    store = Store(tmp_path)
    store.check()
    book = store.documents.get_book(BOOK)
    assert (book.metadata.authors, book.metadata.series, book.narration["backend"]) == (("An Author",), "Tales", "tone")
    assert book.cover_digest == "c" * 64
    (chapter,) = store.editions.chapters(BOOK)
    assert (chapter.title, chapter.audio_key) == ("One", "a" * 64)
    assert [(b.kind, b.text) for b in store.editions.blocks(chapter.id)] == [(BlockKind.PARAGRAPH, w) for w in WORDS]
    places = store.chunks.places(BOOK)
    assert [place.state for place in places] == [ChunkState.DONE, ChunkState.FAILED, ChunkState.SKIPPED]
    assert [(place.reason, place.attempts) for place in places[1:]] == [("The voice failed", 2), ("note", 0)]
    assert store.clips.find(["0" * 64])["0" * 64].samples == 2400
    assert store.clips.unused() == []
    assert store.chapters.lengths(BOOK)[0][0] == 48_000
    assert store.runs.last(BOOK) == (RunState.FINISHED, {"failed": 1})
    (place,) = store.releases.places(BOOK)
    assert (place.format, place.selection, str(place.folder)) == ("m4b", (1, 2), "/books/An Author/A Book")
    store.close()


@pytest.mark.parametrize("revision", [r for r in REVISIONS if r >= "0003"])
def test_edits_of_an_older_bookcast_stay_with_their_sentence(tmp_path: Path, revision: str) -> None:
    make_database(tmp_path / "bookcast.db", revision)
    store = Store(tmp_path)
    (edit,) = store.changes.sentences(BOOK)
    assert (edit.written, edit.before, edit.spoken, edit.chapter_title) == (WORDS[1], WORDS[0], "He red it.", "One")
    assert [chapter.digest for chapter in store.editions.chapters(BOOK)] == [edit.chapter_digest]
    assert "Ferris" in [word.written for word in store.changes.pronunciations()]
    assert store.documents.get_book(BOOK).metadata.title == "My Book"
    store.close()


def test_pronunciations_of_removed_books_do_not_wait_for_the_next_of_that_name(tmp_path: Path) -> None:
    make_database(tmp_path / "bookcast.db", "0005")
    store = Store(tmp_path)
    assert [word.book for word in store.changes.pronunciations()] == [BOOK]
    store.close()


@pytest.mark.parametrize("revision", [r for r in REVISIONS if r >= "0002"])
def test_the_ledger_of_an_older_bookcast_counts_on(tmp_path: Path, revision: str) -> None:
    make_database(tmp_path / "bookcast.db", revision)
    store = Store(tmp_path)
    (line,) = store.spend.account()
    assert (line.chars, line.requests, line.currency) == (7, 1, "USD")
    store.close()


def test_a_document_claims_the_book_that_an_older_bookcast_made_of_it_once(tmp_path: Path) -> None:
    make_database(tmp_path / "bookcast.db", "0005")
    store = Store(tmp_path)
    assert store.documents.find_identified("file:/b/book.md", BOOK) is not None, "looking claims nothing"
    slugs = []
    for folder in ("a", "b", "a"):
        document = Document(id=folder * 64, metadata=BookMetadata(title="A Book"), chapters=())
        saved = store.documents.save(
            BOOK, f"file:/{folder}/book.md", document, folder.encode(), name="book.md", reading="2"
        )
        slugs.append(saved.book.slug)
    assert slugs == [BOOK, f"{BOOK}-2", BOOK]
    store.close()
