"""What podcast apps are told: podcasts and their episodes."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Episode:
    """One piece of sound with its facts."""

    id: str
    """Stem of its files' names; stable."""
    guid: str
    """Stable for ever."""
    title: str
    published: str
    """ISO 8601 moment in UTC."""
    audio: Path
    audio_bytes: int
    media_type: str
    seconds: float
    summary: str = ""
    """Plain text."""
    link: str = ""
    author: str = ""
    narrator: str = ""
    language: str = ""
    picture: str = ""
    """Name of the picture's file, or empty."""
    number: int = 0
    """In a serial, from 1; 0 for none."""
    chapter_id: int = 0
    """Of the stored chapter."""
    audio_key: str = ""
    """Of the stored sound."""


@dataclass(frozen=True, slots=True)
class Podcast:
    """One podcast; its episodes with the one first that apps are to show first."""

    id: str
    """`feeds/NAME` or `books/SLUG`: its place in addresses and folders."""
    guid: str
    title: str
    description: str
    link: str
    author: str
    language: str
    category: str
    episodes: tuple[Episode, ...]
    kind: Literal["episodic", "serial"] = "episodic"
    medium: Literal["podcast", "audiobook"] = "podcast"
    picture: str = ""
    """Name of the picture's file."""
    changed_at: datetime | None = None
    """UTC."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a part of an episode begins."""

    start_s: float
    title: str
