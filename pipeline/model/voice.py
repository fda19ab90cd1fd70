"""Voices, what a backend can do, and one request to it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.model.text import join_sentences


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of a backend."""

    name: str
    language: str
    """BCP 47 tag of its own language."""
    description: str = ""
    gender: str = ""
    models: tuple[str, ...] = ()
    """The models that take it; empty for all."""
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A backend's limits, as data."""

    kind: str
    models: tuple[str, ...]
    """The first is the default."""
    voices: tuple[Voice, ...]
    """The first is the default."""
    languages: tuple[str, ...]
    """Primary language subtags it reads; empty for any."""
    scripts: tuple[str, ...]
    """Unicode scripts it pronounces (`LATIN`, `CJK`: first words of their letters' names); empty for any."""
    max_chars: int
    """Most characters of one request."""
    deterministic: bool
    """The same request gives the same bytes."""
    is_remote: bool
    reads_numbers: bool
    """True where the voice reads figures, dates and abbreviations well by itself."""
    speed_range: tuple[float, float] = (0.5, 2.0)
    ipa_markup: str = ""
    """How a pronunciation is written into the text, with {word} and {ipa}; empty where it cannot be."""
    max_tokens: int = 0
    """Most Qwen tokens of one request; 0 for no limit."""
    concurrency: int = 0
    """Requests at the same time; 0 where the number of cores decides."""
    requests_per_minute: int = 0
    """0 for no limit."""
    open_models: tuple[str, ...] = ()
    """Models that take voices which are not listed here."""
    prices: tuple[tuple[str, float], ...] = ()
    """(model, price of 1,000 characters); a model that is not named costs nothing."""
    currency: str = ""
    takes_language: bool = False
    """The backend is told the language of the text; otherwise it is in no clip key."""
    needs: tuple[str, ...] = field(default=())
    """Python modules that must be importable."""

    def voices_of(self, model: str) -> tuple[str, ...]:
        """Names of the voices that a model takes, as far as they are listed."""
        return tuple(voice.name for voice in self.voices if not voice.models or model in voice.models)

    def price_per_1k_chars(self, model: str) -> float:
        """What 1,000 characters cost with that model, in `currency`."""
        return dict(self.prices).get(model, 0.0)


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """Everything about the voice that can change a spoken byte, besides the text."""

    backend: str
    """Name of the configured backend."""
    kind: str
    model: str
    voice: str
    language: str
    """Empty where the backend is not told."""
    speed: float = 1.0
    style: str = ""
    seed: int = 0
    identity: str = ""
    """Whose voice it is: profiles of one service share clips by naming one; empty for the backend's name."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One request: the sentences of one chunk, in order."""

    sentences: tuple[str, ...]
    choice: VoiceChoice

    @property
    def text(self) -> str:
        """The sentences as one text: what is spoken, counted and billed."""
        return join_sentences(self.sentences)


@dataclass(frozen=True, slots=True)
class Speech:
    """What a backend answers."""

    samples: NDArray[np.int16]
    """Shape (n,), mono, level untouched."""
    sample_rate_hz: int
    sentence_ends_samples: tuple[int, ...]
    """One for each sentence of the request, ascending; the last is n."""
    exact: bool
    """False where the sentence ends are estimated."""
