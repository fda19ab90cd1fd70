"""A clip's file says all of its row that its samples do not; it stays a FLAC file for everybody else."""

import io
import json

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.audio.clip_file import find_clip, find_facts, measure_clip, write_clip
from pipeline.audio.pcm import decode_audio, encode_flac, read_comments
from pipeline.errors import AudioError
from pipeline.model.audio import ClipFacts

SOUND = (np.sin(np.arange(24_000) / 20) * 9000).astype(np.int16)
ANY_TEXT = st.text(st.characters(), max_size=60)
"""Any code points: NUL, line ends, "=", lone surrogates, letters of every script."""


def facts(length: int = len(SOUND), **changes: object) -> ClipFacts:
    values = {"key": "ab" * 32, "exact": True, "chars": 7, "backend": "rig", "voice": "Cherry", **changes}
    return ClipFacts(sentence_ends_samples=(length,), **values)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(
    arrays(np.int16, st.integers(1, 5000)),
    st.data(),
    st.builds(dict, key=ANY_TEXT, backend=ANY_TEXT, voice=ANY_TEXT, remark=ANY_TEXT, exact=st.booleans()),
)
def test_facts_of_any_text_and_every_sample_are_read_back(
    samples: np.ndarray, data: st.DataObject, texts: dict[str, object]
) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, len(samples)), max_size=4)))
    said = ClipFacts(sentence_ends_samples=(*ends, len(samples)), chars=12, **texts)  # type: ignore[arg-type]
    file = write_clip(samples, said)
    assert find_facts(file) == said
    assert (decode_audio(file) == samples).all()
    assert find_clip(file, "digest") == measure_clip(samples, said, "digest")
    assert write_clip(samples, said) == file, "the same clip has the same bytes"


def test_other_readers_find_the_same_sound_and_a_readable_comment() -> None:
    file, plain = write_clip(SOUND, facts(voice="Chérie")), encode_flac(SOUND)
    assert (decode_audio(file) == decode_audio(plain)).all()
    with av.open(io.BytesIO(file)) as container:
        comment = json.loads(container.metadata["BOOKCAST"])
    assert (comment["voice"], comment["schema"]) == ("Chérie", 1)
    assert len(file) < len(plain) + 400


def test_a_file_without_a_key_or_of_a_newer_program_is_no_clip_and_no_damage() -> None:
    newer = json.dumps({"schema": 2, "key": ["other"]})
    for file in (
        encode_flac(SOUND),
        encode_flac(SOUND, comments={"BOOKCAST": newer}),
        encode_flac(SOUND, comments={"TITLE": "x"}),
    ):
        assert find_facts(file) is None
        assert find_clip(file, "digest") is None


@pytest.mark.parametrize(
    "comment", ["", "{", "[]", "7", "{}", '{"schema": 1}', '{"schema": 1, "key": "k", "sentence_ends_samples": 3}']
)
def test_a_comment_that_makes_no_sense_is_an_error_of_ours(comment: str) -> None:
    file = encode_flac(SOUND, comments={"BOOKCAST": comment or " "})
    with pytest.raises(AudioError):
        find_facts(file)


@pytest.mark.parametrize("ends", [(), (5,), (24_001,), (9, 5, 24_000)])
def test_facts_of_another_sound_are_damage(ends: tuple[int, ...]) -> None:
    file = write_clip(SOUND, ClipFacts("k", ends, exact=True, chars=1, backend="b", voice="v"))
    with pytest.raises(AudioError, match="sentences end"):
        find_clip(file, "digest")


@settings(max_examples=60)
@given(st.integers(0, 3000), st.binary(max_size=40))
def test_damaged_files_are_errors_of_ours_or_read(at: int, junk: bytes) -> None:
    file = write_clip(SOUND, facts())
    for data in (file[:at], file[:at] + junk + file[at + len(junk) :], junk):
        try:
            read_comments(data)
            find_clip(data, "digest")
        except AudioError:
            continue
