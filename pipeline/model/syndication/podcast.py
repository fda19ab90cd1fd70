"""What podcast apps are told: podcasts and their episodes."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal


class PodcastKind(StrEnum):
    """What the episodes of a podcast come from."""

    FEEDS = "feeds"
    BOOKS = "books"


@dataclass(frozen=True, slots=True)
class PodcastId:
    """Which podcast; as text, its place in addresses and folders."""

    kind: PodcastKind
    name: str
    """Of the feed, or slug of the book."""

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.name}"


ALL_ARTICLES = PodcastId(PodcastKind.FEEDS, "all")
"""The podcast of all feeds; no feed has its name."""


def find_podcast_id(kind: str, name: str) -> PodcastId | None:
    """The id of these two; None where there is no such kind, or the name is empty."""
    return next((PodcastId(each, name) for each in PodcastKind if each.value == kind and name), None)


def parse_podcast_id(text: str) -> PodcastId | None:
    """The id that a person wrote.

    >>> parse_podcast_id("books/alice")
    PodcastId(kind=<PodcastKind.BOOKS: 'books'>, name='alice')
    """
    kind, _, name = text.partition("/")
    return find_podcast_id(kind, name)


@dataclass(frozen=True, slots=True)
class EpisodeId:
    """Which episode; as text, the stem of its files' names. Stable."""

    book: str
    """Slug."""
    number: int = 0
    """Of the chapter, from 1; 0 for an article, which is a book of one chapter."""

    def __str__(self) -> str:
        return f"{self.book}.{self.number}" if self.number else self.book


_EPISODE_FILE = re.compile(r"([^.]+)(?:\.([1-9]\d{0,5}))?((?:\.[a-z]\w*)+)")


def parse_episode_file(name: str) -> tuple[EpisodeId, str] | None:
    """The episode that a file belongs to, and the file's suffix; None for a name that no such file has.

    >>> parse_episode_file("alice.3.chapters.json")
    (EpisodeId(book='alice', number=3), '.chapters.json')
    """
    found = _EPISODE_FILE.fullmatch(name)
    return (EpisodeId(found[1], int(found[2] or 0)), found[3]) if found else None


@dataclass(frozen=True, slots=True)
class Episode:
    """One piece of sound with its facts."""

    id: EpisodeId
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

    id: PodcastId
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
