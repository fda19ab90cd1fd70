"""A clip that cannot be its text is refused."""

import numpy as np
import pytest

from pipeline.errors import BadClip
from pipeline.speech.checks import check_clip

RATE = 24_000
TEXT = "A sentence of ordinary length, such as a narrator reads in three seconds."


def noise(seconds: float, level: float = 3000.0) -> np.ndarray:
    return (np.random.default_rng(1).normal(0, level, int(seconds * RATE)).clip(-30000, 30000)).astype(np.int16)


def test_ordinary_speech_passes() -> None:
    check_clip(noise(4.5), rate_hz=RATE, text=TEXT)


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        (np.zeros(0, np.int16), "empty"),
        (np.zeros(RATE * 4, np.int16), "silent"),
        (noise(4, 15.0), "silent"),
        (np.full(RATE * 4, 32767, np.int16), "clipped"),
        (noise(0.6), "too short"),
        (noise(90), "too long"),
    ],
)
def test_bad_clips_are_refused_with_the_reason(samples: np.ndarray, complaint: str) -> None:
    with pytest.raises(BadClip, match=complaint):
        check_clip(samples, rate_hz=RATE, text=TEXT)


def test_figures_may_take_long() -> None:
    check_clip(noise(8), rate_hz=RATE, text="1,234,567.89")


def test_speed_is_taken_into_account() -> None:
    check_clip(noise(1.2), rate_hz=RATE, text=TEXT, speed=2.0)
