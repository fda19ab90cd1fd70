"""A backup that is taken while a book is narrated, and a data directory that is restored from it elsewhere."""

import hashlib
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.errors import StoreError
from pipeline.narration.core.order import Order
from pipeline.narration.running.estimate import estimate
from pipeline.narration.upkeep.keep_cache import verify_cache
from pipeline.narration.upkeep.rebuild_cache import rebuild_cache
from pipeline.podcasts.subscribers import address_token
from pipeline.store.back_up import back_up
from tests.conftest import Desk
from tests.fakes import spoken
from tests.makers import make_epub
from tests.program import bookcast
from tests.waiting import wait_until

FAKE = Order(backend="fake")
MakeDesk = Callable[..., Desk]
IN_FLIGHT = 2
"""Clips whose row may not be written yet: one that is being spoken, one that is on its way."""


def restored(desk: Desk, backup: Path, make_desk: MakeDesk, name: str = "restored") -> Desk:
    """A data directory made of the backup alone: what it was made from is moved away."""
    found = make_desk(name)
    shutil.copytree(backup, found.data)
    if desk.data.exists():
        desk.data.rename(desk.data.with_name("gone"))
    return found


def long_book(tmp_path: Path) -> Path:
    text = "".join(f"<p>This is the sentence that has the number {n}.</p>" for n in range(30))
    path = tmp_path / "long.epub"
    path.write_bytes(make_epub({"one.xhtml": f"<h2>One</h2>{text}"}, title="Long"))
    return path


@pytest.mark.long
def test_a_backup_of_a_narration_under_way_is_whole_elsewhere_and_nothing_is_bought_again(
    desk: Desk, make_desk: MakeDesk, short_epub: Path, tmp_path: Path, fake_voice: Path
) -> None:
    first = desk.narrate(short_epub, FAKE)
    (release,) = [Path(path) for path in first.outputs]
    sound = hashlib.sha256(release.read_bytes()).digest()
    (fake_voice / "delay").write_text("0.1")
    other = threading.Thread(target=desk.narrate, args=(long_book(tmp_path), FAKE))
    other.start()
    wait_until(lambda: len(spoken(fake_voice)) > 12 + 8, "the second book")
    before = spoken(fake_voice)
    done = back_up(desk.data, tmp_path / "backup")
    assert done.copied > 20
    assert other.is_alive(), "the backup did not wait for the narration, nor end it"
    other.join()
    (fake_voice / "delay").unlink()
    after = len(spoken(fake_voice))

    found = restored(desk, tmp_path / "backup", make_desk)
    context = found.open()
    rebuild_cache(context, lambda *_: None)
    assert verify_cache(context).dropped == 0
    assert estimate(context, first.book, FAKE).requests == 0
    (again,) = [path for path in context.store.releases.files(first.book) if path.suffix == ".m4b"]
    assert again.is_relative_to(found.data)
    assert hashlib.sha256(again.read_bytes()).digest() == sound
    assert len(decode_audio(again.read_bytes())) > 100_000
    assert context.store.runs.lost(), "the narration that was under way is known to be cut short, not to be running"
    context.close()
    assert found.narrate(short_epub, FAKE).synthesized == 0
    assert found.narrate(tmp_path / "long.epub", FAKE).outputs
    repeated = set(spoken(fake_voice)[after:]) & set(before[:-IN_FLIGHT])
    assert not repeated


def test_a_second_backup_copies_only_what_is_new(
    desk: Desk, short_epub: Path, tmp_path: Path, sample_markdown: Path
) -> None:
    desk.narrate(short_epub)
    first = back_up(desk.data, tmp_path / "backup")
    idle = back_up(desk.data, tmp_path / "backup")
    assert idle.copied == 0
    assert idle.kept == first.copied
    (tmp_path / "new.md").write_text("# New\n\nSome new words.\n")
    desk.narrate(tmp_path / "new.md")
    later = back_up(desk.data, tmp_path / "backup")
    assert 0 < later.copied < first.copied
    assert later.kept >= first.copied - 2


def test_a_backup_keeps_what_was_lost_since(desk: Desk, make_desk: MakeDesk, short_epub: Path, tmp_path: Path) -> None:
    desk.narrate(short_epub)
    back_up(desk.data, tmp_path / "backup")
    for clip in list((desk.data / "clips").rglob("*.flac"))[:5]:
        clip.unlink()
    back_up(desk.data, tmp_path / "backup")
    context = restored(desk, tmp_path / "backup", make_desk).open()
    assert verify_cache(context).dropped == 0
    context.close()


