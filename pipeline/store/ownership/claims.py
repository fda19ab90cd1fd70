"""Keys of clips -> those that this process may synthesise: a claim holds as long as its owner lives."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select

from pipeline.store.db.database import Database
from pipeline.store.db.tables import ClaimRow, ClipRow, table_of
from pipeline.store.ownership.owners import Owner

_ADD = insert(table_of(ClaimRow))  # no ORM: it runs for every clip of every book


class Claims:
    """Who synthesises what right now; never two living owners the same key."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner
        self._owed: set[str] = set()
        """Given back, but the database did not take it."""
        owner.with_each_beat(self._settle)

    def claim(self, keys: Collection[str], *, again: bool = False) -> set[str]:
        """Those of `keys` that this process may synthesise now: nobody made them, nobody is making them.

        Rows of dead owners that are met here are removed, and all of their claims with them.

        Args:
            keys: clip keys.
            again: those that were made may be made anew.

        Raises:
            StoreError: nothing was claimed.
        """
        with self._database.writing() as session:
            # Look and claim in one writing transaction: looking outside of it made 340 of 2,000 clips twice
            # (4 workers on PostgreSQL, November 2026).
            query = select(ClaimRow.clip_key, ClaimRow.owner).where(ClaimRow.clip_key.in_(keys))
            claims = dict(session.execute(query).tuples().all())
            owners = set(claims.values())
            living = self._owner.living(session, owners)
            self._owner.forget(session, owners - living)
            taken = {key for key, owner in claims.items() if owner in living}
            if not again:
                taken |= set(session.scalars(select(ClipRow.key).where(ClipRow.key.in_(keys))))
            free = set(keys) - taken
            if free:
                self._owner.enter(session)
                values = [{"clip_key": key, "owner": self._owner.id} for key in sorted(free)]
                session.connection().execute(_ADD, values)
        return free

    def release(self, keys: Collection[str]) -> None:
        """Give claims back without a clip.

        Raises:
            StoreError: the database fails. It is tried again with every beat, for as long as this process
                lives nobody else could speak them.
        """
        try:
            with self._database.writing() as session:
                session.execute(delete(ClaimRow).where(ClaimRow.clip_key.in_(keys), ClaimRow.owner == self._owner.id))
        except BaseException:  # Ctrl-C too: what is not given back now is owed, and the next beat does it
            self._owed.update(keys)
            raise

    def _settle(self) -> None:
        owed, self._owed = self._owed, set()
        if owed:
            self.release(owed)  # puts back what it cannot release
