"""What is planned of a chapter: its chunks, each with the key of the clip that speaks it."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.text import Sentence, Span, join_sentences


class ChunkState(StrEnum):
    """How far a chunk is; worked out from what exists, and stored nowhere."""

    PENDING = "pending"
    DONE = "done"
    """Its clip, or one that stands in for it, exists."""
    FAILED = "failed"
    """A failure is recorded for its clip key, and no clip exists."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A chunk of a plan."""

    id: str
    block_position: int
    """Of its block in the chapter, from 0."""
    span: Span
    """In the text of its block; the chunks of a block tile it."""
    sentences: tuple[Sentence, ...]
    clip_key: str
    """Empty where nothing is spoken."""
    skip_reason: str = ""
    """Why nothing of it is spoken, or empty."""
    number: int = 0
    """Among the chunks of its chapter, from 1; 0 where it is in no plan."""

    @property
    def spoken_chars(self) -> int:
        """Characters that the voice is given."""
        return len(join_sentences([sentence.spoken for sentence in self.sentences]))


@dataclass(frozen=True, slots=True)
class ChapterPlan:
    """A planned chapter; it never changes."""

    key: str
    """Content address of all that it was made from: blocks, voice, packing, rules, lexicon, edits."""
    chunks: tuple[PlannedChunk, ...]
    """In the order of the text."""

    @property
    def spoken(self) -> tuple[PlannedChunk, ...]:
        """Chunks that are spoken."""
        return tuple(chunk for chunk in self.chunks if chunk.clip_key)

    @property
    def clip_keys(self) -> frozenset[str]:
        """Keys of the clips that speak it; the same words said twice are one clip."""
        return frozenset(chunk.clip_key for chunk in self.chunks if chunk.clip_key)
