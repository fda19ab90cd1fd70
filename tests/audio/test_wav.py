"""WAV files one behind the other, however their headers are written: every sample is heard, none is made up."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.audio.pcm import decode_audio
from pipeline.audio.wav import read_wavs
from pipeline.errors import AudioError
from tests.makers import make_wav
from tests.speech_service import encode_file
from tests.tone_code import find_codes, say_code

STATED, STREAMED = ("true",), ("zero", "zero-data", "open", "sox")
LIST = b"LIST" + struct.pack("<I", 9) + b"INFOISFTx"


def wav(
    samples: np.ndarray, sizes: str = "true", *, before: bytes = b"", after: bytes = b"", channels: int = 1
) -> bytes:
    """A file with chunks before its `fmt ` and behind its `data`, and with sizes as streaming writers leave them."""
    form = struct.pack("<IHHIIHH", 16, 1, channels, 24_000, 48_000 * channels, 2 * channels, 16)
    sound = samples.astype("<i2").tobytes()
    inner = b"WAVE" + before + b"fmt " + form + b"data"
    size = {"true": len(sound), "zero": 0, "zero-data": 0, "open": 0xFFFFFFFF, "sox": 0x7FFFF000}[sizes]
    whole = {"true": len(inner) + 4 + len(sound) + len(after), "zero-data": len(inner) + 4}.get(sizes, size)
    return b"RIFF" + struct.pack("<I", whole) + inner + struct.pack("<I", size) + sound + after


SAMPLES = arrays(np.int16, st.integers(0, 60))
FILES = st.builds(
    wav,
    SAMPLES,
    st.sampled_from(STATED + STREAMED),
    before=st.sampled_from([b"", LIST + b"\0", b"JUNK" + struct.pack("<I", 4) + b"abcd"]),
)
# a data size of 0 says that sound goes on to the end, so what has a tail has sound
TAILED = st.builds(
    wav, arrays(np.int16, st.integers(1, 60)), st.just("true"), after=st.sampled_from([b"", LIST, LIST + b"\0"])
)
STEREO = st.builds(lambda s: wav(np.repeat(s, 2), channels=2), SAMPLES)


def heard(data: bytes) -> np.ndarray:
    return np.concatenate([part.samples for part in read_wavs(data)])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(FILES, TAILED, STEREO), min_size=1, max_size=6))
def test_files_one_behind_the_other_are_heard_whole_and_in_order(files: list[bytes]) -> None:
    alone = np.concatenate([heard(file) for file in files])
    joined = b"".join(files)
    assert (heard(joined) == alone).all()
    assert len(heard(joined)) == len(alone)
    assert (decode_audio(joined) == alone).all()


@settings(max_examples=100, deadline=None)
@given(SAMPLES, st.sampled_from(STATED + STREAMED))
def test_one_file_gives_the_samples_that_were_put_into_it(samples: np.ndarray, sizes: str) -> None:
    assert heard(wav(samples, sizes)).tolist() == samples.tolist()


LOOKALIKES = {
    "the two words alone": b"RIFF\x24\0\0\0WAVE" + bytes(20),
    "a form that no file has": b"RIFF\x24\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 999, 7, 0, 3, 5) + bytes(8),
    "a header between two samples' bytes": b"\1" + wav(np.ones(4)) + b"\1",
}


@pytest.mark.parametrize("sizes", [*STATED, *STREAMED])
@pytest.mark.parametrize("lookalike", LOOKALIKES)
def test_sound_that_looks_like_a_header_is_not_cut(lookalike: str, sizes: str) -> None:
    samples = np.frombuffer(LOOKALIKES[lookalike], "<i2")
    files = [wav(np.concatenate([np.ones(9), samples, np.ones(9)]), sizes), wav(np.ones(5))]
    assert len(heard(b"".join(files))) == len(samples) + 18 + 5


@settings(max_examples=80, deadline=None)
@given(st.lists(st.builds(wav, arrays(np.int16, st.integers(1, 40))), min_size=1, max_size=3), st.data())
def test_files_cut_short_anywhere_are_refused(files: list[bytes], data: st.DataObject) -> None:
    ends = np.cumsum([len(file) for file in files]).tolist()
    cut = data.draw(st.integers(1, ends[-1] - 1).filter(lambda at: at not in ends))
    with pytest.raises(AudioError):
        read_wavs(b"".join(files)[:cut])


@pytest.mark.parametrize("rest", [b"\0" * 9, b"\n", LIST[:-3]])
def test_what_means_nothing_behind_the_sound_is_read_over(rest: bytes) -> None:
    assert len(heard(wav(np.ones(50)) + rest)) == 50


def test_a_size_that_states_too_little_is_refused_because_sound_would_be_lost() -> None:
    with pytest.raises(AudioError, match="behind its sound"):
        read_wavs(make_wav(np.full(5_000, 257), data_size=100))


def test_a_file_among_them_without_sound_is_refused() -> None:
    headless = wav(np.ones(5)).replace(b"data", b"LIST")
    for files in ([headless, wav(np.ones(5))], [wav(np.ones(5)), headless]):
        with pytest.raises(AudioError, match="no data"):
            read_wavs(b"".join(files))


def test_files_of_other_rates_and_channels_are_each_converted() -> None:
    one, two, three = (say_code(n, f"This is sentence number {n}.") for n in (1, 2, 3))
    slow = np.interp(np.arange(0, len(two), 1.5), np.arange(len(two)), two).astype(np.int16)
    files = [make_wav(one, data_size=0), make_wav(slow, rate=16_000), make_wav(np.repeat(three, 2), channels=2)]
    samples = decode_audio(b"".join(files))
    assert [number for number, _ in find_codes(samples)] == [1, 2, 3]
    assert len(samples) == pytest.approx(len(one) + len(two) + len(three), abs=100)


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus", "aac", "flac"])
def test_files_of_every_kind_are_heard_one_behind_the_other(kind: str) -> None:
    sounds = [say_code(n, f"This is sentence number {n}.") for n in (1, 2, 3)]
    samples = decode_audio(b"".join(encode_file(sound, kind) for sound in sounds))
    assert [number for number, _ in find_codes(samples)] == [1, 2, 3]
    assert len(samples) == pytest.approx(sum(map(len, sounds)), abs=0.3 * 24_000)
