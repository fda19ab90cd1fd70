"""The sound and the facts of a clip <-> one FLAC file, from which the clip's row can be made again.

The facts are one Vorbis comment (RFC 9639, section 8.6), BOOKCAST, which holds JSON in ASCII: no value
is too strange for it, and every other reader of FLAC files passes over it.
"""

import json
from dataclasses import asdict

import numpy as np

from pipeline.audio.loudness import block_energies
from pipeline.audio.pcm import Samples, decode_audio, encode_flac, read_comments
from pipeline.errors import AudioError
from pipeline.model.audio import Clip, ClipFacts

COMMENT = "BOOKCAST"
SCHEMA = 1
"""Raised when a reader of today could not make a row of the comment."""


def write_clip(samples: Samples, facts: ClipFacts) -> bytes:
    """The file of a clip; nothing in it differs between two equal runs, for it is named by its content."""
    comment = json.dumps({"schema": SCHEMA, **asdict(facts)}, sort_keys=True, separators=(",", ":"))
    return encode_flac(samples, comments={COMMENT: comment})


def find_facts(data: bytes) -> ClipFacts | None:
    """What a clip's file says of it; None where it says nothing, or what only a newer Bookcast can read.

    Raises:
        AudioError: the file is damaged.
    """
    comment = read_comments(data).get(COMMENT)
    if comment is None:
        return None
    try:
        values = json.loads(comment)
        # Not damage: a newer Bookcast can have written it.
        if values.pop("schema") != SCHEMA:
            return None
        return ClipFacts(**{**values, "sentence_ends_samples": tuple(values["sentence_ends_samples"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AudioError(f"The facts in the clip's file cannot be read: {error}") from error


def find_clip(data: bytes, blob: str) -> Clip | None:
    """The clip of a file, measured anew; None where `find_facts` gives None.

    Raises:
        AudioError: the file is damaged, or its facts are not those of its sound.
    """
    facts = find_facts(data)
    if facts is None:
        return None
    samples, ends = decode_audio(data), facts.sentence_ends_samples
    # A file can be whole and its facts wrong: every cue after a wrong end would be in the wrong place.
    if not len(samples) or not ends or list(ends) != sorted(ends) or ends[-1] != len(samples):
        raise AudioError(f"The clip's file says that its sentences end at {ends} of {len(samples)} samples")
    return measure_clip(samples, facts, blob)


def measure_clip(samples: Samples, facts: ClipFacts, blob: str) -> Clip:
    """The clip of at least one sample that is kept as `blob`."""
    return Clip(
        facts=facts,
        blob=blob,
        samples=len(samples),
        # int32, because -32768 has no absolute value in int16.
        peak=float(np.abs(samples.astype(np.int32)).max()) / 32768,
        energies=block_energies(samples).astype("<f4").tobytes(),
    )
