"""Every row of the services' documents: what is sent, and what is made of the answer."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.errors import (
    AuthenticationFailed,
    BackendTimeout,
    BackendUnavailable,
    BadClip,
    NarrationError,
    QuotaExhausted,
    RateLimited,
    SettingsError,
    TextRejected,
    TextTooLong,
    UnknownVoice,
    VoiceNotInModel,
)
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.settings import Settings, read_settings
from pipeline.speech.registry import BackendProfile, choose_voice
from pipeline.speech.services.openai_speech import OpenAIBackend
from tests.conftest import ROOT
from tests.speech_service import DIALECT_VOICES, OPENAI_VOICES, QWEN_VOICES, WHOLE, SpeechService
from tests.tone_code import find_codes, say_code

KEY = "sk-test-0123456789abcdef"
TEXT = "The lamp was lit. Nobody came."
A_MODELS = {"qwen-tts": QWEN_VOICES, "qwen-tts-latest": DIALECT_VOICES, "qwen-tts-2025-05-22": DIALECT_VOICES}
B_MODELS = {"qwen2-audio-instruct": OPENAI_VOICES}

Speak = Callable[..., np.ndarray]


def shipped(name: str, base_url: str, **changes: object) -> Settings:
    """The profile as it is shipped, pointed at the service on loopback."""
    settings = read_settings(ROOT / "config" / "bookcast.toml")
    backend = settings.backends[name].model_copy(update={"base_url": base_url, "timeout_s": 2.0, **changes})
    return settings.model_copy(update={"backends": {**settings.backends, name: backend}})


@pytest.fixture(params=["4allapi", "llmprovider"])
def profile_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_backend(service: SpeechService, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIBackend]]:
    opened = []

    def make(name: str, **changes: object) -> OpenAIBackend:
        settings = shipped(name, service.url, **changes)
        for variable in settings.backends[name].api_key_env:
            monkeypatch.setenv(variable, KEY)
        profile = backend_profile(settings, name)
        assert profile.service
        opened.append(OpenAIBackend(profile.service, decode_audio))
        return opened[-1]

    yield make
    for backend in opened:
        backend.close()


def ask(backend: OpenAIBackend, text: str = TEXT, **choice: object) -> SpeechRequest:
    profile = BackendProfile(backend.service.name, "openai", backend.service)
    return SpeechRequest((text,), choose_voice(profile, **choice))  # type: ignore[arg-type]


@pytest.mark.parametrize(("model", "voice"), [(m, v) for m, voices in A_MODELS.items() for v in voices])
def test_service_a_is_asked_as_its_document_says(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService, model: str, voice: str
) -> None:
    backend = open_backend("4allapi")
    speech = backend.synthesize(ask(backend, model=model, voice=voice, speed=1.25))
    (sent,) = service.asks
    assert sent.body == {
        "model": model, "input": TEXT, "voice": voice, "speed": 1.25, "response_format": "wav",
    }  # fmt: skip
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["user-agent"].startswith("bookcast/")
    assert "x-dashscope-sse" not in sent.headers
    assert find_codes(speech.samples)[0][0] == service.number(TEXT)
    assert speech.sample_rate_hz == 24_000


@pytest.mark.parametrize("voice", OPENAI_VOICES)
@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", ""])
def test_service_b_is_asked_as_its_document_says(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService, voice: str, form: str
) -> None:
    service.models, service.formats, service.max_chars, service.max_tokens = (
        B_MODELS,
        ("mp3", "opus", "aac", "flac"),
        4096,
        0,
    )
    backend = open_backend("llmprovider", response_format=form)
    speech = backend.synthesize(ask(backend, voice=voice))
    (sent,) = service.asks
    body = {"model": "qwen2-audio-instruct", "input": TEXT, "voice": voice, "speed": 1.0}
    assert sent.body == (body | {"response_format": form} if form else body)
    assert find_codes(speech.samples)[0][0] == service.number(TEXT)
    assert len(speech.samples) == pytest.approx(len(say_code(1, TEXT)), abs=0.15 * 24_000)


def test_the_profiles_hold_what_the_documents_say() -> None:
    backends = read_settings(ROOT / "config" / "bookcast.toml").backends
    four, llm, openai = backends["4allapi"], backends["llmprovider"], backends["openai"]
    assert {name: model.voices for name, model in four.models.items()} == A_MODELS
    assert (four.base_url, four.max_tokens, four.response_format) == ("https://api.4allapi.com/v1", 480, "wav")
    assert set(four.voice_notes) == set(DIALECT_VOICES)
    assert {v: n.dialect for v, n in four.voice_notes.items() if n.dialect} == {
        "Dylan": "Beijing", "Jada": "Wu", "Sunny": "Sichuan",
    }  # fmt: skip
    assert {name: model.voices for name, model in llm.models.items()} == B_MODELS
    assert (llm.base_url, llm.max_chars, llm.response_format) == ("https://platform.llmprovider.ai/v1", 4096, "flac")
    assert "deprecated" in llm.models["qwen2-audio-instruct"].note
    assert {"tts-1", "tts-1-hd", "gpt-4o-mini-tts"} == set(openai.models)
    assert openai.max_chars == 4096
    assert {b.price_per_1k_chars for b in (four, llm, openai)} == {0.0}


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_every_format_of_openai_is_understood(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService, form: str
) -> None:
    service.models, service.formats = {"gpt-4o-mini-tts": OPENAI_VOICES}, (form,)
    backend = open_backend("openai", response_format=form, instructions="Calmly.")
    speech = backend.synthesize(ask(backend, voice="nova"))
    assert service.asks[0].body["instructions"] == "Calmly."
    assert find_codes(speech.samples)[0][0] == service.number(TEXT)


WHOLE_ANSWERS = [kind for kind in WHOLE if kind]


@pytest.mark.parametrize("kind", WHOLE_ANSWERS)
def test_odd_but_whole_answers_are_understood(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService, kind: str
) -> None:
    service.fault = lambda text, nth: kind
    backend = open_backend("4allapi")
    request = ask(backend)
    sound = backend.ask(request)
    speech = backend.hear(sound, request)
    assert len(speech.samples) == pytest.approx(len(say_code(1, TEXT)), abs=5)
    assert find_codes(speech.samples)[0][0] == service.number(TEXT)
    assert sound.billed_chars == (len(TEXT) if kind.startswith("dashscope") else None)


def test_streaming_is_asked_for_by_its_header(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService
) -> None:
    backend = open_backend("4allapi", streaming=True)
    speech = backend.synthesize(ask(backend))
    assert service.asks[0].headers["x-dashscope-sse"] == "enable"
    assert find_codes(speech.samples)[0][0] == service.number(TEXT)


@pytest.mark.parametrize("form", ["mp3", "wav", "pcm"])
def test_openai_event_streams_hold_any_format(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService, form: str
) -> None:
    service.formats, service.fault = (form,), lambda text, nth: "openai-events"
    backend = open_backend("4allapi", response_format=form)
    assert find_codes(backend.synthesize(ask(backend)).samples)[0][0] == service.number(TEXT)


FAULTS: list[tuple[str, type[NarrationError], bool]] = [
    ("429", RateLimited, False),
    ("429-seconds", RateLimited, False),
    ("429-date", RateLimited, False),
    ("quota-rate", RateLimited, False),
    ("500", BackendUnavailable, False),
    ("502", BackendUnavailable, False),
    ("503", BackendUnavailable, False),
    ("408", BackendUnavailable, False),
    ("425", BackendUnavailable, False),
    ("402", QuotaExhausted, False),
    ("401", AuthenticationFailed, False),
    ("403", AuthenticationFailed, False),
    ("404", SettingsError, False),
    ("418", TextRejected, False),
    ("rejected", TextRejected, False),
    ("too-long", TextTooLong, False),
    ("reset", BackendUnavailable, True),
    ("hang", BackendTimeout, True),
    ("drip", BackendTimeout, True),
    ("reset-body", BadClip, True),
    ("truncated", BadClip, True),
    ("truncated-wav", BadClip, True),
    ("empty", BadClip, True),
    ("json", BadClip, True),
    ("html", BadClip, True),
    ("events-cut", BadClip, True),
    ("events-error", BadClip, True),
]


@pytest.mark.parametrize(("fault", "kind", "billed"), FAULTS, ids=[f[0] for f in FAULTS])
def test_every_fault_is_the_error_that_its_table_says(
    open_backend: Callable[..., OpenAIBackend],
    service: SpeechService,
    fault: str,
    kind: type[NarrationError],
    billed: bool,
) -> None:
    service.fault = lambda text, nth: fault
    service.hang_s = 4.0
    backend = open_backend("4allapi", timeout_s=1.0)
    with pytest.raises(kind) as caught:
        backend.synthesize(ask(backend))
    assert type(caught.value) is kind
    assert getattr(caught.value, "billed", False) == billed
    assert KEY not in str(caught.value)


def test_retry_after_is_read_in_both_its_forms(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService
) -> None:
    backend = open_backend("4allapi")
    for fault, seconds in (("429-seconds", 1.0), ("429-date", 1.0), ("429", None)):
        service.fault = lambda text, nth, fault=fault: fault
        with pytest.raises(RateLimited) as caught:
            backend.synthesize(ask(backend))
        assert caught.value.retry_after_s == (seconds and pytest.approx(seconds, abs=1.0))


def test_a_wrong_key_stops_and_names_the_variable_not_the_key(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService
) -> None:
    backend = open_backend("4allapi")
    service.keys = ("sk-another",)
    with pytest.raises(AuthenticationFailed) as caught:
        backend.synthesize(ask(backend))
    assert caught.value.stops_run
    assert "FOURALLAPI_API_KEY" in caught.value.remedy
    assert KEY not in str(caught.value) + caught.value.remedy + repr(caught.value.__context__)


def test_an_unknown_model_or_voice_lists_what_there_is(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService
) -> None:
    backend = open_backend("4allapi")
    service.models = {"qwen-tts": ("Serena",)}
    with pytest.raises(UnknownVoice) as voice:
        backend.synthesize(ask(backend, model="qwen-tts", voice="Cherry"))
    assert "Cherry, Serena, Ethan, Chelsie" in voice.value.remedy
    with pytest.raises(SettingsError) as model:
        backend.synthesize(ask(backend, model="qwen-tts-latest"))
    assert "qwen-tts-2025-05-22" in model.value.remedy


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"voice": "cherry"}, 'did you mean "Cherry"'),
        ({"model": "qwen-tts", "voice": "Dylan"}, "choose Cherry, Serena, Ethan, Chelsie"),
        ({"model": "Qwen-TTS"}, 'did you mean "qwen-tts"'),
        ({"speed": 4.1}, "0.25 to 4.0"),
        ({"speed": 0.2}, "0.25 to 4.0"),
    ],
)
def test_a_wrong_choice_is_refused_before_any_request(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService, choice: dict[str, object], words: str
) -> None:
    with pytest.raises(UnknownVoice) as caught:
        ask(open_backend("4allapi"), **choice)
    assert isinstance(caught.value, VoiceNotInModel) == (choice.get("voice") == "Dylan")
    assert words in f"{caught.value} {caught.value.remedy}"
    assert not service.asks


def test_a_missing_key_is_found_before_any_request(monkeypatch: pytest.MonkeyPatch, service: SpeechService) -> None:
    monkeypatch.delenv("FOURALLAPI_API_KEY", raising=False)
    profile = backend_profile(shipped("4allapi", service.url), "4allapi")
    assert profile.service
    with pytest.raises(SettingsError, match="FOURALLAPI_API_KEY"):
        OpenAIBackend(profile.service, decode_audio)


def test_several_keys_are_used_in_turn_and_a_refused_one_no_more(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE", KEY)
    monkeypatch.setenv("TWO", "sk-two")
    service.keys = (KEY, "sk-two")
    profile = backend_profile(shipped("4allapi", service.url, api_key_env=("ONE", "TWO")), "4allapi")
    assert profile.service
    backend = OpenAIBackend(profile.service, decode_audio)

    def used(times: int) -> set[str]:
        service.asks.clear()
        for _ in range(times):
            with suppress(BackendUnavailable):
                backend.synthesize(ask(backend))
        return {sent.headers["authorization"] for sent in service.asks if sent.status == 200}

    assert used(4) == {f"Bearer {KEY}", "Bearer sk-two"}
    service.keys = ("sk-two",)
    assert used(4) == {"Bearer sk-two"}
    assert [sent.status for sent in service.asks].count(401) == 1
    service.keys = ("sk-neither",)
    with pytest.raises(AuthenticationFailed):
        backend.synthesize(ask(backend))
    backend.close()


def test_any_voice_may_be_named_where_the_profile_allows(
    open_backend: Callable[..., OpenAIBackend], service: SpeechService, tmp_path: Path
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        f'[backends.own]\nkind = "openai"\nbase_url = "{service.url}/"\n[backends.own.models."kokoro"]\nvoices = "any"\n'
    )
    settings = read_settings(path)
    service.models, service.keys = {"kokoro": ("af_sky",)}, ()
    profile = backend_profile(settings, "own")
    assert profile.service
    backend = OpenAIBackend(profile.service, decode_audio)
    speech = backend.synthesize(SpeechRequest((TEXT,), choose_voice(profile, voice="af_sky")))
    assert find_codes(speech.samples)
    assert "authorization" not in service.asks[0].headers
    with pytest.raises(UnknownVoice, match="one has to be named"):
        choose_voice(profile)
    backend.close()
