"""What is heard: clips, cues and the audio of a chapter, and the formats it comes in."""

from dataclasses import dataclass
from enum import StrEnum

SAMPLE_RATE_HZ = 24_000
"""The one rate of every stored clip and every chapter; all are mono, 16 bit."""

LOUDNESS_BLOCK_SAMPLES = 2_400
"""100 ms at SAMPLE_RATE_HZ: the step of the loudness measure (ITU-R BS.1770-5)."""


class AudioFormat(StrEnum):
    """A kind of sound file: one M4B a book, or one file a chapter of the others."""

    M4B = "m4b"
    M4A = "m4a"
    MP3 = "mp3"
    OPUS = "opus"
    FLAC = "flac"
    WAV = "wav"

    @property
    def suffix(self) -> str:
        """Of a file, with its dot."""
        return f".{self.value}"

    @property
    def media_type(self) -> str:
        """As web servers tell it to browsers."""
        return _MEDIA_TYPES[self]

    @property
    def enclosure_type(self) -> str:
        """As podcasts tell it to apps, whose directories know M4A under an older name."""
        return "audio/x-m4a" if self is AudioFormat.M4A else self.media_type


class StreamFormat(StrEnum):
    """What speech is streamed as; `pcm` is 16 bit, little-endian, mono, 24,000 Hz without a header."""

    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    WAV = "wav"
    PCM = "pcm"

    @property
    def media_type(self) -> str:
        """Of the answer."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: dict[str, str] = {
    "m4b": "audio/mp4",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
FORMATS = tuple(AudioFormat)
"""In the order in which they are offered."""
CHAPTER_FORMATS = tuple(each for each in FORMATS if each is not AudioFormat.M4B)
"""Of single chapters and articles, those first that the most apps play."""


def find_audio_format(suffix: str) -> AudioFormat | None:
    """The format of a file by its suffix (with its dot, in any case); None for every other kind of file.

    >>> find_audio_format(".MP3").media_type
    'audio/mpeg'
    """
    return next((each for each in FORMATS if each.suffix == suffix.lower()), None)


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What is known of a clip and cannot be measured from its samples; its file carries it."""

    key: str
    sentence_ends_samples: tuple[int, ...]
    """Where each sentence of the chunk ends, counted from the clip's start; the last is the clip's length."""
    exact: bool
    """False where the sentence ends are estimated."""
    chars: int
    """Characters that were given to the voice."""
    backend: str
    """Name of the backend that spoke."""
    voice: str
    remark: str = ""
    """Why a person should listen to it, if anything."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Facts and measures of one spoken chunk; the sound itself is the blob."""

    facts: ClipFacts
    blob: str
    """sha256 of the FLAC file, in hex."""
    samples: int
    peak: float
    """Largest absolute sample, 1.0 is full scale."""
    energies: bytes
    """K-weighted mean square of each 100 ms, little-endian float32, the last block padded by silence."""

    @property
    def key(self) -> str:
        """The clip key."""
        return self.facts.key

    @property
    def sentence_ends_samples(self) -> tuple[int, ...]:
        """Where each sentence of the chunk ends; the last is `samples`."""
        return self.facts.sentence_ends_samples

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
