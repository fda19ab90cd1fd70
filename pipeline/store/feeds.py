"""Feeds that are narrated, and what became of each of their items."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from pipeline.errors import StoreError
from pipeline.store.documents import now
from pipeline.store.engine import Database
from pipeline.store.tables import FeedItemRow, FeedRow


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """A feed that is narrated."""

    url: str
    title: str
    checked_at: datetime | None
    """UTC."""
    error: str


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An article of a feed."""

    feed: str
    guid: str
    title: str
    link: str
    published: str
    book: str
    """Slug, once it was read."""
    state: str
    """done or failed."""
    attempts: int
    reason: str


class Feeds:
    """The feeds of one data directory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, url: str, title: str) -> None:
        """Take a feed up; one that is there gets the title."""
        with self._database.writing() as session:
            row = session.get(FeedRow, url) or FeedRow(url=url, added_at=now(), error="")
            row.title = title
            session.add(row)

    def remove(self, url: str) -> None:
        """Drop a feed; its books stay. Raises: StoreError where there is none."""
        self.get(url)
        with self._database.writing() as session:
            session.execute(delete(FeedItemRow).where(FeedItemRow.feed == url))
            session.execute(delete(FeedRow).where(FeedRow.url == url))

    def get(self, url: str) -> StoredFeed:
        """The feed of that address. Raises: StoreError."""
        found = next((feed for feed in self.all() if feed.url == url), None)
        if found is None:
            raise StoreError(f"There is no feed {url}", remedy="bookcast feeds list shows them")
        return found

    def all(self) -> list[StoredFeed]:
        """Every feed, by title."""
        with self._database.reading() as session:
            rows = session.scalars(select(FeedRow).order_by(FeedRow.title, FeedRow.url)).all()
        return [StoredFeed(row.url, row.title, row.checked_at, row.error) for row in rows]

    def checked(self, url: str, error: str = "") -> None:
        """Note that a feed was looked at, and what went wrong."""
        with self._database.writing() as session:
            row = session.get(FeedRow, url)
            if row:
                row.checked_at, row.error = now(), error[:500]

    def items(self, url: str) -> list[StoredItem]:
        """The known items of a feed, newest first."""
        query = select(FeedItemRow).where(FeedItemRow.feed == url).order_by(FeedItemRow.published.desc())
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(FeedItemRow.at.desc())).all()
        return [_item(row) for row in rows]

    def record(self, item: StoredItem) -> None:
        """Keep what became of an item; its attempts are added to those before."""
        with self._database.writing() as session:
            before = session.get(FeedItemRow, (item.feed, item.guid))
            session.merge(
                FeedItemRow(
                    feed=item.feed,
                    guid=item.guid,
                    title=item.title,
                    link=item.link,
                    published=item.published,
                    book=item.book,
                    state=item.state,
                    attempts=item.attempts + (before.attempts if before else 0),
                    reason=item.reason[:500],
                    at=now(),
                )
            )


def _item(row: FeedItemRow) -> StoredItem:
    return StoredItem(
        row.feed, row.guid, row.title, row.link, row.published, row.book, row.state, row.attempts, row.reason
    )
