"""Books: their documents and editions, releases, and what a person changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.store.db.tables.base import Base


class DocumentRow(Base):
    """A document that was imported; its bytes are kept so that a rerun needs no original."""

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int]
    imported_at: Mapped[datetime] = mapped_column(DateTime)


class BookRow(Base):
    """A book by its slug: which edition is the present one, and how it is narrated."""

    __tablename__ = "books"

    slug: Mapped[str] = mapped_column(String(120), primary_key=True)
    identity: Mapped[str | None] = mapped_column(Text, unique=True)
    """What tells it from every other book; NULL for one of an older Bookcast, which the first document of its
    title and author claims."""
    edition_id: Mapped[int]
    """The present edition. No foreign key: editions point at their book."""
    title: Mapped[str] = mapped_column(Text, index=True)
    changed: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """Facts of BookMetadata that a person wrote otherwise; they outlast editions."""
    cover_media_type: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Of the cover that a person gave; empty where the edition's own is shown."""
    cover_digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    words: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Title, authors and series without capitals, to be searched."""
    narration: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Options of the last narration, taken up again by a rerun."""
    updated_at: Mapped[datetime] = mapped_column(DateTime)


class EditionRow(Base):
    """One reading of a document; its chapters and blocks never change."""

    __tablename__ = "editions"

    id: Mapped[int] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(ForeignKey("books.slug", ondelete="CASCADE"), index=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    reading: Mapped[str] = mapped_column(String(64))
    """Which reader's blocks are stored, so that a better reader reads again."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """BookMetadata."""
    cover_media_type: Mapped[str] = mapped_column(Text, default="", server_default="")
    cover_digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Empty where the document has no cover."""
    read_at: Mapped[datetime] = mapped_column(DateTime)


class ChapterRow(Base):
    """A chapter of an edition, and what it points at: the plan and the sound that people are shown."""

    __tablename__ = "chapters"

    id: Mapped[int] = mapped_column(primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("editions.id", ondelete="CASCADE"))
    position: Mapped[int]
    """From 0."""
    title: Mapped[str] = mapped_column(Text)
    level: Mapped[int]
    source: Mapped[str] = mapped_column(Text)
    chars: Mapped[int]
    """Characters that are to be spoken."""
    digest: Mapped[str] = mapped_column(String(64))
    """Content address of its blocks: equal in two editions where nothing of the chapter changed."""
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id", ondelete="SET NULL"), index=True)
    """The plan of the run that was started last; runs under way keep their own."""
    audio_key: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """The chapter as it was assembled or published last, or empty."""

    __table_args__ = (Index("ix_chapters_edition", "edition_id", "position", unique=True),)


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


class ReleaseRow(Base):
    """What was published of a book: one row for each format, folder and choice of chapters."""

    __tablename__ = "releases"
    __table_args__ = (Index("ix_releases_place", "book", "format", "folder", "selection", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(ForeignKey("books.slug", ondelete="CASCADE"))
    format: Mapped[str] = mapped_column(String(8))
    folder: Mapped[str] = mapped_column(Text, index=True)
    """Of its files: relative to the data directory where it is in there, else absolute."""
    selection: Mapped[str] = mapped_column(Text)
    """Numbers of the chosen chapters from 1 with commas; empty for all."""
    key: Mapped[str] = mapped_column(String(64))
    """Content address of all that went into it."""
    files: Mapped[list[Any]] = mapped_column(JSON)
    """[path, size in bytes] of each; paths as in `folder`."""


class ReleaseChapterRow(Base):
    """A chapter of a release: what upkeep must not remove while the release stands."""

    __tablename__ = "release_chapters"

    release_id: Mapped[int] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """Of the chapter in its book, from 0."""
    audio_key: Mapped[str] = mapped_column(String(64), index=True)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id", ondelete="SET NULL"), index=True)


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
    """How one sentence is spoken, as a person set it from the page; found again in a new edition by its words."""

    __tablename__ = "spoken_sentences"

    book: Mapped[str] = mapped_column(ForeignKey("books.slug", ondelete="CASCADE"), primary_key=True)
    chapter_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Of the chapter that it was set in."""
    chapter_title: Mapped[str] = mapped_column(Text)
    sentence_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    written: Mapped[str] = mapped_column(Text)
    """Folded, as are its neighbors."""
    before: Mapped[str] = mapped_column(Text)
    """The sentence before it in its chapter, or empty."""
    after: Mapped[str] = mapped_column(Text)
    """The sentence after it, or empty."""
    spoken: Mapped[str] = mapped_column(Text)
    clip_before: Mapped[str] = mapped_column(String(64))
    """Key of the clip that spoke it before the change, or empty."""
