"""Ends of sentences from the pauses of a clip."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.registry import BackendProfile, choose_voice, make_backend
from pipeline.speech.sentence_times import estimate_sentence_ends

RATE = 24_000


def speech(seconds: float, level: int = 5_000) -> np.ndarray:
    return (np.sin(np.arange(round(seconds * RATE)) * 0.2) * level).astype(np.int16)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.int16)


@settings(derandomize=True)  # an estimate may be wrong somewhere; here it must not begin to be
@given(st.lists(st.integers(5, 120), min_size=2, max_size=12), st.integers(0, 1_000_000))
def test_long_pauses_between_sentences_are_found(lengths: list[int], seed: int) -> None:
    """Also where short pauses inside sentences try to mislead."""
    dice = np.random.default_rng(seed)
    pieces, ends, at = [silence(0.1)], [], 0.1
    for length in lengths:
        seconds = length * 0.06 * dice.uniform(0.93, 1.07)
        inside = [speech(seconds / 2), silence(0.1), speech(seconds / 2)] if length > 40 else [speech(seconds)]
        pieces += [*inside, silence(0.45)]
        at += sum(len(piece) for piece in inside) / RATE + 0.45
        ends.append(at)
    found = estimate_sentence_ends(np.concatenate(pieces), RATE, ["x" * length for length in lengths])
    assert [end / RATE for end in found] == pytest.approx(ends, abs=0.3)


@given(
    st.lists(st.text("ab c", max_size=20), min_size=1, max_size=10),
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=8),
)
def test_whatever_the_sound_ends_ascend_to_the_end_of_the_clip(
    sentences: list[str], parts: list[tuple[float, bool]]
) -> None:
    pieces = [speech(seconds) if loud else silence(seconds) for seconds, loud in parts]
    samples = np.concatenate([*pieces, silence(0.01)])
    ends = estimate_sentence_ends(samples, RATE, sentences)
    assert len(ends) == len(sentences)
    assert list(ends) == sorted(set(ends))
    assert ends[-1] == len(samples)


def test_a_real_voice_is_estimated_close_to_its_true_ends() -> None:
    profile = BackendProfile("hibari", "hibari")
    texts = (
        "The lamp never once burned low.",
        "Nobody could say why, but everybody knew, and those who knew said nothing.",
        "It was late.",
        "She took the ledger down from its shelf, and read the last page again.",
    )
    from pipeline.model.voice import SpeechRequest

    said = make_backend(profile).synthesize(SpeechRequest(texts, choose_voice(profile)))
    assert said.exact
    found = estimate_sentence_ends(said.samples, said.sample_rate_hz, texts)
    off = [abs(a - b) / RATE for a, b in zip(found, said.sentence_ends_samples, strict=True)]
    assert max(off) < 0.35
