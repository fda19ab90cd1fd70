"""Covers of books: one that cannot be used never keeps a book from being published, nor shows what it should not."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import SettingsError
from pipeline.narration.core.events import Note
from pipeline.narration.core.order import Order
from pipeline.narration.upkeep.edit_book import change_facts
from tests.conftest import Desk
from tests.makers import make_epub, make_png

SVG = 'xmlns="http://www.w3.org/2000/svg"'


def covered(tmp_path: Path, cover: str) -> Path:
    path = tmp_path / "book.epub"
    path.write_bytes(
        make_epub({"a.xhtml": "<h2>One</h2><p>The lamp was lit.</p>"}, title="The Lamp", cover=cover.encode())
    )
    return path


@pytest.mark.parametrize("first", ["tall", "outward"])
def test_a_book_with_a_hostile_cover_is_published_with_a_drawn_one_and_a_word(
    desk: Desk, tmp_path: Path, first: str
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(make_png(np.full((40, 40, 3), (250, 0, 0), np.uint8)))
    covers = {
        "tall": f'<svg {SVG} viewBox="0 0 1 100000"><rect width="1" height="1"/></svg>',
        "outward": f'<svg {SVG} viewBox="0 0 4 4"><image href="{secret}" width="4" height="4"/></svg>',
    }
    book = covered(tmp_path, covers[first])
    summary = desk.narrate(book, Order(backend="tone"))
    notes = [event.text for event in desk.events if isinstance(event, Note)]
    assert [note for note in notes if note.startswith("The cover of The Lamp cannot be used, so a drawn one")]
    folder = Path(summary.outputs[0]).parent
    assert {path.name for path in folder.iterdir()} == {"The Lamp.m4b", "cover.png", "metadata.json"}
    drawn = (folder / "cover.png").read_bytes()
    assert secret.read_bytes() not in (folder / "The Lamp.m4b").read_bytes()
    assert drawn in (folder / "The Lamp.m4b").read_bytes()
    assert desk.narrate(book, Order(backend="tone")).outputs == summary.outputs
    assert (folder / "cover.png").read_bytes() == drawn


def test_a_person_is_told_why_a_cover_is_not_taken(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    context = desk.open()
    slug = context.store.documents.books()[0].slug
    before = context.store.documents.find_cover(slug)
    with pytest.raises(SettingsError, match="not the shape of a cover"):
        change_facts(context, slug, {}, f'<svg {SVG} viewBox="0 0 1 100000"/>'.encode())
    assert context.store.documents.find_cover(slug) == before
    context.close()


def test_a_cover_that_could_not_be_looked_at_is_tried_again_at_the_next_release(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = tmp_path / "ended"  # as where the system is out of memory
    ended.write_text("#!/bin/sh\nkill -KILL $$\n")
    ended.chmod(0o700)
    book = covered(tmp_path, f'<svg {SVG} viewBox="0 0 40 60"><rect width="40" height="60" fill="red"/></svg>')
    with monkeypatch.context() as patches:
        patches.setattr(sys, "executable", str(ended))
        folder = Path(desk.narrate(book, Order(backend="tone")).outputs[0]).parent
    assert not list(folder.glob("cover.*"))
    notes = [event.text for event in desk.events if isinstance(event, Note) and "cover" in event.text]
    assert len(notes) == 1
    assert "tried again" in notes[0]
    desk.narrate(book, Order(backend="tone"))
    (cover,) = folder.glob("cover.*")
    assert cover.suffix == ".jpg", "the book's own"
    before = (folder / "The Lamp.m4b").stat().st_mtime_ns
    desk.narrate(book, Order(backend="tone"))
    assert (folder / "The Lamp.m4b").stat().st_mtime_ns == before, "now it stays"
