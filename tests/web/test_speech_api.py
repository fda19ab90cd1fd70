"""The speech interface, asked by OpenAI's own client and by our own service backend."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.settings import BackendSettings, Settings, SpeechApiSettings
from pipeline.speech.checks import check_clip
from pipeline.speech.registry import choose_voice, make_backend
from tests.conftest import make_settings
from tests.fakes import KIND, spoken
from tests.web.conftest import TOKEN, Studio, own_access

TEXT = "The lamp was lit at dusk, as on every evening. Nobody saw the boat that lay behind the rock."
FORMATS = ["mp3", "opus", "aac", "flac", "wav", "pcm"]
Make = Callable[..., Studio]


def settings(**values: object) -> Settings:
    """A stand-in that beeps: quick, and as long as its text."""
    stand_ins = {"4allapi": "tone", "llmprovider": "tone", "openai": "tone"}
    return make_settings(speech_api=SpeechApiSettings(**{"stand_ins": stand_ins, **values}))


def client(studio: Studio, key: str = TOKEN) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=key, base_url=f"{studio.url}/v1", max_retries=0, http_client=httpx.Client(trust_env=False, timeout=60)
    )


def seconds(data: bytes, audio_format: str) -> float:
    return len(data) / 2 / SAMPLE_RATE_HZ if audio_format == "pcm" else len(decode_audio(data)) / SAMPLE_RATE_HZ


def test_the_official_client_hears_every_format_whole_and_streamed(open_studio: Studio) -> None:
    studio = open_studio
    ask = client(studio)
    lengths = []
    for audio_format in FORMATS:
        order = {"model": "qwen-tts", "voice": "Cherry", "input": TEXT, "response_format": audio_format}
        whole = ask.audio.speech.create(**order)
        with ask.audio.speech.with_streaming_response.create(**order) as answer:
            streamed = b"".join(answer.iter_bytes())
        assert streamed == whole.content
        lengths.append(seconds(streamed, audio_format))
    assert max(lengths) - min(lengths) < 0.15
    assert 3 < lengths[0] < 12


def test_streams_come_in_both_shapes(open_studio: Studio) -> None:
    studio = open_studio
    order = {"model": "qwen-tts", "voice": "Cherry", "input": TEXT}
    told = studio.client.post("/v1/audio/speech", json=order, headers={"X-DashScope-SSE": "enable"})
    assert told.headers["content-type"].startswith("text/event-stream")
    last = json.loads(told.text.strip().rsplit("data: ", 1)[1])
    assert last["usage"]["characters"] == len(TEXT)
    told = studio.client.post("/v1/audio/speech", json={**order, "stream_format": "sse", "response_format": "mp3"})
    events = [json.loads(line[6:]) for line in told.text.splitlines() if line]
    assert {e["type"] for e in events[:-1]} == {"speech.audio.delta"}
    assert (events[-1]["type"], events[-1]["usage"]["input_tokens"]) == ("speech.audio.done", len(TEXT))


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("audio_format", ["wav", "mp3", "opus", "aac", "flac", "pcm"])
def test_our_own_service_backend_understands_the_answers(
    open_studio: Studio, audio_format: str, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = open_studio
    monkeypatch.setenv("STUDIO_TOKEN", TOKEN)
    known = studio.context.settings.backends["4allapi"]
    profile = BackendSettings(
        **{
            **known.model_dump(),
            "base_url": f"{studio.url}/v1",
            "api_key_env": ("STUDIO_TOKEN",),
            "response_format": audio_format,
            "streaming": streaming,
        }
    )
    asking = make_settings(backends={"rig": profile})
    rig = backend_profile(asking, "rig")
    backend = make_backend(rig, decode_audio)
    speech = backend.synthesize(SpeechRequest((TEXT,), choose_voice(rig, model="qwen-tts-latest", voice="Dylan")))
    check_clip(speech.samples, rate_hz=speech.sample_rate_hz, text=TEXT, speed=1.0)


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"model": "nobody"}, openai.NotFoundError, "model_not_found"),
        ({"voice": "Nobody"}, openai.BadRequestError, "invalid_voice"),
        ({"voice": "Dylan"}, openai.BadRequestError, "invalid_voice"),
        ({"voice": "cherry"}, openai.BadRequestError, "invalid_voice"),
        ({"speed": 4.5}, openai.BadRequestError, "invalid_value"),
        ({"speed": 0.2}, openai.BadRequestError, "invalid_value"),
        ({"response_format": "ogg"}, openai.BadRequestError, "invalid_value"),
        ({"input": ""}, openai.BadRequestError, "invalid_value"),
        ({"input": "word " * 600}, openai.BadRequestError, "text_too_long"),
        ({"model": "tts-1", "voice": "alloy", "input": "a" * 4097}, openai.BadRequestError, "text_too_long"),
        ({"input": "!!!"}, openai.BadRequestError, "invalid_value"),
    ],
)
def test_mistakes_get_the_service_s_own_codes(
    open_studio: Studio, change: dict[str, object], kind: type, code: str
) -> None:
    order = {"model": "qwen-tts", "voice": "Cherry", "input": TEXT, "response_format": "wav", **change}
    with pytest.raises(kind) as caught:
        client(open_studio).audio.speech.create(**order)
    assert caught.value.code == code
    assert caught.value.body["type"] == "invalid_request_error"


def test_a_wrong_key_is_refused_and_a_key_of_its_own_opens_nothing_else(make_studio: Make) -> None:
    studio = make_studio(settings(), own_access(speech_key="sk-right"))
    order = {"model": "qwen-tts", "voice": "Cherry", "input": TEXT, "response_format": "wav"}
    with pytest.raises(openai.AuthenticationError) as caught:
        client(studio, "sk-wrong").audio.speech.create(**order)
    assert caught.value.code == "invalid_api_key"
    assert client(studio, "sk-right").audio.speech.create(**order).content[:4] == b"RIFF"
    assert studio.stranger.get("/api/books", headers={"Authorization": "Bearer sk-right"}).status_code == 401


def test_without_a_key_of_its_own_it_asks_for_the_token_of_the_studio(make_studio: Make) -> None:
    studio = make_studio(settings())
    order = {"model": "qwen-tts", "voice": "Cherry", "input": TEXT, "response_format": "wav"}
    assert studio.stranger.post("/v1/audio/speech", json=order).status_code == 401
    with pytest.raises(openai.AuthenticationError):
        client(studio, "any").audio.speech.create(**order)
    assert client(studio, TOKEN).audio.speech.create(**order).content[:4] == b"RIFF"


def test_text_that_the_voice_cannot_read_is_refused_and_not_left_out(make_studio: Make) -> None:
    studio = make_studio(make_settings())  # the embedded voice reads English
    with pytest.raises(openai.BadRequestError) as caught:
        client(studio).audio.speech.create(model="qwen-tts", voice="Cherry", input="One word.\n\n你好，世界。")
    assert caught.value.code == "unsupported_language"


def test_long_input_is_cut_and_joined_where_it_is_allowed(make_studio: Make) -> None:
    studio = make_studio(settings(long_input=True, max_chars=100))
    text = "\n\n".join(f"This is paragraph {n} of a long letter." for n in range(60))
    data = client(studio).audio.speech.create(model="qwen-tts", voice="Cherry", input=text, response_format="pcm")
    assert seconds(data.content, "pcm") > 60


def test_the_same_text_is_spoken_once_however_many_ask_at_once(
    make_studio: Make, fake_voice: Path, tmp_path: Path
) -> None:
    (fake_voice / "delay").write_text("0.2")
    known = settings().model_copy(update={"speech_api": SpeechApiSettings(stand_ins={"4allapi": "fake"})})
    studio = make_studio(known)
    assert known.backends["fake"].kind == KIND
    order = {"model": "qwen-tts", "voice": "Cherry", "input": TEXT, "response_format": "wav"}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: studio.client.post("/v1/audio/speech", json=order), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert max(Counter(spoken(fake_voice)).values()) == 1


def test_models_and_voices_are_listed(make_studio: Make) -> None:
    ask = client(make_studio(make_settings()))
    names = [model.id for model in ask.models.list()]
    assert {"qwen-tts", "qwen2-audio-instruct", "tts-1", "hibari", "hibari-0.2.1", "tone"} <= set(names)
    assert ask.models.retrieve("qwen-tts").owned_by == "hibari"
    voices = ask.get("/audio/voices", cast_to=httpx.Response).json()["voices"]
    assert {"Cherry", "Dylan", "alloy", "heart"} <= {voice["id"] for voice in voices}


def test_an_embedded_voice_really_speaks(make_studio: Make) -> None:
    data = client(make_studio(make_settings())).audio.speech.create(model="hibari", voice="heart", input=TEXT)
    assert 4 < seconds(data.content, "mp3") < 9
