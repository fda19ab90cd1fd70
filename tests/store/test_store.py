"""The store: whole files only, single-flight claims, errors in plain words."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.model.audio import Clip, ClipFacts
from pipeline.model.plan import ChapterPlan
from pipeline.model.states import RunState
from pipeline.model.voice import VoiceChoice
from pipeline.store import Store
from pipeline.store.files.blobs import Blobs
from pipeline.store.files.whole_file import whole_file
from pipeline.store.sound.clips import KeptClip
from tests.conftest import ROOT
from tests.fakes import unreadable


def clip(key: str, blob: str) -> Clip:
    facts = ClipFacts(key=key, sentence_ends_samples=(2400,), exact=True, chars=3, backend="tone", voice="beep")
    return Clip(facts=facts, blob=blob, samples=2400, peak=0.5, energies=b"\0\0\0\0")


def test_a_blob_is_found_by_its_content_and_damage_is_noticed(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, ".flac")
    digest = blobs.write(b"sound")
    assert blobs.find(digest) == b"sound"
    blobs.path(digest).write_bytes(b"sounD")
    assert blobs.find(digest) is None
    assert blobs.find("0" * 64) is None
    assert list(blobs.digests()) == [digest]


def test_a_blob_that_cannot_be_read_just_now_is_neither_missing_nor_damaged(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.clips.blobs.write(b"sound")
    store.clips.keep([KeptClip(clip("k", digest))])
    with unreadable(store.clips.blobs.path(digest)), pytest.raises(StoreError, match="cannot be read") as caught:
        list(store.clips.damaged())
    assert caught.value.remedy
    assert list(store.clips.damaged()) == []


def test_the_clips_of_a_folder_that_went_away_are_not_missing_one_by_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.clips.blobs.write(b"sound")
    (tmp_path / "clips").rename(tmp_path / "unmounted")
    with pytest.raises(StoreError, match="no longer there"):
        store.clips.blobs.find(digest)


def test_a_file_cut_short_is_written_again(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, ".flac")
    digest = blobs.write(b"sound")
    blobs.path(digest).write_bytes(b"so")
    blobs.write(b"sound")
    assert blobs.find(digest) == b"sound"


def test_an_interrupted_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError), whole_file(tmp_path / "x.m4b") as temporary:
        temporary.write_bytes(b"half")
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_two_stores_never_claim_one_key(tmp_path: Path) -> None:
    first, second = Store(tmp_path), Store(tmp_path)
    assert first.claims.claim(["a", "b"]) == {"a", "b"}
    assert second.claims.claim(["a", "c"]) == {"c"}
    assert first.claims.claim(["a"]) == set()
    first.claims.release(["a"])
    assert second.claims.claim(["a"]) == {"a"}
    first.clips.keep([KeptClip(clip("b", "1" * 64))])
    assert second.claims.claim(["b"]) == set()
    assert second.claims.claim(["b"], again=True) == {"b"}


def test_claims_of_a_killed_process_are_free_at_once(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from pipeline.store import Store; "
        "s = Store(Path(sys.argv[1])); s.claims.claim(['k']); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert Store(tmp_path).claims.claim(["k"]) == {"k"}


def test_a_database_is_made_once_and_reopened(tmp_path: Path) -> None:
    Store(tmp_path).close()
    store = Store(tmp_path)
    store.check()
    assert store.documents.books() == []


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "bookcast.db").write_bytes(b"this is not a database at all" * 500)
    with pytest.raises(StoreError, match="damaged") as caught:
        Store(tmp_path)
    assert caught.value.remedy


def test_a_database_of_a_newer_program_is_not_touched(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "bookcast.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer"):
        Store(tmp_path)


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small disk")
def test_a_full_disk_is_named_and_nothing_half_written_stays(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)], check=False).returncode:
        pytest.skip("no right to mount")
    try:
        blobs = Blobs(disk, ".flac")
        with pytest.raises(StoreError, match="No space left") as caught:
            for n in range(50):
                blobs.write(bytes([n]) * 20_000)
        assert "free some space" in caught.value.remedy
        assert all(blobs.find(digest) for digest in blobs.digests())
        assert not list(disk.rglob("*.part"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_pruning_forgets_clips_of_no_book(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.clips.blobs.write(b"sound")
    store.clips.keep([KeptClip(clip("k", digest))])
    assert store.clips.unused() == [("k", digest)]
    store.clips.drop({"k": "of another take"})
    assert store.clips.stats().clips == 1
    store.clips.drop({"k": digest})
    assert store.clips.blobs.find(digest) is None
    assert store.clips.stats().clips == 0


def test_a_run_that_begins_after_the_look_keeps_what_it_may_have_found(tmp_path: Path) -> None:
    store, other = Store(tmp_path), Store(tmp_path)
    store.plans.save(ChapterPlan("p", ()))
    store.clips.keep([KeptClip(clip("k", store.clips.blobs.write(b"sound")))])
    unused = dict(store.clips.unused())
    run = other.runs.start("book", {})
    for delete in (
        lambda: store.clips.drop_unused(unused, store.runs.check_idle),
        lambda: store.plans.remove_unused(store.runs.check_idle),
    ):
        with pytest.raises(StoreError, match="A narration is running"):
            delete()
    assert set(store.clips.find(["k"])) == {"k"}
    assert store.plans.find("p")
    other.runs.end(run, RunState.FINISHED, {})
    assert store.clips.drop_unused(unused, store.runs.check_idle) == len(b"sound")
    store.plans.remove_unused(store.runs.check_idle)
    assert store.plans.is_empty()
    assert store.clips.is_empty()


def test_a_plan_that_was_deleted_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="were deleted") as caught:
        Store(tmp_path).plans.point([(1, "gone")])
    assert "start again" in caught.value.remedy


def test_a_blob_shared_by_two_clips_survives_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.clips.blobs.write(b"sound")
    for key in ("k", "l"):
        store.clips.keep([KeptClip(clip(key, digest))])
    store.clips.drop({"k": digest})
    assert store.clips.blobs.find(digest) == b"sound"


def test_a_former_clip_is_adopted_but_never_in_place_of_one_made_meanwhile(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.clips.keep([KeptClip(clip("old", "1" * 64)), KeptClip(clip("made", "2" * 64))])
    with sqlite3.connect(tmp_path / "bookcast.db") as connection:
        connection.execute("UPDATE clips SET is_former = 1 WHERE key = 'old'")
    connection.close()
    choice = VoiceChoice("tone", "tone", "", "beep", "en")
    assert store.clips.adopt({"made": ["old"], "missing": ["old"]}, choice) == {"made", "missing"}
    blobs = {key: found.blob for key, found in store.clips.find(["made", "missing"]).items()}
    assert blobs == {"made": "2" * 64, "missing": "1" * 64}
    store.close()


def test_a_take_that_is_said_again_is_the_clip_and_no_former_take_of_itself(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digests = [store.clips.blobs.write(sound) for sound in (b"first", b"second", b"third", b"fourth")]
    for digest in [*digests, digests[0]]:
        store.clips.keep([KeptClip(clip("k", digest))])
    assert store.clips.find(["k"])["k"].blob == digests[0]
    assert store.takes.of("k") == digests[:0:-1]
    assert all(store.clips.blobs.find(digest) for digest in digests)
