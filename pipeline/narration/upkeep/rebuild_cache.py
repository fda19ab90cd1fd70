"""The files of the clips -> their rows: what a lost database knew of the sound is in the files themselves."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from itertools import islice
from pathlib import Path

from pipeline.audio.clip_file import find_clip, find_facts
from pipeline.errors import AudioError
from pipeline.model.audio import Clip
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.store.files.blobs import Blobs
from pipeline.store.files.whole_file import whole_file

BATCH = 200
"""Clips of one transaction; their measures are what is held in memory."""

Watch = Callable[[int, int], None]
"""Told how many files of how many were read."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of the files of the clips."""

    found: int
    """Clips that have their row again."""
    takes: int
    """Former takes of clips that have their row again."""
    known: int
    without_key: int
    """Files that do not say which clip they are: an older Bookcast made them. They stay."""
    damaged: int


class _Fate(Enum):
    KNOWN = auto()
    WITHOUT_KEY = auto()
    DAMAGED = auto()
    GONE = auto()


def rebuild_cache(context: Context, watch: Watch = lambda read, total: None) -> Rebuilt:
    """Read every file of the clips and make the rows that are missing; rows that are there stay as they are.

    Of several files with one key the newest is the clip, the others are its former takes. May run beside
    narrations, may be broken off and begun again, and does nothing where all is done.

    Raises:
        StoreError, Interrupted.
    """
    unfinished = _unfinished(context)
    # Half a rebuild looks like a healthy database that knows some clips; then pruning would delete all others.
    with whole_file(unfinished) as path:
        path.touch()
    blobs, index = context.store.clips.blobs, context.store.found_clips
    files, total, fates = blobs.newest_first(), sum(1 for _ in blobs.digests()), Counter[_Fate]()
    clips = takes = read = 0
    while batch := list(islice(files, BATCH)):
        context.check_stopping()
        # Files that have a row are not decoded, so a rebuild that was broken off soon gets to where it was.
        known = index.known([digest for digest, _ in batch])
        # threads are enough: hashing, decoding and measuring leave the interpreter alone
        looks = list(context.encoders.map(partial(_look, blobs, known), [digest for digest, _ in batch]))
        fates.update(look for look in looks if isinstance(look, _Fate))
        found = [(look, at) for look, (_, at) in zip(looks, batch, strict=True) if isinstance(look, Clip)]
        new_clips, new_takes = index.add(found) if found else (0, 0)
        clips, takes, read = clips + new_clips, takes + new_takes, read + len(batch)
        # Narrations may add files meanwhile.
        watch(read, max(read, total))
    unfinished.unlink(missing_ok=True)
    return Rebuilt(
        found=clips,
        takes=takes,
        known=fates[_Fate.KNOWN],
        without_key=fates[_Fate.WITHOUT_KEY],
        damaged=fates[_Fate.DAMAGED],
    )


def recover_cache(context: Context) -> None:
    """Rebuild first where the database knows not one of the clips that are there: to speak them again may cost money.

    Raises:
        StoreError, Interrupted.
    """
    if is_lost(context):
        context.report(Note("The database does not know the clips that are there; they are read first"))
        rebuilt = rebuild_cache(context)
        context.report(Note(f"{rebuilt.found:,} clips found again"))


def is_lost(context: Context) -> bool:
    """True where clips could be found again and the database knows none, or where a rebuild was broken off."""
    clips = context.store.clips
    # Lazily, and only where the database knows no clip: this is asked before every run.
    found = (digest for digest in clips.blobs.digests() if has_key(clips.blobs, digest))
    return _unfinished(context).exists() or (clips.is_empty() and next(found, None) is not None)


def has_key(blobs: Blobs, digest: str) -> bool:
    """True where a file is whole and says which clip it is."""
    data = blobs.find(digest)
    try:
        return data is not None and find_facts(data) is not None
    except AudioError:
        return False


def _unfinished(context: Context) -> Path:
    """A file that is there while a rebuild has not come to its end."""
    return context.store.data / "work" / "rebuilding"


def _look(blobs: Blobs, known: Collection[str], digest: str) -> Clip | _Fate:
    """The clip of a file that no row names, or what else the file is."""
    data = blobs.find(digest)
    if data is None:
        return _Fate.DAMAGED if blobs.path(digest).exists() else _Fate.GONE
    if digest in known:
        return _Fate.KNOWN
    try:
        return find_clip(data, digest) or _Fate.WITHOUT_KEY
    except AudioError:
        return _Fate.DAMAGED
