"""The clip cache -> the same cache without damage, or without what nobody needs."""

import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.stages.context import Context

STRAY_AFTER_S = 3600.0
"""A temporary file this old belongs to a process that was killed."""


@dataclass
class Pruned:
    """What was deleted."""

    clips: int = 0
    chapters: int = 0
    files: int = 0
    bytes: int = 0


def verify_cache(context: Context) -> tuple[int, int, int]:
    """Read every clip and drop the damaged; how many there are, were dropped, and files that no clip names."""
    clips = context.store.clips
    total = clips.stats().clips
    damaged = list(clips.damaged())
    for at in range(0, len(damaged), 200):
        clips.drop(damaged[at : at + 200])
    return total, len(damaged), len(clips.orphan_blobs())


def prune_cache(context: Context, *, dry_run: bool = False) -> Pruned:
    """Delete clips of no book, chapters of no plan and files that killed processes left.

    Raises:
        StoreError: a narration is running, whose fresh files would look unneeded.
    """
    if context.store.runs.is_any_live() and not dry_run:
        raise StoreError("A narration is running", remedy="prune when it has ended")
    pruned = Pruned()
    clips, releases = context.store.clips, context.store.releases
    unused = clips.unused()
    pruned.clips = len(unused)
    before = clips.stats().bytes
    if not dry_run:
        for at in range(0, len(unused), 200):
            clips.drop(unused[at : at + 200])
        pruned.bytes += before - clips.stats().bytes
    for key in releases.unused_chapters():
        pruned.chapters += 1
        if not dry_run:
            pruned.bytes += releases.remove_chapter(key)
    for path in _stray(context):
        pruned.files += 1
        pruned.bytes += path.stat().st_size
        if not dry_run:
            path.unlink(missing_ok=True)
    return pruned


def _stray(context: Context) -> list[Path]:
    old = time.time() - STRAY_AFTER_S
    clips = context.store.clips
    parts = [p for folder in ("clips", "work") for p in (context.store.data / folder).rglob(".*.part")]
    orphans = [clips.blobs.path(digest) for digest in clips.orphan_blobs()]
    return [path for path in [*parts, *orphans, *context.store.answers.paths()] if path.stat().st_mtime < old]
