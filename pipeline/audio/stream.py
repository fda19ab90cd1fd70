"""Samples as they come -> bytes of an audio file as they come, for answers over HTTP.

Nothing is written twice: formats whose headers hold a length say that it is not known
(WAV: 0xFFFFFFFF, as streaming writers do), unless the whole sound is given at once.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import cast

import av

from pipeline.audio.pcm import Samples
from pipeline.errors import AudioError
from pipeline.model.audio import SAMPLE_RATE_HZ, StreamFormat

_UNKNOWN_BYTES = 0xFFFFFFFF
# No Xing header in MP3: it is filled in at the end, and a stream cannot go back to its start.
# container, codec, options of both, bits a second
_CODECS = {
    StreamFormat.MP3: ("mp3", "libmp3lame", {"write_xing": "0"}, {"compression_level": "7"}, 96_000),
    StreamFormat.OPUS: ("ogg", "libopus", {}, {"application": "voip"}, 32_000),
    StreamFormat.AAC: ("adts", "aac", {}, {"aac_coder": "fast"}, 64_000),
    StreamFormat.FLAC: ("flac", "flac", {}, {}, 0),
}


def encode_stream(pieces: Iterable[Samples], audio_format: StreamFormat) -> Iterator[bytes]:
    """The file of these mono pieces at 24,000 Hz in that format. Raises: AudioError."""
    if audio_format is StreamFormat.PCM:
        return (piece.astype("<i2").tobytes() for piece in pieces)
    if audio_format is StreamFormat.WAV:
        return _wav(pieces)
    return _encoded(pieces, audio_format)


def whole_wav(pieces: Iterable[Samples]) -> bytes:
    """A WAV file (RIFF) with true sizes."""
    sound = b"".join(piece.astype("<i2").tobytes() for piece in pieces)
    return _wav_header(len(sound)) + sound


def _wav(pieces: Iterable[Samples]) -> Iterator[bytes]:
    yield _wav_header(_UNKNOWN_BYTES)
    for piece in pieces:
        yield piece.astype("<i2").tobytes()


def _wav_header(size: int) -> bytes:
    form = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE_HZ, 2 * SAMPLE_RATE_HZ, 2, 16)
    riff = size if size == _UNKNOWN_BYTES else size + 36
    return b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)


class _Pipe:
    """What a muxer writes, taken out piece by piece; it cannot be gone back in."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data, self._pieces = b"".join(self._pieces), []
        return data


def _encoded(pieces: Iterable[Samples], audio_format: StreamFormat) -> Iterator[bytes]:
    container_format, codec, muxing, encoding, bit_rate = _CODECS[audio_format]
    pipe = _Pipe()
    try:
        # Flushed, because the muxer would otherwise keep sound back while somebody waits to hear it.
        options = {"fflags": "+bitexact", "flush_packets": "1", **muxing}
        with av.open(pipe, "w", format=container_format, options=options) as container:
            made = container.add_stream(codec, rate=SAMPLE_RATE_HZ, options={"flags": "+bitexact", **encoding})
            stream = cast(av.AudioStream, made)
            stream.layout = "mono"
            if bit_rate:
                stream.bit_rate = bit_rate
            for piece in pieces:
                container.mux(stream.encode(_frame(piece)))
                if data := pipe.take():
                    yield data
            container.mux(stream.encode(None))
    except (av.error.FFmpegError, ValueError) as error:
        raise AudioError(f"The sound cannot be encoded as {audio_format}: {error}") from error
    yield pipe.take()


def _frame(piece: Samples) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    return frame
