"""Where the sentences of a clip end, for services that do not say: by the pauses that are heard.

Every boundary is expected where the share of the text before it puts it, and set on the pause that is
long and near. Where no pause is near, the expected place is taken. The result is an estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# These figures are held against hibari's own sentence ends by a test: within 0.35 s (four sentences).
FRAME_S = 0.01
QUIET = 10 ** (-38 / 20)
"""Below the clip's loudest frame by 38 dB: breath and room, not speech."""
MIN_PAUSE_S = 0.08
LONG_PAUSE_S = 0.6
"""A longer pause says no more about the end of a sentence."""
_PAUSE_WEIGHT = 4.0
_WITHOUT_PAUSE = -1.0
"""Score of a boundary that has no pause."""


@dataclass(frozen=True, slots=True)
class _Pause:
    middle: float
    """In frames."""
    seconds: float


def estimate_sentence_ends(samples: NDArray[np.int16], rate_hz: int, sentences: Sequence[str]) -> tuple[int, ...]:
    """The end of each sentence in samples, ascending; the last is the end of the clip.

    Args:
        samples: shape (n,), mono.
        rate_hz: samples a second.
        sentences: what is spoken, in order.
    """
    # With hardly a sample for each sentence there is nothing to measure, and ends must still ascend.
    if len(sentences) < 2 or len(samples) < 2 * len(sentences):
        return tuple(round(len(samples) * (i + 1) / len(sentences)) for i in range(len(sentences)))
    frame = max(1, round(FRAME_S * rate_hz))
    loud = _loud_frames(samples, frame)
    first, last = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, len(samples) // frame)
    shares = np.cumsum([_weight(sentence) for sentence in sentences])
    expected = first + (last - first) * shares[:-1] / shares[-1]
    typical = (last - first) / len(sentences)
    places = _match(expected, _pauses(loud), max(1.0, typical))
    ends = [min(len(samples) - 1, max(1, round(place * frame))) for place in places]
    return (*_ascending(ends, len(samples)), len(samples))


def _weight(sentence: str) -> float:
    """Expected length of a sentence against others: figures and ideographs take longer than letters."""
    return 1.0 + sum(3.0 if c.isdigit() or ord(c) > 0x2E7F else 1.0 for c in sentence if c.isalnum())


def _loud_frames(samples: NDArray[np.int16], frame: int) -> NDArray[np.intp]:
    whole = samples[: len(samples) // frame * frame].astype(np.float64).reshape(-1, frame)
    level = np.sqrt(np.mean(whole**2, axis=1))
    # Against the clip's own loudest frame, because voices differ in level and nothing is leveled before.
    return np.flatnonzero(level > level.max() * QUIET) if len(level) and level.max() else np.zeros(0, np.intp)


def _pauses(loud: NDArray[np.intp]) -> list[_Pause]:
    """Stretches between two loud frames that are long enough to be heard as a pause."""
    gaps = np.flatnonzero(np.diff(loud) * FRAME_S > MIN_PAUSE_S)
    return [_Pause((loud[g] + 1 + loud[g + 1]) / 2, (loud[g + 1] - loud[g] - 1) * FRAME_S) for g in gaps]


def _match(expected: NDArray[np.float64], pauses: Sequence[_Pause], typical: float) -> list[float]:
    """The best place for each boundary, by dynamic programming over the pauses in order."""
    count = len(pauses)
    middles = np.array([pause.middle for pause in pauses])
    weights = np.array([_PAUSE_WEIGHT * min(pause.seconds, LONG_PAUSE_S) for pause in pauses])
    best = np.zeros(count + 1)  # best[j]: score of the boundaries so far, with pauses j.. still free
    choices = []
    # In order, each pause at most once: taken one by one, two boundaries could claim the same pause.
    for place in expected:
        # Half a typical sentence away costs one point, as much as taking no pause at all.
        taking = best[:-1] + weights - ((middles - place) / (0.5 * typical)) ** 2
        scores, chosen = np.empty(count + 1), np.full(count + 1, -1)
        scores[0] = best[0] + _WITHOUT_PAUSE
        for j in range(1, count + 1):
            scores[j] = best[j] + _WITHOUT_PAUSE
            for score, pause in ((taking[j - 1], j - 1), (scores[j - 1], chosen[j - 1])):
                if score > scores[j]:
                    scores[j], chosen[j] = score, pause
        choices.append(chosen)
        best = scores
    return _trace(expected, middles, choices)


def _trace(
    expected: NDArray[np.float64], middles: NDArray[np.float64], choices: Sequence[NDArray[np.int_]]
) -> list[float]:
    places, free = [], len(middles)
    for place, chosen in zip(reversed(expected), reversed(choices), strict=True):
        pause = int(chosen[free])
        places.append(float(place) if pause < 0 else float(middles[pause]))
        free = free if pause < 0 else pause
    return places[::-1]


def _ascending(ends: Sequence[int], length: int) -> list[int]:
    """The same ends, each after the one before; estimates without a pause may cross."""
    fixed: list[int] = []
    for left, end in zip(range(len(ends), 0, -1), ends, strict=True):
        floor = fixed[-1] + 1 if fixed else 1
        fixed.append(min(max(end, floor), length - left))
    return fixed
