"""The plan of a book: its chunks, and how far each of them is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from pipeline.model.text import BlockKind, Chunk, Sentence, Span, join_sentences
from pipeline.store.engine import Database
from pipeline.store.tables import BlockRow, ChapterRow, ChunkRow, ClipRow

PENDING, DONE, FAILED, SKIPPED = "pending", "done", "failed", "skipped"


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A chunk as stored."""

    id: str
    chapter_id: int
    position: int
    """In its chapter, from 0."""
    block_position: int
    span: Span
    """In the text of its block."""
    sentences: tuple[Sentence, ...]
    clip_key: str
    state: str
    attempts: int
    reason: str

    @property
    def spoken_chars(self) -> int:
        """Characters that the voice is given."""
        return len(join_sentences([sentence.spoken for sentence in self.sentences]))


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """A chunk with where it stands, for reports."""

    chunk: PlannedChunk
    book: str
    """Slug."""
    chapter_position: int
    chapter_title: str
    kind: BlockKind
    text: str
    """As written."""

    def written(self, sentence: Sentence) -> str:
        """The text of one of its sentences."""
        return self.text[sentence.span.start - self.chunk.span.start : sentence.span.end - self.chunk.span.start]


_PLACES = (
    select(ChunkRow, ChapterRow.book, ChapterRow.position, ChapterRow.title, BlockRow.kind, BlockRow.text)
    .join(ChapterRow, ChapterRow.id == ChunkRow.chapter_id)
    .join(BlockRow, (BlockRow.chapter_id == ChunkRow.chapter_id) & (BlockRow.position == ChunkRow.block_position))
)


