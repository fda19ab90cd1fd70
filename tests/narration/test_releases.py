"""Releases appear whole or not at all, and none takes the place of another, whatever the disk makes of names."""

import os
from pathlib import Path

import pytest

from pipeline.errors import PublishError
from pipeline.narration.core.order import Order
from pipeline.narration.making.place_release import place_release
from pipeline.narration.upkeep.edit_book import change_facts
from pipeline.publish.library import ReleaseFile
from pipeline.store.files.whole_file import STRAY_AFTER_S
from tests.conftest import Desk
from tests.narration.test_book_identity import write
from tests.narration.test_keep_cache import age

MP3 = Order(backend="tone", formats=("mp3",))


def release_file(name: str, data: bytes = b"x") -> ReleaseFile:
    return ReleaseFile(name, lambda path: path.write_bytes(data) and None)


def test_a_failed_release_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(PublishError, match="No space left"):
        place_release(tmp_path / "book", [release_file("a.m4b"), ReleaseFile("b.m4b", fail)])
    assert not list((tmp_path / "book").iterdir())


def test_a_release_removes_what_a_killed_one_left_in_its_folder(tmp_path: Path) -> None:
    left, fresh = tmp_path / ".0123.m4b.part", tmp_path / ".4567.m4b.part"
    for path in (left, fresh):
        path.write_bytes(b"half")
    age(left, STRAY_AFTER_S + 60)
    assert place_release(tmp_path, [release_file("a.m4b")]) == [tmp_path / "a.m4b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [fresh.name, "a.m4b"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not say which file a descriptor is of")
def test_a_release_is_on_the_disk_before_it_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, sync = [], os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    place_release(tmp_path / "book", [release_file("a.m4b"), release_file("cover.jpg")])
    assert [path.suffix for path in synced] == [".part", ".part", ""]
    assert synced[-1] == tmp_path / "book", "the names, too"


@pytest.mark.parametrize("titles", [("The Lamp", "the lamp"), ("Caf\u00e9", "CAFE\u0301"), ("Straße", "straße")])
def test_two_books_whose_titles_differ_in_case_only_share_no_folder(
    desk: Desk, tmp_path: Path, titles: tuple[str, str]
) -> None:
    made = [
        desk.narrate(write(tmp_path / str(n), "book.md", f"---\ntitle: {title}\n---\n\nText {n}.\n"), MP3).outputs
        for n, title in enumerate(titles)
    ]
    folders = {str(Path(path).parent).casefold() for outputs in made for path in outputs}
    assert len(folders) == 2


def test_a_title_that_changes_in_case_only_keeps_its_audiobook_where_both_are_one_folder(
    desk: Desk, tmp_path: Path
) -> None:
    path = write(tmp_path / "a", "book.md", "---\ntitle: The lamp\n---\n\nIt was lit.\n")
    (before,) = desk.narrate(path, MP3).outputs
    # so it is where a disk does not tell capitals from small letters: one folder under both names
    (Path(before).parent.parent / "The Lamp").symlink_to(Path(before).parent)
    context = desk.open()
    (book,) = context.store.documents.books()
    change_facts(context, book.slug, {"title": "The Lamp"})
    context.close()
    (after,) = desk.narrate(path, MP3).outputs
    assert after != before
    assert Path(after).is_file()
