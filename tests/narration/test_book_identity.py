"""What makes two documents one book: their own identifier, or where they come from; never their name."""

import sqlite3
from pathlib import Path

import pytest

from pipeline.errors import NarrationError
from pipeline.narration.core.events import Note
from pipeline.narration.core.order import Order
from pipeline.narration.reading.import_document import Source, import_article, import_document, import_source
from pipeline.narration.running.estimate import estimate
from pipeline.narration.upkeep.edit_book import edits_in_chapter, speak_sentence_as
from pipeline.narration.upkeep.remove_book import remove_book
from tests.conftest import Desk
from tests.makers import make_epub
from tests.narration.test_run import TONE

UUID = "urn:uuid:8f3c1d2e-5b6a-4c7d-9e8f-0a1b2c3d4e5f"


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_two_documents_of_one_name_are_two_audiobooks(desk: Desk, tmp_path: Path) -> None:
    first = desk.narrate(write(tmp_path / "a", "notes.txt", "The notes of the first.\n"))
    second = desk.narrate(write(tmp_path / "b", "notes.txt", "The notes of the second.\n"))
    assert first.book != second.book
    assert first.outputs != second.outputs
    assert all(Path(path).is_file() for path in (*first.outputs, *second.outputs))
    assert any(isinstance(e, Note) and f'this one is "{second.book}"' in e.text for e in desk.events)
    again = desk.narrate(tmp_path / "a" / "notes.txt")
    assert (again.book, again.outputs, again.synthesized) == (first.book, first.outputs, 0)


def test_two_epubs_of_one_title_and_author_are_two_audiobooks(desk: Desk, tmp_path: Path) -> None:
    made = []
    for word in ("first", "second"):
        path = tmp_path / f"{word}.epub"
        path.write_bytes(make_epub({"a.xhtml": f"<h2>One</h2><p>The {word} one says other things.</p>"}))
        made.append(desk.narrate(path))
    assert made[0].book != made[1].book
    assert all(Path(path).is_file() for summary in made for path in summary.outputs)


def epub_with(identifier: str, *texts: str) -> bytes:
    files = {f"c{n}.xhtml": f"<h2>Part {text[:1]}</h2><p>{text}</p>" for n, text in enumerate(texts)}
    return make_epub(
        files,
        title="A Book",
        toc=[(f"Part {t[:1]}", f"c{n}.xhtml") for n, t in enumerate(texts)],
        identifier=identifier,
    )


def test_a_new_edition_of_one_identifier_keeps_the_book_wherever_it_lies(desk: Desk, tmp_path: Path) -> None:
    one, two = tmp_path / "one.epub", tmp_path / "elsewhere.epub"
    one.write_bytes(epub_with(UUID, "Alpha was here.", "Beta was here."))
    two.write_bytes(epub_with(UUID, "Alpha was here.", "Beta was there."))
    first = desk.narrate(one)
    second = desk.narrate(two)
    assert (second.book, second.synthesized) == (first.book, 1)
    assert any(isinstance(e, Note) and "new edition" in e.text for e in desk.events)
    assert desk.narrate(one).synthesized == 0, "the edition before is there, and becomes the present one again"


def test_the_same_bytes_are_the_same_book_wherever_they_come_from(desk: Desk, tmp_path: Path) -> None:
    first = desk.narrate(write(tmp_path / "a", "notes.txt", "The same notes.\n"))
    second = desk.narrate(write(tmp_path / "b", "renamed.txt", "The same notes.\n"))
    assert (second.book, second.synthesized) == (first.book, 0)


def test_texts_without_a_source_are_told_apart_by_themselves(desk: Desk) -> None:
    context = desk.open()
    slugs = [import_source(context, Source(f"# Memo\n\nText {n}.\n".encode(), name="Memo.md")).slug for n in (1, 2)]
    assert slugs == ["memo", "memo-2"]
    context.close()


def test_a_book_of_an_older_bookcast_is_claimed_by_its_own_unchanged_document(desk: Desk, tmp_path: Path) -> None:
    own = write(tmp_path / "a", "notes.txt", "The notes of the first.\n")
    other = write(tmp_path / "b", "notes.txt", "The notes of the second.\n")
    context = desk.open()
    slug = import_document(context, str(own)).slug
    with sqlite3.connect(desk.data / "bookcast.db") as connection:
        connection.execute("UPDATE books SET identity = NULL")
    estimate(context, str(own), Order(backend="tone"))
    assert context.store.documents.get_book(slug).identity == "", "an estimate claims nothing"
    assert import_document(context, str(own)).slug == slug
    assert import_document(context, str(other)).slug != slug
    own.write_text("The notes of the first, changed.\n", "utf-8")
    assert import_document(context, str(own)).slug == slug
    context.close()


