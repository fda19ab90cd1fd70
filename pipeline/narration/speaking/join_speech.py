"""A request in as many parts as a voice asks for, and their sound joined to one again."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.model.text import join_sentences
from pipeline.model.voice import Speech, SpeechRequest


def speak_in_parts(speak: Callable[[SpeechRequest], Speech], request: SpeechRequest, max_chars: int) -> Speech:
    """Speak a request whose sentences each fit, in as many parts as the limit asks for; usually in one.

    Raises: whatever `speak` raises.
    """
    groups: list[list[str]] = [[]]
    for sentence in request.sentences:
        if groups[-1] and len(join_sentences([*groups[-1], sentence])) > max_chars:
            groups.append([])
        groups[-1].append(sentence)
    if len(groups) == 1:
        return speak(request)
    return join_speech([speak(replace(request, sentences=tuple(group))) for group in groups], request)


def join_speech(parts: list[Speech], request: SpeechRequest) -> Speech:
    """The sound of the parts of a request, one behind the other."""
    samples = np.concatenate([part.samples for part in parts])
    ends, offset = [], 0
    for part in parts:
        ends += [offset + end for end in part.sentence_ends_samples]
        offset += len(part.samples)
    whole = len(ends) == len(request.sentences)  # else one sentence came in pieces
    return Speech(
        samples=samples,
        sample_rate_hz=parts[0].sample_rate_hz,
        sentence_ends_samples=tuple(ends) if whole else (len(samples),),
        exact=all(part.exact for part in parts),
    )
