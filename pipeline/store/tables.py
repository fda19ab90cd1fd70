"""The database's tables. Sound and documents lie beside it as files named by their content."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, LargeBinary, String, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Registry of all tables."""


def table_of(row: type[Base]) -> Table:
    """The table behind a class of rows, for statements that go around the ORM."""
    return cast(Table, row.__table__)


class DocumentRow(Base):
    """A document that was imported; its bytes are kept so that a rerun needs no original."""

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int]
    imported_at: Mapped[datetime] = mapped_column(DateTime)


class BookRow(Base):
    """A book by its slug: the newest edition of the document, and how it is narrated."""

    __tablename__ = "books"

    slug: Mapped[str] = mapped_column(String(120), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"))
    reading: Mapped[str] = mapped_column(String(64))
    """Which reader's blocks are stored, so that a better reader reads again."""
    title: Mapped[str] = mapped_column(Text, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """BookMetadata."""
    cover_type: Mapped[str] = mapped_column(Text, default="")
    """Media type and digest, or empty."""
    changed: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """Facts of BookMetadata that a person wrote otherwise, and `cover` as in `cover_type`; outlasts editions."""
    words: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Title, authors and series without capitals, to be searched."""
    narration: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Options of the last narration, taken up again by a rerun."""
    updated_at: Mapped[datetime] = mapped_column(DateTime)


class ChapterRow(Base):
    """A chapter of the book's present edition."""

    __tablename__ = "chapters"

    id: Mapped[int] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(ForeignKey("books.slug", ondelete="CASCADE"))
    position: Mapped[int]
    """From 0."""
    title: Mapped[str] = mapped_column(Text)
    level: Mapped[int]
    source: Mapped[str] = mapped_column(Text)
    chars: Mapped[int]
    """Characters that are to be spoken."""
    plan_key: Mapped[str] = mapped_column(String(64), default="")
    """What the stored chunks were planned from; empty before planning."""
    audio_key: Mapped[str] = mapped_column(String(64), default="")
    """The assembled audio that belongs to the stored chunks, or empty."""

    __table_args__ = (Index("ix_chapters_book", "book", "position", unique=True),)


class BlockRow(Base):
    """A block of a chapter as read."""

    __tablename__ = "blocks"

    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapters.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    level: Mapped[int]
    language: Mapped[str] = mapped_column(String(35))
    skip_reason: Mapped[str] = mapped_column(Text)


class ChunkRow(Base):
    """A chunk as planned, and how far it is."""

    __tablename__ = "chunks"

    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapters.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    chunk_id: Mapped[str] = mapped_column(String(12))
    block_position: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    sentences: Mapped[list[Any]] = mapped_column(JSON)
    """[id, start, end, spoken] of each."""
    clip_key: Mapped[str] = mapped_column(String(64))
    """Empty where nothing is spoken."""
    state: Mapped[str] = mapped_column(String(8))
    """pending, done, failed or skipped."""
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text, default="")
    """The last error, or why it is skipped."""

    __table_args__ = (Index("ix_chunks_id", "chunk_id"), Index("ix_chunks_clip", "clip_key"))


class ClipRow(Base):
    """A synthesised clip, found by its key from every book."""

    __tablename__ = "clips"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    blob: Mapped[str] = mapped_column(String(64), index=True)
    samples: Mapped[int]
    sentence_ends: Mapped[list[int]] = mapped_column(JSON)
    exact: Mapped[bool]
    peak: Mapped[float]
    energies: Mapped[bytes] = mapped_column(LargeBinary)
    chars: Mapped[int]
    """Characters given to the voice."""
    backend: Mapped[str] = mapped_column(Text)
    voice: Mapped[str] = mapped_column(Text)
    remark: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Why a person should listen to it (another voice had to speak it), or empty."""
    made_at: Mapped[datetime] = mapped_column(DateTime)


class ClaimRow(Base):
    """Somebody is synthesising this key right now."""

    __tablename__ = "claims"

    clip_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[float]
    """Unix time."""


class ChapterAudioRow(Base):
    """An assembled chapter; its files lie under work/chapters by the same key."""

    __tablename__ = "chapter_audio"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    samples: Mapped[int]
    loudness_lufs: Mapped[float | None]
    gain_db: Mapped[float]
    cues: Mapped[list[Any]] = mapped_column(JSON)
    """[sentence id, text, start, end in samples] of each."""
    made_at: Mapped[datetime] = mapped_column(DateTime)


class RunRow(Base):
    """One narration, from its start to its end."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    book: Mapped[str] = mapped_column(String(120), index=True)
    state: Mapped[str] = mapped_column(String(12))
    """running, finished, failed or stopped."""
    owner: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What was asked for."""
    started_at: Mapped[datetime] = mapped_column(DateTime)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime, default=None)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    flow_run: Mapped[str] = mapped_column(String(36), default="", server_default="", index=True)
    """Prefect's id of the flow run that this is, or empty."""


class ReleaseRow(Base):
    """What was published of a book, by format."""

    __tablename__ = "releases"

    book: Mapped[str] = mapped_column(ForeignKey("books.slug", ondelete="CASCADE"), primary_key=True)
    target: Mapped[str] = mapped_column(Text, primary_key=True)
    """Format, library folder and chapter selection."""
    key: Mapped[str] = mapped_column(String(64))
    """Content address of all that went into it."""
    files: Mapped[list[Any]] = mapped_column(JSON)
    """[path, size in bytes] of each."""


class SpendRow(Base):
    """One request to a paid service: reserved before it is sent, settled or voided after."""

    __tablename__ = "spend"
    __table_args__ = (Index("ix_spend_run", "run"), Index("ix_spend_book", "book"), Index("ix_spend_month", "month"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    run: Mapped[str] = mapped_column(String(32))
    book: Mapped[str] = mapped_column(String(120))
    """Slug; empty for a text that is in no book. Stays when the book goes."""
    backend: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    month: Mapped[str] = mapped_column(String(7))
    """`2026-11`, UTC."""
    chars: Mapped[int]
    cost_nano: Mapped[int] = mapped_column(BigInteger)
    """Billionths of the currency."""
    currency: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(8))
    """reserved, spent or void."""
    owner: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(DateTime)


class PronunciationRow(Base):
    """How a word is said, as a person set it from the page."""

    __tablename__ = "pronunciations"

    id: Mapped[int] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(String(120), index=True)
    """Slug; empty for every book."""
    written: Mapped[str] = mapped_column(Text)
    say: Mapped[str] = mapped_column(Text)
    ipa: Mapped[str] = mapped_column(Text)
    match_case: Mapped[bool]


class SpokenSentenceRow(Base):
    """How one sentence is spoken, as a person set it from the page."""

    __tablename__ = "spoken_sentences"

    book: Mapped[str] = mapped_column(String(120), primary_key=True)
    chapter: Mapped[int] = mapped_column(primary_key=True)
    """Position, from 0."""
    sentence_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    spoken: Mapped[str] = mapped_column(Text)
    clip_before: Mapped[str] = mapped_column(String(64))
    """Key of the clip that spoke it before the change, or empty."""


class TakeRow(Base):
    """A clip that another take of the same key has replaced."""

    __tablename__ = "takes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    blob: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Every other column of the clip's row."""
    energies: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(DateTime)


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
    """done, failed, skipped or expired."""
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
