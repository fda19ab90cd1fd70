"""Clips and pauses -> one chapter, in one streaming pass: decode, hooks, gain, limit, encode.

Memory holds one clip at a time. Every chapter is a whole number of AAC frames with silence at both
ends, so that encoded chapters can be joined by packet copy without a sample of drift.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.audio.effects import Hook, apply_hooks
from pipeline.audio.encode import AAC_FRAME_SAMPLES, EncodedFile, Encoding
from pipeline.audio.loudness import block_energies
from pipeline.audio.mastering import Mastering, MasteringChain
from pipeline.audio.pcm import Samples, decode_audio
from pipeline.errors import AudioError
from pipeline.model.audio import LOUDNESS_BLOCK_SAMPLES, Part
from pipeline.model.book import ReleaseTags

HEAD_SAMPLES = 12_000
"""0.5 s of silence before the first word, as audiobook shops ask for."""
TAIL_SAMPLES = 24_000
"""At least 1 s after the last."""
_PIECE_SAMPLES = 240_000
"""10 s. The limiter works in doubles, which take four times the memory of the samples."""

ReadBlob = Callable[[str], bytes]
Output = tuple[Path, Encoding, ReleaseTags | None]


def whole_blocks(clip_samples: int, pause_samples: int) -> int:
    """The pause, lengthened so that clip and pause together are whole loudness blocks."""
    # Loudness is worked out from the blocks of each clip, which only add up if every clip starts on a block.
    return pause_samples + -(clip_samples + pause_samples) % LOUDNESS_BLOCK_SAMPLES


def chapter_samples(parts: Sequence[Part]) -> int:
    """Length of the assembled chapter: head, clips and pauses, tail, up to a whole AAC frame."""
    return sum(part.samples + part.pause_samples for part in parts) + HEAD_SAMPLES + tail_samples(parts)


def tail_samples(parts: Sequence[Part]) -> int:
    """Silence after the last part of a chapter."""
    # An encoder fills its last frame by itself; then the file would be longer than its marks and cues say.
    spoken = HEAD_SAMPLES + sum(part.samples + part.pause_samples for part in parts)
    return TAIL_SAMPLES + -(spoken + TAIL_SAMPLES) % AAC_FRAME_SAMPLES


def effected_parts(parts: Sequence[Part], read_blob: ReadBlob, hooks: Sequence[Hook]) -> list[Part]:
    """The parts as they are after the user's effects: hooks may change length and loudness."""
    changed = []
    for part in parts:
        samples = apply_hooks(decode_audio(read_blob(part.blob)), hooks)
        pause = whole_blocks(len(samples), part.pause_samples)
        # Measured anew, because the stored energies are those of the clip without effects.
        energies = block_energies(samples).astype("<f4").tobytes()
        changed.append(replace(part, samples=len(samples), pause_samples=pause, energies=energies))
    return changed


def assemble(
    parts: Sequence[Part],
    outputs: Sequence[Output],
    *,
    read_blob: ReadBlob,
    gain_db: float,
    mastering: Mastering,
    hooks: Sequence[Hook] = (),
) -> int:
    """Write the chapter to every output; its length in samples.

    Args:
        parts: clips and pauses in order.
        outputs: path, encoding and tags of each file.
        read_blob: gives the FLAC bytes of a clip by its digest.
        gain_db: static gain.
        mastering: the limiter's ceiling.
        hooks: the user's effects, applied to each clip.

    Raises:
        AudioError: a clip is not as long as its measures say, or cannot be encoded.
        StoreError: whatever `read_blob` raises.
    """
    written = assemble_stream(
        parts, outputs, head=HEAD_SAMPLES, tail=tail_samples(parts),
        read_blob=read_blob, gain_db=gain_db, mastering=mastering, hooks=hooks,
    )  # fmt: skip
    # Marks, cues and joins were worked out from that length; one sample more moves all that follows.
    if written != chapter_samples(parts):
        raise AudioError(f"The chapter has {written} samples, not {chapter_samples(parts)}")
    return written


def assemble_stream(
    parts: Sequence[Part],
    outputs: Sequence[Output],
    *,
    head: int,
    tail: int,
    read_blob: ReadBlob,
    gain_db: float,
    mastering: Mastering,
    hooks: Sequence[Hook] = (),
) -> int:
    """Write `head` samples of silence, the parts, and `tail` samples of silence; see `assemble`."""
    chain = MasteringChain(gain_db, mastering)
    written = 0
    with ExitStack() as stack:
        files = [stack.enter_context(EncodedFile(*output)) for output in outputs]
        for samples in _sound(parts, read_blob, hooks, head, tail):
            for frame in chain.push(samples):
                written += frame.samples
                for file in files:
                    file.write(frame)
        for frame in chain.finish():
            written += frame.samples
            for file in files:
                file.write(frame)
    return written


def _sound(
    parts: Sequence[Part], read_blob: ReadBlob, hooks: Sequence[Hook], head: int, tail: int
) -> Iterator[Samples]:
    if head:
        yield np.zeros(head, np.int16)
    for part in parts:
        samples = apply_hooks(decode_audio(read_blob(part.blob)), hooks)
        # Effects run a second time here, and foreign code need not give the same length twice.
        if len(samples) != part.samples:
            raise AudioError(f"Clip {part.blob[:12]} has {len(samples)} samples, not {part.samples}")
        for at in range(0, len(samples), _PIECE_SAMPLES):
            yield samples[at : at + _PIECE_SAMPLES]
        if part.pause_samples:
            yield np.zeros(part.pause_samples, np.int16)
    if tail:
        yield np.zeros(tail, np.int16)