class Plans:
    """Chunks by chapter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, chapter_id: int, plan_key: str, chunks: Sequence[tuple[Chunk, str]]) -> None:
        """Replace the plan of a chapter; what is known of chunks that stay is kept.

        Args:
            chapter_id: of the stored chapter.
            plan_key: what the chunks were planned from.
            chunks: each with its clip key, empty where nothing of it is spoken.
        """
        with self._database.writing() as session:
            before = {
                row.clip_key: row
                for row in session.scalars(select(ChunkRow).where(ChunkRow.chapter_id == chapter_id))
                if row.state == FAILED
            }
            session.execute(delete(ChunkRow).where(ChunkRow.chapter_id == chapter_id))
            made = _made(session.scalars, {key for _, key in chunks if key})
            values = [
                _values(chapter_id, position, chunk, key, made, before.get(key))
                for position, (chunk, key) in enumerate(chunks)
            ]
            if values:
                session.execute(insert(ChunkRow), values)
            session.execute(update(ChapterRow).where(ChapterRow.id == chapter_id).values(plan_key=plan_key))

    def chunks(self, chapter_id: int) -> list[PlannedChunk]:
        """All chunks of a chapter, in order."""
        query = select(ChunkRow).where(ChunkRow.chapter_id == chapter_id).order_by(ChunkRow.position)
        with self._database.reading() as session:
            return [_chunk(row) for row in session.scalars(query)]

    def with_kinds(self, chapter_id: int) -> list[tuple[PlannedChunk, BlockKind, str]]:
        """All chunks of a chapter in order, each with the kind and text of its block."""
        query = (
            select(ChunkRow, BlockRow.kind, BlockRow.text)
            .join(
                BlockRow, (BlockRow.chapter_id == ChunkRow.chapter_id) & (BlockRow.position == ChunkRow.block_position)
            )
            .where(ChunkRow.chapter_id == chapter_id)
            .order_by(ChunkRow.position)
        )
        with self._database.reading() as session:
            return [(_chunk(row), BlockKind(kind), text) for row, kind, text in session.execute(query)]

    def set_state(self, chapter_id: int, chunk_id: str, state: str, *, reason: str = "", attempts: int = 0) -> None:
        """Record how far a chunk is; `attempts` are added to those before."""
        with self._database.writing() as session:
            session.execute(
                update(ChunkRow)
                .where(ChunkRow.chapter_id == chapter_id, ChunkRow.chunk_id == chunk_id)
                .values(state=state, reason=reason[:500], attempts=ChunkRow.attempts + attempts)
            )

    def set_audio(self, chapter_id: int, audio_key: str) -> str:
        """Record the assembled audio of a chapter; the key of the audio it replaces, where no chapter uses that."""
        with self._database.writing() as session:
            row = session.get(ChapterRow, chapter_id)
            if row is None or row.audio_key == audio_key:
                return ""
            before, row.audio_key = row.audio_key, audio_key
            session.flush()
            used = session.scalar(select(func.count()).select_from(ChapterRow).where(ChapterRow.audio_key == before))
        return "" if used else before

    def totals(self, slug: str) -> dict[str, int]:
        """Number of chunks of a book by state."""
        by_chapter = self.counts(slug).values()
        return {state: sum(c.get(state, 0) for c in by_chapter) for state in (DONE, FAILED, PENDING, SKIPPED)}

    def counts(self, slug: str) -> dict[int, dict[str, int]]:
        """Number of chunks by chapter position and state."""
        query = (
            select(ChapterRow.position, ChunkRow.state, func.count())
            .join(ChunkRow, ChunkRow.chapter_id == ChapterRow.id)
            .where(ChapterRow.book == slug)
            .group_by(ChapterRow.position, ChunkRow.state)
        )
        counts: dict[int, dict[str, int]] = {}
        with self._database.reading() as session:
            for position, state, number in session.execute(query):
                counts.setdefault(position, {})[state] = number
        return counts

    def places(
        self, slug: str, *, state: str = "", chunk_ids: Sequence[str] = (), chapter: int | None = None
    ) -> list[ChunkPlace]:
        """Chunks of a book with where they stand, by state, id or position of the chapter (from 0)."""
        query = _PLACES.where(ChapterRow.book == slug).order_by(ChapterRow.position, ChunkRow.position)
        if chapter is not None:
            query = query.where(ChapterRow.position == chapter)
        if state:
            query = query.where(ChunkRow.state == state)
        if chunk_ids:
            query = query.where(ChunkRow.chunk_id.in_(chunk_ids))
        with self._database.reading() as session:
            return [_place(*row) for row in session.execute(query)]

    def with_text(self, words: str, slug: str = "") -> Iterator[ChunkPlace]:
        """Spoken chunks whose block holds `words` in any case, of one book or of all."""
        query = _PLACES.where(BlockRow.text.icontains(words, autoescape=True), ChunkRow.state != SKIPPED)
        if slug:
            query = query.where(ChapterRow.book == slug)
        with self._database.reading() as session:
            for row in session.execute(query.execution_options(yield_per=500)):
                yield _place(*row)

    def remarks(self, slug: str) -> list[tuple[ChunkPlace, str]]:
        """Chunks of a book whose clips a person should listen to, each with why."""
        query = select(ClipRow.key, ClipRow.remark).where(ClipRow.remark != "")
        with self._database.reading() as session:
            remarks = {row.key: row.remark for row in session.execute(query)}
        return [
            (p, remarks[p.chunk.clip_key])
            for p in (self.places(slug) if remarks else [])
            if p.chunk.clip_key in remarks
        ]


def _made(scalars: Any, keys: set[str]) -> set[str]:
    """Which of the keys have a clip; asked in portions, for SQLite bounds the number of parameters."""
    ordered, found = sorted(keys), set()
    for at in range(0, len(ordered), 500):
        found.update(scalars(select(ClipRow.key).where(ClipRow.key.in_(ordered[at : at + 500]))))
    return found


def _values(
    chapter_id: int, position: int, chunk: Chunk, key: str, made: set[str], failed: ChunkRow | None
) -> dict[str, Any]:
    state = SKIPPED if not key else DONE if key in made else FAILED if failed else PENDING
    return {
        "chapter_id": chapter_id,
        "position": position,
        "chunk_id": chunk.id,
        "block_position": chunk.block_index,
        "start": chunk.span.start,
        "end": chunk.span.end,
        "sentences": [[s.id, s.span.start, s.span.end, s.spoken] for s in chunk.sentences],
        "clip_key": key,
        "state": state,
        "attempts": failed.attempts if failed else 0,
        "reason": chunk.skip_reason or (failed.reason if failed and state == FAILED else ""),
    }


def _chunk(row: ChunkRow) -> PlannedChunk:
    sentences = tuple(Sentence(i, Span(start, end), spoken) for i, start, end, spoken in row.sentences)
    return PlannedChunk(
        row.chunk_id,
        row.chapter_id,
        row.position,
        row.block_position,
        Span(row.start, row.end),
        sentences,
        row.clip_key,
        row.state,
        row.attempts,
        row.reason,
    )


def _place(row: ChunkRow, book: str, position: int, title: str, kind: str, text: str) -> ChunkPlace:
    return ChunkPlace(_chunk(row), book, position, title, BlockKind(kind), text[row.start : row.end])
