"""Plans: the chunks of a chapter, written once."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.store.db.tables.base import Base


class PlanRow(Base):
    """A plan of a chapter's text under its key; nothing ever changes it, and upkeep alone removes it."""

    __tablename__ = "plans"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """Content address of blocks, voice, packing, rules, lexicon and edits."""
    made_at: Mapped[datetime] = mapped_column(DateTime)


class ChunkRow(Base):
    """A chunk of a plan. How far it is follows from what exists under its clip key."""

    __tablename__ = "chunks"

    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    chunk_id: Mapped[str] = mapped_column(String(12))
    block_position: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    sentences: Mapped[list[Any]] = mapped_column(JSON)
    """[id, start, end, spoken] of each."""
    clip_key: Mapped[str] = mapped_column(String(64))
    """Empty where nothing is spoken."""
    skip_reason: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("ix_chunks_id", "chunk_id"), Index("ix_chunks_clip", "clip_key"))
