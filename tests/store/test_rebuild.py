"""The index of the clips is made again from their files: whole, once, and never over a row that is there."""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.clip_file import measure_clip, write_clip
from pipeline.audio.pcm import encode_flac
from pipeline.errors import Interrupted
from pipeline.model.audio import Clip, ClipFacts
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.upkeep.keep_cache import verify_cache
from pipeline.narration.upkeep.rebuild_cache import Rebuilt, is_lost, rebuild_cache
from pipeline.store.sound.clips import KeptClip
from tests.conftest import Desk
from tests.program import bookcast

NOTHING = Rebuilt(found=0, takes=0, known=0, without_key=0, damaged=0)


def make_file(context: Context, key: str, *, take: int = 0, at: float = 0.0) -> Clip:
    """A clip whose file is written and whose row is not; `at` is the file's time."""
    samples = (np.sin(np.arange(2400 + 10 * take) / 9) * 8000).astype(np.int16)
    facts = ClipFacts(
        key=key,
        sentence_ends_samples=(1000, len(samples)),
        exact=False,
        chars=5,
        backend="rig",
        voice="Cherry",
        remark=f"take {take}",
    )
    blobs = context.store.clips.blobs
    clip = measure_clip(samples, facts, blobs.write(write_clip(samples, facts)))
    if at:
        os.utime(blobs.path(clip.blob), (at, at))
    return clip


def rows(context: Context) -> dict[str, tuple[Clip, list[str]]]:
    """Every clip of the store with its former takes."""
    clips = context.store.clips
    found = clips.find(key for key, _ in clips.unused())
    return {key: (clip, context.store.takes.of(key)) for key, clip in found.items()}


@pytest.fixture
def context(desk: Desk) -> Context:
    return desk.open()


def test_every_row_is_as_it_was_before_the_database_was_lost(
    desk: Desk, short_epub: Path, make_desk: Callable[..., Desk]
) -> None:
    desk.narrate(short_epub, Order(backend="tone"))
    context = desk.open()
    keys = {place.chunk.clip_key for place in context.store.chunks.places(context.store.documents.books()[0].slug)}
    before = context.store.clips.find(keys)
    context.close()
    lost = make_desk("lost")
    shutil.copytree(desk.data / "clips", lost.data / "clips")
    context = lost.open()
    assert rebuild_cache(context) == replace(NOTHING, found=len(before))
    assert context.store.clips.find(keys) == before
    assert rebuild_cache(context) == replace(NOTHING, known=len(before)), "the second time there is nothing to do"
    context.close()


@pytest.mark.parametrize("seed", range(5))
def test_the_newest_file_of_a_key_is_the_clip_and_the_others_are_its_former_takes(context: Context, seed: int) -> None:
    dice = random.Random(seed)
    files = [(key, take) for key in ("k", "l", "m") for take in range(3)]
    dice.shuffle(files)
    made = {(key, take): make_file(context, key, take=take, at=1e9 + take * 60) for key, take in files}
    assert rebuild_cache(context) == replace(NOTHING, found=3, takes=6)
    expected = {key: (made[key, 2], [made[key, 1].blob, made[key, 0].blob]) for key in ("k", "l", "m")}
    assert rows(context) == expected
    context.store.takes.choose("k", made["k", 0].blob)
    assert context.store.clips.find(["k"])["k"] == made["k", 0]
    assert rebuild_cache(context) == replace(NOTHING, known=9)


def test_a_row_that_is_there_stays_though_a_file_is_newer(context: Context) -> None:
    kept, newer = make_file(context, "k", at=1e9), make_file(context, "k", take=1)
    context.store.clips.keep([KeptClip(kept)])
    assert rebuild_cache(context) == replace(NOTHING, takes=1, known=1)
    assert rows(context) == {"k": (kept, [newer.blob])}


def test_a_run_that_ends_its_clip_beside_a_rebuild_loses_nothing(context: Context) -> None:
    context.store.claims.claim(["k"])
    clip = make_file(context, "k")
    assert rebuild_cache(context) == replace(NOTHING, found=1)
    context.store.clips.keep([KeptClip(clip)])
    assert rows(context) == {"k": (clip, [])}
    again = make_file(context, "k", take=1)
    assert rebuild_cache(context) == replace(NOTHING, takes=1, known=1)
    context.store.clips.keep([KeptClip(again)])
    assert rows(context) == {"k": (again, [clip.blob])}


def test_files_that_cannot_be_taken_up_are_kept_and_named(context: Context) -> None:
    blobs = context.store.clips.blobs
    make_file(context, "good")
    blobs.write(encode_flac(np.full(2400, 9, np.int16)))
    blobs.write(b"no sound at all")
    broken = blobs.path(make_file(context, "broken").blob)
    broken.write_bytes(broken.read_bytes()[:-1] + b"\0")
    (blobs.folder / "ab").mkdir(exist_ok=True)
    (blobs.folder / "ab" / "notes.flac").write_bytes(b"somebody's own")
    files = {path: path.read_bytes() for path in blobs.folder.rglob("*.flac")}
    assert rebuild_cache(context) == replace(NOTHING, found=1, without_key=1, damaged=2)
    assert set(rows(context)) == {"good"}
    assert {path: path.read_bytes() for path in blobs.folder.rglob("*.flac")} == files


def test_files_of_an_older_program_alone_are_no_loss(context: Context) -> None:
    context.store.clips.blobs.write(encode_flac(np.full(2400, 9, np.int16)))
    assert not is_lost(context)
    make_file(context, "k")
    assert is_lost(context)
    rebuild_cache(context)
    assert not is_lost(context)


def test_progress_reaches_the_end_over_several_batches(context: Context) -> None:
    folder = context.store.clips.blobs.folder / "ab"
    folder.mkdir()
    for n in range(450):
        (folder / f"{n:062x}.flac").write_bytes(b"damaged")
    seen: list[tuple[int, int]] = []
    assert rebuild_cache(context, lambda read, total: seen.append((read, total))).damaged == 450
    assert seen == [(200, 450), (400, 450), (450, 450)]


def test_a_rebuild_that_was_broken_off_is_taken_up_before_anything_is_spoken(context: Context) -> None:
    for n in range(3):
        make_file(context, f"key {n}")
    context.stop()
    with pytest.raises(Interrupted):
        rebuild_cache(context)
    context.store.clips.keep([KeptClip(make_file(context, "another"))])
    assert is_lost(context)
    assert rebuild_cache(Context(context.settings, context.store.data)).found == 3
    assert not is_lost(context)


def test_verify_names_what_rebuild_would_find(context: Context, desk: Desk) -> None:
    make_file(context, "k")
    context.store.clips.blobs.write(encode_flac(np.full(2400, 9, np.int16)))
    found = verify_cache(context)
    assert (found.clips, found.dropped, found.orphan_files, found.rebuildable) == (0, 0, 2, 1)
    context.close()
    said = bookcast("--data", str(desk.data), "cache", "verify").stdout
    assert "1 of these files are clips that the database does not know: bookcast cache rebuild" in said
    said = bookcast("--data", str(desk.data), "cache", "rebuild").stdout
    assert "1 clips found again" in said
    assert "1 files do not say which clip they are" in said
