"""Worker processes that are killed from outside blame no text; a text that kills its process fails alone."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pipeline.errors import BackendUnavailable
from pipeline.model.voice import SpeechRequest, VoiceChoice
from pipeline.narration.core.account import Account
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.narration.speaking.engine_pool import ClipMakers
from pipeline.settings import BackendSettings
from pipeline.store.files.blobs import Blobs
from pipeline.store.records.purchases import Caps
from tests.conftest import make_settings
from tests.fakes import KIND, spoken

CHOICE = VoiceChoice("fake", KIND, "fake-1", "beep", "en")


@pytest.fixture
def makers(tmp_path: Path, fake_voice: Path) -> Iterator[ClipMakers]:
    """Two processes of the fake voice, which takes its time."""
    (fake_voice / "delay").write_text("0.1")
    settings = make_settings()
    settings.backends["fake"] = BackendSettings(kind=KIND, workers=2)
    (tmp_path / "blobs").mkdir()
    pool = ClipMakers(backend_profile(settings, "fake"), Blobs(tmp_path / "blobs", ".flac"))
    yield pool
    pool.close()
    assert not multiprocessing.active_children()


def speak_all(makers: ClipMakers, texts: list[str]) -> dict[str, str]:
    """What became of each text: empty, or why it failed."""
    account = Account(
        run="run", cap_id="run", book="", caps=Caps(), check_stopping=lambda: None, check_paid=lambda: None
    )
    requests = {text: SpeechRequest((text,), CHOICE) for text in texts}
    futures = {text: makers.submit(request, text, account) for text, request in requests.items()}
    outcome = {}
    for text, future in futures.items():
        try:
            makers.result(future, requests[text], text, account)
            outcome[text] = ""
        except BackendUnavailable as error:
            outcome[text] = str(error)
    return outcome


@contextmanager
def killer(fake_voice: Path, kills: int) -> Iterator[None]:
    """Kills worker processes at work, one or all that there are, until `kills` of them are dead."""
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while len(killed) < kills and not ended.wait(random.uniform(0.02, 0.2)):
            begun = len(spoken(fake_voice))
            living = [process.pid for process in multiprocessing.active_children() if process.pid]
            chosen = random.choice([living, random.sample(living, 1)]) if begun and living else []
            for pid in chosen:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
            while killed and len(spoken(fake_voice)) == begun and not ended.wait(0.02):
                continue  # the next one is to be at work

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert killed, "it was put to the test"


TEXTS = [f"The boat {n} came in." for n in range(4)]


@pytest.mark.long
def test_kills_from_outside_never_fail_a_text(makers: ClipMakers, fake_voice: Path) -> None:
    with killer(fake_voice, 5):
        assert speak_all(makers, TEXTS) == dict.fromkeys(TEXTS, "")


@pytest.mark.long
def test_a_text_that_kills_its_process_fails_alone_also_among_kills_from_outside(
    makers: ClipMakers, fake_voice: Path
) -> None:
    (fake_voice / "deadly").write_text("boat 2")
    with killer(fake_voice, 2):
        outcome = speak_all(makers, TEXTS)
    assert "dies on this text" in outcome.pop(TEXTS[2])
    assert set(outcome.values()) == {""}
