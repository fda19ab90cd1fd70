"""Feeds that are narrated, and what became of each of their items."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from pipeline.errors import NotFound
from pipeline.model.keys import book_slug
from pipeline.model.states import ItemState
from pipeline.model.syndication.feed import MOMENT, Feed, FeedFacts, FeedOptions
from pipeline.model.syndication.podcast import ALL_ARTICLES, PodcastId, PodcastKind
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import FeedItemRow, FeedRow

RESERVED_NAMES = frozenset({ALL_ARTICLES.name})
"""Names of podcasts that are no feed's."""


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """A feed that is narrated."""

    url: str
    title: str
    name: str = ""
    """Of its podcast, in addresses and folders."""
    added_at: datetime = datetime.min
    """UTC."""
    checked_at: datetime | None = None
    """UTC."""
    error: str = ""
    address: str = ""
    """Where it is fetched from."""
    etag: str = ""
    last_modified: str = ""
    not_before: datetime | None = None
    """UTC."""
    failures: int = 0
    ended: str = ""
    facts: FeedFacts = field(default=FeedFacts())
    options: FeedOptions = field(default=FeedOptions())

    @property
    def podcast(self) -> PodcastId:
        """Which podcast its articles are in."""
        return PodcastId(PodcastKind.FEEDS, self.name)


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An article of a feed."""

    feed: str
    guid: str
    title: str
    link: str
    published: str
    """ISO 8601, or empty."""
    book: str = ""
    """Slug, once it was read."""
    state: ItemState = ItemState.WAITING
    attempts: int = 0
    reason: str = ""
    canonical: str = ""
    digest: str = ""
    first_at: datetime | None = None
    """When it became an episode, UTC."""
    next_at: datetime | None = None
    """Not tried again before, UTC."""
    facts: dict[str, Any] = field(default_factory=dict)
    """author, summary, picture, etag and last_modified of its page."""


class Feeds:
    """The feeds of one data directory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, url: str, feed: Feed) -> StoredFeed:
        """Take a feed up, or take over what one that is there says of itself now."""
        with self._database.writing() as session:
            row = session.get(FeedRow, url) or FeedRow(url=url, added_at=now(), error="", options={})
            row.title = feed.title
            row.facts = asdict(feed.facts)
            row.name = row.name or _free_name(session, feed.title)
            session.add(row)
        return self.get(url)

    def remove(self, url: str) -> None:
        """Drop a feed; its books stay. Raises: NotFound where there is none."""
        self.get(url)
        with self._database.writing() as session:
            session.execute(delete(FeedItemRow).where(FeedItemRow.feed == url))
            session.execute(delete(FeedRow).where(FeedRow.url == url))

    def get(self, url: str) -> StoredFeed:
        """The feed of that address, present or first. Raises: NotFound."""
        query = select(FeedRow).where(or_(FeedRow.url == url, FeedRow.address == url)).order_by(FeedRow.url != url)
        with self._database.reading() as session:
            row = session.scalars(query).first()
        if row is None:
            raise NotFound(f"There is no feed {url}", remedy="bookcast feeds list shows them")
        return _feed(row)

    def all(self) -> list[StoredFeed]:
        """Every feed, by title."""
        with self._database.reading() as session:
            rows = session.scalars(select(FeedRow).order_by(FeedRow.title, FeedRow.url)).all()
        return [_feed(row) for row in rows]

    def find_named(self, name: str) -> StoredFeed | None:
        """The feed whose podcast has that name."""
        with self._database.reading() as session:
            row = session.scalars(select(FeedRow).where(FeedRow.name == name)).first()
        return _feed(row) if row else None

    def set_options(self, url: str, options: FeedOptions) -> None:
        """How the feed's articles are narrated from now on."""
        plain = {key: value for key, value in asdict(options).items() if value != getattr(FeedOptions(), key)}
        with self._database.writing() as session:
            session.get_one(FeedRow, url).options = plain

    def checked(self, url: str, **values: Any) -> None:
        """Note that a feed was looked at, with new values of its columns."""
        with self._database.writing() as session:
            row = session.get(FeedRow, url)
            if row:
                row.checked_at = now()
                for name, value in values.items():
                    setattr(row, name, value)

    def items(self, url: str, *, limit: int | None = None) -> list[StoredItem]:
        """The known items of a feed, newest first."""
        query = select(FeedItemRow).where(FeedItemRow.feed == url)
        query = query.order_by(FeedItemRow.published.desc(), FeedItemRow.at.desc(), FeedItemRow.guid).limit(limit)
        with self._database.reading() as session:
            return [_item(row) for row in session.scalars(query)]

    def counts(self) -> dict[str, dict[ItemState, int]]:
        """How many items of each feed are in which state."""
        query = select(FeedItemRow.feed, FeedItemRow.state, func.count()).group_by(FeedItemRow.feed, FeedItemRow.state)
        found: dict[str, dict[ItemState, int]] = {}
        with self._database.reading() as session:
            for feed, state, count in session.execute(query):
                found.setdefault(feed, {})[ItemState(state)] = count
        return found

    def find_item(self, url: str, guid: str) -> StoredItem | None:
        """What is known of an item."""
        with self._database.reading() as session:
            row = session.get(FeedItemRow, (url, guid))
        return _item(row) if row else None

    def episodes(self, feeds: Sequence[str] = ()) -> list[StoredItem]:
        """Narrated items of these feeds, of all where none is named; each article once, newest first."""
        query = select(FeedItemRow).where(FeedItemRow.state == ItemState.DONE, FeedItemRow.book != "")
        if feeds:
            query = query.where(FeedItemRow.feed.in_(feeds))
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(FeedItemRow.first_at, FeedItemRow.feed, FeedItemRow.guid)).all()
        first: dict[str, StoredItem] = {}
        for row in rows:
            first.setdefault(row.book, _item(row))
        return sorted(first.values(), key=lambda item: (episode_date(item), item.guid), reverse=True)

    def narrated(self, canonical: str, but: str) -> StoredItem | None:
        """An article of that link that another feed than `but` brought and that is narrated."""
        query = select(FeedItemRow).where(
            FeedItemRow.canonical == canonical, FeedItemRow.feed != but, FeedItemRow.state == ItemState.DONE
        )
        with self._database.reading() as session:
            row = session.scalars(query.order_by(FeedItemRow.first_at)).first() if canonical else None
        return _item(row) if row else None

    def users(self, book: str) -> int:
        """How many items are narrated by that book."""
        query = select(func.count()).select_from(FeedItemRow)
        with self._database.reading() as session:
            return session.scalar(query.where(FeedItemRow.book == book, FeedItemRow.state == ItemState.DONE)) or 0

    def record(self, *items: StoredItem) -> None:
        """Keep what became of items."""
        with self._database.writing() as session:
            for item in items:
                values = {name: getattr(item, name) for name in StoredItem.__slots__}
                session.merge(FeedItemRow(**{**values, "reason": item.reason[:500], "at": now()}))

    def expire(self, item: StoredItem) -> None:
        """Note that an episode is kept no longer; it never comes again."""
        self.record(replace(item, state=ItemState.EXPIRED, reason="kept long enough"))

    def expire_book(self, book: str) -> None:
        """Note that a person wants the episode of that book no longer; it never comes again."""
        query = select(FeedItemRow).where(FeedItemRow.book == book)
        with self._database.reading() as session:
            items = [_item(row) for row in session.scalars(query)]
        self.record(*(replace(item, state=ItemState.EXPIRED, reason="removed") for item in items))

    def again(self, url: str, guid: str) -> StoredItem:
        """Have an item tried anew with the next run. Raises: NotFound where there is none."""
        item = self.find_item(url, guid)
        if item is None:
            raise NotFound("There is no such article", remedy="bookcast feeds list shows them")
        # an episode stays one while it is made again
        state = ItemState.DONE if item.state == ItemState.DONE else ItemState.WAITING
        facts = {key: value for key, value in item.facts.items() if key not in {"etag", "last_modified"}}
        fresh = replace(item, state=state, attempts=0, reason="", next_at=None, digest="", facts=facts)
        self.record(fresh)
        return fresh


def episode_date(item: StoredItem) -> str:
    """ISO 8601: when it was published, else when it became an episode."""
    return item.published or (item.first_at.strftime(MOMENT) if item.first_at else "")


def _free_name(session: Session, title: str) -> str:
    """A readable name that no other feed has."""
    plain = re.sub(r"[^\w-]", "", book_slug(title, ()))[:60]
    taken = {*session.scalars(select(FeedRow.name)), *RESERVED_NAMES}
    number = 1
    while (name := f"{plain}-{number}" if number > 1 else plain) in taken:
        number += 1
    return name


def _feed(row: FeedRow) -> StoredFeed:
    return StoredFeed(
        url=row.url,
        title=row.title,
        name=row.name,
        added_at=row.added_at,
        checked_at=row.checked_at,
        error=row.error,
        address=row.address or row.url,
        etag=row.etag,
        last_modified=row.last_modified,
        not_before=row.not_before,
        failures=row.failures,
        ended=row.ended,
        facts=FeedFacts(**row.facts),
        options=FeedOptions(**row.options),
    )


def _item(row: FeedItemRow) -> StoredItem:
    values = {name: getattr(row, name) for name in StoredItem.__slots__}
    return StoredItem(**{**values, "state": ItemState(row.state)})
