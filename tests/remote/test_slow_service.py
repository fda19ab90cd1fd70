"""A service that takes longer than any lease is paid once, whoever asks meanwhile."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.speaking.audition import audition
from pipeline.settings import SpeechApiSettings
from pipeline.store.ownership.owners import Lease
from pipeline.store.ownership.scratch import VARIABLE
from tests.conftest import Desk, make_settings
from tests.remote.conftest import Rig
from tests.remote.test_narration import RIG, paragraphs, write_book
from tests.speech_service import SpeechService
from tests.waiting import wait_until
from tests.web.conftest import Studio, own_access

TEXT = "A sentence that takes its time."
SHORT = Lease(lease_s=1.0, beat_s=0.1)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What is opened from now on is of that machine."""
    return lambda name: monkeypatch.setenv(VARIABLE, str(tmp_path / name))


@pytest.fixture
def slow_desk(
    remote_desk: Callable[..., Desk], service: SpeechService, machine: Callable[[str], None]
) -> Iterator[tuple[Context, Context]]:
    """One data directory, open on two machines."""
    service.latency_s = 2.5
    desk = remote_desk(timeout_s=30)
    contexts = []
    for name in ("here", "there"):
        machine(name)
        contexts.append(Context(desk.settings, desk.data, lease=SHORT))
    yield contexts[0], contexts[1]
    for context in contexts:
        context.close()


def test_a_text_that_two_machines_say_at_once_is_bought_once(
    slow_desk: tuple[Context, Context], service: SpeechService, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(audition, slow_desk[0], TEXT, tmp_path / "0.wav", RIG)
        wait_until(lambda: bool(service.asks), "the first request")
        second = threads.submit(audition, slow_desk[1], TEXT, tmp_path / "1.wav", RIG)
        assert first.result() == second.result() > 0
    assert service.whole_answers() == {TEXT: 1}


def test_the_speech_interface_holds_what_it_speaks(
    rig: Rig, service: SpeechService, tmp_path: Path, machine: Callable[[str], None]
) -> None:
    service.latency_s = 2.5
    settings = make_settings(
        speech_api=SpeechApiSettings(stand_ins={"openai": "rig"}, api_key_env="HOUSE_KEY", max_cost_per_day=1.0)
    )
    settings = settings.model_copy(update={"backends": {**settings.backends, "rig": rig.backend(timeout_s=30)}})
    machine("here")
    studio = Studio(settings, tmp_path / "data", own_access(speech_key="sk-own"), lease=SHORT)
    machine("there")
    other = Context(settings, tmp_path / "data", lease=SHORT)
    key = {"Authorization": "Bearer sk-own"}
    order = {"model": "rig", "voice": "Cherry", "input": TEXT, "response_format": "wav"}
    try:
        with ThreadPoolExecutor(2) as threads:
            answer = threads.submit(studio.client.post, "/v1/audio/speech", json=order, headers=key)
            wait_until(lambda: bool(service.asks), "the first request")
            said = threads.submit(audition, other, TEXT, tmp_path / "said.wav", Order(backend="rig", voice="Cherry"))
            assert answer.result().status_code == 200
            assert said.result() > 0
    finally:
        studio.close()
        other.close()
    assert service.whole_answers() == {TEXT: 1}


def test_what_failed_can_be_said_again_at_once(
    slow_desk: tuple[Context, Context], service: SpeechService, tmp_path: Path
) -> None:
    """A claim that a failure left behind would hold for as long as the first program runs."""
    service.latency_s = 0.0
    service.fault = lambda text, nth: "rejected" if nth == 0 else ""
    with pytest.raises(Exception, match="not allowed"):
        audition(slow_desk[0], TEXT, tmp_path / "0.wav", RIG)
    assert audition(slow_desk[1], TEXT, tmp_path / "1.wav", RIG) > 0


def test_no_more_of_a_book_is_claimed_than_the_service_is_asked_for(
    remote_desk: Callable[..., Desk], service: SpeechService, tmp_path: Path
) -> None:
    from pipeline.narration.speaking.request_pool import SPARE_THREADS

    service.latency_s = 0.3
    desk = remote_desk(concurrency=2, timeout_s=30)
    desk.open().close()
    watching = sqlite3.connect(desk.data / "bookcast.db")
    most = 0
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(desk.narrate, write_book(tmp_path, paragraphs(24)), RIG)
        while not run.done():
            most = max(most, watching.execute("SELECT count(*) FROM claims").fetchone()[0])
        assert run.result().synthesized == 27
    watching.close()
    assert 2 <= most <= 2 + SPARE_THREADS
