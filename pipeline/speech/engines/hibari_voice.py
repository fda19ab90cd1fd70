"""The embedded neural voice: hibari-tts 0.2.1, US English, 24 kHz, weights inside its package."""

import importlib.metadata
import os

import numpy as np

from pipeline.errors import BackendUnavailable, SynthesisError, TextTooLong
from pipeline.model.voice import Capabilities, Speech, SpeechRequest, Voice

CAPABILITIES = Capabilities(
    kind="hibari",
    models=("hibari-0.2.1",),
    voices=(Voice(name="heart", language="en-US", description="warm narrator, American English", gender="female"),),
    languages=("en",),
    scripts=("LATIN",),
    # A sentence of 2,000 characters without punctuation takes 900 MB; 400 stays under 350 MB.
    max_chars=400,
    deterministic=True,
    is_remote=False,
    reads_numbers=True,
    speed_range=(0.5, 2.0),
    ipa_markup="[{word}](/{ipa}/)",
    needs=("hibari",),
)
_FULL_SCALE = 32767


class HibariBackend:
    """Loads the model once (0.3 s, 270 MB); one thread, so that several processes share the cores."""

    capabilities = CAPABILITIES

    def __init__(self) -> None:
        """Raises: BackendUnavailable where the package is missing or another version is installed."""
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            version = importlib.metadata.version("hibari-tts")
            from hibari import Hibari

            if f"hibari-{version}" != CAPABILITIES.models[0]:
                raise BackendUnavailable(
                    f"hibari-tts {version} is installed, but clips are keyed for {CAPABILITIES.models[0]}",
                    backend="hibari",
                    remedy="pip install hibari-tts==0.2.1",
                )
            self._engine = Hibari(threads=1)
        except (ImportError, OSError, RuntimeError) as error:
            raise BackendUnavailable(
                f"The embedded voice cannot be loaded: {error}",
                backend="hibari",
                remedy="pip install hibari-tts==0.2.1",
            ) from error

    def synthesize(self, request: SpeechRequest) -> Speech:
        """Each sentence is spoken by itself, so their ends are exact and do not depend on each other."""
        pieces, ends, total = [], [], 0
        for sentence in request.sentences:
            if len(sentence) > CAPABILITIES.max_chars:
                raise TextTooLong(f"{len(sentence)} characters in one request", backend="hibari")
            samples = self._speak(sentence, request)
            pieces.append(samples)
            total += len(samples)
            ends.append(total)
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        return Speech(samples, self._engine.sample_rate, tuple(ends), exact=True)

    def _speak(self, sentence: str, request: SpeechRequest) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        try:
            sound = self._engine(sentence, speed=request.choice.speed, seed=request.choice.seed)
        except (RuntimeError, ValueError, KeyError, IndexError, TypeError) as error:
            raise SynthesisError(f"The voice failed on this text: {error}", backend="hibari") from error
        if not len(sound):
            raise SynthesisError(
                f'The voice has no sound for "{sentence[:60]}"',
                backend="hibari",
                remedy="give the text a pronunciation in the lexicon",
            )
        samples: np.ndarray[tuple[int], np.dtype[np.int16]]
        samples = np.clip(np.rint(sound * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE).astype(np.int16)
        return samples
