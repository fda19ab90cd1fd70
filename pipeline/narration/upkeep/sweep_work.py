"""The work folder -> the same without what killed programs left, what no book needs, and what can be made again.

Whatever goes here may go beside narrations: it belongs to a process that is dead, or nobody has touched it for long.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.narration.core.context import Context
from pipeline.narration.making.assemble_chapter import SEGMENTS
from pipeline.narration.making.book_cover import made_name
from pipeline.store.files.whole_file import STRAY_AFTER_S, stray_parts
from pipeline.store.ownership.locks import is_held

MADE_AGAIN_AFTER_S = 30 * 24 * 3600.0
"""Samples of voices and pictures are quickly made again; most are asked for within days, or never."""
DAY_S = 24 * 3600.0
_OWNER_CHARS = 32


def sweep_work(context: Context, *, dry_run: bool = False) -> tuple[int, int]:
    """Delete what nobody needs in the work folder; how many files, and their bytes. `dry_run` only counts."""
    if not dry_run:
        sweep_segments(context)  # first: their files would be found a second time
    found = [*_old_files(context), *stray_parts(context.store.data / "work", deep=True)]
    unused = [size for _, _, size in context.store.removals.unused_files(older_s=STRAY_AFTER_S)]
    if not dry_run:
        for path, _ in found:
            path.unlink(missing_ok=True)
        context.store.removals.remove_files(older_s=STRAY_AFTER_S)
    return len(found) + len(unused), sum(size for _, size in found) + sum(unused)


def sweep_segments(context: Context) -> None:
    """Delete the folders of half-encoded chapters that killed programs left."""
    for folder in _left_folders(context):
        shutil.rmtree(folder, ignore_errors=True)


def sweep_locks(context: Context) -> None:
    """Delete lock files that nobody asked for within a day; only while nobody narrates."""
    for path in (context.store.data / "work" / "locks").glob("*.lock"):
        if _is_older(path, DAY_S):
            is_held(path)  # removes it unless somebody holds it


def _left_folders(context: Context) -> Iterator[Path]:
    for folder in (context.store.data / "work").glob(f"{SEGMENTS}*"):
        owner = folder.name.removeprefix(SEGMENTS).partition("-")[0]
        has_owner = len(owner) == _OWNER_CHARS  # an older Bookcast did not write whose it is
        if not context.store.owner.is_alive(owner) if has_owner else _is_older(folder, DAY_S):
            yield folder


def _old_files(context: Context) -> Iterator[tuple[Path, int]]:
    """Pictures and samples that can be made or fetched again, with their sizes."""
    work = context.store.data / "work"
    covers = {made_name(digest) for digest in context.store.removals.used_covers()}
    pictures = {hashlib.sha256(feed.facts.picture.encode()).hexdigest() for feed in context.store.feeds.all()}
    for name, used, kept_s in (
        ("usable-covers", covers, MADE_AGAIN_AFTER_S),
        ("feed-pictures", pictures, DAY_S),
        ("auditions", frozenset(), MADE_AGAIN_AFTER_S),
    ):
        for path in (work / name).glob("[!.]*"):
            if path.name not in used and _is_older(path, kept_s):
                with suppress(OSError):
                    yield path, path.stat().st_size


def _is_older(path: Path, seconds: float) -> bool:
    try:
        return path.stat().st_mtime < time.time() - seconds
    except OSError:  # gone meanwhile
        return False
