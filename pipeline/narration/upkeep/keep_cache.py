"""The clip cache -> the same cache without damage, or without what nobody needs."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.narration.core.context import Context
from pipeline.narration.upkeep.rebuild_cache import has_key, is_lost
from pipeline.narration.upkeep.sweep_work import sweep_locks, sweep_work
from pipeline.store.files.whole_file import STRAY_AFTER_S, stray_parts

ANSWER_KEPT_S = 30 * 24 * 3600.0
"""An answer that is paid for and no clip yet: the run that was cut short may go on days later."""
_AT_ONCE = 200
"""Clips of one transaction: longer ones would keep narrations from writing."""


@dataclass
class Pruned:
    """What was deleted."""

    clips: int = 0
    chapters: int = 0
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Verified:
    """What the clip cache was found to be."""

    clips: int
    dropped: int
    """Clips whose sound was missing or changed."""
    orphan_files: int
    """Files that no clip names."""
    rebuildable: int
    """Those of them that say which clip they are: `rebuild_cache` makes their rows again."""


def verify_cache(context: Context) -> Verified:
    """Read every clip and drop the damaged; look at the files that no clip names."""
    clips = context.store.clips
    total = clips.stats().clips
    damaged = list(clips.damaged())
    dropped = sum(clips.drop(dict(damaged[at : at + _AT_ONCE])) for at in range(0, len(damaged), _AT_ONCE))
    orphans = clips.orphan_blobs()
    rebuildable = sum(has_key(clips.blobs, digest) for digest in orphans)
    return Verified(clips=total, dropped=dropped, orphan_files=len(orphans), rebuildable=rebuildable)


def prune_cache(context: Context, *, dry_run: bool = False, everything: bool = False) -> Pruned:
    """Delete clips of no book, former editions and plans, chapters of no release and files that killed processes left.

    Args:
        context: the open data directory.
        dry_run: only count.
        everything: also where that is every clip, since no book was narrated with this database.

    Raises:
        StoreError: a narration is running or began meanwhile, whose fresh files would look unneeded; or the database
            was lost, so that every file would.
    """
    if not dry_run:
        _check_known(context, everything=everything)
    pruned = Pruned()
    clips, check_idle = context.store.clips, context.store.runs.check_idle
    if not dry_run:
        context.store.editions.remove_former()
        context.store.plans.remove_unused(check_idle)
    unused = clips.unused()
    pruned.clips = len(unused)
    if not dry_run:
        for at in range(0, len(unused), _AT_ONCE):
            pruned.bytes += clips.drop_unused(dict(unused[at : at + _AT_ONCE]), check_idle)
    pruned.chapters = len(context.store.chapters.unused())
    pruned.bytes += 0 if dry_run else sweep_chapters(context)
    pruned.files, size = sweep_work(context, dry_run=dry_run)
    pruned.bytes += size
    for path, size in _stray(context):
        pruned.files += 1
        pruned.bytes += size
        if not dry_run:
            path.unlink(missing_ok=True)
    if not dry_run and not context.store.runs.is_any_live():
        sweep_locks(context)
    return pruned


def _check_known(context: Context, *, everything: bool) -> None:
    """Raises: StoreError where what the database says of the need for clips cannot be gone by."""
    store = context.store
    if store.runs.is_any_live():
        raise StoreError("A narration is running", remedy="prune when it has ended")
    if is_lost(context):
        raise StoreError(
            "The database does not know the clips that are there, so all of them would be deleted",
            remedy="run `bookcast cache rebuild` first",
        )
    if not everything and store.plans.is_empty() and not store.clips.is_empty():  # so it is after a rebuild
        raise StoreError(
            "No book has been narrated with this database, so all clips would be deleted",
            remedy="narrate the books that you want to keep first, or run `bookcast cache prune --all`",
        )


def sweep_chapters(context: Context, *, but: str = "") -> int:
    """Delete encoded chapters that no book and no release points at, unless anybody narrates; how many bytes.

    A run that is under way may be about to use one. The rows go first: a run that starts now finds none, makes the
    chapter anew, and records it under the lock, so that its files are left alone here.

    Args:
        context: the open data directory.
        but: id of a run that has done all its work.
    """
    chapters = context.store.chapters
    unused = chapters.unused()  # before it is asked who narrates: to look through the folders takes a while
    if context.store.runs.is_any_live(but=but):
        return 0
    size = 0
    for key in chapters.forget_unused(unused):
        with context.store.lock(f"chapter {key}"):
            if not chapters.is_recorded(key):
                size += chapters.remove_files(key)
    return size


def _stray(context: Context) -> Iterator[tuple[Path, int]]:
    """Files that killed processes left among clips and answers, with their sizes."""
    clips, answers = context.store.clips, context.store.answers.paths()
    orphans = [clips.blobs.path(digest) for digest in clips.orphan_blobs()]
    made = clips.find(path.name for path in answers)
    paid = {path for path in answers if path.name not in made}
    yield from stray_parts(context.store.data / "clips", deep=True)
    for path in [*orphans, *answers]:
        with suppress(FileNotFoundError):  # whoever it belongs to is done with it
            found = path.stat()
            if found.st_mtime < time.time() - (ANSWER_KEPT_S if path in paid else STRAY_AFTER_S):
                yield path, found.st_size
