"""Never over a limit: concurrency, rate, patience; and what is given up when."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import (
    AuthenticationFailed,
    Interrupted,
    NarrationError,
    PartialFailure,
    QuotaExhausted,
    ServiceFailing,
    SettingsError,
)
from pipeline.model.plan import ChunkState
from pipeline.narration.running import narrations
from pipeline.narration.running.choose_again import choose_again
from pipeline.speech.limits import Limiter, back_off_s
from tests.conftest import Desk
from tests.remote.test_narration import RIG, expected, heard, paragraphs, write_book
from tests.speech_service import SpeechService

MakeDesk = Callable[..., Desk]


def never() -> None:
    """Nobody stops the run."""


def test_no_more_are_in_flight_than_the_profile_allows(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    service.latency_s = 0.05
    remote_desk(concurrency=3).narrate(write_book(tmp_path, paragraphs(40)), RIG)
    assert service.most_in_flight == 3


def test_two_programs_on_one_machine_share_the_limit(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    service.latency_s = 0.05
    desks = [remote_desk(concurrency=3), remote_desk(concurrency=3)]  # two contexts with limits of their own
    books = []
    for n in range(2):
        (tmp_path / str(n)).mkdir()
        books.append(write_book(tmp_path / str(n), [f"{text} Book {n}." for text in paragraphs(30)]))
        books[n].write_text(f"---\ntitle: Book {n}\n---\n" + books[n].read_text())
    threads = [threading.Thread(target=desk.narrate, args=(book, RIG)) for desk, book in zip(desks, books, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.most_in_flight == 3
    assert len(list((desks[0].data / "library").rglob("*.m4b"))) == 2


def test_concurrency_adapts_to_a_service_that_allows_less(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    service.latency_s, service.concurrency = 0.05, 2
    summary = remote_desk(concurrency=16, retries=12).narrate(write_book(tmp_path, paragraphs(60)), RIG)
    assert summary.failed == 0
    refused = sum(sent.status == 429 for sent in service.asks)
    assert refused < len(service.asks) / 2


def test_aimd_halves_once_for_what_was_under_way_and_climbs_back() -> None:
    limiter = Limiter(16)
    with limiter.slot(never) as began:
        pass
    for _ in range(5):
        limiter.refused(began, None)
    assert limiter.allowed == 8
    for _ in range(200):
        limiter.accepted()
    assert limiter.allowed == 16
    for _ in range(10):
        limiter.refused(time.monotonic(), None)
    assert limiter.allowed == 1


def test_requests_a_minute_are_kept(remote_desk: MakeDesk, service: SpeechService, tmp_path: Path) -> None:
    book = write_book(tmp_path, paragraphs(6), chapters=1)
    remote_desk(requests_per_minute=300).narrate(book, RIG)
    starts = [sent.began for sent in service.asks]
    assert min(b - a for a, b in zip(starts, starts[1:], strict=False)) > 0.15
    assert starts[-1] - starts[0] > 6 * 0.2 - 0.05  # they are timed where they arrive


def test_retry_after_holds_back_every_request(remote_desk: MakeDesk, service: SpeechService, tmp_path: Path) -> None:
    texts = paragraphs(12)
    service.latency_s = 0.3
    service.fault = lambda text, nth: "429-seconds" if text == texts[0] and nth == 0 else ""
    remote_desk(concurrency=2).narrate(write_book(tmp_path, texts), RIG)
    (told,) = [sent.ended for sent in service.asks if sent.status == 429]
    later = [sent.began for sent in service.asks if sent.began > told + 0.1]
    assert min(later) > told + 0.9


def test_back_off_is_exponential_with_full_jitter() -> None:
    for attempt in (1, 3, 6):
        waits = [back_off_s(attempt) for _ in range(400)]
        top = 0.5 * 2 ** (attempt - 1)
        assert max(waits) <= top
        assert min(waits) < 0.1 * top
        assert sum(waits) / len(waits) == pytest.approx(top / 2, rel=0.2)


def test_a_chunk_that_fails_for_good_is_tried_as_often_as_set_and_fails_alone(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(10)
    service.fault = lambda text, nth: "503" if text == texts[4] else ""
    desk = remote_desk(retries=2)
    with pytest.raises(PartialFailure) as caught:
        desk.narrate(write_book(tmp_path, texts), RIG)
    context = desk.open()
    (place,) = context.store.chunks.places(caught.value.summary.book, state=ChunkState.FAILED)
    assert (place.attempts, place.text) == (3, texts[4])
    assert "HTTP 503" in place.reason
    again = choose_again(context, caught.value.summary.book, failed=True)
    context.close()
    service.fault = lambda text, nth: ""
    assert desk.narrate(write_book(tmp_path, texts), RIG, again).synthesized == 1
    assert heard(desk, service) == expected(texts)


def test_answers_that_are_paid_but_useless_are_not_asked_for_without_end(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(3)
    service.fault = lambda text, nth: "silence" if text == texts[1] else ""
    with pytest.raises(PartialFailure) as caught:
        remote_desk(retries=30).narrate(write_book(tmp_path, texts, chapters=1), RIG)
    ((_, reason),) = caught.value.failures
    assert "silent" in reason
    assert sum(sent.text == texts[1] for sent in service.asks) == 4
    assert caught.value.summary.chars_billed == service.billed_chars


STOPPERS: list[tuple[str, type[NarrationError]]] = [
    ("401", AuthenticationFailed),
    ("404", SettingsError),
    ("402", QuotaExhausted),
    ("quota-rate", QuotaExhausted),
]


@pytest.mark.parametrize(("fault", "kind"), STOPPERS, ids=[s[0] for s in STOPPERS])
def test_what_no_chunk_can_get_around_stops_the_run_at_once_and_keeps_all(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, fault: str, kind: type[NarrationError]
) -> None:
    texts = paragraphs(30)
    service.retry_after_s = 0
    service.fault = lambda text, nth: fault if len(service.whole_answers()) >= 10 else ""
    desk = remote_desk(concurrency=4, retries=1)
    with pytest.raises(kind) as caught:
        desk.narrate(write_book(tmp_path, texts), RIG)
    assert caught.value.stops_run
    assert caught.value.remedy
    assert len(service.asks) < 25
    before = service.whole_answers()
    service.fault = lambda text, nth: ""
    desk.narrate(write_book(tmp_path, texts), RIG)
    assert set(service.whole_answers().values()) == {1}, before


def test_twenty_failures_in_a_row_stop_the_run(remote_desk: MakeDesk, service: SpeechService, tmp_path: Path) -> None:
    texts = paragraphs(50)
    service.fault = lambda text, nth: "503" if len(service.whole_answers()) >= 5 else ""
    desk = remote_desk(retries=0, concurrency=4)
    with pytest.raises(ServiceFailing, match="chunks failed one after the other"):
        desk.narrate(write_book(tmp_path, texts), RIG)
    assert len(service.asks) < 40
    service.fault = lambda text, nth: ""
    desk.narrate(write_book(tmp_path, texts), RIG)
    assert heard(desk, service) == expected(texts)
    assert set(service.whole_answers().values()) == {1}


def test_failures_that_are_not_in_a_row_do_not_stop_the_run(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(60)
    service.fault = lambda text, nth: "rejected" if text in texts[::2] else ""
    with pytest.raises(PartialFailure) as caught:
        remote_desk(concurrency=1).narrate(write_book(tmp_path, texts), RIG)
    assert len(caught.value.failures) == 30


def test_a_text_the_service_finds_too_long_is_split_and_noted(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    long = "A first sentence stands here. A second one follows it, and it is a good deal longer than the first."
    service.max_chars = 60
    desk = remote_desk()
    summary = desk.narrate(write_book(tmp_path, [long], chapters=1), RIG)
    assert summary.failed == 0
    spoken = [sent.text for sent in service.asks if sent.whole]
    assert "".join(text for text in spoken if text != "Part 0").replace(" ", "") == long.replace(" ", "")
    assert all(len(text) <= 60 for text in spoken)
    context = desk.open()
    ((place, remark),) = context.store.chunks.remarks(summary.book)
    assert "too long" in remark
    (chapter,) = context.store.editions.chapters(summary.book)
    assert len(context.store.chapters.cues(chapter.audio_key)) == 3
    assert place.text == long
    context.close()


def test_a_fallback_speaks_what_the_service_cannot_and_is_listed_for_review(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(10)
    service.fault = lambda text, nth: "rejected" if text == texts[4] else ""
    desk = remote_desk(fallback="tone")
    summary = desk.narrate(write_book(tmp_path, texts), RIG)
    assert (summary.failed, summary.synthesized) == (0, 13)
    context = desk.open()
    ((place, remark),) = context.store.chunks.remarks(summary.book)
    assert (place.text, remark) == (texts[4], "spoken by tone (beep) because rig failed")
    again = choose_again(context, summary.book, chunks=[place.chunk.id])
    context.close()
    service.fault = lambda text, nth: ""
    desk.narrate(write_book(tmp_path, texts), RIG, again)
    assert heard(desk, service) == expected(texts)
    context = desk.open()
    assert not context.store.chunks.remarks(summary.book)
    context.close()


def test_a_fallback_takes_over_where_the_balance_is_used_up(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    service.quota_chars = 400
    desk = remote_desk(fallback="tone", concurrency=2)
    summary = desk.narrate(write_book(tmp_path, paragraphs(20)), RIG)
    assert summary.failed == 0
    assert sum(sent.status == 403 for sent in service.asks) <= 8


def test_a_stopped_run_ends_soon_though_the_service_hangs(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    service.retry_after_s = 300
    service.fault = lambda text, nth: "429-seconds"
    desk = remote_desk()
    outcome: list[BaseException] = []
    context = desk.open()

    def narrate() -> None:
        try:
            narrations.narrate(context, str(write_book(tmp_path, paragraphs(20))), RIG)
        except NarrationError as error:
            outcome.append(error)

    thread = threading.Thread(target=narrate)
    thread.start()
    while not service.asks:
        time.sleep(0.02)
    context.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(outcome[0], Interrupted)
    context.close()
