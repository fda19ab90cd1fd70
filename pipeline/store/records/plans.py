"""Plans: written once under their key, looked up by it, and pointed at by chapters."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from pipeline.errors import StoreError
from pipeline.model.plan import ChapterPlan, PlannedChunk
from pipeline.model.text import Sentence, Span
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import BookRow, ChapterRow, ChunkRow, PlanRow, ReleaseChapterRow, table_of

_AT_ONCE = 500
"""SQLite bounds the number of parameters of a statement."""


class Plans:
    """Immutable plans, and which of them each chapter is shown by."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, plan: ChapterPlan) -> None:
        """Write a plan, unless one of its key is there: then it is the same."""
        with self._database.writing() as session:
            # Two runs may plan one chapter at once; a plan never changes, so the first serves both.
            if session.scalar(select(PlanRow.id).where(PlanRow.key == plan.key)) is not None:
                return
            row = PlanRow(key=plan.key, made_at=now())
            session.add(row)
            session.flush()
            if values := list(_values(row.id, plan)):
                # No ORM: this runs for every chunk of every book.
                session.connection().execute(insert(table_of(ChunkRow)), values)

    def find(self, key: str) -> ChapterPlan | None:
        """The plan of that key, if it was ever made."""
        with self._database.reading() as session:
            number = session.scalar(select(PlanRow.id).where(PlanRow.key == key))
            if number is None:
                return None
            rows = session.scalars(select(ChunkRow).where(ChunkRow.plan_id == number).order_by(ChunkRow.position))
            return ChapterPlan(key, tuple(map(planned_chunk, rows)))

    def find_of_chapter(self, chapter_id: int) -> ChapterPlan | None:
        """The plan that a chapter points at."""
        query = select(PlanRow.key).join(ChapterRow, ChapterRow.plan_id == PlanRow.id)
        with self._database.reading() as session:
            key = session.scalar(query.where(ChapterRow.id == chapter_id))
        return self.find(key) if key else None

    def is_empty(self) -> bool:
        """True where no chapter was ever planned, or nothing is left of it."""
        with self._database.reading() as session:
            return session.scalar(select(PlanRow.id).limit(1)) is None

    def count_unused(self) -> int:
        """Plans that no chapter of a present edition and no release points at."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(PlanRow).where(~is_pointed_at())) or 0

    def remove_unused(self, check: Callable[[Session], None]) -> None:
        """Delete the plans that nothing points at.

        Args:
            check: raises, in the transaction that deletes, where somebody narrates: a run keeps its plans in mind.
        """
        with self._database.writing() as session:
            check(session)
            unused = list(session.scalars(select(PlanRow.id).where(~is_pointed_at())))
            for at in range(0, len(unused), _AT_ONCE):
                session.execute(delete(PlanRow).where(PlanRow.id.in_(unused[at : at + _AT_ONCE])))

    def point(self, plans: Iterable[tuple[int, str]]) -> None:
        """Let chapters, by id, be shown by the plans of these keys; nothing is written where they are already.

        Raises:
            StoreError: such a plan is no longer there.
        """
        wanted = dict(plans)
        with self._database.reading() as session:
            is_done = not _misled(session, wanted)
        if is_done:
            return
        with self._database.writing() as session:  # which looks again: others may have deleted meanwhile
            for chapter, plan in _misled(session, wanted).items():
                session.execute(update(ChapterRow).where(ChapterRow.id == chapter).values(plan_id=plan))


def is_pointed_at() -> ColumnElement[bool]:
    """A chapter of a present edition or a release points at the plan of the row."""
    shown = select(ChapterRow.id).join(BookRow, BookRow.edition_id == ChapterRow.edition_id)
    # The release of a former edition still plays, so its plan stays, and through it its clips.
    released = select(ReleaseChapterRow.plan_id).where(ReleaseChapterRow.plan_id == PlanRow.id)
    return shown.where(ChapterRow.plan_id == PlanRow.id).exists() | released.exists()


def _misled(session: Session, wanted: Mapping[int, str]) -> dict[int, int]:
    """The chapters that point elsewhere than at the plan of the wanted key, with its number."""
    numbers = plan_numbers(session, wanted.values())
    if lost := set(wanted.values()) - numbers.keys():
        raise StoreError(
            f"The plans of {len(lost)} chapters were deleted while their narration began",
            remedy="start again: nothing that was spoken is lost",
        )
    present = select(ChapterRow.id, ChapterRow.plan_id).where(ChapterRow.id.in_(wanted))
    return {
        chapter: numbers[wanted[chapter]]
        for chapter, plan in session.execute(present)
        if plan != numbers[wanted[chapter]]
    }


def plan_numbers(session: Session, keys: Iterable[str]) -> dict[str, int]:
    """Ids of the plans of these keys, as far as they are there."""
    query = select(PlanRow.key, PlanRow.id).where(PlanRow.key.in_(set(keys)))
    return {row.key: row.id for row in session.execute(query)}


def _values(number: int, plan: ChapterPlan) -> Iterator[dict[str, Any]]:
    for position, chunk in enumerate(plan.chunks):
        yield {
            "plan_id": number,
            "position": position,
            "chunk_id": chunk.id,
            "block_position": chunk.block_position,
            "start": chunk.span.start,
            "end": chunk.span.end,
            "sentences": [[s.id, s.span.start, s.span.end, s.spoken] for s in chunk.sentences],
            "clip_key": chunk.clip_key,
            "skip_reason": chunk.skip_reason,
        }


def planned_chunk(row: ChunkRow) -> PlannedChunk:
    """The chunk of a row."""
    return PlannedChunk(
        id=row.chunk_id,
        block_position=row.block_position,
        span=Span(row.start, row.end),
        sentences=tuple(Sentence(i, Span(start, end), spoken) for i, start, end, spoken in row.sentences),
        clip_key=row.clip_key,
        skip_reason=row.skip_reason,
        number=row.position + 1,
    )
