"""Former takes of clips: what a clip was before it was spoken again, so that a person can choose."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from pipeline.errors import NotFound
from pipeline.store.db.database import Database
from pipeline.store.db.tables import ClipRow, TakeRow, table_of
from pipeline.store.files.blobs import Blobs

MOST_TAKES = 3
"""Former takes of one clip that are kept."""
_FACTS = ("samples", "sentence_ends", "exact", "peak", "chars", "backend", "voice", "remark")


class Takes:
    """Former takes by clip key."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def of(self, key: str) -> list[str]:
        """Digests of the former takes of a clip, newest first."""
        query = select(TakeRow.blob).where(TakeRow.key == key).order_by(TakeRow.made_at.desc())
        with self._database.reading() as session:
            # Nobody can choose between takes that cannot be heard.
            return [blob for blob in session.scalars(query) if self._blobs.path(blob).exists()]

    def choose(self, key: str, blob: str) -> None:
        """Make a former take the clip; the clip becomes a former take.

        Raises:
            NotFound: there is no such take.
        """
        with self._database.writing() as session:
            clip, take = session.get(ClipRow, key), session.get(TakeRow, (key, blob))
            if clip is None or take is None:
                raise NotFound("There is no such take", remedy="load the page again")
            # What this pushes out stays as a file, because it may be the very take that is chosen.
            keep_take(session, clip)
            values = {**take.facts, "key": key, "blob": blob, "energies": take.energies, "made_at": take.made_at}
            session.execute(insert(table_of(ClipRow)).prefix_with("OR REPLACE"), values)
            session.execute(delete(TakeRow).where(TakeRow.key == key, TakeRow.blob == blob))

    def forget(self, key: str) -> None:
        """Delete the former takes of a clip."""
        with self._database.writing() as session:
            blobs = list(session.scalars(select(TakeRow.blob).where(TakeRow.key == key)))
            session.execute(delete(TakeRow).where(TakeRow.key == key))
            stale = [blob for blob in blobs if not is_used(session, blob)]
        # After the commit: a rollback must not leave rows without their sound.
        for blob in stale:
            self._blobs.remove(blob)


def keep_take(session: Session, clip: ClipRow) -> list[str]:
    """Make a clip that is about to be replaced a former take; blobs that nothing needs any more."""
    add_take(session, {name: getattr(clip, name) for name in ("key", "blob", "energies", "made_at", *_FACTS)})
    session.flush()
    query = select(TakeRow.blob).where(TakeRow.key == clip.key).order_by(TakeRow.made_at.desc())
    beyond = list(session.scalars(query))[MOST_TAKES:]
    session.execute(delete(TakeRow).where(TakeRow.key == clip.key, TakeRow.blob.in_(beyond)))
    return [blob for blob in beyond if not is_used(session, blob)]


def add_take(session: Session, clip: Mapping[str, Any]) -> None:
    """Make a former take of what would be a row of `clips`, by column."""
    facts = {name: clip[name] for name in _FACTS}
    row = TakeRow(key=clip["key"], blob=clip["blob"], facts=facts, energies=clip["energies"], made_at=clip["made_at"])
    session.merge(row)


def is_used(session: Session, blob: str) -> bool:
    """True where a clip or a former take is this sound."""
    return any(session.scalar(select(func.count()).where(row.blob == blob)) for row in (ClipRow, TakeRow))
