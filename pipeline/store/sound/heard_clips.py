"""What is heard of a book where a voice failed: clips of other voices, and failures that nothing stands in for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import func, select

from pipeline.model.audio import Clip
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import FailureRow, StandInRow
from pipeline.store.sound.clips import Clips

REASON_CHARS = 500
_AT_ONCE = 500
"""SQLite bounds the number of parameters of a statement."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A clip of another voice that is heard in one book in place of the one that was wanted."""

    wanted_key: str
    clip_key: str
    piece_ends: tuple[int, ...]
    """For each sentence of the chunk, the index (from 0) of the clip's sentence that ends it."""
    reason: str


class HeardClips:
    """Clips as books hear them."""

    def __init__(self, database: Database, clips: Clips) -> None:
        self._database = database
        self._clips = clips

    def find(self, book: str, keys: Iterable[str]) -> dict[str, Clip]:
        """By wanted key, the clip of that key, else the one that stands in for it in the book; none where none is.

        A stand-in has the sentence ends of the chunk that it stands in for.
        """
        wanted = set(keys)
        found = self._clips.find(wanted)
        # For what is missing alone: once the wanted clip exists, nothing stands in for it.
        instead = self._stand_ins(book, wanted - found.keys())
        others = self._clips.find(stand_in.clip_key for stand_in in instead) if instead else {}
        for stand_in in instead:
            if clip := others.get(stand_in.clip_key):
                # The other voice may have needed several pieces for a sentence; cues are made per sentence.
                ends = tuple(clip.sentence_ends_samples[index] for index in stand_in.piece_ends)
                found[stand_in.wanted_key] = replace(clip, facts=replace(clip.facts, sentence_ends_samples=ends))
        return found

    def failures(self) -> int:
        """How many clips could not be made when they were tried last."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(FailureRow)) or 0

    def _stand_ins(self, book: str, keys: set[str]) -> list[StandIn]:
        ordered, found = sorted(keys), []
        with self._database.reading() as session:
            for at in range(0, len(ordered), _AT_ONCE):
                query = select(StandInRow).where(
                    StandInRow.book == book, StandInRow.wanted_key.in_(ordered[at : at + _AT_ONCE])
                )
                found += [
                    StandIn(
                        wanted_key=row.wanted_key,
                        clip_key=row.clip_key,
                        piece_ends=tuple(row.piece_ends),
                        reason=row.reason,
                    )
                    for row in session.scalars(query)
                ]
        return found

    def stand_in(self, book: str, stand_in: StandIn) -> None:
        """From now on, hear another clip in this book where the wanted one is missing."""
        with self._database.writing() as session:
            session.merge(
                StandInRow(
                    book=book,
                    wanted_key=stand_in.wanted_key,
                    clip_key=stand_in.clip_key,
                    piece_ends=list(stand_in.piece_ends),
                    reason=stand_in.reason[:REASON_CHARS],
                    at=now(),
                )
            )

    def fail(self, key: str, reason: str, attempts: int) -> None:
        """Record why a clip could not be made; `attempts` are added to those before."""
        with self._database.writing() as session:
            row = session.get(FailureRow, key)
            # Over all runs: every one of them was a request that may have cost money.
            total = attempts + (row.attempts if row else 0)
            session.merge(FailureRow(clip_key=key, reason=reason[:REASON_CHARS], attempts=total, at=now()))
