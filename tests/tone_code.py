"""Sound that says which text it is: a code in tones that survives mastering, AAC and resampling.

A clip is a marker tone, the four hexadecimal digits of a number as tones, and then a hum for every
sentence with a pause after it, so that its length is like speech. `find_codes` reads the numbers back
out of a finished audiobook.
"""

import re

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 24_000
MARKER_HZ = 3_300.0
HUM_HZ = 220.0
STEP_S = 0.1
PAUSE_S = 0.3
SECONDS_PER_CHAR = 0.06
_LEVEL = 6_000
_HOP = 240
_WINDOW = 960


def digit_hz(digit: int) -> float:
    return 500.0 + 125.0 * digit


def _tone(frequency: float, seconds: float) -> NDArray[np.float64]:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    edge = np.minimum(1.0, np.minimum(times, times[::-1]) * 300)
    tone: NDArray[np.float64] = np.sin(2 * np.pi * frequency * times) * edge * _LEVEL
    return tone


def sentences_of(text: str) -> list[str]:
    return [piece for piece in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if piece]


def say_code(number: int, text: str) -> NDArray[np.int16]:
    """The sound of `text`, with `number` in it."""
    head = [_tone(MARKER_HZ, STEP_S), *(_tone(digit_hz(number >> shift & 15), STEP_S) for shift in (12, 8, 4, 0))]
    pieces = [np.concatenate(head)]
    for n, sentence in enumerate(sentences_of(text)):
        seconds = max(0.1, len(sentence) * SECONDS_PER_CHAR - (5 * STEP_S if n == 0 else 0.0))
        pieces += [_tone(HUM_HZ, seconds), np.zeros(round(PAUSE_S * RATE_HZ))]
    return np.concatenate(pieces).astype(np.int16)


def find_codes(samples: NDArray[np.int16]) -> list[tuple[int, float]]:
    """Number and begin in seconds of every clip in `samples`, in order."""
    marks = _peaks_hz(samples)
    is_marker = np.abs(marks - MARKER_HZ) < 60
    found, frame = [], 0
    while frame < len(marks):
        if not is_marker[frame : frame + 4].all() or frame + 4 > len(marks):
            frame += 1
            continue
        begin = frame * _HOP + _WINDOW / 2 - 0.01 * RATE_HZ
        number = 0
        for digit in range(4):
            middle = round((begin + (1.5 + digit) * STEP_S * RATE_HZ - _WINDOW / 2) / _HOP)
            number = number << 4 | int(np.clip(round((marks[min(middle, len(marks) - 1)] - 500.0) / 125.0), 0, 15))
        found.append((number, begin / RATE_HZ))
        frame += round(5 * STEP_S * RATE_HZ / _HOP)
    return found


def _peaks_hz(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """The strongest frequency of every frame, 0 where it is quiet; in portions, for books are long."""
    count = max(0, (len(samples) - _WINDOW) // _HOP + 1)
    peaks = np.zeros(count)
    shape = np.hanning(_WINDOW)
    for first in range(0, count, 4_000):
        starts = np.arange(first, min(first + 4_000, count)) * _HOP
        frames = samples[starts[:, None] + np.arange(_WINDOW)].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(frames * shape, 4 * _WINDOW, axis=1))
        loud = np.sqrt(np.mean(frames**2, axis=1)) > 150
        peaks[first : first + len(starts)] = np.where(loud, np.argmax(spectrum, axis=1) * RATE_HZ / (4 * _WINDOW), 0.0)
    return peaks
