"""What every backend promises."""

import numpy as np
import pytest

from pipeline.errors import NarrationError, SynthesisError, TextTooLong, UnknownBackend, UnknownVoice
from pipeline.model.voice import SpeechRequest
from pipeline.speech.backend import Backend
from pipeline.speech.checks import check_clip
from pipeline.speech.registry import BackendProfile, choose_voice, describe_backend, make_backend

TEXTS = ("The lamp never once burned low.", "Nobody could say why, but everybody knew.", "It cost £84 in 1921.")


@pytest.fixture(scope="module", params=["tone", "hibari"])
def profile(request: pytest.FixtureRequest) -> BackendProfile:
    return BackendProfile(request.param, request.param)


@pytest.fixture(scope="module")
def backend(profile: BackendProfile) -> Backend:
    return make_backend(profile)


def ask(profile: BackendProfile, *sentences: str, speed: float = 1.0) -> SpeechRequest:
    return SpeechRequest(sentences, choose_voice(profile, speed=speed))


def test_the_answer_is_mono_pcm_with_an_end_for_every_sentence(backend: Backend, profile: BackendProfile) -> None:
    speech = backend.synthesize(ask(profile, *TEXTS))
    assert speech.samples.dtype == np.int16
    assert speech.samples.ndim == 1
    assert len(speech.sentence_ends_samples) == len(TEXTS)
    assert list(speech.sentence_ends_samples) == sorted(set(speech.sentence_ends_samples))
    assert speech.sentence_ends_samples[-1] == len(speech.samples)
    check_clip(speech.samples, rate_hz=speech.sample_rate_hz, text=" ".join(TEXTS))


def test_the_whole_text_is_spoken(backend: Backend, profile: BackendProfile) -> None:
    one, all_ = (backend.synthesize(ask(profile, *texts)) for texts in (TEXTS[:1], TEXTS))
    assert len(all_.samples) > 2 * len(one.samples)
    assert (all_.samples[: len(one.samples)] == one.samples).all()


def test_the_same_request_gives_the_same_bytes(backend: Backend, profile: BackendProfile) -> None:
    assert backend.capabilities.deterministic
    first, second = backend.synthesize(ask(profile, *TEXTS)), make_backend(profile).synthesize(ask(profile, *TEXTS))
    assert (first.samples == second.samples).all()


def test_speed_changes_the_length(backend: Backend, profile: BackendProfile) -> None:
    slow, fast = (len(backend.synthesize(ask(profile, *TEXTS, speed=s)).samples) for s in (0.8, 1.5))
    assert slow > 1.4 * fast


def test_a_text_over_the_limit_is_refused_not_cut(backend: Backend, profile: BackendProfile) -> None:
    with pytest.raises(TextTooLong):
        backend.synthesize(ask(profile, "word " * (backend.capabilities.max_chars // 5 + 5)))


@pytest.mark.parametrize(
    "text", ["", " ", "\U0001f600", "你好世界", "\x00", "<|endoftext|>", "[a](/b/)", "!?", "a" * 300]
)
def test_odd_text_gives_sound_or_one_of_our_errors(backend: Backend, profile: BackendProfile, text: str) -> None:
    try:
        speech = backend.synthesize(ask(profile, text))
    except NarrationError as error:
        assert isinstance(error, SynthesisError)
    else:
        assert len(speech.samples) > 0


def test_it_says_of_itself_what_the_registry_says(backend: Backend, profile: BackendProfile) -> None:
    assert backend.capabilities == describe_backend(profile)


def test_unknown_names_are_refused_with_what_there_is(profile: BackendProfile) -> None:
    with pytest.raises(UnknownVoice, match="no voice"):
        choose_voice(profile, voice="nobody")
    wrong_case = describe_backend(profile).voices[0].name.upper()
    with pytest.raises(UnknownVoice) as caught:
        choose_voice(profile, voice=wrong_case)
    assert "did you mean" in caught.value.remedy
    with pytest.raises(UnknownVoice, match="model"):
        choose_voice(profile, model="none")
    with pytest.raises(UnknownVoice, match="speeds"):
        choose_voice(profile, speed=9.0)
    with pytest.raises(UnknownBackend):
        make_backend(BackendProfile("x", "no.such.module:Thing"))
