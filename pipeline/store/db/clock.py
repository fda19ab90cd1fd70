"""Moments as the tables hold them, and the time on which all machines agree."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_UNIX_SECONDS = text("SELECT (julianday('now') - 2440587.5) * 86400.0")  # 2440587.5: 1970 began, in days of Julian


def now() -> datetime:
    """The present moment in UTC, without zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def read_clock(session: Session) -> float:
    """The database's time in Unix seconds, to the millisecond: leases are compared with nothing else."""
    return float(session.execute(_UNIX_SECONDS).scalar_one())
