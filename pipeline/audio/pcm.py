"""Bytes of audio files <-> samples: `wav` reads WAV, PyAV everything else, FLAC goes out.

Half an MP3 decodes without a word, so every decoding error and mark of damage is taken seriously.
"""

import io
from collections.abc import Iterable, Iterator, Mapping

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.audio.wav import Wav, read_wavs
from pipeline.errors import AudioError
from pipeline.model.audio import SAMPLE_RATE_HZ

Samples = NDArray[np.int16]
"""Shape (n,), mono, 16 bit."""

_TAGS = (b"ID3", b"TAG")
"""ID3 tags where several MP3 files stand one behind the other; FFmpeg hands them out as if they were sound."""
_WHOLE_SHARE, _WHOLE_SLACK_S = 0.97, 0.1
"""What a header states and what is decoded may differ by padding, but not by more than this."""


def decode_audio(data: bytes, *, rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """Samples of any audio, mono at `rate_hz`: WAV files by our own reader, everything else by PyAV.

    Several files one behind the other are heard as one; a file may hold no samples at all.

    Raises:
        AudioError: not audio, damaged or cut short.
    """
    try:
        if data[:4] != b"RIFF":
            return _resample(_decoded_frames(data), rate_hz)
        # each for itself, because a resampler keeps to one rate
        pieces = [_resample([_frame(wav)], rate_hz) for wav in read_wavs(data) if len(wav.samples)]
    except (av.error.FFmpegError, EOFError, ValueError) as error:
        raise AudioError(f"The audio cannot be decoded: {error}") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def _resample(frames: Iterable[av.AudioFrame], rate_hz: int) -> Samples:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
    pieces = [out.to_ndarray()[0] for frame in frames for out in resampler.resample(frame)]
    pieces += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def _frame(wav: Wav) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(wav.samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = wav.rate_hz
    return frame


def _decoded_frames(data: bytes) -> Iterator[av.AudioFrame]:
    # Half an Opus file decodes without an error; only the missing end mark tells.
    if data[:4] == b"OggS" and not _ogg_ends(data):
        raise AudioError("The audio is cut short: its last Ogg page is missing")
    with av.open(io.BytesIO(data), "r") as container:
        if not container.streams.audio:
            raise AudioError("The file holds no audio")
        stream = container.streams.audio[0]
        seconds = 0.0
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise AudioError("The audio is damaged or cut short")
            if bytes(packet)[:3] in _TAGS:
                continue
            for frame in packet.decode():
                seconds += frame.samples / frame.sample_rate
                yield frame
        # Half an MP3 decodes without an error, too; where it has a header, that still states the whole length.
        stated = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        if seconds < stated * _WHOLE_SHARE - _WHOLE_SLACK_S:
            raise AudioError(f"The audio is cut short: {seconds:.1f} of {stated:.1f} s")


def _ogg_ends(data: bytes) -> bool:
    """True where the last page bears the mark of the end (RFC 3533, section 6)."""
    page = data.rfind(b"OggS")
    return page + 6 <= len(data) and bool(data[page + 5] & 4)


def encode_flac(samples: Samples, *, rate_hz: int = SAMPLE_RATE_HZ, comments: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a FLAC file (RFC 9639) of mono samples; the same samples and comments give the same bytes.

    Args:
        samples: of the file.
        rate_hz: of the samples.
        comments: Vorbis comments (RFC 9639, section 8.6) by name; no value is empty or holds NUL.
    """
    target = io.BytesIO()
    # bitexact leaves out the library's version; 8 kB of room for tags to come would be 5 % of a clip
    options = {"fflags": "+bitexact", "metadata_header_padding": "0"}
    with av.open(target, "w", format="flac", options=options) as container:
        container.metadata.update(comments or {})
        stream = container.add_stream("flac", rate=rate_hz, options={"flags": "+bitexact"})
        stream.layout = "mono"
        stream.format = "s16"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate_hz
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return target.getvalue()


def read_comments(data: bytes) -> dict[str, str]:
    """The Vorbis comments of a FLAC file, by name as written.

    Raises:
        AudioError: not such a file, or damaged.
    """
    if data[:4] != b"fLaC":
        raise AudioError("Not a FLAC file")
    try:
        with av.open(io.BytesIO(data), "r", format="flac") as container:
            return dict(container.metadata)
    except (av.error.FFmpegError, EOFError, ValueError) as error:
        raise AudioError(f"The FLAC file cannot be read: {error}") from error
