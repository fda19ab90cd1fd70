"""How far the chunks of books are: worked out from plans, clips, stand-ins and failures each time it is asked."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.orm import InstrumentedAttribute

from pipeline.model.plan import ChunkState, PlannedChunk
from pipeline.model.text import BlockKind, Sentence
from pipeline.store.db.database import Database
from pipeline.store.db.tables import BlockRow, BookRow, ChapterRow, ChunkRow, ClipRow, FailureRow, PlanRow, StandInRow
from pipeline.store.records.plans import planned_chunk


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """A chunk with where it is and how far, for reports."""

    chunk: PlannedChunk
    book: str
    """Slug."""
    chapter_id: int
    chapter_position: int
    """From 0."""
    chapter_title: str
    kind: BlockKind
    text: str
    """As written."""
    state: ChunkState
    attempts: int
    """Requests that failed so far."""
    reason: str
    """The last failure, or why it is skipped, or empty."""

    def written(self, sentence: Sentence) -> str:
        """The text of one of its sentences."""
        # Spans count from the start of the block, `text` from the start of the chunk.
        return self.text[sentence.span.start - self.chunk.span.start : sentence.span.end - self.chunk.span.start]


# In this order: what can be heard outweighs a failure that is recorded for the voice that was wanted.
_STATE: ColumnElement[str] = case(
    (ChunkRow.clip_key == "", ChunkState.SKIPPED.value),
    (ClipRow.key.is_not(None), ChunkState.DONE.value),
    (StandInRow.clip_key.is_not(None), ChunkState.DONE.value),
    (FailureRow.clip_key.is_not(None), ChunkState.FAILED.value),
    else_=ChunkState.PENDING.value,
)


def _joined(query: Select[Any]) -> Select[Any]:
    """Chunks of the plans that chapters of present editions point at, with what decides their state."""
    shown = (
        query.select_from(ChunkRow)
        .join(ChapterRow, ChapterRow.plan_id == ChunkRow.plan_id)
        .join(BookRow, BookRow.edition_id == ChapterRow.edition_id)
    )
    return _with_state(shown, BookRow.slug)


def _with_state(query: Select[Any], book: InstrumentedAttribute[str] | BindParameter[Any]) -> Select[Any]:
    """The chunks of a query with what decides their state in that book."""
    return (
        query.outerjoin(ClipRow, ClipRow.key == ChunkRow.clip_key)
        # By book: in another one, the wanted voice may still speak the chunk.
        .outerjoin(StandInRow, (StandInRow.wanted_key == ChunkRow.clip_key) & (StandInRow.book == book))
        .outerjoin(FailureRow, FailureRow.clip_key == ChunkRow.clip_key)
    )


_PLACES = _joined(
    select(
        ChunkRow,
        BookRow.slug,
        ChapterRow.id,
        ChapterRow.position,
        ChapterRow.title,
        BlockRow.kind,
        BlockRow.text,
        _STATE,
        FailureRow.attempts,
        FailureRow.reason,
    )
).join(BlockRow, (BlockRow.chapter_id == ChapterRow.id) & (BlockRow.position == ChunkRow.block_position))


# Made once: to put such a query together and to look up its SQL takes longer than SQLite takes for a book.
_OF_BOOK = BookRow.slug == bindparam("slug")
_COUNTS = (
    _joined(select(ChapterRow.position, _STATE, func.count())).where(_OF_BOOK).group_by(ChapterRow.position, _STATE)
)
_COUNTS_OF_PLANS = (
    _with_state(
        select(PlanRow.key, _STATE, func.count()).select_from(ChunkRow).join(PlanRow, PlanRow.id == ChunkRow.plan_id),
        bindparam("slug"),
    )
    .where(PlanRow.key.in_(bindparam("keys", expanding=True)))
    .group_by(PlanRow.key, _STATE)
)
_REMARKS = (
    _PLACES.add_columns(ClipRow.remark, StandInRow.reason)
    .where(_OF_BOOK)
    # A stand-in is heard only while the wanted clip is missing.
    .where((ClipRow.remark != "") | (ClipRow.key.is_(None) & StandInRow.reason.is_not(None)))
    .order_by(ChapterRow.position, ChunkRow.position)
)


class ChunkStates:
    """Chunks of the plans that books are shown by."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def totals(self, slug: str) -> dict[ChunkState, int]:
        """Number of chunks of a book by state."""
        by_chapter = self.counts(slug).values()
        return {state: sum(counts.get(state, 0) for counts in by_chapter) for state in ChunkState}

    def counts(self, slug: str) -> dict[int, dict[ChunkState, int]]:
        """Number of chunks by chapter position and state."""
        counts: dict[int, dict[ChunkState, int]] = {}
        with self._database.reading() as session:
            for position, state, number in session.execute(_COUNTS, {"slug": slug}):
                counts.setdefault(position, {})[ChunkState(state)] = number
        return counts

    def counts_of_plans(self, slug: str, keys: Collection[str]) -> dict[str, dict[ChunkState, int]]:
        """Number of chunks by plan, as far as plans of these keys are stored, and state in that book."""
        counts: dict[str, dict[ChunkState, int]] = {}
        with self._database.reading() as session:
            for key, state, number in session.execute(_COUNTS_OF_PLANS, {"slug": slug, "keys": sorted(keys)}):
                counts.setdefault(key, {})[ChunkState(state)] = number
        return counts

    def places(
        self,
        slug: str,
        *,
        state: ChunkState | None = None,
        chunk_ids: Sequence[str] = (),
        chapter: int | None = None,
    ) -> list[ChunkPlace]:
        """Chunks of a book with where they are, by state, id or position of the chapter (from 0)."""
        query = _PLACES.where(BookRow.slug == slug).order_by(ChapterRow.position, ChunkRow.position)
        if chapter is not None:
            query = query.where(ChapterRow.position == chapter)
        if state is not None:
            query = query.where(_STATE.in_([state.value]))
        if chunk_ids:
            query = query.where(ChunkRow.chunk_id.in_(chunk_ids))
        with self._database.reading() as session:
            return [_place(*row) for row in session.execute(query)]

    def with_text(self, words: str, slug: str = "") -> Iterator[ChunkPlace]:
        """Spoken chunks whose block holds `words` in any case, of one book or of all."""
        query = _PLACES.where(BlockRow.text.icontains(words, autoescape=True), ChunkRow.clip_key != "")
        if slug:
            query = query.where(BookRow.slug == slug)
        with self._database.reading() as session:
            # A common word is in most chunks of all books, too many to hold at once.
            for row in session.execute(query.execution_options(yield_per=500)):
                yield _place(*row)

    def remarks(self, slug: str) -> list[tuple[ChunkPlace, str]]:
        """Chunks of a book that a person should listen to, each with why."""
        with self._database.reading() as session:
            rows = session.execute(_REMARKS, {"slug": slug}).all()
        return [(_place(*row[:-2]), row[-2] or row[-1]) for row in rows]


def _place(
    row: ChunkRow,
    book: str,
    chapter_id: int,
    position: int,
    title: str,
    kind: str,
    text: str,
    state: str,
    attempts: int | None,
    reason: str | None,
) -> ChunkPlace:
    return ChunkPlace(
        chunk=planned_chunk(row),
        book=book,
        chapter_id=chapter_id,
        chapter_position=position,
        chapter_title=title,
        kind=BlockKind(kind),
        text=text[row.start : row.end],
        state=ChunkState(state),
        attempts=attempts or 0,
        reason=row.skip_reason or reason or "",
    )
