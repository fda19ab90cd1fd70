"""The work folder does not grow for ever, and loses nothing that somebody needs."""

import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from pipeline.narration.core.order import Order
from pipeline.narration.making.assemble_chapter import SEGMENTS
from pipeline.narration.making.book_cover import cover_of, drawn_picture
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.speaking.audition import audition_file
from pipeline.narration.upkeep.keep_cache import prune_cache
from pipeline.narration.upkeep.sweep_work import DAY_S, MADE_AGAIN_AFTER_S, sweep_work
from pipeline.store.files.blobs import Blobs
from pipeline.store.files.whole_file import STRAY_AFTER_S
from tests.conftest import ROOT, Desk
from tests.narration.test_keep_cache import age

KILLED = """
import os, sys
from pathlib import Path
from pipeline.store import Store
store = Store(Path(sys.argv[1]))
store.runs.start("a-book", {})
folder = store.data / "work" / f"segments-{store.owner.id}-x"
folder.mkdir()
(folder / ".0.part").write_bytes(b"half")
os._exit(9)
"""


def segments_of(desk: Desk) -> list[Path]:
    return list((desk.data / "work").glob(f"{SEGMENTS}*"))


def test_what_a_killed_program_encoded_goes_with_the_next_narration(desk: Desk, short_epub: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(desk.data)], cwd=ROOT, check=False)
    assert len(segments_of(desk)) == 1
    living = desk.open()
    own = desk.data / "work" / f"{SEGMENTS}{living.store.owner.id}-y"
    living.store.runs.start("another-book", {})
    own.mkdir()
    desk.narrate(short_epub)
    assert segments_of(desk) == [own], "that of a living program stays"
    living.close()


def test_segments_that_an_older_bookcast_left_go_after_a_day(desk: Desk) -> None:
    context = desk.open()
    old, fresh = (desk.data / "work" / f"{SEGMENTS}{name}" for name in ("abcd1234", "efgh5678"))
    for folder in (old, fresh):
        folder.mkdir()
        (folder / ".0.part").write_bytes(b"half")
    age(old, DAY_S + 60)
    sweep_work(context)
    assert segments_of(desk) == [fresh]
    context.close()


def test_documents_and_covers_of_former_editions_go_and_those_in_use_stay(desk: Desk, tmp_path: Path) -> None:
    path, context = tmp_path / "book.txt", desk.open()
    for text in ("The lamp was lit.\n", "The lamp was out.\n"):
        path.write_text(text)
        import_document(context, str(path))
    for file in (desk.data / "work" / "documents").rglob("*.bin"):
        age(file, STRAY_AFTER_S + 60)
    assert prune_cache(context, dry_run=True).files == 0, "the former edition is still there"
    assert prune_cache(context).files == 1
    (kept,) = (desk.data / "work" / "documents").rglob("*.bin")
    assert kept.read_text() == "The lamp was out.\n"
    context.close()


def test_a_document_that_was_just_handed_in_is_not_swept_before_its_book_is_there(desk: Desk) -> None:
    context = desk.open()
    documents = Blobs(desk.data / "work" / "documents", ".bin")
    file = documents.path(documents.write(b"new"))
    sweep_work(context)
    assert file.exists()
    age(file, STRAY_AFTER_S + 60)
    documents.write(b"new")
    sweep_work(context)
    assert file.exists(), "handed in again, it counts as fresh"
    age(file, STRAY_AFTER_S + 60)
    sweep_work(context)
    assert not file.exists()
    context.close()


def test_what_can_be_made_again_goes_after_a_while_and_is_made_again(desk: Desk, short_epub: Path) -> None:
    context = desk.open()
    slug = import_document(context, str(short_epub)).slug
    cover, picture = cover_of(context, slug), drawn_picture(context, "a podcast")
    sample = audition_file(context, "Hello.", Order(backend="tone"))
    stale = desk.data / "work" / "feed-pictures" / "nobodys"
    stale.parent.mkdir()
    stale.write_bytes(b"a picture that no feed names")
    for path in (desk.data / "work").rglob("*"):
        if path.is_file():
            age(path, MADE_AGAIN_AFTER_S + 60)
    sweep_work(context)
    assert not sample.exists()
    assert not stale.exists()
    assert len(list((desk.data / "work" / "usable-covers").iterdir())) == 1, "that of the book"
    assert (cover_of(context, slug), drawn_picture(context, "a podcast")) == (cover, picture)
    assert audition_file(context, "Hello.", Order(backend="tone")).exists()
    context.close()


def test_locks_that_nobody_holds_go_and_held_ones_stay(desk: Desk) -> None:
    context = desk.open()
    held, free, fresh = (Path(context.store.lock(name).lock_file) for name in ("held", "free", "fresh"))
    with FileLock(held):
        for path in (held, free, fresh):
            age(path, DAY_S + 60)
        context.store.lock("fresh")  # somebody is about to take it
        prune_cache(context)
        assert (held.exists(), free.exists(), fresh.exists()) == (True, False, True)
    context.close()
