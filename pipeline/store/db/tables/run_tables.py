"""Runs, who owns them, and what services cost."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.store.db.tables.base import Base


class OwnerRow(Base):
    """A process that works with the store; it is dead where its row is gone or its lease has run out."""

    __tablename__ = "owners"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    machine: Mapped[str] = mapped_column(String(32))
    """The uuid in the scratch folder that its lock file is in."""
    process: Mapped[int]
    """Its number there, for a person who looks for it."""
    started_at: Mapped[datetime] = mapped_column(DateTime)
    lease_until: Mapped[float] = mapped_column(Double)
    """Unix seconds by the clock of the database."""


class ClaimRow(Base):
    """Somebody is synthesizing this key right now; the claim goes with its owner."""

    __tablename__ = "claims"

    clip_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)


class RunRow(Base):
    """One narration, from its start to its end."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    book: Mapped[str] = mapped_column(String(120), index=True)
    state: Mapped[str] = mapped_column(String(12))
    """One of `RunState`."""
    owner: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What was asked for."""
    started_at: Mapped[datetime] = mapped_column(DateTime)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime, default=None)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    flow_run: Mapped[str] = mapped_column(String(36), default="", server_default="", index=True)
    """Prefect's id of the flow run that this is, or empty."""


class SpendRow(Base):
    """One request to a paid service: reserved before it is sent, settled or voided after."""

    __tablename__ = "spend"
    __table_args__ = (
        Index("ix_spend_run", "run"),
        Index("ix_spend_cap_id", "cap_id"),
        Index("ix_spend_book", "book"),
        Index("ix_spend_month", "month"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    run: Mapped[str] = mapped_column(String(32))
    cap_id: Mapped[str] = mapped_column(String(36), default="", server_default="")
    """The purchases that the cap of a run counts have this in common: reruns and edits go on under the cap of a run."""
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
