"""A file in the watched folder is narrated once, when it is whole, and put away with a note."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.model.states import ActiveState, RunState
from pipeline.narration.core.order import Order
from pipeline.settings import NarrationSettings
from pipeline.settings.sections import InboxSettings
from pipeline.store import Store
from pipeline.store.files.inbox_folder import EMPTY_LOOKS, LOOKS, InboxFolder, InboxRun
from pipeline.web.api import book_actions
from pipeline.web.server.chores import Chores
from pipeline.web.server.error_answers import ApiError
from pipeline.web.server.run_desk import BookRun
from pipeline.web.server.watch_inbox import LOST_LOOKS, Inbox
from tests.conftest import make_settings
from tests.waiting import wait_until
from tests.web.conftest import Studio

Make = Callable[..., Studio]
TONE = NarrationSettings(backend="tone", formats=("mp3",))


@pytest.fixture
def studio(make_studio: Make) -> Studio:
    return make_studio(make_settings(narration=TONE))


@pytest.fixture
def inbox(studio: Studio) -> Inbox:
    return Inbox(studio.context, studio.desk)


@pytest.fixture
def folder(studio: Studio) -> Path:
    return studio.context.store.data / "inbox"


def look(inbox: Inbox, times: int = LOOKS) -> None:
    for _ in range(times):
        inbox.look()


def narrate_all(studio: Studio, inbox: Inbox) -> None:
    """As many looks as it takes."""
    for _ in range(10):
        look(inbox)
        studio.desk.wait()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def test_a_dropped_file_is_narrated_and_put_away_with_a_note(studio: Studio, inbox: Inbox, folder: Path) -> None:
    (folder / "lamp.txt").write_text("The lamp was lit.\n")
    look(inbox)
    assert (names(folder), "lamp.txt" in names(folder / "narrating")) == ([], True)
    studio.desk.wait()
    look(inbox, 1)
    assert names(folder / "done") == ["lamp.txt", "lamp.txt.txt"]
    assert names(folder / "narrating") == []
    said, *outputs = (folder / "done" / "lamp.txt.txt").read_text().splitlines()
    assert said == "lamp was narrated."
    assert outputs
    assert all(Path(path).is_file() for path in outputs)
    assert len(studio.desk.started) == 1


def test_a_file_that_is_still_being_written_is_left_alone(studio: Studio, inbox: Inbox, folder: Path) -> None:
    path = folder / "long.txt"
    for n in range(2 * LOOKS):
        path.write_text(f"The lamp was lit {n} times.\n")
        os.utime(path, ns=(n, n))
        look(inbox, LOOKS - 1)
    assert studio.desk.started == []
    look(inbox, 1)
    assert len(studio.desk.started) == 1


def test_downloads_and_hidden_files_are_left_alone(studio: Studio, inbox: Inbox, folder: Path) -> None:
    left = [".hidden.txt", "book.epub.part", "book.epub.crdownload", "~lock.txt"]
    for name in left:
        (folder / name).write_text("half of it")
    (folder / "a folder").mkdir()
    look(inbox, 2 * LOOKS)
    assert names(folder) == sorted(left)
    assert studio.desk.started == []


def test_several_wait_for_each_other_and_the_oldest_is_first(studio: Studio, inbox: Inbox, folder: Path) -> None:
    for age, name in enumerate(("c.txt", "a.txt", "b.txt")):
        (folder / name).write_text(f"The text of {name}.\n")
        os.utime(folder / name, (age, age))
    look(inbox)
    assert (names(folder), len(studio.desk.started)) == (["a.txt", "b.txt"], 1)
    look(inbox, 1 if studio.desk.active() else 0)
    narrate_all(studio, inbox)
    assert [parameters["source"] for _, parameters in studio.desk.started] == ["c", "a", "b"]
    assert names(folder / "done") == ["a.txt", "a.txt.txt", "b.txt", "b.txt.txt", "c.txt", "c.txt.txt"]


def test_what_cannot_be_read_is_put_away_with_the_reason_and_the_next_goes_on(
    studio: Studio, inbox: Inbox, folder: Path
) -> None:
    (folder / "a.epub").write_bytes(b"no book at all")
    (folder / "b.jpg").write_bytes(b"\xff\xd8 a picture")
    (folder / "c.txt").write_text("The lamp was lit.\n")
    narrate_all(studio, inbox)
    assert names(folder / "failed") == ["a.epub", "a.epub.txt", "b.jpg", "b.jpg.txt"]
    assert "not a kind of document" in (folder / "failed" / "b.jpg.txt").read_text()
    assert "Try: " in (folder / "failed" / "b.jpg.txt").read_text()
    assert "c.txt" in names(folder / "done")


def test_an_empty_file_is_waited_for_and_then_put_away(studio: Studio, inbox: Inbox, folder: Path) -> None:
    (folder / "empty.txt").touch()
    look(inbox, EMPTY_LOOKS - 1)
    assert names(folder) == ["empty.txt"]
    look(inbox, 1)
    assert "is empty" in (folder / "failed" / "empty.txt.txt").read_text()


def test_a_narration_that_fails_is_put_away_with_what_failed(
    make_studio: Make, fake_voice: Path, tmp_path: Path
) -> None:
    studio = make_studio(make_settings(narration=NarrationSettings(backend="fake")))
    folder = studio.context.store.data / "inbox"
    (fake_voice / "poison").write_text("lamp")
    (folder / "lamp.txt").write_text("The lamp was lit.\n")
    narrate_all(studio, Inbox(studio.context, studio.desk))
    note = (folder / "failed" / "lamp.txt.txt").read_text()
    assert "1 passages of lamp failed" in note
    assert "bookcast status lamp --failed" in note


def test_a_file_is_taken_once_also_by_the_studio_that_is_started_next(
    studio: Studio, inbox: Inbox, folder: Path
) -> None:
    (folder / "lamp.txt").write_text("The lamp was lit.\n")
    look(inbox)
    studio.desk.wait()
    narrate_all(studio, Inbox(studio.context, studio.desk))
    assert len(studio.desk.started) == 1
    assert "lamp.txt" in names(folder / "done")


def test_a_file_that_was_taken_just_before_a_kill_is_narrated_by_the_next_studio(
    studio: Studio, inbox: Inbox, folder: Path
) -> None:
    (folder / "narrating").mkdir()
    (folder / "narrating" / "lamp.txt").write_text("The lamp was lit.\n")
    narrate_all(studio, inbox)
    assert names(folder / "done") == ["lamp.txt", "lamp.txt.txt"]


def test_a_run_that_never_begins_does_not_hold_up_the_others(studio: Studio, inbox: Inbox, folder: Path) -> None:
    (folder / "narrating").mkdir()
    (folder / "narrating" / "lamp.txt").write_text("The lamp was lit.\n")
    InboxFolder(folder).note_run(folder / "narrating" / "lamp.txt", InboxRun("lamp", "gone"))
    look(inbox, LOST_LOOKS)
    assert "did not begin" in (folder / "failed" / "lamp.txt.txt").read_text()


def test_two_files_of_one_name_are_two_books_and_both_are_kept(studio: Studio, inbox: Inbox, folder: Path) -> None:
    for text in ("The lamp was lit.\n", "The lamp was out.\n"):
        (folder / "lamp.txt").write_text(text)
        narrate_all(studio, inbox)
    assert {path.read_text() for path in (folder / "done").glob("lamp*.txt") if not path.name.endswith(".txt.txt")} == {
        "The lamp was lit.\n",
        "The lamp was out.\n",
    }
    assert len(studio.context.store.documents.books()) == 2


def test_a_file_that_cannot_be_moved_is_not_narrated_again_and_again(
    studio: Studio, inbox: Inbox, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "narrating").touch()  # the folder of that name cannot be made
    (folder / "lamp.txt").write_text("The lamp was lit.\n")
    look(inbox, 5 * LOOKS)
    assert (names(folder), studio.desk.started) == (["lamp.txt", "narrating"], [])
    assert len([record for record in caplog.records if "cannot be taken" in record.message]) == 1


def test_a_new_edition_waits_for_the_run_of_the_old_one_and_gets_one_of_its_own(
    studio: Studio, inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"lamp": BookRun("other", ActiveState.RUNNING, "lamp")}
    with monkeypatch.context() as patch:
        patch.setattr(studio.desk, "active", lambda: others)
        (folder / "lamp.txt").write_text("The lamp was lit.\n")
        look(inbox, 2 * LOOKS)
        assert (studio.desk.started, "lamp.txt" in names(folder / "narrating")) == ([], True)
    narrate_all(studio, inbox)
    assert len(studio.desk.started) == 1
    assert "lamp.txt" in names(folder / "done")


def test_a_dropped_book_is_narrated_whole_though_a_chapter_was_narrated_before(
    studio: Studio, inbox: Inbox, folder: Path
) -> None:
    data = b"# One\n\nThe lamp was lit.\n\n# Two\n\nThe lamp was out.\n"
    book = book_actions.take_document(studio.context, "lamp.md", data)
    book_actions.start_narration(studio.context, studio.desk, book.slug, Order(chapters=(2,), speed=1.1))
    studio.desk.wait()
    (folder / "lamp.md").write_bytes(data)
    narrate_all(studio, inbox)
    _, parameters = studio.desk.started[-1]
    assert (parameters["source"], parameters["speed"]) == (book.slug, 1.1)
    assert "chapters" not in parameters


@pytest.mark.parametrize("status", [409, 503])
def test_what_is_only_not_possible_now_is_tried_again(
    studio: Studio, inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    def refuse(*_: object) -> str:
        raise ApiError(status, "busy", "not now")

    (folder / "lamp.txt").write_text("The lamp was lit.\n")
    with monkeypatch.context() as patch:
        patch.setattr(book_actions, "start_narration", refuse)
        look(inbox, 2 * LOOKS)
    assert "lamp.txt" in names(folder / "narrating")
    narrate_all(studio, inbox)
    assert "lamp.txt" in names(folder / "done")


def test_a_run_that_was_cut_short_and_replaced_from_elsewhere_does_not_hold_up_the_others(
    studio: Studio, inbox: Inbox, folder: Path
) -> None:
    data = studio.context.store.data
    killed = Store(data)
    killed.runs.start("lamp", {}, flow_run="flow")
    killed.close()
    elsewhere = Store(data)
    elsewhere.runs.end(elsewhere.runs.start("lamp", {}), RunState.FINISHED, {})
    elsewhere.close()
    (folder / "narrating").mkdir()
    (folder / "narrating" / "lamp.txt").write_text("The lamp was lit.\n")
    InboxFolder(folder).note_run(folder / "narrating" / "lamp.txt", InboxRun("lamp", "flow"))
    look(inbox, 1)
    assert "was stopped" in (folder / "failed" / "lamp.txt.txt").read_text()


def test_a_book_of_the_longest_name_is_narrated_once(studio: Studio, inbox: Inbox, folder: Path) -> None:
    (folder / f"{'書' * 83}.txt").write_text("The lamp was lit.\n")
    narrate_all(studio, inbox)
    assert len(studio.desk.started) == 1
    assert len(names(folder / "done")) == 2


def test_a_name_that_is_not_text_is_narrated_and_shown_readable(studio: Studio, inbox: Inbox, folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("The lamp was lit.\n")
    narrate_all(studio, inbox)
    (note,) = (folder / "done").glob("*.txt.txt")
    assert note.read_text().startswith("café was narrated.")


def test_a_folder_that_is_away_is_waited_for_and_not_made(make_studio: Make, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    studio = make_studio(make_settings(narration=TONE, inbox=InboxSettings(folder=str(disk / "inbox"))))
    inbox = Inbox(studio.context, studio.desk)
    look(inbox)
    assert not disk.exists()
    (disk / "inbox").mkdir(parents=True)
    (disk / "inbox" / "lamp.txt").write_text("The lamp was lit.\n")
    narrate_all(studio, inbox)
    assert "lamp.txt" in names(disk / "inbox" / "done")


def test_a_studio_looks_by_itself(make_studio: Make) -> None:
    studio = make_studio(make_settings(narration=TONE, inbox=InboxSettings(poll_s=0.1)))
    folder = studio.context.store.data / "inbox"
    (folder / "lamp.txt").write_text("The lamp was lit.\n")
    chores = Chores(studio.context, studio.desk)
    wait_until(lambda: "lamp.txt.txt" in names(folder / "done"), "the file to be put away")
    chores.close()


def test_a_fault_in_one_look_does_not_end_the_chores(make_studio: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []

    def break_down(_: Inbox) -> None:
        looks.append(None)
        raise RuntimeError("a fault")

    monkeypatch.setattr(Inbox, "look", break_down)
    studio = make_studio(make_settings(narration=TONE, inbox=InboxSettings(poll_s=0.1)))
    chores = Chores(studio.context, studio.desk)
    wait_until(lambda: len(looks) > 1, "a look after the fault")
    chores.close()
