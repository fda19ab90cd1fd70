"""The boundary between Bookcast and whatever speaks.

Contract, the same test suite over every backend: the whole text is spoken or an error is raised,
never truncated; mono PCM at the stated rate with its level untouched; one end for each sentence,
exact or marked estimated; the same request gives the same bytes where `deterministic` says so;
only errors of `pipeline.errors` leave it.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.model.voice import Capabilities, Speech, SpeechRequest

Decode = Callable[[bytes], NDArray[np.int16]]
"""Samples, mono at SAMPLE_RATE_HZ, of any audio file; raises AudioError."""


class Backend(Protocol):
    """One loaded voice engine or one service; used by one thread at a time unless it is remote."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; the same values that `registry.describe_backend` gives without loading it."""
        ...

    def synthesize(self, request: SpeechRequest) -> Speech:
        """Speak the sentences of `request`, in order.

        Raises:
            SynthesisError: or one of its kinds.
        """
        ...
