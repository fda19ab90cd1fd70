"""A long chapter -> pieces of AAC, encoded side by side, that can be joined without a sample of drift.

A chapter is cut inside its pauses, at whole AAC frames, with at least a frame of silence on both sides: the
same rule by which chapters are joined. So an edited sentence is heard soon, on as many cores as there are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.audio.assemble import HEAD_SAMPLES, ReadBlob, assemble_stream, chapter_samples, tail_samples
from pipeline.audio.effects import Hook
from pipeline.audio.encode import AAC_FRAME_SAMPLES, Encoding
from pipeline.audio.mastering import Mastering
from pipeline.errors import AudioError
from pipeline.model.audio import SAMPLE_RATE_HZ, Part

SEGMENT_SAMPLES = 60 * SAMPLE_RATE_HZ
"""Least length of a segment but the last: long enough that the start of an encoder does not count."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a chapter, a whole number of AAC frames."""

    head_samples: int
    """Silence before the first clip."""
    parts: tuple[Part, ...]
    tail_samples: int
    """Silence after the last part."""

    @property
    def samples(self) -> int:
        """Its length."""
        return self.head_samples + sum(p.samples + p.pause_samples for p in self.parts) + self.tail_samples


def split_segments(parts: Sequence[Part]) -> list[Segment]:
    """The chapter of these parts, head and tail included, in segments that tile it."""
    segments: list[Segment] = []
    own: list[Part] = []
    start, at, head = 0, HEAD_SAMPLES, HEAD_SAMPLES
    for part in parts:
        silent_from, at = at + part.samples, at + part.samples + part.pause_samples
        # A silent frame on each side: frames overlap, and the packet that a join drops must hold nothing else.
        cut = -(-(silent_from + AAC_FRAME_SAMPLES) // AAC_FRAME_SAMPLES) * AAC_FRAME_SAMPLES
        if cut - start < SEGMENT_SAMPLES or cut + AAC_FRAME_SAMPLES > at:
            own.append(part)
            continue
        # The pause is shared out, so that the segments together are as long as the chapter.
        segments.append(Segment(head, (*own, replace(part, pause_samples=cut - silent_from)), 0))
        own, start, head = [], cut, at - cut
    segments.append(Segment(head, tuple(own), tail_samples(parts)))
    return segments


def encode_segments(
    parts: Sequence[Part],
    folder: Path,
    encoding: Encoding,
    *,
    read_blob: ReadBlob,
    gain_db: float,
    mastering: Mastering,
    hooks: Sequence[Hook] = (),
    each: Callable[..., Iterator[tuple[Path, int]]] = map,
) -> list[tuple[Path, int]]:
    """Write the chapter as M4A files into `folder`; their paths and lengths in samples, in order.

    `each` is `map`, or that of threads: encoders let others work.

    Raises:
        AudioError, StoreError: see `assemble`.
    """
    segments = split_segments(parts)
    if sum(segment.samples for segment in segments) != chapter_samples(parts):
        raise AudioError("The segments of the chapter do not tile it")

    def encode(numbered: tuple[int, Segment]) -> tuple[Path, int]:
        number, segment = numbered
        path = folder / f".{number}.part"  # a name that `cache prune` knows, should we be killed
        written = assemble_stream(
            segment.parts, [(path, encoding, None)], head=segment.head_samples, tail=segment.tail_samples,
            read_blob=read_blob, gain_db=gain_db, mastering=mastering, hooks=hooks,
        )  # fmt: skip
        # The join counts packets: a segment that is off by one moves every cue behind it.
        if written != segment.samples:
            raise AudioError(f"A segment has {written} samples, not {segment.samples}")
        return path, written

    return list(each(encode, enumerate(segments)))
