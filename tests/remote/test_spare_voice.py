"""The voice that speaks what another could not: what it says, what it is never asked for, and whose claims are whose."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import Interrupted, PartialFailure
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.core.run_state import MISSING, Run
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.running.narrations import narrate
from pipeline.narration.running.prepare import prepare
from pipeline.narration.speaking.batch_result import BatchResult
from pipeline.narration.speaking.engine_pool import LOOK_AHEAD
from pipeline.narration.speaking.request_pool import SPARE_THREADS
from pipeline.narration.speaking.synthesize_batch import synthesize_batch
from pipeline.narration.upkeep.edit_book import speak_sentence_as
from pipeline.store.records.edits import StoredPronunciation
from tests.conftest import Desk, plans_of
from tests.fakes import spoken
from tests.narration.test_ownership import claimed
from tests.remote.test_narration import RIG, expected, heard, paragraphs, write_book
from tests.speech_service import SpeechService
from tests.waiting import wait_until

MakeDesk = Callable[..., Desk]


def test_a_rerun_that_fails_has_nothing_spoken_that_nobody_would_hear(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, fake_voice: Path
) -> None:
    texts = paragraphs(4)
    desk, book = remote_desk(fallback="fake"), write_book(tmp_path, texts)
    slug = desk.narrate(book, RIG).book
    service.fault = lambda text, nth: "rejected" if text == texts[2] else ""
    context = desk.open()
    (chosen,) = [p.chunk.id for p in context.store.chunks.places(slug) if p.text.startswith(texts[2])]
    context.close()
    with pytest.raises(PartialFailure) as caught:
        desk.narrate(book, RIG, frozenset({chosen}))
    assert [failure.what for failure in caught.value.failures] == [chosen]
    assert spoken(fake_voice) == []
    assert claimed(desk) == 0
    desk.narrate(book, RIG)
    assert heard(desk, service) == expected(texts), "the take that was there stays"


def test_where_the_voice_is_given_up_in_a_rerun_the_spare_speaks_only_what_has_no_take(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, fake_voice: Path
) -> None:
    desk, book = remote_desk(fallback="fake"), write_book(tmp_path, paragraphs(9))
    slug = desk.narrate(book, RIG).book
    context = desk.open()
    chunks = [place.chunk for place in context.store.chunks.places(slug)]
    lost = chunks[4]
    found = context.store.clips.find([lost.clip_key])
    context.store.clips.drop({key: clip.blob for key, clip in found.items()})
    context.close()
    service.keys = ("sk-another",)
    with pytest.raises(PartialFailure) as caught:
        desk.narrate(book, RIG, frozenset(chunk.id for chunk in chunks))
    assert {failure.what for failure in caught.value.failures} == {chunk.id for chunk in chunks} - {lost.id}
    assert len(spoken(fake_voice)) == 1
    assert claimed(desk) == 0


def test_a_pronunciation_set_during_a_run_makes_no_text_a_persons_own(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, fake_voice: Path
) -> None:
    book = tmp_path / "book.md"
    book.write_text("# One\n\nMr. Ferris paid $3.50 at once.\n\nNobody asked.\n", "utf-8")
    desk = remote_desk(fallback="fake")
    slug = desk.narrate(book, RIG).book
    context = desk.open()
    sentences = [s for p in context.store.chunks.places(slug) for s in p.chunk.sentences]
    (nobody,) = [s.id for s in sentences if "Nobody" in s.spoken]
    speak_sentence_as(context, slug, 0, nobody, "Nobody asked for the $9.")

    def reject(text: str, nth: int) -> str:
        context.store.changes.set_pronunciation(StoredPronunciation(0, slug, "Ferris", "Farris"))
        return "rejected"

    service.fault = reject
    narrate(context, str(book), Order(backend="rig", voice="Serena"))
    context.close()
    said = spoken(fake_voice)
    assert "Nobody asked for the $9." in said, "what a person wrote stays as it is"
    assert any("Farris" in text for text in said)
    assert not any("$3.50" in text for text in said), "this voice does not read figures by itself"


def speak_last_chunk(run: Run) -> BatchResult:
    (chapter,) = run.context.store.editions.chapters(run.book.slug)
    (plan,) = plans_of(run.context, run.book.slug, run.order)
    return synthesize_batch(run, chapter, plan.spoken[-1:])


def make_run(context: Context, book: Path, order: Order) -> Run:
    prepared = prepare(context, import_document(context, str(book)), order)
    return Run(context, prepared.book, order, MISSING, shared=False, flow_run="")


def test_a_run_that_ends_leaves_the_spares_claim_to_the_run_that_has_it(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, fake_voice: Path
) -> None:
    """Two runs of one process, whose own voices fail on the same words: one has the spare speak them."""
    book = tmp_path / "book.md"
    book.write_text("# One\n\nMr. Ferris paid at once.\n", "utf-8")
    (fake_voice / "delay").write_text("6")
    service.fault = lambda text, nth: "rejected"
    desk = remote_desk(fallback="fake")
    context = desk.open()
    first, second = (make_run(context, book, Order(backend="rig", voice=voice)) for voice in ("Cherry", "Serena"))
    free = context.makers(first.order).turns.join(lambda: None)
    with ThreadPoolExecutor(2) as threads:
        speaking = threads.submit(speak_last_chunk, first)
        wait_until(lambda: len(spoken(fake_voice)) == 1, "the spare to speak")
        waiting = threads.submit(speak_last_chunk, second)
        wait_until(lambda: len(service.asks) == 2 and claimed(desk) == 3, "the second run to be refused")
        with pytest.raises(TimeoutError):
            waiting.result(1.0)  # it looks for the spare's clip again and again
        second.stop()
        with pytest.raises(Interrupted):
            waiting.result(20)
        assert not speaking.done()
        assert claimed(desk) == 2, "the chunk and the spare's clip of it, which are still the first run's"
        assert speaking.result(20).synthesized == 1
    assert claimed(desk) == 0
    assert free.take(99) == 8 + SPARE_THREADS
    context.close()


def test_what_is_raised_while_chunks_are_given_out_leaves_no_claim_and_no_place_taken(
    remote_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = remote_desk()
    context = desk.open()
    makers = context.makers(RIG)
    makers.close()  # it takes nothing more
    with pytest.raises(RuntimeError, match="after shutdown"):
        narrate(context, str(write_book(tmp_path, paragraphs(9))), RIG)
    assert claimed(desk) == 0
    assert makers.turns.join(lambda: None).take(99) == 8 + SPARE_THREADS
    context.close()


def test_a_bug_in_a_voice_leaves_no_claim_and_no_place_taken(desk: Desk, tmp_path: Path, fake_voice: Path) -> None:
    (fake_voice / "bug").write_text("Paragraph")
    order = Order(backend="fake")
    context = desk.open()
    with pytest.raises(ZeroDivisionError):
        narrate(context, str(write_book(tmp_path, paragraphs(9))), order)
    assert claimed(desk) == 0
    assert context.makers(order).turns.join(lambda: None).take(99) == 1 + LOOK_AHEAD
    context.close()
