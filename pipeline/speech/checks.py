"""Is this clip speech for its text? A clip that is not must never be kept."""

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import BadClip

SILENCE = 10 ** (-50 / 20)
"""-50 dBFS: a voice's own noise lies below, its softest consonants above."""
CLIPPED_SHARE = 0.002
"""Share of samples at full scale from which a clip is called clipped."""
FASTEST_CHARS_PER_S = 60.0
SLOWEST_S_PER_CHAR = 0.45
SLACK_S = 2.5
"""Short texts vary most. Bounds set on hibari and tone in November 2026: speech runs at 8 to 25 characters a second."""


def check_clip(samples: NDArray[np.int16], *, rate_hz: int, text: str, speed: float = 1.0) -> None:
    """Refuse what cannot be `text` spoken once.

    Args:
        samples: shape (n,), mono.
        rate_hz: samples a second.
        text: what was to be said.
        speed: 1.0 is the voice's own pace.

    Raises:
        BadClip: empty, silent, clipped, or of a length that cannot be right; the message says which.
    """
    if not len(samples):
        raise BadClip("The clip is empty")
    # int32, because -32768 has no absolute value in int16.
    levels = np.abs(samples.astype(np.int32))
    if int(levels.max()) < SILENCE * 32768:
        raise BadClip("The clip is silent")
    share = float(np.count_nonzero(levels >= 32767)) / len(levels)
    if share > CLIPPED_SHARE:
        raise BadClip(f"The clip is clipped: {share:.1%} of it at full scale")
    # As if spoken at the usual pace, for which the bounds were set.
    _check_length(len(samples) / rate_hz * speed, text)


def _check_length(seconds: float, text: str) -> None:
    letters = sum(c.isalnum() for c in text)
    figures = sum(c.isdigit() or c.isupper() for c in text)
    # Figures are long when spoken out ("1984"), capitals may be spelled, and marks are pauses.
    longest = SLACK_S + (letters + 4 * figures) * SLOWEST_S_PER_CHAR + 0.3 * (len(text) - letters)
    if seconds < letters / FASTEST_CHARS_PER_S:
        raise BadClip(f"The clip is too short: {seconds:.2f} s for {len(text)} characters")
    if seconds > longest:
        raise BadClip(f"The clip is too long: {seconds:.2f} s for {len(text)} characters")
