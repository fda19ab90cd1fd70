"""The states that runs and articles are in, by the names under which they are stored and shown."""

from enum import StrEnum


class RunState(StrEnum):
    """How far a narration is, as the store knows it."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    """Something of it failed; the rest is done."""
    STOPPED = "stopped"
    """For good: a person stopped it, an error did, or a later run took its place."""
    INTERRUPTED = "interrupted"
    """Its program was told to end by the system; the run resumes."""


class ActiveState(StrEnum):
    """How far a run is that waits or is under way, as Prefect knows it."""

    SCHEDULED = "scheduled"
    PENDING = "pending"
    RUNNING = "running"
    CANCELLING = "cancelling"
    ENDED = "ended"
    """Told once, of a run that was under way a moment ago."""


class ItemState(StrEnum):
    """What became of an article of a feed."""

    WAITING = ""
    """It was not tried yet, or is to be tried anew."""
    DONE = "done"
    """It is an episode."""
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    """Its episode was kept long enough; it never comes again."""
