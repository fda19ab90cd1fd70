"""One clip -> the same clip with clean edges, by pydub: silence trimmed, 5 ms fades, the user's own hooks.

pydub serves single clips only; joins are done in `assemble` (`+=` over 500 clips takes 25 s there).
"""

import importlib
import warnings
from collections.abc import Callable, Sequence

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydub warns that it finds no ffmpeg program, which is not needed here
    from pydub import AudioSegment

from pipeline.audio.pcm import Samples
from pipeline.errors import AudioError, SettingsError
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.text import Span

FADE_MS = 5
"""Cuts inside speech have a click score of 0 with a raised-cosine fade of this length; hard ones 0.32 in the median
(281 cuts of espeak-ng's speech, November 2026)."""
KEEP_BEFORE_S = 0.03
KEEP_AFTER_S = 0.08
SILENCE = 10 ** (-52 / 20) * 32768
"""Edges below -52 dBFS are silence. Breath and consonants of hibari lie above (November 2026)."""

Hook = Callable[[AudioSegment], AudioSegment]


def find_sound(samples: Samples) -> Span:
    """The span of `samples` that holds the sound, with a little of the silence around it."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > SILENCE)
    if not len(loud):
        return Span(0, len(samples))
    before, after = int(KEEP_BEFORE_S * SAMPLE_RATE_HZ), int(KEEP_AFTER_S * SAMPLE_RATE_HZ)
    return Span(max(0, int(loud[0]) - before), min(len(samples), int(loud[-1]) + 1 + after))


def fade_edges(samples: Samples) -> Samples:
    """`samples` with a fade of 5 ms at both ends, so that no join clicks; the length stays."""
    segment = _segment(samples)
    # Milliseconds: a clip this short would be nothing but fade.
    if len(segment) <= 2 * FADE_MS:
        return samples
    return _samples(segment.fade_in(FADE_MS).fade_out(FADE_MS))


def apply_hooks(samples: Samples, hooks: Sequence[Hook]) -> Samples:
    """`samples` after the user's effects, in order.

    Raises:
        AudioError: a hook fails, or gives something that is not an AudioSegment.
    """
    for hook in hooks:
        try:
            samples = _samples(hook(_segment(samples)))
        except Exception as error:  # a hook is foreign code: whatever it raises is its failure, not ours
            raise AudioError(
                f"The effect {getattr(hook, '__name__', hook)} failed: {error}",
                remedy="mend it, or take it out of [effects] hooks",
            ) from error
    return samples


def load_hooks(names: Sequence[str]) -> tuple[Hook, ...]:
    """The functions named `module:function`.

    Raises:
        SettingsError: one of them does not exist.
    """
    hooks = []
    for name in names:
        module, _, function = name.partition(":")
        try:
            hooks.append(getattr(importlib.import_module(module), function))
        except (ImportError, AttributeError, ValueError) as error:
            raise SettingsError(f'There is no effect "{name}": {error}', key="effects.hooks") from error
    return tuple(hooks)


def _segment(samples: Samples) -> AudioSegment:
    return AudioSegment(data=samples.tobytes(), sample_width=2, frame_rate=SAMPLE_RATE_HZ, channels=1)


def _samples(segment: AudioSegment) -> Samples:
    if not isinstance(segment, AudioSegment):
        raise AudioError(f"It gave {type(segment).__name__}, not an AudioSegment")
    # A hook may change rate, width or channels; everything behind it counts on ours.
    segment = segment.set_frame_rate(SAMPLE_RATE_HZ).set_channels(1).set_sample_width(2)
    return np.frombuffer(segment.raw_data, np.int16)
