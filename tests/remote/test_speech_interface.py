"""The served speech interface with a voice that costs money: nothing is bought without a key and a cap."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from pipeline.settings import BackendSettings, Settings
from pipeline.settings.sections import BudgetSettings, SpeechApiSettings
from tests.conftest import make_settings
from tests.remote.conftest import Rig
from tests.speech_service import SpeechService
from tests.web.conftest import TOKEN, Studio, own_access

KEY = "sk-of-the-house"
LENGTH = len("The lamp was lit on day 1.")
Open = Callable[..., Studio]


def settings(rig: Rig, *, budget: BudgetSettings | None = None, **speech: object) -> Settings:
    known = make_settings(budget=budget or BudgetSettings())
    stand_ins = {"4allapi": "rig", "llmprovider": "tone", "openai": "tone"}
    return known.model_copy(
        update={
            "backends": {**known.backends, "rig": rig.backend()},
            "speech_api": SpeechApiSettings(**{"stand_ins": stand_ins, "api_key_env": "HOUSE_KEY", **speech}),
        }
    )


@pytest.fixture
def open_studio(tmp_path: Path) -> Iterator[Open]:
    studios: list[Studio] = []

    def make(known: Settings, key: str = KEY) -> Studio:
        studios.append(Studio(known, tmp_path / "data", own_access(speech_key=key)))
        return studios[-1]

    yield make
    for studio in studios:
        studio.close()


def ask(studio: Studio, day: int = 1, model: str = "qwen-tts", voice: str = "Cherry", key: str = KEY) -> httpx.Response:
    order = {"model": model, "voice": voice, "input": f"The lamp was lit on day {day}.", "response_format": "wav"}
    return studio.client.post("/v1/audio/speech", json=order, headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize(("key", "cap", "code"), [("", 1.0, "key_needed"), (KEY, None, "cap_needed")])
def test_a_paid_voice_is_refused_without_a_key_or_a_cap(
    rig: Rig, service: SpeechService, open_studio: Open, key: str, cap: float | None, code: str
) -> None:
    studio = open_studio(settings(rig, max_cost_per_day=cap), key)
    answer = ask(studio, key=key or TOKEN)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
    assert "[speech_api]" in answer.json()["error"]["remedy"]
    assert service.asks == []
    assert ask(studio, model="tts-1", voice="alloy", key=key or TOKEN).status_code == 200  # an embedded voice


def test_a_fallback_that_costs_money_needs_them_too(rig: Rig, service: SpeechService, open_studio: Open) -> None:
    known = settings(rig)
    free = BackendSettings(kind="tone", workers=1, fallback="rig")
    studio = open_studio(known.model_copy(update={"backends": {**known.backends, "tone": free}}), "")
    assert ask(studio, model="tts-1", voice="alloy", key=TOKEN).status_code == 403


def test_a_server_of_one_s_own_without_key_and_price_is_free(
    rig: Rig, service: SpeechService, open_studio: Open
) -> None:
    service.keys = ()
    known = settings(rig)
    own = rig.backend(api_key_env=(), price_per_1k_chars=0.0)
    studio = open_studio(known.model_copy(update={"backends": {**known.backends, "rig": own}}), "")
    assert ask(studio, key=TOKEN).status_code == 200


@pytest.mark.parametrize("setting", ["day", "run"])
def test_all_requests_of_a_day_are_held_against_one_cap(
    rig: Rig, service: SpeechService, open_studio: Open, setting: str
) -> None:
    cap = round(2.5 * LENGTH * 0.01 / 1000, 8)
    known = (
        settings(rig, max_cost_per_day=cap)
        if setting == "day"
        else settings(rig, budget=BudgetSettings(max_cost_per_run=cap))
    )
    studio = open_studio(known)
    assert [ask(studio, day).status_code for day in (1, 2, 3)] == [200, 200, 429]
    assert "day" in ask(studio, 4).json()["error"]["remedy"]
    assert len(service.asks) == 2
    assert ask(studio, 1).status_code == 200  # from the cache, for nothing
