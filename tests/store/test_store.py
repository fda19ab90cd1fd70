"""The store: whole files only, single-flight claims, errors in plain words."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.model.audio import Clip
from pipeline.model.voice import VoiceChoice
from pipeline.store import Store
from pipeline.store.blobs import Blobs, whole_file
from pipeline.store.clips import KeptClip
from tests.conftest import ROOT

CHOICE = VoiceChoice("tone", "tone", "tone-1", "beep", "en")


def clip(key: str, blob: str) -> Clip:
    return Clip(key, blob, 2400, (2400,), True, 0.5, b"\0\0\0\0")


def test_a_blob_is_found_by_its_content_and_damage_is_noticed(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, ".flac")
    digest = blobs.write(b"sound")
    assert blobs.find(digest) == b"sound"
    blobs.path(digest).write_bytes(b"sounD")
    assert blobs.find(digest) is None
    assert blobs.find("0" * 64) is None
    assert list(blobs.digests()) == [digest]


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
    assert first.clips.claim(["a", "b"]) == {"a", "b"}
    assert second.clips.claim(["a", "c"]) == {"c"}
    assert first.clips.claim(["a"]) == set()
    first.clips.release(["a"])
    assert second.clips.claim(["a"]) == {"a"}
    first.clips.keep([KeptClip(clip("b", "1" * 64), CHOICE, 3)])
    assert second.clips.claim(["b"]) == set()
    assert second.clips.claim(["b"], again=True) == {"b"}


def test_claims_of_a_killed_process_are_free_at_once(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from pipeline.store import Store; "
        "s = Store(Path(sys.argv[1])); s.clips.claim(['k']); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert Store(tmp_path).clips.claim(["k"]) == {"k"}


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
        subprocess.run(["umount", str(disk)], check=True)


def test_pruning_forgets_clips_of_no_book(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.clips.blobs.write(b"sound")
    store.clips.keep([KeptClip(clip("k", digest), CHOICE, 3)])
    assert store.clips.unused() == ["k"]
    store.clips.drop(["k"])
    assert store.clips.blobs.find(digest) is None
    assert store.clips.stats().clips == 0


def test_a_blob_shared_by_two_clips_survives_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.clips.blobs.write(b"sound")
    for key in ("k", "l"):
        store.clips.keep([KeptClip(clip(key, digest), CHOICE, 3)])
    store.clips.drop(["k"])
    assert store.clips.blobs.find(digest) == b"sound"
