"""A whole narration, without Prefect: nothing lost, nothing spoken twice, the same bytes every time."""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.errors import AudioError, PartialFailure, SettingsError, UnsupportedLanguage
from pipeline.model.plan import ChunkState
from pipeline.narration.core.events import ChapterReady, Note
from pipeline.narration.core.order import Order, parse_chapters
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.running.choose_again import choose_again
from pipeline.narration.running.estimate import estimate
from pipeline.narration.running.narrations import narrate
from pipeline.narration.upkeep.keep_cache import prune_cache, verify_cache
from pipeline.settings import EffectsSettings, NarrationSettings
from tests.conftest import Desk, plans_of
from tests.fakes import spoken

TONE = Order(backend="tone")
FAKE = Order(backend="fake")


def m4b(desk: Desk) -> Path:
    (path,) = (desk.data / "library").rglob("*.m4b")
    return path


def assembled(desk: Desk) -> list[str]:
    return [e.title for e in desk.events if isinstance(e, ChapterReady)]


def test_a_book_becomes_an_m4b_with_marks_cover_and_author(desk: Desk, sample_epub: Path) -> None:
    summary = desk.narrate(sample_epub)
    assert summary.outputs == [str(m4b(desk))]
    assert m4b(desk).parent.relative_to(desk.data / "library") == Path(
        "The Bookcast Project/Bookcast Samples/The Keeper of Gull Rock"
    )
    with av.open(str(m4b(desk))) as container:
        titles = [mark["metadata"]["title"] for mark in container.chapters()]
        assert container.metadata["artist"] == "The Bookcast Project"
        assert len(container.streams.video) == 1
    assert titles == [
        "Title Page",
        "Chapter I. The Lamp",
        "Chapter II. THE LEDGER OF MISTER FERRIS",
        "Chapter III. What the Sea Gave Back",
    ]
    assert len(decode_audio(m4b(desk).read_bytes())) / 24_000 == pytest.approx(summary.audio_seconds, abs=0.001)
    assert (m4b(desk).parent / "cover.png").exists()
    assert json.loads((m4b(desk).parent / "metadata.json").read_text())["authors"] == ["The Bookcast Project"]


def test_a_second_run_synthesizes_and_writes_nothing(desk: Desk, short_epub: Path) -> None:
    first = desk.narrate(short_epub)
    stamp = m4b(desk).stat().st_mtime_ns
    desk.events.clear()
    second = desk.narrate(short_epub)
    assert (second.synthesized, second.cached) == (0, first.chunks)
    assert second.outputs == first.outputs
    assert not assembled(desk)
    assert m4b(desk).stat().st_mtime_ns == stamp


def test_the_same_book_gives_the_same_bytes_in_another_place(make_desk: Callable[..., Desk], short_epub: Path) -> None:
    one, two = make_desk("one"), make_desk("two")
    one.narrate(short_epub)
    two.narrate(short_epub)
    assert m4b(one).read_bytes() == m4b(two).read_bytes()