def test_addresses_of_podcasts_are_the_same_after_a_restore(desk: Desk, make_desk: MakeDesk, tmp_path: Path) -> None:
    context = desk.open()
    listener = context.store.podcasts.add_subscriber("my phone").id
    token = address_token(context, listener)
    back_up(context.store.data, tmp_path / "backup")
    context.close()
    assert (tmp_path / "backup" / "work" / "podcast-secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    again = restored(desk, tmp_path / "backup", make_desk).open()
    assert address_token(again, listener) == token
    again.close()


def test_a_data_directory_that_is_moved_keeps_its_releases(desk: Desk, make_desk: MakeDesk, short_epub: Path) -> None:
    done = desk.narrate(short_epub)
    moved = make_desk("moved")
    desk.data.rename(moved.data)
    context = moved.open()
    (release,) = [path for path in context.store.releases.files(done.book) if path.suffix == ".m4b"]
    assert release.is_relative_to(moved.data)
    before = release.stat().st_mtime_ns
    context.close()
    again = moved.narrate(short_epub)
    assert [Path(path) for path in again.outputs] == [release]
    assert release.stat().st_mtime_ns == before, "it is known, and not written again"


def test_a_release_that_an_older_bookcast_kept_by_an_absolute_path_is_still_known(
    desk: Desk, make_desk: MakeDesk, short_epub: Path, tmp_path: Path
) -> None:
    import sqlite3

    done = desk.narrate(short_epub)
    (release,) = [Path(path) for path in done.outputs]
    with sqlite3.connect(desk.data / "bookcast.db") as database:
        database.execute(
            "UPDATE releases SET folder = ?, files = replace(files, 'library/', ?)",
            (str(release.parent), f"{desk.data / 'library'}/"),
        )
    database.close()
    before = release.stat().st_mtime_ns
    assert [Path(path) for path in desk.narrate(short_epub).outputs] == [release]
    assert release.stat().st_mtime_ns == before
    back_up(desk.data, tmp_path / "backup")
    context = restored(desk, tmp_path / "backup", make_desk).open()
    assert all(path.is_relative_to(context.store.data) for path in context.store.releases.files(done.book))
    context.close()


def test_a_folder_of_something_else_is_never_backed_up_into(desk: Desk, make_desk: MakeDesk, tmp_path: Path) -> None:
    for each in (desk, other := make_desk("other")):
        each.open().close()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "me.jpg").write_bytes(b"...")
    (tmp_path / "a-file").write_text("...")
    back_up(other.data, tmp_path / "others")
    used = tmp_path / "used"
    back_up(desk.data, used)
    Desk(used, desk.settings).open().close()  # somebody narrates there: a backup would overwrite it
    wrong = [
        desk.data,
        desk.data / "work",
        tmp_path,
        tmp_path / "pictures",
        tmp_path / "a-file",
        tmp_path / "others",
        used,
    ]
    for folder in wrong:
        with pytest.raises(StoreError, match=str(folder)):
            back_up(desk.data, folder)
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["me.jpg"]


def test_a_backup_that_was_cut_short_is_completed_by_the_next(desk: Desk, short_epub: Path, tmp_path: Path) -> None:
    desk.narrate(short_epub)
    target = tmp_path / "backup"
    back_up(desk.data, target)
    whole = {path.relative_to(target) for path in target.rglob("*") if path.is_file()}
    (target / "bookcast.db").unlink()  # it comes last
    for clip in list(target.rglob("*.flac"))[::2]:
        clip.unlink()
    back_up(desk.data, target)
    assert {path.relative_to(target) for path in target.rglob("*") if path.is_file()} == whole


def test_what_a_backup_says_when_it_is_done_does_not_lead_into_it(desk: Desk, tmp_path: Path) -> None:
    desk.open().close()
    target = tmp_path / "backup"
    done = bookcast("--data", str(desk.data), "backup", str(target))
    assert done.returncode == 0, done.stderr
    assert "copy it first" in done.stdout
    assert f"--data {target}" not in done.stdout
    assert "--data" not in bookcast("backup", "--help").stdout


def test_a_file_that_waits_in_the_inbox_is_not_narrated_again_after_a_restore(desk: Desk, tmp_path: Path) -> None:
    desk.open().close()
    (desk.data / "inbox" / "done").mkdir()
    for name in ("waits: for now?.txt", "done/heard.txt"):
        (desk.data / "inbox" / name).write_text("text")
    back_up(desk.data, tmp_path / "backup")
    assert not (tmp_path / "backup" / "inbox").exists()


def test_a_backup_without_what_is_in_a_folder_that_cannot_be_read_is_never_called_whole(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open().close()
    real = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "clips":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError, match="clips cannot be read: Permission denied"):
        back_up(desk.data, tmp_path / "backup")
    assert '"whole_at": ""' in (tmp_path / "backup" / "backup.json").read_text()
    assert not (tmp_path / "backup" / "bookcast.db").exists()


def test_a_backup_can_be_read_by_its_owner_alone_also_in_a_folder_that_was_made_before(
    desk: Desk, tmp_path: Path
) -> None:
    desk.open().close()
    target = tmp_path / "backup"
    target.mkdir()
    target.chmod(0o755)
    before = os.umask(0o022)
    back_up(desk.data, target)
    os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (target, target / "bookcast.db")] == [0o700, 0o600]


def test_what_a_killed_backup_had_begun_is_removed_by_the_next(desk: Desk, tmp_path: Path) -> None:
    desk.open().close()
    target = tmp_path / "backup"
    back_up(desk.data, target)
    left = [target / ".0a.db.part", target / ".0a.db.part-wal", target / "clips" / "ab" / ".0b.flac.part"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half of it")
        os.utime(path, (time.time() - 86_400,) * 2)
    back_up(desk.data, target)
    assert [path for path in left if path.exists()] == []
