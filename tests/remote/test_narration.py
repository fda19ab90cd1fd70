"""A book by a service: whole and in order, however the service misbehaves, and nothing paid twice."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.model.keys import clip_key
from pipeline.narration.core.order import Order, resolve_voice
from tests.conftest import Desk
from tests.speech_service import FAULTS, WHOLE, SpeechService, encode_file
from tests.tone_code import find_codes, say_code

RIG = Order(backend="rig")


def paragraphs(count: int) -> list[str]:
    return [f"Paragraph number {n} tells of a day at sea. The wind was fair, and nobody slept." for n in range(count)]


def write_book(folder: Path, texts: list[str], *, chapters: int = 3) -> Path:
    size = -(-len(texts) // chapters)
    parts = [f"# Part {n}\n\n" + "\n\n".join(texts[n * size : (n + 1) * size]) for n in range(chapters)]
    path = folder / "book.md"
    path.write_text("\n\n".join(parts), "utf-8")
    return path


def heard(desk: Desk, service: SpeechService) -> list[str]:
    """The texts that the finished book holds, in order."""
    (path,) = (desk.data / "library").rglob("*.m4b")
    return [service.text_of(number) for number, _ in find_codes(decode_audio(path.read_bytes()))]


def expected(texts: list[str], *, chapters: int = 3) -> list[str]:
    size = -(-len(texts) // chapters)
    return [text for n in range(chapters) for text in (f"Part {n}", *texts[n * size : (n + 1) * size])]


def test_a_book_is_spoken_whole_and_in_order(
    remote_desk: Callable[..., Desk], service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(30)
    desk = remote_desk()
    summary = desk.narrate(write_book(tmp_path, texts), RIG)
    assert heard(desk, service) == expected(texts)
    assert summary.synthesized == len(service.asks) == 33
    assert summary.chars_billed == service.billed_chars
    assert summary.cost == pytest.approx(service.billed_chars * 0.00001)
    again = desk.narrate(write_book(tmp_path, texts), RIG)
    assert (again.synthesized, again.chars_billed, len(service.asks)) == (0, 0, 33)


@pytest.mark.long
def test_a_flaky_service_is_outlasted_and_no_whole_answer_asked_for_again(
    remote_desk: Callable[..., Desk], service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(120)
    dice = random.Random(7)
    kinds = [*FAULTS, *(kind for kind in WHOLE if kind)]
    chosen = {text: kinds[n % len(kinds)] if dice.random() < 0.35 else "" for n, text in enumerate(texts)}
    service.fault = lambda text, nth: chosen.get(text, "") if nth == 0 else ""
    service.hang_s = 4.0
    desk = remote_desk(timeout_s=1.5)
    summary = desk.narrate(write_book(tmp_path, texts), RIG)
    assert heard(desk, service) == expected(texts)
    assert summary.failed == 0
    assert set(service.whole_answers().values()) == {1}
    assert sum(bool(kind) for kind in chosen.values()) > 30


def test_an_answer_that_a_killed_program_left_is_not_bought_again(
    remote_desk: Callable[..., Desk], service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(3)
    book, desk = write_book(tmp_path, texts, chapters=1), remote_desk()
    context = desk.open()
    choice, _ = resolve_voice(context.settings, RIG)
    left = encode_file(say_code(service.number(texts[1]), texts[1]), "wav")
    sentences = [f"{piece.strip()}" for piece in texts[1].replace(". ", ".|").split("|")]
    context.store.answers.keep(clip_key(sentences, choice), left)
    context.close()
    summary = desk.narrate(book, RIG)
    assert texts[1] not in service.whole_answers()
    assert (summary.synthesized, len(service.asks)) == (4, 3)
    assert heard(desk, service) == expected(texts, chapters=1)
