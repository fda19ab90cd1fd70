"""Books, chapters and chunks -> the tables of editions and plans.

What is there is kept: each book becomes its first edition, its chunks a plan under a key that no planning asks for
(the next narration plans anew and finds the clips by their former keys), failures and edits rows of their own.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from pipeline.model.keys import chapter_digest, content_address, fold_text
from pipeline.model.text import Block, BlockKind

revision = "0008"
down_revision = "0007"

_OLD = ("books", "chapters", "blocks", "chunks", "releases", "spoken_sentences")


def upgrade() -> None:
    """Move what is there into the new tables."""
    connection = op.get_bind()
    for book in _rows(connection, "SELECT * FROM old_books"):
        _move_book(connection, book)
    for name in reversed(_OLD):  # what points at others goes first
        op.drop_table(f"old_{name}")
    # of removed books: they must not wait for the next book of that name
    connection.exec_driver_sql("DELETE FROM pronunciations WHERE book != '' AND book NOT IN (SELECT slug FROM books)")


def _rows(connection: sa.Connection, query: str, *values: object) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.exec_driver_sql(query, values).mappings()]


def _insert(connection: sa.Connection, table: str, values: dict[str, Any]) -> int:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" for _ in values)
    result = connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
    return int(result.lastrowid)


def _move_book(connection: sa.Connection, book: dict[str, Any]) -> None:
    changed = json.loads(book["changed"] or "{}")
    own_type, _, own_digest = str(changed.pop("cover", "")).partition(" ")
    slug = book["slug"]
    values = {
        "slug": slug,
        "edition_id": 0,
        "title": book["title"],
        "changed": json.dumps(changed),
        "cover_media_type": own_type,
        "cover_digest": own_digest,
        "words": book["words"],
        "narration": book["narration"],
        "updated_at": book["updated_at"],
    }
    _insert(connection, "books", values)
    cover_type, _, cover_digest = str(book["cover_type"]).partition(" ")
    edition = _insert(
        connection,
        "editions",
        {
            "book": slug,
            "document_id": book["document_id"],
            "reading": book["reading"],
            "facts": book["facts"],
            "cover_media_type": cover_type,
            "cover_digest": cover_digest,
            "read_at": book["updated_at"],
        },
    )
    connection.exec_driver_sql("UPDATE books SET edition_id = ? WHERE slug = ?", (edition, slug))
    moved = []
    for chapter in _rows(connection, "SELECT * FROM old_chapters WHERE book = ? ORDER BY position", slug):
        moved.append(_move_chapter(connection, slug, edition, chapter, str(book["updated_at"])))
    for release in _rows(connection, "SELECT * FROM old_releases WHERE book = ?", slug):
        _move_release(connection, release, moved)


def _move_chapter(
    connection: sa.Connection, slug: str, edition: int, chapter: dict[str, Any], moment: str
) -> tuple[int, str, int | None]:
    """Position, key of the sound, and plan of a chapter that was moved."""
    blocks = _rows(connection, "SELECT * FROM old_blocks WHERE chapter_id = ? ORDER BY position", chapter["id"])
    digest = chapter_digest([_block(row) for row in blocks])
    chunks = _rows(connection, "SELECT * FROM old_chunks WHERE chapter_id = ? ORDER BY position", chapter["id"])
    plan = _move_chunks(connection, chapter["id"], chunks, moment) if chunks else None
    values = {name: chapter[name] for name in ("position", "title", "level", "source", "chars", "audio_key")}
    values |= {"edition_id": edition, "digest": digest, "plan_id": plan}
    number = _insert(connection, "chapters", values)
    for row in blocks:
        _insert(connection, "blocks", {**row, "chapter_id": number})
    texts = {row["position"]: row["text"] for row in blocks}
    _move_edits(connection, slug, chapter, digest, list(_sentences(chunks, texts)))
    return chapter["position"], chapter["audio_key"], plan


def _block(row: dict[str, Any]) -> Block:
    return Block(
        kind=BlockKind(row["kind"]),
        text=row["text"],
        level=row["level"],
        language=row["language"],
        skip_reason=row["skip_reason"],
    )


def _move_chunks(connection: sa.Connection, chapter: int, chunks: list[dict[str, Any]], moment: str) -> int:
    plan = _insert(connection, "plans", {"key": content_address(["moved", chapter]), "made_at": moment})
    same = ("position", "chunk_id", "block_position", "start", "end", "sentences", "clip_key")
    for row in chunks:
        skip_reason = row["reason"] if row["state"] == "skipped" else ""
        values = {name: row[name] for name in same} | {"plan_id": plan, "skip_reason": skip_reason}
        _insert(connection, "chunks", values)
        if row["state"] == "failed":
            failure = (row["clip_key"], row["reason"], row["attempts"], moment)
            connection.exec_driver_sql("INSERT OR IGNORE INTO failures VALUES (?, ?, ?, ?)", failure)
    return plan


def _sentences(chunks: list[dict[str, Any]], texts: dict[int, str]) -> Iterator[tuple[str, str]]:
    """Id and folded text of the spoken sentences of a chapter."""
    for row in chunks:
        for number, start, end, _ in json.loads(row["sentences"]):
            yield number, fold_text(texts.get(row["block_position"], "")[start:end])


def _move_edits(
    connection: sa.Connection, slug: str, chapter: dict[str, Any], digest: str, sentences: list[tuple[str, str]]
) -> None:
    texts = ["", *(text for _, text in sentences), ""]
    places = {number: at for at, (number, _) in enumerate(sentences)}
    query = "SELECT * FROM old_spoken_sentences WHERE book = ? AND chapter = ?"
    for row in _rows(connection, query, slug, chapter["position"]):
        at = places.get(row["sentence_id"])
        known = ("", "", "") if at is None else (texts[at + 1], texts[at], texts[at + 2])
        values = {name: row[name] for name in ("book", "sentence_id", "spoken", "clip_before")}
        values |= {"chapter_digest": digest, "chapter_title": chapter["title"]}
        values |= {"written": known[0], "before": known[1], "after": known[2]}
        _insert(connection, "spoken_sentences", values)


def _move_release(
    connection: sa.Connection, release: dict[str, Any], chapters: list[tuple[int, str, int | None]]
) -> None:
    """A target was written as format, chapters and folder, with spaces between."""
    format_, selection, folder = str(release["target"]).split(" ", 2)
    values = {name: release[name] for name in ("book", "key", "files")}
    number = _insert(connection, "releases", {**values, "format": format_, "selection": selection, "folder": folder})
    chosen = {int(each) - 1 for each in selection.split(",") if each}
    for position, audio_key, plan in chapters:
        if audio_key and (not chosen or position in chosen):
            row = {"release_id": number, "position": position, "audio_key": audio_key, "plan_id": plan}
            _insert(connection, "release_chapters", row)
