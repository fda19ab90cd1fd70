"""The cache is checked and pruned without losing what is paid for or needed."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.narration.upkeep.keep_cache import ANSWER_KEPT_S, prune_cache, verify_cache
from pipeline.narration.upkeep.rebuild_cache import rebuild_cache
from pipeline.store.files.whole_file import STRAY_AFTER_S
from tests.conftest import Desk
from tests.fakes import unreadable


def clips_of(desk: Desk) -> list[Path]:
    return sorted((desk.data / "clips").rglob("*.flac"))


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_read_error_that_passes_costs_no_clip(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    clips = clips_of(desk)
    for path in [*(desk.data / "work" / "chapters").rglob("*.m4a"), *(desk.data / "library").rglob("*.m4b")]:
        path.unlink()
    context = desk.open()
    with unreadable(clips[3]):
        with pytest.raises(StoreError, match="cannot be read"):
            verify_cache(context)
        with pytest.raises(StoreError, match="cannot be read"):
            desk.narrate(short_epub)
    assert verify_cache(context).dropped == 0
    context.close()
    assert clips_of(desk) == clips
    assert desk.narrate(short_epub).synthesized == 0


def test_a_clip_that_a_book_needs_by_now_is_not_deleted(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    context = desk.open()
    store, clips = context.store, clips_of(desk)
    slug = store.documents.books()[0].slug
    found = store.clips.find(place.chunk.clip_key for place in store.chunks.places(slug))
    looked_at = {key: clip.blob for key, clip in found.items()}
    assert store.clips.drop_unused(looked_at, store.runs.check_idle) == 0
    context.close()
    assert clips_of(desk) == clips


def test_clips_that_were_found_again_stay_until_a_book_was_narrated(
    make_desk: Callable[..., Desk], short_epub: Path
) -> None:
    desk, lost = make_desk(), make_desk("lost")
    desk.narrate(short_epub)
    shutil.copytree(desk.data / "clips", lost.data / "clips")
    context = lost.open()
    rebuild_cache(context)
    with pytest.raises(StoreError, match="all clips would be deleted") as caught:
        prune_cache(context)
    assert "narrate the books" in caught.value.remedy
    assert prune_cache(context, dry_run=True).clips > 0
    assert len(clips_of(lost)) == len(clips_of(desk))
    assert lost.narrate(short_epub).synthesized == 0
    assert prune_cache(context).clips == 0
    context.close()


def test_found_clips_of_no_book_are_deleted_where_a_person_wants_it(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    (desk.data / "bookcast.db").unlink()
    context = desk.open()
    rebuild_cache(context)
    assert prune_cache(context, everything=True).clips > 0
    context.close()
    assert clips_of(desk) == []


def test_answers_that_are_paid_for_outlive_a_prune_for_weeks_unless_they_are_clips(
    desk: Desk, short_epub: Path
) -> None:
    desk.narrate(short_epub)
    context = desk.open()
    slug = context.store.documents.books()[0].slug
    made = next(place.chunk.clip_key for place in context.store.chunks.places(slug) if place.chunk.clip_key)
    answers = context.store.answers
    for key in (made, "fresh", "waiting", "forgotten"):
        answers.keep(key, b"sound")
    paths = {path.name: path for path in answers.paths()}
    age(paths[made], STRAY_AFTER_S + 60)
    age(paths["waiting"], ANSWER_KEPT_S - 60)
    age(paths["forgotten"], ANSWER_KEPT_S + 60)
    pruned = prune_cache(context)
    assert (pruned.files, pruned.bytes) == (2, 2 * len(b"sound"))
    assert {path.name for path in answers.paths()} == {"fresh", "waiting"}
    context.close()


def test_a_half_written_answer_is_deleted_once_and_one_that_is_gone_is_no_error(desk: Desk) -> None:
    context = desk.open()
    folder = desk.data / "work" / "answers"
    half = folder / ".half.part"
    half.write_bytes(b"so")
    age(half, STRAY_AFTER_S + 60)
    (folder / "gone").symlink_to("nowhere")  # it is listed, and not there when it is looked at
    pruned = prune_cache(context)
    assert (pruned.files, pruned.bytes) == (1, 2)
    assert not half.exists()
    context.close()
