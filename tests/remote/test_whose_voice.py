"""Clips are kept under the key of who really spoke them: nothing is bought twice, nothing is heard in another voice."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.narration.core.order import Order
from pipeline.narration.running.choose_again import choose_again
from tests.conftest import Desk
from tests.remote.conftest import KEY, Rig
from tests.remote.test_narration import RIG, expected, heard, paragraphs, write_book
from tests.speech_service import SpeechService

MakeDesk = Callable[..., Desk]


@pytest.fixture
def other() -> Iterator[SpeechService]:
    """A second service, with models and voices of the same names."""
    running = SpeechService(keys=(KEY,)).serve()
    yield running
    running.close()


def with_backend(desk: Desk, name: str, service: SpeechService, **values: Any) -> Desk:
    backends = {**desk.settings.backends, name: Rig(service).backend(**values)}
    return Desk(desk.data, desk.settings.model_copy(update={"backends": backends}), desk.events)


def test_two_services_with_the_same_names_are_each_asked_in_full(
    remote_desk: MakeDesk, service: SpeechService, other: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(9)
    book, desk = write_book(tmp_path, texts), with_backend(remote_desk(), "other", other)
    first = desk.narrate(book, RIG)
    assert heard(desk, service) == expected(texts)
    for path in (desk.data / "library").rglob("*.m4b"):
        path.unlink()
    second = desk.narrate(book, Order(backend="other"))
    assert (first.synthesized, second.synthesized) == (12, 12)
    assert len(service.asks) == len(other.asks) == 12
    assert heard(desk, other) == expected(texts), "the release is in the voice of the second service"


@pytest.mark.parametrize(
    ("values", "order"),
    [
        ({}, Order(backend="rig", language="en")),
        ({"response_format": "flac"}, RIG),
        ({"concurrency": 2, "retries": 1, "timeout_s": 9}, RIG),
        ({"price_per_1k_chars": 5.0, "currency": "EUR"}, RIG),
    ],
    ids=["a language that nobody is told", "another format", "other limits", "another price"],
)
def test_what_changes_no_spoken_byte_buys_nothing_again(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, values: dict[str, Any], order: Order
) -> None:
    book = write_book(tmp_path, paragraphs(6))
    remote_desk().narrate(book, RIG)
    asked = len(service.asks)
    assert remote_desk(**values).narrate(book, order).synthesized == 0
    assert len(service.asks) == asked


def test_a_renamed_profile_that_names_its_identity_buys_nothing_again(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    book, desk = write_book(tmp_path, paragraphs(6)), remote_desk()
    desk.narrate(book, RIG)
    asked = len(service.asks)
    renamed = with_backend(desk, "renamed", service, identity="rig")
    assert renamed.narrate(book, Order(backend="renamed")).synthesized == 0
    assert len(service.asks) == asked


def test_a_fallbacks_clip_stands_in_for_one_book_alone(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(6)
    service.fault = lambda text, nth: "rejected" if text == texts[4] else ""
    desk = remote_desk(fallback="tone")
    desk.narrate(write_book(tmp_path, texts), RIG)
    service.fault = lambda text, nth: ""
    (tmp_path / "other").mkdir()
    book = write_book(tmp_path / "other", texts)
    book.write_text("---\ntitle: Another\n---\n" + book.read_text("utf-8"), "utf-8")
    asked = len(service.asks)
    summary = desk.narrate(book, RIG)
    assert [ask.text for ask in service.asks[asked:]] == [texts[4]], "the voice that was wanted is asked"
    context = desk.open()
    assert not context.store.chunks.remarks(summary.book)
    context.close()


def test_what_a_fallback_has_spoken_is_not_spoken_again(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(6)
    service.fault = lambda text, nth: "rejected" if text == texts[4] else ""
    desk = remote_desk(fallback="tone")
    book = write_book(tmp_path, texts)
    desk.narrate(book, RIG)
    asked = len(service.asks)
    again = desk.narrate(book, RIG)
    assert (again.synthesized, len(service.asks)) == (0, asked)


def test_a_fallback_speaks_at_the_pace_of_the_order_and_by_its_own_rules(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, fake_voice: Path
) -> None:
    text = "It cost $3.50 on 3 May 2025, and Mr. Ferris paid it at once. Nobody asked why."
    book = tmp_path / "book.md"
    book.write_text(f"# One\n\n{text}\n", "utf-8")
    service.fault = lambda asked, nth: "rejected" if "Ferris" in asked else ""
    slow, fast = (remote_desk(name, fallback="fake").narrate(book, Order(backend="rig", speed=speed)).audio_seconds
                  for name, speed in (("slow", 0.5), ("fast", 2.0)))  # fmt: skip
    said = (fake_voice / "spoken.log").read_text().splitlines()
    assert len(said) == 2
    assert all("$3.50" not in line for line in said), "this voice does not read figures by itself"
    assert slow > 1.5 * fast


def test_a_long_chunk_is_spoken_by_a_fallback_that_holds_less(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    long = " ".join(f"Sentence number {n} is here, and it is neither long nor short." for n in range(40))
    book = tmp_path / "book.md"
    book.write_text(f"# One\n\n{long}\n", "utf-8")
    service.fault = lambda asked, nth: "rejected" if "Sentence" in asked else ""
    desk = remote_desk(fallback="tone", max_tokens=0)
    summary = desk.narrate(book, RIG)
    assert summary.failed == 0
    context = desk.open()
    (chapter,) = context.store.editions.chapters(summary.book)
    cues = context.store.chapters.cues(chapter.audio_key)
    assert len(cues) == 41, "every sentence has its own time"
    assert all(cue.start_samples < cue.end_samples for cue in cues)
    context.close()


def test_a_rerun_asks_the_voice_that_was_wanted(remote_desk: MakeDesk, service: SpeechService, tmp_path: Path) -> None:
    texts = paragraphs(4)
    service.fault = lambda text, nth: "rejected" if text == texts[2] else ""
    desk = remote_desk(fallback="tone")
    summary = desk.narrate(write_book(tmp_path, texts), RIG)
    service.fault = lambda text, nth: ""
    context = desk.open()
    ((place, _),) = context.store.chunks.remarks(summary.book)
    again = choose_again(context, summary.book, chunks=[place.chunk.id])
    context.close()
    desk.narrate(tmp_path / "book.md", RIG, again)
    assert heard(desk, service) == expected(texts)
