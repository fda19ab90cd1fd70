"""Clips by key: found, kept, verified, pruned."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from pipeline.model.audio import SAMPLE_RATE_HZ, Clip, ClipFacts
from pipeline.model.voice import VoiceChoice
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import ChunkRow, ClaimRow, ClipRow, FailureRow, PlanRow, StandInRow, TakeRow, table_of
from pipeline.store.files.blobs import Blobs
from pipeline.store.files.paid_answers import Answers
from pipeline.store.records.plans import is_pointed_at
from pipeline.store.sound.takes import is_used, keep_take

# no ORM: these run for every clip of every book
_CLAIMS = table_of(ClaimRow)
_REPLACE_CLIP = insert(table_of(ClipRow)).prefix_with("OR REPLACE")
_ADOPT_CLIP = insert(table_of(ClipRow)).prefix_with("OR IGNORE")  # what was made meanwhile is newer, and stays
_DROP_CLAIM = delete(_CLAIMS).where(_CLAIMS.c.clip_key == bindparam("done_key"))
_FAILURES = table_of(FailureRow)
_DROP_FAILURE = delete(_FAILURES).where(_FAILURES.c.clip_key == bindparam("done_key"))


@dataclass(frozen=True, slots=True)
class KeptClip:
    """A clip that was made, with what its making took."""

    clip: Clip
    answers: tuple[str, ...] = ()
    """Keys of the stored answers that it was made of."""


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What the clip cache holds."""

    clips: int
    seconds: float
    chars: int
    bytes: int
    unused_clips: int
    """Clips that no chunk of any book needs."""


