"""Clips whose files were found -> the rows that are missing; a row that is there stays as it is."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import insert, select

from pipeline.model.audio import Clip
from pipeline.store.db.database import Database
from pipeline.store.db.tables import ClipRow, TakeRow, table_of
from pipeline.store.sound.clips import clip_values
from pipeline.store.sound.takes import add_take

_INSERT = insert(table_of(ClipRow))


class FoundClips:
    """Makes the index of the clips again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, digests: Sequence[str]) -> set[str]:
        """Those of at most some hundred blobs that are a clip or a former take."""
        with self._database.reading() as session:
            return {
                blob
                for row in (ClipRow, TakeRow)
                for blob in session.scalars(select(row.blob).where(row.blob.in_(digests)))
            }

    def add(self, found: Sequence[tuple[Clip, float]]) -> tuple[int, int]:
        """Make rows of clips; how many became clips, and how many former takes of a clip that is there.

        Args:
            found: at most some hundred clips with the Unix times of their files, the newest of a key first.
        """
        clips = takes = 0
        with self._database.writing() as session:
            keys = {clip.key for clip, _ in found}
            rows = session.execute(select(ClipRow.key, ClipRow.blob).where(ClipRow.key.in_(keys)))
            there = {row.key: row.blob for row in rows}
            for clip, at in found:
                # Tables hold UTC without a zone, as `now` gives it.
                values = clip_values(clip, datetime.fromtimestamp(at, UTC).replace(tzinfo=None))
                if clip.key not in there:
                    session.connection().execute(_INSERT, values)
                    there[clip.key] = clip.blob
                    clips += 1
                elif there[clip.key] != clip.blob:  # else a narration has made its row meanwhile
                    add_take(session, values)
                    takes += 1
        return clips, takes
