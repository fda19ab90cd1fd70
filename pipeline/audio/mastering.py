"""Loudness -> gain, and the filter that applies it: static gain with a limiter behind it.

`loudnorm` is not used: it is 77x real time and silently falls back to dynamic compression.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np

from pipeline.audio.loudness import integrated_lufs
from pipeline.audio.pcm import Samples
from pipeline.errors import AudioError
from pipeline.model.audio import LOUDNESS_BLOCK_SAMPLES, SAMPLE_RATE_HZ, Part

_LIMITER = "level=false:latency=1:attack=5:release=50"
"""Without level=false alimiter gains by itself, without latency=1 it delays by 119 samples."""
MAX_GAIN_DB = 24.0
"""More would only raise the noise of a clip that is nearly silent."""


@dataclass(frozen=True, slots=True)
class Mastering:
    """What the finished sound is brought to."""

    target_lufs: float = -19.0
    peak_dbfs: float = -3.5


MASTERINGS = {
    "audiobook": Mastering(-19.0, -3.5),
    "podcast": Mastering(-16.0, -1.5),
    "broadcast": Mastering(-23.0, -2.0),
}
"""Targets by name: ACX-style audiobooks, podcasts after AES TD1008, broadcast after EBU R 128."""


def measure_parts(parts: Sequence[Part]) -> float | None:
    """Integrated loudness in LUFS of a chapter before mastering, from stored energies alone."""
    return integrated_lufs(energies for part in parts for energies in _with_pause(part))


def _with_pause(part: Part) -> "Iterator[np.ndarray[tuple[int], np.dtype[np.float32]]]":
    energies = np.frombuffer(part.energies, "<f4")
    yield energies
    blocks = (part.samples + part.pause_samples) // LOUDNESS_BLOCK_SAMPLES - len(energies)
    yield np.zeros(max(0, blocks), np.float32)


def choose_gain_db(lufs: float | None, mastering: Mastering) -> float:
    """Gain that brings `lufs` to the target, within MAX_GAIN_DB; 0 where loudness is unknown."""
    if lufs is None:
        return 0.0
    # Rounded, so that noise in the last digits of a sum cannot change the bytes of a file.
    return round(max(-MAX_GAIN_DB, min(MAX_GAIN_DB, mastering.target_lufs - lufs)), 3)


class MasteringChain:
    """Gain and limiter as a stream: samples in, frames of float out, not one sample more or less."""

    def __init__(self, gain_db: float, mastering: Mastering) -> None:
        gain = 10 ** (gain_db / 20)
        ceiling = 10 ** (mastering.peak_dbfs / 20)
        self._graph = av.filter.Graph()
        source = self._graph.add_abuffer(
            sample_rate=SAMPLE_RATE_HZ, format="s16", layout="mono", time_base=Fraction(1, SAMPLE_RATE_HZ)
        )
        # Doubles are the only samples that alimiter takes, planar floats the only ones of the AAC encoder.
        chain = [
            source,
            self._graph.add("aformat", "sample_fmts=dbl"),
            # The limiter applies the gain too, so nothing can be clipped on the way to it.
            self._graph.add("alimiter", f"level_in={gain:.8f}:limit={ceiling:.6f}:{_LIMITER}"),
            self._graph.add("aformat", "sample_fmts=fltp"),
            self._graph.add("abuffersink"),
        ]
        for before, after in pairwise(chain):
            before.link_to(after)
        self._graph.configure()
        self._pushed = 0

    def push(self, samples: Samples) -> Iterator[av.AudioFrame]:
        """Feed samples; the frames that are ready."""
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, self._pushed
        self._pushed += len(samples)
        yield from self._run(frame)

    def finish(self) -> Iterator[av.AudioFrame]:
        """The frames that are left."""
        yield from self._run(None)

    def _run(self, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        try:
            self._graph.push(frame)
            while True:
                out = self._graph.pull()
                if isinstance(out, av.AudioFrame):
                    yield out
        # No fault: the limiter looks ahead and wants more samples first.
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        except av.error.FFmpegError as error:
            raise AudioError(f"Mastering failed: {error}") from error
