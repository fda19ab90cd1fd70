"""One request -> one stored clip, inside a worker: speak, check, trim, fade, measure, write the file.

Only facts and measures go back to the parent; it alone writes rows.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.audio.clip_file import measure_clip, write_clip
from pipeline.audio.effects import fade_edges, find_sound
from pipeline.errors import BackendUnavailable, BadClip
from pipeline.model.audio import SAMPLE_RATE_HZ, Clip, ClipFacts
from pipeline.model.voice import Speech, SpeechRequest
from pipeline.narration.core.made_clip import Made
from pipeline.narration.making.own_process import depend_on_parent
from pipeline.narration.speaking.join_speech import speak_in_parts
from pipeline.speech.backend import Backend
from pipeline.speech.checks import check_clip
from pipeline.speech.registry import BackendProfile, make_backend
from pipeline.store.files.blobs import Blobs


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
    backend = _worker.backend
    speech = speak_in_parts(backend.synthesize, request, backend.capabilities.max_chars)
    # Before anything is written: a clip that is not its text would be found under this key from then on.
    check_clip(speech.samples, rate_hz=speech.sample_rate_hz, text=request.text, speed=request.choice.speed)
    return Made(keep_speech(speech, request, key, _worker.blobs))


def keep_speech(speech: Speech, request: SpeechRequest, key: str, blobs: Blobs, *, remark: str = "") -> Clip:
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
    # A sentence can end in silence that was trimmed off. The last one takes the rest, so that cues tile the clip.
    ends = [min(len(samples), max(0, end - sound.start)) for end in speech.sentence_ends_samples]
    facts = ClipFacts(
        key=key,
        sentence_ends_samples=(*ends[:-1], len(samples)),
        exact=speech.exact,
        chars=len(request.text),
        backend=request.choice.backend,
        voice=request.choice.voice,
        remark=remark,
    )
    return measure_clip(samples, facts, blobs.write(write_clip(samples, facts)))