def test_an_edited_sentence_costs_one_chunk_and_one_chapter(desk: Desk, sample_markdown: Path, tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text(sample_markdown.read_text("utf-8"), "utf-8")
    before = desk.narrate(book)
    desk.events.clear()
    book.write_text(
        book.read_text("utf-8").replace("She was not a quick woman", "She was never a quick woman"), "utf-8"
    )
    after = desk.narrate(book)
    assert (after.book, after.synthesized) == (before.book, 1)
    assert assembled(desk) == ["Chapter II. THE LEDGER OF MISTER FERRIS"]
    assert len(list((desk.data / "work" / "chapters").glob("??/*"))) == after.chapters


def test_every_character_is_spoken_or_skipped_with_a_reason(desk: Desk, sample_epub: Path) -> None:
    check_coverage(desk, sample_epub, TONE)


def test_every_character_of_a_real_book_is_spoken_or_skipped_with_a_reason(desk: Desk, real_book: Path) -> None:
    check_coverage(desk, real_book, Order(backend="hibari"))


def check_coverage(desk: Desk, source: Path, order: Order) -> None:
    """Over the plans: chunks tile their blocks, each is spoken or has a reason."""
    context = desk.open()
    slug = import_document(context, str(source)).slug
    letters: Counter[str] = Counter()
    for chapter, plan in zip(context.store.editions.chapters(slug), plans_of(context, slug, order), strict=True):
        blocks = context.store.editions.blocks(chapter.id)
        covered = {index: "" for index, block in enumerate(blocks) if block.text}
        for chunk in plan.chunks:
            covered[chunk.block_position] += chunk.span.of(blocks[chunk.block_position].text)
            assert bool(chunk.skip_reason) == (not chunk.clip_key)
        assert covered == {index: blocks[index].text for index in covered}
        letters.update("".join(covered.values()))
    assert letters.total() > 1000
    context.close()


def test_chapter_files_of_every_format_have_the_length_of_the_chapter(desk: Desk, sample_epub: Path) -> None:
    formats = ("mp3", "m4a", "opus", "flac", "wav")
    summary = desk.narrate(sample_epub, replace(TONE, formats=formats, chapters=(2, 4)))
    seconds = Counter[str]()
    for path in map(Path, summary.outputs):
        seconds[path.suffix[1:]] += len(decode_audio(path.read_bytes())) / 24_000  # type: ignore[assignment]
    assert set(seconds) == set(formats)
    for length in seconds.values():
        assert length == pytest.approx(summary.audio_seconds, abs=0.001)
    names = sorted(Path(p).name for p in summary.outputs if p.endswith("mp3"))
    assert names == ["02 - Chapter I. The Lamp.mp3", "04 - Chapter III. What the Sea Gave Back.mp3"]
    with av.open(next(p for p in summary.outputs if p.endswith("mp3"))) as container:
        assert container.metadata["title"] == "Chapter I. The Lamp"
        assert container.metadata["track"] == "2/4"


def test_cues_cover_their_sentences_in_order(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    context = desk.open()
    (book,) = context.store.documents.books()
    for chapter in context.store.editions.chapters(book.slug):
        audio = context.store.chapters.find(chapter.audio_key, position=0, title="")
        cues = context.store.chapters.cues(chapter.audio_key)
        assert audio is not None
        assert cues
        assert all(cue.start_samples < cue.end_samples <= audio.samples for cue in cues)
        assert all(a.end_samples <= b.start_samples for a, b in zip(cues, cues[1:], strict=False))
    context.close()


def test_a_poisoned_chunk_fails_alone_and_can_be_rerun(desk: Desk, short_epub: Path, fake_voice: Path) -> None:
    (fake_voice / "poison").write_text("wickedest of two")
    with pytest.raises(PartialFailure) as caught:
        desk.narrate(short_epub, FAKE)
    summary = caught.value.summary
    assert (summary.failed, summary.synthesized) == (1, summary.chunks - 1)
    assert not list((desk.data / "library").rglob("*.m4b"))
    assert sorted(assembled(desk)) == ["Chapter 1", "Chapter 3"]
    context = desk.open()
    (place,) = context.store.chunks.places(summary.book, state=ChunkState.FAILED)
    assert "wickedest of two" in place.text
    assert "The fake voice fails" in place.reason
    assert place.attempts == 1
    again = choose_again(context, summary.book, failed=True)
    context.close()
    (fake_voice / "poison").unlink()
    before = len(spoken(fake_voice))
    healed = desk.narrate(short_epub, FAKE, again)
    assert healed.synthesized == 1
    assert len(spoken(fake_voice)) == before + 1
    assert m4b(desk).exists()


def test_the_same_words_are_one_clip_and_every_chunk_is_counted(desk: Desk, tmp_path: Path, fake_voice: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text(
        "# One\n\nThe same words.\n\nOther words.\n\nThe same words.\n\n# Two\n\nThe same words.\n", "utf-8"
    )
    (fake_voice / "poison").write_text("Other")
    with pytest.raises(PartialFailure) as caught:
        desk.narrate(book, FAKE)
    summary = caught.value.summary
    assert sorted(spoken(fake_voice)) == ["One", "Other words.", "The same words.", "Two"]
    assert summary.synthesized + summary.cached + summary.failed == summary.chunks == 6
    (fake_voice / "poison").write_text("same")
    with pytest.raises(PartialFailure) as caught:
        desk.narrate(book, replace(FAKE, voice="low"))
    assert caught.value.summary.failed == 3


def test_a_hole_is_published_only_where_gaps_are_allowed(desk: Desk, short_epub: Path, fake_voice: Path) -> None:
    (fake_voice / "poison").write_text("wickedest of two")
    summary = desk.narrate(short_epub, replace(FAKE, allow_gaps=True))
    assert summary.failed == 1
    assert m4b(desk).exists()


def test_a_text_that_kills_its_process_fails_alone(desk: Desk, short_epub: Path, fake_voice: Path) -> None:
    (fake_voice / "deadly").write_text("wickedest of two")
    with pytest.raises(PartialFailure) as caught:
        desk.narrate(short_epub, FAKE)
    ((_, reason),) = caught.value.failures
    assert "dies on this text" in reason


def test_a_rerun_speaks_chosen_chunks_again_and_rebuilds_their_chapter(
    desk: Desk, short_epub: Path, fake_voice: Path
) -> None:
    book = desk.narrate(short_epub, FAKE).book
    whole = m4b(desk).read_bytes()
    context = desk.open()
    (place,) = [p for p in context.store.chunks.places(book) if "saw her at two" in p.text]
    again = choose_again(context, book, chunks=[place.chunk.id])
    context.close()
    (fake_voice / "spoken.log").unlink()
    summary = desk.narrate(short_epub, FAKE, again)
    assert len(spoken(fake_voice)) == summary.synthesized == 1
    assert m4b(desk).read_bytes() == whole
    with pytest.raises(SettingsError, match="nonsense"):
        context = desk.open()
        try:
            choose_again(context, book, chunks=["nonsense"])
        finally:
            context.close()


def test_a_failed_rerun_keeps_the_take_that_was_there(desk: Desk, short_epub: Path, fake_voice: Path) -> None:
    book = desk.narrate(short_epub, FAKE).book
    context = desk.open()
    chunk = context.store.chunks.places(book)[5].chunk
    context.close()
    (fake_voice / "poison").write_text(chunk.sentences[0].spoken)
    with pytest.raises(PartialFailure):
        desk.narrate(short_epub, FAKE, frozenset({chunk.id}))
    (fake_voice / "poison").unlink()
    assert desk.narrate(short_epub, FAKE).synthesized == 0


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_sound_is_noticed_at_assembly_and_spoken_again(desk: Desk, short_epub: Path, damage: str) -> None:
    desk.narrate(short_epub)
    whole = m4b(desk).read_bytes()
    blob = sorted((desk.data / "clips").rglob("*.flac"))[3]
    blob.write_bytes(blob.read_bytes()[:-1] + b"\0") if damage == "changed" else blob.unlink()
    for path in [*(desk.data / "work" / "chapters").rglob("*.m4a"), m4b(desk)]:
        path.unlink()
    summary = desk.narrate(short_epub)
    assert summary.synthesized == 1
    assert any(isinstance(e, Note) and "spoken again" in e.text for e in desk.events)
    assert m4b(desk).read_bytes() == whole


def test_verify_drops_damaged_clips_and_the_next_run_makes_them(desk: Desk, short_epub: Path) -> None:
    total = desk.narrate(short_epub).chunks
    blobs = sorted((desk.data / "clips").rglob("*.flac"))
    blobs[0].write_bytes(b"junk")
    blobs[1].unlink()
    context = desk.open()
    found = verify_cache(context)
    assert (found.dropped, found.orphan_files, found.rebuildable) == (2, 0, 0)
    assert found.clips <= total
    context.close()
    assert desk.narrate(short_epub).synthesized == 2


def test_prune_deletes_what_no_book_needs(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    desk.narrate(short_epub, replace(TONE, voice="low"))
    context = desk.open()
    assert prune_cache(context, dry_run=True).clips > 0
    pruned = prune_cache(context)
    assert pruned.clips > 0
    assert pruned.bytes > 0
    context.close()
    assert desk.narrate(short_epub, replace(TONE, voice="low")).synthesized == 0


def test_loudness_pauses_and_tags_synthesize_nothing(make_desk: Callable[..., Desk], short_epub: Path) -> None:
    desk = make_desk()
    desk.narrate(short_epub)
    before = m4b(desk).read_bytes()
    quieter = desk.settings.mastering.model_copy(update={"target_lufs": -23.0})
    slower = {**desk.settings.pauses, "* > *": 1.5}
    named = desk.settings.publish.model_copy(update={"narrator": "Somebody"})
    again = make_desk(mastering=quieter, pauses=slower, publish=named)
    assert again.narrate(short_epub).synthesized == 0
    assert m4b(again).read_bytes() != before


def double(segment):  # type: ignore[no-untyped-def]
    """A hook that lengthens: says everything twice."""
    return segment + segment


def test_hooks_change_the_sound_but_synthesize_nothing(make_desk: Callable[..., Desk], short_epub: Path) -> None:
    plain = make_desk().narrate(short_epub)
    hooked = make_desk(effects=EffectsSettings(hooks=("tests.narration.test_run:double",)))
    summary = hooked.narrate(short_epub)
    assert summary.synthesized == 0
    assert summary.audio_seconds > 1.5 * plain.audio_seconds


def brittle(segment):  # type: ignore[no-untyped-def]
    """A hook that fails for as long as it is told to."""
    if Path(os.environ["FAKE_VOICE"], "broken").exists():
        raise RuntimeError("broken")
    return segment


def test_a_book_that_fails_does_not_stop_the_next_one(
    make_desk: Callable[..., Desk], short_epub: Path, tmp_path: Path, fake_voice: Path
) -> None:
    other = tmp_path / "other.md"
    other.write_text("# Another book\n\nIt is short, too.\n", "utf-8")
    context = make_desk(effects=EffectsSettings(hooks=("tests.narration.test_run:brittle",))).open()
    (fake_voice / "broken").touch()
    with pytest.raises(AudioError, match="broken"):
        narrate(context, str(short_epub), TONE)
    (fake_voice / "broken").unlink()
    assert narrate(context, str(other), TONE).outputs
    assert narrate(context, str(short_epub), TONE).synthesized == 0
    context.close()


def test_a_very_long_book_is_published_in_parts(make_desk: Callable[..., Desk], short_epub: Path) -> None:
    whole = make_desk()
    total = whole.narrate(short_epub).audio_seconds
    tight = whole.settings.publish.model_copy(update={"m4b_max_hours": total * 0.7 / 3600})
    summary = make_desk(publish=tight).narrate(short_epub)
    assert [Path(p).name for p in summary.outputs] == [f"A Short Book (part {n} of 2).m4b" for n in (1, 2)]
    assert sum(len(decode_audio(Path(p).read_bytes())) for p in summary.outputs) == round(total * 24_000)
    assert len(list((whole.data / "library").rglob("*.m4b"))) == 2, "the release that it replaces is gone"


def test_text_that_a_voice_cannot_read_is_named_before_any_work(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text("# One\n\nAn English sentence.\n\n你好世界，我们走吧。\n\n# Two\n\nAnother sentence.\n", "utf-8")
    with pytest.raises(UnsupportedLanguage, match="One: .*你好"):
        desk.narrate(book, Order(backend="hibari"))
    assert not list((desk.data / "clips").rglob("*.flac"))
    context = desk.open()
    found = estimate(context, str(book), Order(backend="hibari", allow_gaps=True))
    assert found.skipped == {"language: cjk": 1}
    context.close()


def test_one_request_a_sentence_gives_a_clip_for_each(make_desk: Callable[..., Desk], short_epub: Path) -> None:
    block = make_desk("a").narrate(short_epub)
    sentence = make_desk("b", narration=NarrationSettings(chunking="sentence")).narrate(short_epub)
    assert sentence.chunks > block.chunks


def test_chunks_are_done_in_the_store(desk: Desk, short_epub: Path) -> None:
    summary = desk.narrate(short_epub)
    context = desk.open()
    counts = context.store.chunks.counts(summary.book)
    assert sum(c.get(ChunkState.DONE, 0) for c in counts.values()) == summary.chunks
    assert context.store.runs.last(summary.book) == ("finished", summary.as_json())
    context.close()


@pytest.mark.parametrize(("text", "numbers"), [("1,3-5", (1, 3, 4, 5)), ("", ()), (" 2 , 2", (2,))])
def test_chapter_lists(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_chapters(text) == numbers


@pytest.mark.parametrize("text", ["x", "3-1", "0", "1-", "1;2"])
def test_what_is_no_chapter_list_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_chapters(text)


def test_a_chapter_beyond_the_end_is_refused(desk: Desk, short_epub: Path) -> None:
    with pytest.raises(SettingsError, match="3 chapters"):
        desk.narrate(short_epub, replace(TONE, chapters=(9,)))
