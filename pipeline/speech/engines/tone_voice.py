"""A voice that needs no model: beeps, one for each word, for tests, demonstrations and dry pipelines.

Words of different length and letters differ in pitch, so that the sound can be told apart.
"""

import zlib

import numpy as np

from pipeline.errors import TextTooLong
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.voice import Capabilities, Speech, SpeechRequest, Voice

CAPABILITIES = Capabilities(
    kind="tone",
    models=("tone-1",),
    voices=(Voice("beep", "en", "a sine for every word"), Voice("low", "en", "an octave lower")),
    languages=(),
    scripts=(),
    max_chars=1_000,
    deterministic=True,
    is_remote=False,
    reads_numbers=False,
)
_GAP_S = 0.05
_SECONDS_PER_CHAR = 0.055
_LEVEL = 8_000


class ToneBackend:
    """Speaks anything in any language, at once."""

    capabilities = CAPABILITIES

    def synthesize(self, request: SpeechRequest) -> Speech:
        """Raises: TextTooLong over 1,000 characters."""
        if sum(map(len, request.sentences)) > CAPABILITIES.max_chars:
            raise TextTooLong("More than 1,000 characters in one request", backend="tone")
        pieces, ends, total = [], [], 0
        for sentence in request.sentences:
            for word in sentence.split() or [sentence]:
                sound = _beep(word, request.choice.speed, 0.5 if request.choice.voice == "low" else 1.0)
                pieces.append(sound)
                total += len(sound)
            ends.append(total)
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        return Speech(samples, SAMPLE_RATE_HZ, tuple(ends), exact=True)


def _beep(word: str, speed: float, pitch: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    seconds = max(0.06, len(word) * _SECONDS_PER_CHAR) / speed
    times = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    frequency = pitch * (200 + zlib.crc32(word.encode()) % 1_500)
    envelope = np.minimum(1.0, np.minimum(times, times[::-1]) * 200)
    silence = np.zeros(int(_GAP_S / speed * SAMPLE_RATE_HZ), np.int16)
    return np.concatenate([(np.sin(2 * np.pi * frequency * times) * envelope * _LEVEL).astype(np.int16), silence])
