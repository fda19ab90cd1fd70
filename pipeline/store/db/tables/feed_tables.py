"""Feeds with their articles, podcasts with their subscribers."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.store.db.tables.base import Base


class FeedRow(Base):
    """A feed whose articles are narrated."""

    __tablename__ = "feeds"

    url: Mapped[str] = mapped_column(Text, primary_key=True)
    """As it was subscribed to; stays when the feed moves."""
    title: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(DateTime)
    checked_at: Mapped[datetime | None] = mapped_column(DateTime, default=None)
    error: Mapped[str] = mapped_column(Text, default="")
    """Why it could not be read when it was looked at last, or empty."""
    name: Mapped[str] = mapped_column(String(80), default="", server_default="", index=True)
    """Of its podcast, in addresses and folders."""
    address: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Where it has moved to for good, or empty."""
    etag: Mapped[str] = mapped_column(Text, default="", server_default="")
    last_modified: Mapped[str] = mapped_column(Text, default="", server_default="")
    not_before: Mapped[datetime | None] = mapped_column(DateTime, default=None)
    """The server, or our back-off, wants no request before; UTC."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """In a row."""
    ended: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Why it is not looked at any more (410), or empty."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """site, description, author, language and picture as the feed gives them."""
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """FeedOptions that were set."""


class FeedItemRow(Base):
    """An article of a feed, and what became of it."""

    __tablename__ = "feed_items"

    feed: Mapped[str] = mapped_column(ForeignKey("feeds.url", ondelete="CASCADE"), primary_key=True)
    guid: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    link: Mapped[str] = mapped_column(Text)
    published: Mapped[str] = mapped_column(String(25))
    """ISO 8601, or empty."""
    book: Mapped[str] = mapped_column(String(120), default="", index=True)
    """Slug, once it was read."""
    state: Mapped[str] = mapped_column(String(8))
    """An ItemState."""
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(DateTime)
    """When it was tried last, UTC."""
    canonical: Mapped[str] = mapped_column(Text, default="", server_default="", index=True)
    """Its link in the form in which two links to one article are equal."""
    digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Of what the feed said of it."""
    first_at: Mapped[datetime | None] = mapped_column(DateTime, default=None)
    """When it became an episode, UTC."""
    next_at: Mapped[datetime | None] = mapped_column(DateTime, default=None)
    """Not tried again before, UTC."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """author, summary, picture, and what its page said of itself: etag and last_modified."""


class SubscriberRow(Base):
    """Somebody with an address of the podcasts of their own."""

    __tablename__ = "subscribers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(DateTime)


class PodcastRow(Base):
    """What a podcast held when it changed last."""

    __tablename__ = "podcasts"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(DateTime)