class Clips:
    """The clip cache: rows in the database, sound in FLAC blobs."""

    def __init__(self, database: Database, blobs: Blobs, answers: Answers) -> None:
        self._database = database
        self._answers = answers
        self.blobs = blobs

    def find(self, keys: Iterable[str]) -> dict[str, Clip]:
        """The clips of those keys that exist."""
        wanted, found = sorted(set(keys)), {}
        with self._database.reading() as session:
            for at in range(0, len(wanted), 500):  # SQLite bounds the parameters of a statement
                rows = session.scalars(select(ClipRow).where(ClipRow.key.in_(wanted[at : at + 500])))
                found.update({row.key: _clip(row) for row in rows})
        return found

    def adopt(self, former: Mapping[str, Sequence[str]], choice: VoiceChoice) -> set[str]:
        """Keep clips of an older Bookcast under the keys of today, too: they are paid for.

        Args:
            former: by key of today, the keys that the clip may have had.
            choice: who has to have spoken them; an older key could stand for another service's clip.

        Returns:
            The keys of today that there are clips for now.
        """
        found = self.find_former(former, choice)
        if found:
            with self._database.writing() as session:
                values = [{**row, "key": key, "is_former": False} for key, row in found.items()]
                session.connection().execute(_ADOPT_CLIP, values)
        return set(found)

    def find_former(self, former: Mapping[str, Sequence[str]], choice: VoiceChoice) -> dict[str, dict[str, Any]]:
        """What `adopt` would keep: by key of today, the row of the former clip."""
        found = {}
        own = (ClipRow.is_former, ClipRow.backend == choice.backend, ClipRow.voice == choice.voice)
        with self._database.reading() as session:
            for key, formers in former.items():
                if row := session.scalars(select(ClipRow).where(ClipRow.key.in_(formers), *own)).first():
                    found[key] = {column.name: getattr(row, column.name) for column in table_of(ClipRow).columns}
        return found

    def has_former(self) -> bool:
        """True where clips of an older Bookcast are kept."""
        with self._database.reading() as session:
            return session.scalar(select(ClipRow.key).where(ClipRow.is_former).limit(1)) is not None

    def keep(self, made: Sequence[KeptClip]) -> None:
        """Record clips whose blobs are written; their claims, failures and stored answers go."""
        stale: list[str] = []
        with self._database.writing() as session:
            for kept in made:
                key = kept.clip.key
                before = session.get(ClipRow, key)
                if before and before.blob != kept.clip.blob:
                    # a voice may say again what it said before; the clip is no former take of itself
                    session.execute(delete(TakeRow).where(TakeRow.key == key, TakeRow.blob == kept.clip.blob))
                    stale += keep_take(session, before)
                session.connection().execute(_REPLACE_CLIP, clip_values(kept.clip, now()))
                # With the row, in one transaction: nobody may see the clip as neither made nor being made.
                session.connection().execute(_DROP_CLAIM, {"done_key": key})
                session.connection().execute(_DROP_FAILURE, {"done_key": key})
        # After the commit: a rollback must not leave rows without their sound.
        for blob in stale:
            self.blobs.remove(blob)
        # Last, so that a kill before this line costs nothing: what was paid for is still there.
        for answer in (answer for kept in made for answer in kept.answers):
            self._answers.forget(answer)

    def drop(self, sounds: Mapping[str, str]) -> int:
        """Forget clips and delete their sound; the chunks that need them are to be spoken again.

        Args:
            sounds: clip key -> the blob that it had when it was looked at. A clip that was made anew since stays.

        Returns:
            How many were dropped.
        """
        with self._database.writing() as session:
            count, stale = _forget(session, sounds)
        for blob in stale:
            self.blobs.remove(blob)
        return count

    def drop_unused(self, sounds: Mapping[str, str], check: Callable[[Session], None]) -> int:
        """Drop those of at most some hundred clips that no chunk of any book needs by now.

        Args:
            sounds: as in `drop`.
            check: raises, in the transaction that deletes, where somebody narrates: a run counts on what it found.

        Returns:
            How many bytes their sound had.
        """
        with self._database.writing() as session:
            check(session)
            unused = set(session.scalars(select(ClipRow.key).where(ClipRow.key.in_(sounds), ~_is_needed())))
            _, stale = _forget(session, {key: blob for key, blob in sounds.items() if key in unused})
        return sum(self.blobs.remove(blob) for blob in stale)

    def is_empty(self) -> bool:
        """True where not one clip is known."""
        with self._database.reading() as session:
            return session.scalar(select(ClipRow.key).limit(1)) is None

    def count(self) -> int:
        """How many clips are known."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(ClipRow)) or 0

    def stats(self) -> CacheStats:
        """Counted over the whole cache."""
        with self._database.reading() as session:
            columns = (
                func.count(),
                func.coalesce(func.sum(ClipRow.samples), 0),
                func.coalesce(func.sum(ClipRow.chars), 0),
            )
            clips, samples, chars = session.execute(select(*columns)).one()
            unused = session.scalar(select(func.count()).select_from(ClipRow).where(~_is_needed())) or 0
        size = self.blobs.total_size()
        return CacheStats(clips=clips, seconds=samples / SAMPLE_RATE_HZ, chars=chars, bytes=size, unused_clips=unused)

    def damaged(self) -> Iterator[tuple[str, str]]:
        """Key and blob of clips whose sound is missing or changed; reads every blob."""
        # As a list: a transaction that is open while every file is read would keep the WAL growing.
        for key, blob in self._all():
            if self.blobs.find(blob) is None:
                yield key, blob

    def unused(self) -> list[tuple[str, str]]:
        """Key and blob of clips that no chunk of any book needs."""
        with self._database.reading() as session:
            query = select(ClipRow.key, ClipRow.blob).where(~_is_needed())
            return [(key, blob) for key, blob in session.execute(query)]

    def orphan_blobs(self) -> list[str]:
        """Digests of files that no clip names: left by a kill between file and row."""
        with self._database.reading() as session:
            takes = set(session.scalars(select(TakeRow.blob)))
        named = {blob for _, blob in self._all()} | takes
        return [digest for digest in self.blobs.digests() if digest not in named]

    def _all(self) -> list[tuple[str, str]]:
        with self._database.reading() as session:
            return [(key, blob) for key, blob in session.execute(select(ClipRow.key, ClipRow.blob))]


def _forget(session: Session, sounds: Mapping[str, str]) -> tuple[int, set[str]]:
    """Delete rows that still have that blob; how many, and the blobs that nothing needs any more."""
    stale, count = set(), 0
    for key, blob in sounds.items():
        row = session.get(ClipRow, key)
        if row and row.blob == blob:
            session.delete(row)
            stale.add(blob)
            count += 1
    session.flush()
    return count, {blob for blob in stale if not is_used(session, blob)}


def _is_needed() -> ColumnElement[bool]:
    """A plan that a book or a release points at speaks it, or it stands in for a clip of such a plan."""
    shown = select(ChunkRow.clip_key).join(PlanRow, PlanRow.id == ChunkRow.plan_id).where(is_pointed_at())
    planned = shown.where(ChunkRow.clip_key == ClipRow.key).exists()
    wanted = shown.where(ChunkRow.clip_key == StandInRow.wanted_key).exists()
    stands_in = select(StandInRow.clip_key).where(StandInRow.clip_key == ClipRow.key, wanted).exists()
    return planned | stands_in


def clip_values(clip: Clip, made_at: datetime) -> dict[str, object]:
    """The row of a clip."""
    facts = clip.facts
    return {
        "key": facts.key,
        "blob": clip.blob,
        "samples": clip.samples,
        "sentence_ends": list(facts.sentence_ends_samples),
        "exact": facts.exact,
        "peak": clip.peak,
        "energies": clip.energies,
        "chars": facts.chars,
        "backend": facts.backend,
        "voice": facts.voice,
        "remark": facts.remark,
        "made_at": made_at,
        "is_former": False,
    }


def _clip(row: ClipRow) -> Clip:
    facts = ClipFacts(
        key=row.key,
        sentence_ends_samples=tuple(row.sentence_ends),
        exact=row.exact,
        chars=row.chars,
        backend=row.backend,
        voice=row.voice,
        remark=row.remark,
    )
    return Clip(facts=facts, blob=row.blob, samples=row.samples, peak=row.peak, energies=row.energies)
