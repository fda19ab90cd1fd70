"""Sound: clips, what stands in for them or keeps them from being made, and assembled chapters."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.store.db.tables.base import Base


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
    is_former: Mapped[bool] = mapped_column(default=False, server_default="0")
    """True under a key of an older Bookcast, which plans of today ask for by another one."""


class StandInRow(Base):
    """In one book, the clip of another voice that is heard for a chunk, because its own voice failed."""

    __tablename__ = "stand_ins"

    book: Mapped[str] = mapped_column(ForeignKey("books.slug", ondelete="CASCADE"), primary_key=True)
    wanted_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Key of the clip that should be heard; once that exists, nothing stands in for it."""
    clip_key: Mapped[str] = mapped_column(String(64), index=True)
    piece_ends: Mapped[list[int]] = mapped_column(JSON)
    """For each sentence of the chunk, the index (from 0) of the clip's sentence that ends it."""
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime)


class FailureRow(Base):
    """Why a clip could not be made when it was tried last; goes when the clip exists."""

    __tablename__ = "failures"

    clip_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int]
    """Requests so far."""
    at: Mapped[datetime] = mapped_column(DateTime)


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


class TakeRow(Base):
    """A clip that another take of the same key has replaced."""

    __tablename__ = "takes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    blob: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Every other column of the clip's row."""
    energies: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(DateTime)
