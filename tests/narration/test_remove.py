"""A book that is removed is gone with all that was kept for it alone; what others need stays."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import NotFound, PublishError, StoreError
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.upkeep.edit_book import change_pronunciation
from pipeline.narration.upkeep.keep_cache import prune_cache
from pipeline.narration.upkeep.remove_book import archive_book, remove_book
from pipeline.narration.upkeep.sweep_work import MADE_AGAIN_AFTER_S
from pipeline.store.records.edits import StoredPronunciation
from tests.conftest import Desk
from tests.narration.test_book_identity import write
from tests.narration.test_keep_cache import age, clips_of
from tests.program import Result, bookcast

FAKE = Order(backend="fake")


def narrated(desk: Desk, tmp_path: Path, name: str, *sentences: str) -> str:
    return desk.narrate(write(tmp_path / name, f"{name}.txt", "\n\n".join(sentences))).book


def prune_later(context: Context) -> None:
    """As if nobody had touched a file for months."""
    for path in (context.store.data / "work").rglob("*"):
        if path.is_file() and "locks" not in path.parts:
            age(path, MADE_AGAIN_AFTER_S + 60)
    prune_cache(context, everything=True)


def test_a_removed_book_is_forgotten_and_its_audiobook_deleted(desk: Desk, short_epub: Path) -> None:
    summary = desk.narrate(short_epub)
    context = desk.open()
    change_pronunciation(context, StoredPronunciation(0, book=summary.book, written="late", say="lait"))
    removed = remove_book(context, summary.book)
    assert set(summary.outputs) <= set(removed.deleted)
    assert list((desk.data / "library").iterdir()) == []
    with pytest.raises(NotFound):
        context.store.documents.get_book(summary.book)
    assert context.store.changes.pronunciations() == []
    assert clips_of(desk), "the clips stay until the next prune"
    prune_later(context)
    context.close()
    left = [path for path in desk.data.rglob("*") if path.is_file() and not {"locks", "logs"} & set(path.parts)]
    assert [path.name for path in left if not path.name.startswith("bookcast.db")] == []


def test_what_another_book_needs_stays(desk: Desk, tmp_path: Path) -> None:
    first = narrated(desk, tmp_path, "one", "The lamp was lit.", "He came late.")
    second = narrated(desk, tmp_path, "two", "The lamp was lit.", "She came early.")
    context = desk.open()
    remove_book(context, first)
    prune_later(context)
    assert len(clips_of(desk)) == 2
    assert context.store.releases.files(second)
    assert all(path.exists() for path in context.store.releases.files(second))
    context.close()
    assert desk.narrate(tmp_path / "two" / "two.txt").synthesized == 0


def test_the_files_of_a_removed_book_stay_where_they_are_wanted(desk: Desk, short_epub: Path) -> None:
    summary = desk.narrate(short_epub)
    context = desk.open()
    assert set(summary.outputs) <= set(remove_book(context, summary.book, keep_files=True).kept)
    prune_later(context)
    context.close()
    assert all(Path(path).is_file() for path in summary.outputs)
    assert desk.narrate(short_epub).synthesized > 0, "it is a new book, whose clips were pruned"


def test_an_archived_book_keeps_its_audiobook_and_lets_go_of_the_work(desk: Desk, short_epub: Path) -> None:
    summary = desk.narrate(short_epub)
    context = desk.open()
    assert set(summary.outputs) <= set(archive_book(context, summary.book).kept)
    prune_later(context)
    assert clips_of(desk) == []
    assert list((desk.data / "work" / "chapters").rglob("*.m4a")) == []
    assert context.store.documents.get_book(summary.book).metadata.title == "A Short Book"
    assert context.store.documents.find_cover(summary.book) is not None
    context.close()
    assert all(Path(path).is_file() for path in summary.outputs)
    again = desk.narrate(short_epub)
    assert (again.book, again.outputs) == (summary.book, summary.outputs)


def test_a_book_is_not_removed_while_it_is_narrated(desk: Desk, short_epub: Path, fake_voice: Path) -> None:
    summary = desk.narrate(short_epub)
    (fake_voice / "delay").write_text("0.3")
    thread = threading.Thread(target=desk.narrate, args=(short_epub, FAKE))
    thread.start()
    context = desk.open()
    while not context.store.runs.is_any_live():
        pass
    for refused in (remove_book, archive_book):
        with pytest.raises(StoreError, match="being narrated"):
            refused(context, summary.book)
    assert all(Path(path).is_file() for path in summary.outputs)
    thread.join()
    remove_book(context, summary.book)
    context.close()


def test_a_run_that_was_cut_short_does_not_resume_for_a_removed_book(desk: Desk, short_epub: Path) -> None:
    slug = desk.narrate(short_epub).book
    killed = desk.open()
    killed.store.runs.start(slug, {}, flow_run="0" * 32)
    killed.close()
    context = desk.open()
    assert [run.book for run in context.store.runs.lost()] == [slug]
    remove_book(context, slug)
    assert context.store.runs.lost() == []
    context.close()


def test_a_book_whose_files_cannot_be_deleted_is_still_there(desk: Desk, short_epub: Path) -> None:
    summary = desk.narrate(short_epub)
    (path,) = map(Path, summary.outputs)
    path.unlink()
    path.mkdir()  # what cannot be unlinked, whoever tries
    context = desk.open()
    with pytest.raises(PublishError, match="cannot be deleted") as caught:
        remove_book(context, summary.book)
    assert "--keep-files" in caught.value.remedy
    assert context.store.documents.find_book(summary.book)
    path.rmdir()
    remove_book(context, summary.book)
    context.close()


def test_other_files_in_the_folder_of_a_removed_book_stay(desk: Desk, short_epub: Path) -> None:
    summary = desk.narrate(short_epub)
    own = Path(summary.outputs[0]).with_name("my notes.txt")
    own.write_text("mine")
    context = desk.open()
    remove_book(context, summary.book)
    context.close()
    assert [path.name for path in own.parent.iterdir()] == ["my notes.txt"]


@pytest.fixture
def here(desk: Desk) -> Callable[..., Result]:
    return lambda *arguments: bookcast("--data", str(desk.data), *arguments)


def test_the_command_asks_first_and_says_what_it_did(desk: Desk, here: Callable[..., Result], short_epub: Path) -> None:
    summary = desk.narrate(short_epub)
    refused = here("remove", summary.book)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert all(map(os.path.exists, summary.outputs))
    done = here("remove", summary.book, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert set(summary.outputs) <= set(json.loads(done.stdout)["deleted"])
    assert here("remove", summary.book, "--yes").returncode == 7
