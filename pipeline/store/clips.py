"""Clips by key, each synthesised once anywhere: found, claimed, kept, verified, pruned."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from pipeline.model.audio import SAMPLE_RATE_HZ, Clip
from pipeline.model.voice import VoiceChoice
from pipeline.store.answers import Answers
from pipeline.store.blobs import Blobs
from pipeline.store.documents import now
from pipeline.store.engine import Database
from pipeline.store.owners import Owner
from pipeline.store.tables import ChunkRow, ClaimRow, ClipRow, TakeRow, table_of
from pipeline.store.takes import is_used, keep_take

LEASE_S = 120.0
"""How long a claim of another machine holds after its owner was last heard of."""

# no ORM: these run for every clip of every book
_CHUNKS, _CLAIMS = table_of(ChunkRow), table_of(ClaimRow)
_REPLACE_CLIP = insert(table_of(ClipRow)).prefix_with("OR REPLACE")
_REPLACE_CLAIM = insert(_CLAIMS).prefix_with("OR REPLACE")
_DROP_CLAIM = delete(_CLAIMS).where(_CLAIMS.c.clip_key == bindparam("done_key"))
_CHUNKS_DONE = (
    update(_CHUNKS)
    .where(_CHUNKS.c.clip_key == bindparam("done_key"))
    .values(state="done", reason="", attempts=_CHUNKS.c.attempts + bindparam("more"))
)


@dataclass(frozen=True, slots=True)
class KeptClip:
    """A clip that was made, with all that is known of its making."""

    clip: Clip
    choice: VoiceChoice
    """Who spoke it."""
    chars: int
    """Characters that were given to the voice."""
    attempts: int = 1
    """Requests that it took."""
    remark: str = ""
    """Why a person should listen to it, if anything."""
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

    def __init__(self, database: Database, blobs: Blobs, owner: Owner, answers: Answers) -> None:
        self._database = database
        self._answers = answers
        self._owner = owner
        self.blobs = blobs

    def find(self, keys: Iterable[str]) -> dict[str, Clip]:
        """The clips of those keys that exist."""
        wanted, found = sorted(set(keys)), {}
        with self._database.reading() as session:
            for at in range(0, len(wanted), 500):
                rows = session.scalars(select(ClipRow).where(ClipRow.key.in_(wanted[at : at + 500])))
                found.update({row.key: _clip(row) for row in rows})
        return found

    def claim(self, keys: Sequence[str], *, again: bool = False) -> set[str]:
        """Those of `keys` that this process may synthesise now: nobody made them, nobody is making them.

        With `again`, those that were made may be made anew.

        A claim whose owner has died, or whose lease ran out, is taken over.
        """
        with self._database.writing() as session:
            made = set(session.scalars(select(ClipRow.key).where(ClipRow.key.in_(keys))))
            claims = session.scalars(select(ClaimRow).where(ClaimRow.clip_key.in_(keys)))
            taken = {claim.clip_key for claim in claims if self._holds(claim)}
            free = set(keys) - taken - (set() if again else made)
            until = time.time() + LEASE_S
            if free:
                values = [{"clip_key": key, "owner": self._owner.id, "expires_at": until} for key in sorted(free)]
                session.connection().execute(_REPLACE_CLAIM, values)
        return free

    def _holds(self, claim: ClaimRow) -> bool:
        return claim.expires_at > time.time() and self._owner.is_alive(claim.owner)

    def release(self, keys: Sequence[str]) -> None:
        """Give claims back without a clip."""
        with self._database.writing() as session:
            session.execute(delete(ClaimRow).where(ClaimRow.clip_key.in_(keys), ClaimRow.owner == self._owner.id))

    def renew(self) -> None:
        """Prolong every lease of this process."""
        with self._database.writing() as session:
            session.execute(
                update(ClaimRow).where(ClaimRow.owner == self._owner.id).values(expires_at=time.time() + LEASE_S)
            )

    def keep(self, made: Sequence[KeptClip]) -> None:
        """Record clips whose blobs are written, mark every chunk that waits for them done, forget their answers."""
        stale: list[str] = []
        with self._database.writing() as session:
            for kept in made:
                key = kept.clip.key
                before = session.get(ClipRow, key)
                if before and before.blob != kept.clip.blob:
                    stale += keep_take(session, before)
                session.connection().execute(_REPLACE_CLIP, _values(kept))
                session.connection().execute(_DROP_CLAIM, {"done_key": key})
                session.connection().execute(_CHUNKS_DONE, {"done_key": key, "more": kept.attempts})
        for blob in stale:
            self.blobs.remove(blob)
        for answer in (answer for kept in made for answer in kept.answers):
            self._answers.forget(answer)

    def drop(self, keys: Sequence[str]) -> None:
        """Forget clips and delete their sound; the chunks that need them are to be spoken again."""
        with self._database.writing() as session:
            blobs = list(session.scalars(select(ClipRow.blob).where(ClipRow.key.in_(keys))))
            session.execute(delete(ClipRow).where(ClipRow.key.in_(keys)))
            session.execute(update(ChunkRow).where(ChunkRow.clip_key.in_(keys)).values(state="pending", reason=""))
            shared = {blob for blob in blobs if is_used(session, blob)}
        for blob in set(blobs) - shared:
            self.blobs.remove(blob)

    def stats(self) -> CacheStats:
        """Counted over the whole cache."""
        with self._database.reading() as session:
            columns = (
                func.count(),
                func.coalesce(func.sum(ClipRow.samples), 0),
                func.coalesce(func.sum(ClipRow.chars), 0),
            )
            clips, samples, chars = session.execute(select(*columns)).one()
            used = select(ChunkRow.clip_key).where(ChunkRow.clip_key == ClipRow.key).exists()
            unused = session.scalar(select(func.count()).select_from(ClipRow).where(~used)) or 0
        size = sum(self.blobs.path(digest).stat().st_size for digest in self.blobs.digests())
        return CacheStats(clips, samples / SAMPLE_RATE_HZ, chars, size, unused)

    def damaged(self) -> Iterator[str]:
        """Keys of clips whose sound is missing or changed; reads every blob."""
        for key, blob in self._all():
            if self.blobs.find(blob) is None:
                yield key

    def unused(self) -> list[str]:
        """Keys of clips that no chunk of any book needs."""
        used = select(ChunkRow.clip_key).where(ChunkRow.clip_key == ClipRow.key).exists()
        with self._database.reading() as session:
            return list(session.scalars(select(ClipRow.key).where(~used)))

    def orphan_blobs(self) -> list[str]:
        """Digests of files that no clip names: left by a kill between file and row."""
        with self._database.reading() as session:
            takes = set(session.scalars(select(TakeRow.blob)))
        named = {blob for _, blob in self._all()} | takes
        return [digest for digest in self.blobs.digests() if digest not in named]

    def _all(self) -> list[tuple[str, str]]:
        with self._database.reading() as session:
            return [(key, blob) for key, blob in session.execute(select(ClipRow.key, ClipRow.blob))]


def _values(kept: KeptClip) -> dict[str, object]:
    clip = kept.clip
    return {
        "key": clip.key,
        "blob": clip.blob,
        "samples": clip.samples,
        "sentence_ends": list(clip.sentence_ends_samples),
        "exact": clip.exact,
        "peak": clip.peak,
        "energies": clip.energies,
        "chars": kept.chars,
        "backend": kept.choice.backend,
        "voice": kept.choice.voice,
        "remark": kept.remark,
        "made_at": now(),
    }


def _clip(row: ClipRow) -> Clip:
    return Clip(row.key, row.blob, row.samples, tuple(row.sentence_ends), row.exact, row.peak, row.energies)
