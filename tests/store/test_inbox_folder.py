"""A watched folder: each file is taken once and put away, whatever is called like it, and no file of a person is lost."""

import os
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store.files.inbox_folder import LOOKS, InboxFolder, InboxRun, Outcome

RUN = InboxRun("book", "run")
LONG = "書" * 83 + ".epub"
"""As long as a name may be: 254 bytes."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def drop(inbox: InboxFolder, name: str, text: str = "text") -> Path:
    """Put a file into the folder and have it taken; where it is then."""
    (inbox.folder / name).write_text(text)
    for _ in range(LOOKS):
        found = inbox.look()
    taken = inbox.take(next(path for path in found if path.name == name))
    assert taken is not None
    return taken


def test_a_note_never_takes_the_name_of_a_file_of_a_person(folder: Path) -> None:
    inbox = InboxFolder(folder)
    inbox.put_away(drop(inbox, "foo.pdf.txt", "words of a person"), Outcome.DONE, "was narrated")
    inbox.put_away(drop(inbox, "foo.pdf"), Outcome.DONE, "was narrated")
    assert (folder / "done" / "foo.pdf.txt").read_text() == "words of a person"
    assert (folder / "done" / "foo.pdf (2).txt").read_text() == "was narrated\n"


def test_a_file_of_the_longest_name_is_remembered_and_put_away_with_a_note_each_time(folder: Path) -> None:
    assert len(os.fsencode(LONG)) == 254
    inbox = InboxFolder(folder)
    for _ in range(2):
        taken = drop(inbox, LONG)
        inbox.note_run(taken, RUN)
        assert InboxFolder(folder).find_run(taken) == RUN
        inbox.put_away(taken, Outcome.DONE, "was narrated")
    assert not list((folder / "narrating").iterdir())
    away = [path.name for path in (folder / "done").iterdir()]
    assert len([name for name in away if name.endswith(".epub")]) == 2
    assert len([name for name in away if name.endswith(".txt")]) == 2


def test_a_name_that_is_nothing_but_a_long_ending_is_put_away_twice(folder: Path) -> None:
    inbox = InboxFolder(folder)
    for _ in range(2):
        inbox.put_away(drop(inbox, "a." + "b" * 250), Outcome.FAILED, "is not a document")
    assert len(list((folder / "failed").iterdir())) == 4


def test_what_the_disk_refuses_while_a_file_is_put_away_is_one_error_of_ours(folder: Path) -> None:
    inbox = InboxFolder(folder)
    taken = drop(inbox, "lamp.txt")
    (folder / "done").touch()
    with pytest.raises(StoreError, match="lamp.txt cannot be put away"):
        inbox.put_away(taken, Outcome.DONE, "was narrated")


def test_a_file_never_inherits_the_run_of_another_that_had_its_name(folder: Path) -> None:
    inbox = InboxFolder(folder)
    taken = drop(inbox, "lamp.txt")
    inbox.note_run(taken, RUN)
    taken.unlink()  # by a person
    again = drop(inbox, "lamp.txt", "corrected")
    assert again == taken
    assert inbox.find_run(again) is None
    assert InboxFolder(folder).find_run(again) is None


def test_a_run_is_remembered_where_its_note_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = InboxFolder(folder)
    taken = drop(inbox, "lamp.txt")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="No space"):
        inbox.note_run(taken, RUN)
    assert inbox.find_run(taken) == RUN


def test_links_are_left_alone_and_hide_no_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("of the one who runs the studio")
    for where in (folder, folder / "narrating"):
        where.mkdir(exist_ok=True)
        (where / "a-link.txt").symlink_to(tmp_path / "secret.txt")
        (where / "a-loop.txt").symlink_to("a-loop.txt")
        (where / "gone.txt").symlink_to("not-there")
    inbox = InboxFolder(folder)
    (folder / "b.txt").write_text("text")
    for _ in range(LOOKS):
        found = inbox.look()
    assert [path.name for path in found] == ["b.txt"]
    assert inbox.taken() == []


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert drop(InboxFolder(tmp_path / "link"), "lamp.txt").read_text() == "text"
