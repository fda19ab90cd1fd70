"""Sound from bytes: exact, or an error; never half a file taken for whole."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.audio.effects import apply_hooks, fade_edges, find_sound
from pipeline.audio.pcm import decode_audio, encode_flac
from pipeline.audio.wav import read_wavs
from pipeline.errors import AudioError
from tests.makers import make_wav
from tests.speech_service import encode_file
from tests.tone_code import say_code

SOUND = (np.sin(np.arange(48_000) / 20) * 9000).astype(np.int16)


@settings(max_examples=30, deadline=None)
@given(arrays(np.int16, st.integers(1, 9000)))
def test_flac_keeps_every_sample(samples: np.ndarray) -> None:
    data = encode_flac(samples)
    assert (decode_audio(data) == samples).all()
    assert encode_flac(samples) == data


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_wav_headers_as_streaming_servers_write_them(size: int | None) -> None:
    (wav,) = read_wavs(make_wav(SOUND, data_size=size))
    assert wav.rate_hz == 24_000
    assert (wav.samples == SOUND).all()


def test_stereo_is_mixed_down() -> None:
    both = np.repeat(SOUND, 2)
    assert (read_wavs(make_wav(both, channels=2))[0].samples == SOUND).all()


def test_another_rate_is_resampled() -> None:
    slow = decode_audio(make_wav(SOUND, rate=12_000))
    assert len(slow) == pytest.approx(2 * len(SOUND), abs=50)
    assert (decode_audio(make_wav(SOUND, data_size=0)) == SOUND).all()


def test_a_wav_cut_short_is_refused() -> None:
    with pytest.raises(AudioError, match="cut short"):
        read_wavs(make_wav(SOUND)[:-3000])


@pytest.mark.parametrize("data", [b"", b"RIFF", b"<html>no</html>", make_wav(SOUND)[:40], b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(AudioError):
        read_wavs(data)


@pytest.mark.parametrize("data", [b"", b"<html>no</html>", encode_flac(SOUND)[:-4000], encode_flac(SOUND)[:60]])
def test_what_is_no_whole_audio_is_refused_or_short(data: bytes) -> None:
    with suppress(AudioError):
        assert len(decode_audio(data)) < len(SOUND)


def test_edges_are_trimmed_to_a_little_silence() -> None:
    quiet = np.zeros(24_000, np.int16)
    span = find_sound(np.concatenate([quiet, SOUND, quiet]))
    assert 24_000 - 800 < span.start <= 24_000
    assert 72_000 <= span.end <= 72_000 + 2_000
    assert find_sound(quiet).end == len(quiet)


def test_fades_start_and_end_in_silence_and_keep_the_length() -> None:
    loud = np.full(24_000, 20_000, np.int16)
    faded = fade_edges(loud)
    assert len(faded) == len(loud)
    assert abs(int(faded[0])) < 400
    assert abs(int(faded[-1])) < 400
    assert (faded[200:-200] == 20_000).all()
    assert (fade_edges(loud[:100]) == loud[:100]).all()


def test_a_hook_that_fails_is_named() -> None:
    def broken(segment: object) -> object:
        raise ZeroDivisionError("oh")

    with pytest.raises(AudioError, match="broken"):
        apply_hooks(SOUND, [broken])
    with pytest.raises(AudioError, match="AudioSegment"):
        apply_hooks(SOUND, [lambda segment: 3])


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.9])
@pytest.mark.parametrize("kind", ["mp3", "opus", "aac", "flac", "wav"])
def test_half_a_file_is_never_taken_for_a_whole_one(kind: str, share: float) -> None:
    data = encode_file(say_code(5, "A sentence that goes on for a while. " * 6), kind)
    assert len(decode_audio(data)) > 10 * 24_000
    with pytest.raises(AudioError):
        decode_audio(data[: int(len(data) * share)])
