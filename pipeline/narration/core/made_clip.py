"""What comes of a request. Worker processes read this file: it imports no database and no settings."""

from dataclasses import dataclass

from pipeline.model.audio import Clip


@dataclass(frozen=True, slots=True)
class Made:
    """A clip that was made."""

    clip: Clip
    attempts: int = 1
    """Requests that it took."""
    answers: tuple[str, ...] = ()
    """Keys of the stored answers that it was made of; they may go when it is kept."""