def test_an_article_whose_name_belongs_to_another_book_leaves_nothing_in_the_store(desk: Desk, tmp_path: Path) -> None:
    context = desk.open()
    slug = import_document(context, str(write(tmp_path / "a", "notes.txt", "The notes.\n"))).slug
    for _ in range(2):
        with pytest.raises(NarrationError, match="belongs to another book"):
            import_article(context, b"<h1>Notes</h1><p>An article.</p>", slug, None)
    assert [book.slug for book in context.store.documents.books()] == [slug]
    for text in (b"An article.", b"An article, changed."):
        assert import_article(context, b"<h1>Notes</h1><p>%s</p>" % text, "free", None).slug == "free"
    context.close()


def test_a_removed_book_leaves_nothing_to_the_next_of_its_name(desk: Desk, tmp_path: Path) -> None:
    path = write(tmp_path / "a", "notes.txt", "He read it.\n")
    slug = desk.narrate(path).book
    context = desk.open()
    (place,) = [p for p in context.store.chunks.places(slug) if "read" in p.text]
    speak_sentence_as(context, slug, place.chapter_position, place.chunk.sentences[0].id, "He red it.")
    remove_book(context, slug)
    assert import_document(context, str(path)).slug == slug
    assert edits_in_chapter(context, slug, 0) == {}
    assert context.store.changes.sentences(slug) == []
    context.close()


TEXT = {
    "A": "She opened the door. Yes. The lamp was out.",
    "B": "He read it. Yes. Nobody came.",
    "C": "He read it. Yes. The boat was gone.",
}
NAMES = {"A": "Attic", "B": "Bridge", "C": "Cellar", "N": "Nursery"}


def markdown(*names: str) -> str:
    return "".join(f"# {NAMES[name]}\n\n{TEXT[name]}\n\n" for name in names)


@pytest.mark.parametrize(
    "after", [("N", "A", "B", "C"), ("B", "A", "C"), ("C", "B", "N", "A")], ids=["one more", "moved", "turned round"]
)
def test_edits_follow_their_sentence_into_a_new_edition(
    desk: Desk, tmp_path: Path, after: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TEXT, "N", "He read it. A new chapter says so. Yes.")
    path = write(tmp_path / "a", "book.md", markdown("A", "B", "C"))
    slug = desk.narrate(path).book
    context = desk.open()
    for position, start, spoken in ((1, "He read", "He red it."), (0, "Yes", "Yes, indeed.")):
        sentence = sentence_of(context, slug, position, start)
        speak_sentence_as(context, slug, position, sentence, spoken)
    context.close()
    assert desk.narrate(path).synthesized == 2
    path.write_text(markdown(*after), "utf-8")
    desk.narrate(path)
    assert said_otherwise(desk, slug) == {("Bridge", "He red it."), ("Attic", "Yes, indeed.")}


def test_edits_stay_where_other_sentences_of_their_chapter_change(desk: Desk, tmp_path: Path) -> None:
    path = write(tmp_path / "a", "book.md", markdown("A", "B", "C"))
    slug = desk.narrate(path).book
    context = desk.open()
    speak_sentence_as(context, slug, 1, sentence_of(context, slug, 1, "He read"), "He red it.")
    context.close()
    path.write_text(markdown("A", "B", "C").replace("Nobody came.", "Somebody came."), "utf-8")
    desk.narrate(path)
    assert said_otherwise(desk, slug) == {("Bridge", "He red it.")}
    context = desk.open()
    (edit,) = edits_in_chapter(context, slug, 1).values()
    speak_sentence_as(context, slug, 1, sentence_of(context, slug, 1, "He red", "He read"), "")
    assert edit.spoken == "He red it."
    assert edits_in_chapter(context, slug, 1) == {}
    context.close()


def sentence_of(context, slug: str, position: int, *starts: str) -> str:  # type: ignore[no-untyped-def]
    return next(
        sentence.id
        for place in context.store.chunks.places(slug, chapter=position)
        for sentence in place.chunk.sentences
        if place.written(sentence).strip().startswith(starts)
    )


def said_otherwise(desk: Desk, slug: str) -> set[tuple[str, str]]:
    """Chapter and spoken form of every sentence that is not spoken as it is written."""
    context = desk.open()
    found = {
        (place.chapter_title, sentence.spoken)
        for place in context.store.chunks.places(slug)
        for sentence in place.chunk.sentences
        if sentence.spoken != " ".join(place.written(sentence).split())
    }
    context.close()
    return found


def test_the_order_of_editions_is_no_matter_to_clips(desk: Desk, tmp_path: Path) -> None:
    path = write(tmp_path / "a", "book.md", markdown("A", "B"))
    desk.narrate(path, TONE)
    path.write_text(markdown("B", "A"), "utf-8")
    assert desk.narrate(path, TONE).synthesized == 0
