"""Float frames -> an encoded audio file: AAC, MP3, Opus, FLAC or WAV by PyAV, streaming, tagged.

The same samples, settings and tags give the same bytes (`+bitexact` keeps dates and versions out).
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av

from pipeline.errors import AudioError
from pipeline.model.audio import SAMPLE_RATE_HZ, AudioFormat
from pipeline.model.book import ReleaseTags

AAC_FRAME_SAMPLES = 1024


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one format is encoded."""

    format: str
    """One of m4a, mp3, opus, flac, wav."""
    kbps: int = 0
    """0 for lossless formats."""


@dataclass(frozen=True, slots=True)
class _Codec:
    container: str
    codec: str
    options: dict[str, str]


# aac_coder=fast is 355x real time where the default coder is 64x; LAME needs level 7 to be quick.
_CODECS: dict[str, _Codec] = {
    AudioFormat.M4A: _Codec("mp4", "aac", {"aac_coder": "fast"}),
    AudioFormat.MP3: _Codec("mp3", "libmp3lame", {"compression_level": "7"}),
    # voip is libopus's mode for speech.
    AudioFormat.OPUS: _Codec("ogg", "libopus", {"application": "voip"}),
    AudioFormat.FLAC: _Codec("flac", "flac", {}),
    AudioFormat.WAV: _Codec("wav", "pcm_s16le", {}),
}


def describe_encoder(encoding: Encoding) -> list[str]:
    """What besides the samples decides the bytes of an encoded file, for content addresses."""
    codec = _CODECS[encoding.format]
    cut = ["segments-1"] if encoding.format == AudioFormat.M4A else []  # how `segments` cuts a chapter
    return [
        *cut,
        codec.container,
        codec.codec,
        str(encoding.kbps),
        *(f"{k}={v}" for k, v in sorted(codec.options.items())),
    ]


class EncodedFile:
    """An audio file being written; closing it completes the file."""

    def __init__(self, path: Path, encoding: Encoding, tags: ReleaseTags | None = None) -> None:
        """Raises: AudioError where the file cannot be begun."""
        codec = _CODECS[encoding.format]
        self._path = path
        try:
            self._container = av.open(str(path), "w", format=codec.container, options={"fflags": "+bitexact"})
            options = {**codec.options, "flags": "+bitexact"}
            stream = self._container.add_stream(codec.codec, rate=SAMPLE_RATE_HZ, options=options)
            self._stream = cast(av.AudioStream, stream)
        except (av.error.FFmpegError, ValueError) as error:
            raise self._failed(error) from error
        self._stream.layout = "mono"
        self._stream.time_base = Fraction(1, SAMPLE_RATE_HZ)
        if encoding.kbps:
            self._stream.bit_rate = encoding.kbps * 1000
        self._container.metadata.update(tags.fields() if tags else {})

    def write(self, frame: av.AudioFrame) -> None:
        """Append a frame. Raises: AudioError, or OSError where the disk is full."""
        self._mux(frame)

    def _mux(self, frame: av.AudioFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        # The disk, not the encoder: whoever names the file explains that.
        except OSError:
            raise
        except (av.error.FFmpegError, ValueError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> AudioError:
        return AudioError(f"{self._path.name} cannot be encoded: {error}")

    def __enter__(self) -> "EncodedFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            # After an error nobody wants the rest of the sound, but the container has to be closed.
            if kind is None:
                self._mux(None)
        finally:
            self._container.close()
