"""What is heard: clips, cues and the audio of a chapter."""

from dataclasses import dataclass

SAMPLE_RATE_HZ = 24_000
"""The one rate of every stored clip and every chapter; all are mono, 16 bit."""

LOUDNESS_BLOCK_SAMPLES = 2_400
"""100 ms at SAMPLE_RATE_HZ: the step of the loudness measure (ITU-R BS.1770-5)."""

FORMATS = ("m4b", "m4a", "mp3", "opus", "flac", "wav")
"""What a release can be made of: one M4B a book, or one file a chapter of the others."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Measures of one spoken chunk; the sound itself is the blob."""

    key: str
    blob: str
    """sha256 of the FLAC file, in hex."""
    samples: int
    sentence_ends_samples: tuple[int, ...]
    """Where each sentence of the chunk ends, counted from the clip's start; the last is `samples`."""
    exact: bool
    """False where the sentence ends are estimated."""
    peak: float
    """Largest absolute sample, 1.0 is full scale."""
    energies: bytes
    """K-weighted mean square of each 100 ms, little-endian float32, the last block padded by silence."""

    @property
    def seconds(self) -> float:
        """Length of the clip in seconds."""
        return self.samples / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Cue:
    """When one sentence is heard in its chapter."""

    sentence_id: str
    text: str
    """As written in the document."""
    start_samples: int
    end_samples: int


@dataclass(frozen=True, slots=True)
class ChapterAudio:
    """One assembled chapter."""

    key: str
    """Content address of everything that makes the sound: clips, pauses, mastering, encoder settings."""
    position: int
    """Of the chapter in its book, from 0."""
    title: str
    samples: int
    loudness_lufs: float | None
    """Integrated loudness before mastering; None where the chapter is too short to measure."""
    gain_db: float

    @property
    def seconds(self) -> float:
        """Length of the chapter in seconds."""
        return self.samples / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a chapter, in order: a clip and the silence after it."""

    blob: str
    samples: int
    pause_samples: int
    """Silence after the clip; clip and pause together are a multiple of LOUDNESS_BLOCK_SAMPLES."""
    energies: bytes
