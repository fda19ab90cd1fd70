"""Whoever looks changes nothing, and whoever narrates the same book disturbs nobody: no book is published with holes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.errors import EmptyDocument, PartialFailure, SettingsError
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import ClipReady, Event, Note
from pipeline.narration.core.order import Order
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.running.estimate import estimate, estimate_book
from pipeline.narration.running.narrations import narrate, prepare_rebuild, prepare_rerun, run_prepared
from pipeline.narration.upkeep.keep_cache import prune_cache, verify_cache
from pipeline.store.records.edits import StoredPronunciation
from tests.conftest import Desk
from tests.fakes import spoken
from tests.makers import make_epub
from tests.narration.test_run import FAKE, TONE, m4b

MakeDesk = Callable[..., Desk]


def with_watcher(desk: Desk, watch: Callable[[Context, Event], None]) -> Context:
    """An open data directory; `watch` is called with each event, in the thread in which it happens."""
    context = desk.open()
    context.report = lambda event: (desk.events.append(event), watch(context, event))[0]
    return context


def at_the_first_clip(act: Callable[[Context], None]) -> Callable[[Context, Event], None]:
    """Act once, while most of the book is still to be spoken."""
    done = threading.Event()

    def watch(context: Context, event: Event) -> None:
        if isinstance(event, ClipReady) and not done.is_set():
            done.set()
            act(context)

    return watch


def test_looking_at_plans_of_another_voice_while_a_book_is_narrated_loses_nothing(
    make_desk: MakeDesk, short_epub: Path
) -> None:
    make_desk("alone").narrate(short_epub)

    def look(context: Context) -> None:
        context.store.changes.set_pronunciation(StoredPronunciation(0, "", "Nobody", "No body"))
        (book,) = context.store.documents.books()
        assert estimate_book(context, book, replace(TONE, voice="low")).requests > 0
        assert estimate_book(context, book, TONE).requests > 0
        assert estimate(context, str(short_epub), replace(TONE, speed=1.5)).requests > 0

    desk = make_desk("looked at")
    context = with_watcher(desk, at_the_first_clip(look))
    summary = narrate(context, str(short_epub), TONE)
    context.close()
    assert summary.failed == 0
    assert m4b(desk).read_bytes() == m4b(make_desk("alone")).read_bytes()


def test_a_dry_run_of_another_file_of_a_book_leaves_the_stored_edition(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text("# One\n\nThe first edition.\n", "utf-8")
    slug = desk.narrate(book).book
    book.write_text("# One\n\nThe second edition.\n\n# Two\n\nWith one chapter more.\n", "utf-8")
    context = desk.open()
    found = estimate(context, str(book), TONE)
    assert (found.book, found.chapters) == (slug, 2)
    (chapter,) = context.store.editions.chapters(slug)
    assert [block.text for block in context.store.editions.blocks(chapter.id)] == ["One", "The first edition."]
    context.close()


def test_an_estimate_of_an_unknown_document_stores_nothing(desk: Desk, short_epub: Path) -> None:
    context = desk.open()
    assert estimate(context, str(short_epub), TONE).chunks > 0
    assert context.store.documents.books() == []
    context.close()
    assert not list((desk.data / "work" / "documents").rglob("*.bin"))


def test_a_clip_that_goes_missing_before_assembly_is_spoken_again(make_desk: MakeDesk, short_epub: Path) -> None:
    make_desk("alone").narrate(short_epub)

    def lose(context: Context) -> None:
        clips = context.store.clips
        there = set(clips.blobs.digests())
        blob = next(iter(there - set(clips.orphan_blobs())))  # the row of the newest may not be written yet
        clips.blobs.path(blob).unlink()
        assert verify_cache(context).dropped == 1

    desk = make_desk("damaged")
    context = with_watcher(desk, at_the_first_clip(lose))
    summary = narrate(context, str(short_epub), TONE)
    context.close()
    assert summary.failed == 0
    assert m4b(desk).read_bytes() == m4b(make_desk("alone")).read_bytes()


def test_a_damaged_clip_of_two_chapters_is_missing_in_both(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    chapters = "".join(f"# Chapter {n}\n\nThe same words.\n\nOther words of {n}.\n\n" for n in "abcd")
    book.write_text(chapters, "utf-8")
    slug = desk.narrate(book).book
    whole = m4b(desk).read_bytes()
    context = desk.open()
    (place,) = [p for p in context.store.chunks.places(slug) if "The same" in p.text and p.chapter_position == 0]
    clip = context.store.clips.find([place.chunk.clip_key])[place.chunk.clip_key]
    context.store.clips.blobs.path(clip.blob).unlink()
    context.close()
    for path in [*(desk.data / "work" / "chapters").rglob("*.m4a"), m4b(desk)]:
        path.unlink()
    assert desk.narrate(book).failed == 0
    assert m4b(desk).read_bytes() == whole


@pytest.mark.parametrize("silent", ["<pre>x = 1</pre>", "<pre>1</pre><hr/><pre>2</pre>"])
def test_a_chapter_in_which_nothing_is_spoken_is_left_out_with_a_reason(
    desk: Desk, tmp_path: Path, silent: str
) -> None:
    book = tmp_path / "book.epub"
    files = {"a.xhtml": "<h2>One</h2><p>Spoken.</p>", "b.xhtml": silent, "c.xhtml": "<h2>Three</h2><p>Also spoken.</p>"}
    book.write_bytes(make_epub(files, title="Silent"))
    for _ in range(2):
        desk.events.clear()
        summary = desk.narrate(book)
        assert (summary.chapters, summary.failed, len(summary.outputs)) == (3, 0, 1)
        assert len([e.text for e in desk.events if isinstance(e, Note) and "left out" in e.text]) == 1


def test_a_chapter_that_failed_as_a_whole_is_left_out_where_gaps_are_allowed(
    desk: Desk, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "poison").write_text("two")  # it is in every text of the second chapter
    summary = desk.narrate(short_epub, replace(FAKE, allow_gaps=True))
    assert (summary.failed, len(summary.outputs)) == (4, 1)
    assert chapter_titles(m4b(desk)) == ["Chapter 1", "Chapter 3"]


def test_a_run_in_which_everything_failed_leaves_the_audiobook_that_is_there(
    desk: Desk, short_epub: Path, fake_voice: Path
) -> None:
    desk.narrate(short_epub, FAKE)
    whole = m4b(desk).read_bytes()
    (fake_voice / "poison").write_text("e")
    for order in (
        replace(FAKE, allow_gaps=True, voice="low"),
        replace(FAKE, allow_gaps=True, chapters=(2,), speed=0.9),
    ):
        with pytest.raises(PartialFailure, match="nothing was published"):
            desk.narrate(short_epub, order)
    assert [path.name for path in (desk.data / "library").rglob("*.m4b")] == ["A Short Book.m4b"]
    assert m4b(desk).read_bytes() == whole


def test_an_edition_in_which_nothing_is_spoken_leaves_the_audiobook_that_is_there(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "notes.md"
    book.write_text("---\ntitle: Notes\n---\n\nThe lamp went out.\n", "utf-8")
    desk.narrate(book)
    whole = m4b(desk).read_bytes()
    book.write_text("---\ntitle: Notes\n---\n\n```\nx = 1\n```\n", "utf-8")
    with pytest.raises(EmptyDocument, match="Nothing in Notes is spoken"):
        desk.narrate(book)
    assert m4b(desk).read_bytes() == whole


def test_a_document_in_which_nothing_is_spoken_is_refused_and_leaves_nothing_in_the_library(
    desk: Desk, tmp_path: Path
) -> None:
    book = tmp_path / "only.md"
    book.write_text("```\nx = 1\n```\n", "utf-8")
    with pytest.raises(EmptyDocument):
        desk.narrate(book)
    assert not [path for path in (desk.data / "library").rglob("*") if path.is_file()]


def test_a_rebuild_speaks_nothing_even_where_clips_are_missing(desk: Desk, short_epub: Path, fake_voice: Path) -> None:
    slug = desk.narrate(short_epub, FAKE).book
    next((desk.data / "clips").rglob("*.flac")).unlink()
    for path in [*(desk.data / "work" / "chapters").rglob("*.m4a"), m4b(desk)]:
        path.unlink()
    said = len(spoken(fake_voice))
    context = desk.open()
    with pytest.raises(PartialFailure, match="lacks 1 of"):
        run_prepared(context, prepare_rebuild(context, slug))
    context.close()
    assert len(spoken(fake_voice)) == said
    assert desk.narrate(short_epub, FAKE).synthesized == 1


def test_a_rebuild_that_may_leave_gaps_leaves_out_the_damaged_passage_and_no_whole_chapter(
    desk: Desk, short_epub: Path
) -> None:
    slug = desk.narrate(short_epub, replace(TONE, allow_gaps=True)).book
    chapters = len(chapter_titles(m4b(desk)))
    context = desk.open()
    place = context.store.chunks.places(slug)[1]
    clip = context.store.clips.find([place.chunk.clip_key])[place.chunk.clip_key]
    context.store.clips.blobs.path(clip.blob).unlink()
    for path in [*(desk.data / "work" / "chapters").rglob("*.m4a"), m4b(desk)]:
        path.unlink()
    summary = run_prepared(context, prepare_rebuild(context, slug))
    context.close()
    assert summary.failed == 1
    assert len(chapter_titles(m4b(desk))) == chapters


def test_a_new_edition_that_arrives_meanwhile_leaves_a_run_to_end_with_its_own(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text("# One\n\nFirst.\n\n# Two\n\nSecond.\n\n# Three\n\nThird.\n", "utf-8")

    def correct(context: Context) -> None:
        book.write_text("# Another\n\nFirst.\n", "utf-8")
        import_document(context, str(book))

    context = with_watcher(desk, at_the_first_clip(correct))
    summary = narrate(context, str(book), replace(TONE, formats=("mp3",)))
    context.close()
    assert [Path(path).name for path in summary.outputs] == ["01 - One.mp3", "02 - Two.mp3", "03 - Three.mp3"]


def chapter_titles(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [chapter["metadata"]["title"] for chapter in container.chapters()]


def test_two_runs_of_one_book_at_once_publish_both_whole(make_desk: MakeDesk, short_epub: Path) -> None:
    """In other voices, formats, masterings and chapters; each as it would be alone."""
    orders = {
        "low": replace(TONE, voice="low", formats=("flac",)),
        "loud": replace(TONE, mastering="podcast", formats=("flac",)),
        "some": replace(TONE, chapters=(1, 3), formats=("wav",)),
    }
    alone = {}
    for name, order in orders.items():
        alone[name] = sounds(make_desk(f"alone {name}").narrate(short_epub, replace(order, output="")).outputs)
    desk = make_desk("together")
    context = desk.open()
    found: dict[str, list[bytes]] = {}

    def run(name: str) -> None:
        order = replace(orders[name], output=str(desk.data / name))
        found[name] = sounds(narrate(context, str(short_epub), order).outputs)

    threads = [threading.Thread(target=run, args=(name,)) for name in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == alone
    with_prune = prune_cache(context)
    context.close()
    assert with_prune.clips == 0


def sounds(paths: list[str]) -> list[bytes]:
    return [decode_audio(Path(path).read_bytes()).tobytes() for path in sorted(paths, key=lambda p: Path(p).name)]


def test_encoded_chapters_stay_while_a_release_points_at_them(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub, replace(TONE, output=str(desk.data / "one")))
    desk.narrate(short_epub, replace(TONE, output=str(desk.data / "two"), mastering="podcast"))
    assert len(list((desk.data / "work" / "chapters").glob("??/*"))) == 6
    assert desk.narrate(short_epub, replace(TONE, output=str(desk.data / "one"))).synthesized == 0
    context = desk.open()
    assert prune_cache(context).chapters == 0
    context.close()


def test_a_rerun_of_a_chunk_takes_the_order_of_the_last_narration(desk: Desk, short_epub: Path) -> None:
    order = Order(backend="tone", voice="low")
    slug = desk.narrate(short_epub, order).book
    context = desk.open()
    assert run_prepared(context, prepare_rebuild(context, slug)).synthesized == 0
    context.close()


def test_a_rerun_of_a_chapter_that_was_not_narrated_is_refused_rather_than_doing_nothing(
    desk: Desk, short_epub: Path
) -> None:
    slug = desk.narrate(short_epub, replace(TONE, chapters=(1,))).book
    context = desk.open()
    with pytest.raises(SettingsError, match="Chapter 3 is not one of those"):
        prepare_rerun(context, slug, chapters=[1, 3])
    context.close()


def test_a_rerun_speaks_words_that_stand_in_several_chapters_once(desk: Desk, tmp_path: Path, fake_voice: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text("".join(f"# Chapter {n}\n\nThe end.\n\n" for n in "abcd"), "utf-8")
    slug = desk.narrate(book, FAKE).book
    context = desk.open()
    (chunk,) = {p.chunk.id for p in context.store.chunks.places(slug) if p.text == "The end."}
    said = len(spoken(fake_voice))
    summary = run_prepared(context, prepare_rerun(context, slug, chunks=[chunk]))
    context.close()
    assert (len(spoken(fake_voice)) - said, summary.synthesized) == (1, 1)
