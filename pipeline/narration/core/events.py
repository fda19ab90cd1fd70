"""What happens during a run, told to whoever watches: the command line, a page, a log."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What every event may say of where it happened."""

    run: str = ""
    """Id of the narration."""
    book: str = ""
    """Slug."""


@dataclass(frozen=True, slots=True)
class BookOpened(_Told):
    """The document is read."""

    slug: str
    title: str
    chapters: int
    chars: int
    """Characters that are to be spoken."""


@dataclass(frozen=True, slots=True)
class ChapterPlanned(_Told):
    """A chapter is cut into chunks."""

    position: int
    chunks: int
    cached: int
    """Chunks whose clip exists already."""
    chars: int
    """Characters of the chunks that are to be synthesised."""


@dataclass(frozen=True, slots=True)
class ClipReady(_Told):
    """A chunk was spoken."""

    chapter: int
    chars: int
    seconds: float
    chunk_id: str


@dataclass(frozen=True, slots=True)
class ClipFailed(_Told):
    """A chunk could not be spoken; the run goes on."""

    chapter: int
    chunk_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChapterReady(_Told):
    """A chapter is assembled."""

    position: int
    title: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ReleaseReady(_Told):
    """A file of the release is in its place."""

    path: Path


@dataclass(frozen=True, slots=True)
class Note(_Told):
    """Something a person should know."""

    text: str


Event = BookOpened | ChapterPlanned | ClipReady | ClipFailed | ChapterReady | ReleaseReady | Note
Report = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Nobody watches."""
