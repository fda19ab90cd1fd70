"""One request -> one stored clip, inside a worker: speak, check, trim, fade, measure, write the file.

Only the measures go back to the parent; it alone writes rows.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio.effects import fade_edges, find_sound
from pipeline.audio.loudness import block_energies
from pipeline.audio.pcm import encode_flac
from pipeline.errors import BackendUnavailable, BadClip
from pipeline.model.audio import SAMPLE_RATE_HZ, Clip
from pipeline.model.voice import Speech, SpeechRequest
from pipeline.speech.backend import Backend
from pipeline.speech.checks import check_clip
from pipeline.speech.registry import BackendProfile, make_backend
from pipeline.stages.account import Made
from pipeline.stages.apart import depend_on_parent
from pipeline.store.blobs import Blobs


@dataclass
class _Worker:
    backend: Backend
    blobs: Blobs


_worker: _Worker | None = None  # one engine a process: loading it takes longer than speaking a chapter's title


def start_worker(profile: BackendProfile, blobs: Blobs) -> None:
    """Load the engine of this process."""
    global _worker
    depend_on_parent()
    _worker = _Worker(make_backend(profile), blobs)


def is_ready() -> bool:
    """True in a worker whose engine is loaded."""
    return _worker is not None


def make_clip(request: SpeechRequest, key: str) -> Made:
    """Speak `request` and keep its sound.

    Raises:
        SynthesisError: the voice failed, or what it gave is not this text.
        StoreError: the file cannot be written.
    """
    if _worker is None:
        raise BackendUnavailable("The voice was not loaded in this process", backend=request.choice.backend)
    speech = _worker.backend.synthesize(request)
    check_clip(speech.samples, rate_hz=speech.sample_rate_hz, text=request.text, speed=request.choice.speed)
    return Made(keep_speech(speech, request, key, _worker.blobs))


def keep_speech(speech: Speech, request: SpeechRequest, key: str, blobs: Blobs) -> Clip:
    """Trim, fade, measure and write what a voice gave; that it is speech was checked.

    Raises:
        BadClip, StoreError.
    """
    if speech.sample_rate_hz != SAMPLE_RATE_HZ or len(speech.sentence_ends_samples) != len(request.sentences):
        raise BadClip(
            f"The voice gave {speech.sample_rate_hz} Hz and {len(speech.sentence_ends_samples)} sentence ends"
        )
    sound = find_sound(speech.samples)
    samples = fade_edges(np.ascontiguousarray(speech.samples[sound.start : sound.end]))
    ends = [min(len(samples), max(0, end - sound.start)) for end in speech.sentence_ends_samples]
    clip = Clip(
        key=key,
        blob="",
        samples=len(samples),
        sentence_ends_samples=(*ends[:-1], len(samples)),
        exact=speech.exact,
        peak=float(np.abs(samples.astype(np.int32)).max()) / 32768,
        energies=block_energies(samples).astype("<f4").tobytes(),
    )
    return replace(clip, blob=blobs.write(encode_flac(samples)))
