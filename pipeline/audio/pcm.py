"""Bytes of audio files <-> samples: a strict WAV reader (RIFF WAVE), PyAV for everything else, FLAC out.

Half an MP3 decodes without a word and streaming servers write sizes of 0 or 0xFFFFFFFF into WAV
headers, so headers are read here and every decoding error and mark of damage is taken seriously.
"""

import io
import struct
from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import AudioError
from pipeline.model.audio import SAMPLE_RATE_HZ

Samples = NDArray[np.int16]
"""Shape (n,), mono, 16 bit."""

_OPEN_ENDED = (0, 0xFFFFFFFF)
_WHOLE_SHARE, _WHOLE_SLACK_S = 0.97, 0.1
"""What a header states and what is decoded may differ by padding, but not by more than this."""


def read_wav(data: bytes) -> tuple[Samples, int]:
    """Samples (mixed to mono) and rate in Hz of a 16-bit PCM WAV file.

    A data size of 0 or 0xFFFFFFFF means "to the end of the file", as streaming writers leave it.

    Raises:
        AudioError: not such a file, or cut short.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError("Not a WAV file")
    at, channels, rate, bits, code = 12, 0, 0, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if name == b"fmt " and len(data) >= at + 16:
            code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
        if name == b"data":
            return _wav_samples(data, at, size, (code, channels, rate, bits)), rate
        at += size + size % 2
    raise AudioError("The WAV file holds no data")


def _wav_samples(data: bytes, at: int, size: int, form: tuple[int, int, int, int]) -> Samples:
    code, channels, rate, bits = form
    if code not in (1, 0xFFFE) or bits != 16 or not channels or not rate:
        raise AudioError(f"The WAV file is not 16-bit PCM (code {code}, {bits} bits, {channels} channels)")
    if size in _OPEN_ENDED:
        size = len(data) - at
    if at + size > len(data):
        raise AudioError(f"The WAV file is cut short: {len(data) - at} of {size} bytes")
    frames = np.frombuffer(data, "<i2", size // 2, at)
    frames = frames[: len(frames) - len(frames) % channels].reshape(-1, channels)
    return frames[:, 0].copy() if channels == 1 else np.rint(frames.mean(axis=1)).astype(np.int16)


def decode_audio(data: bytes, *, rate_hz: int = SAMPLE_RATE_HZ) -> Samples:
    """Samples of any audio file, mono at `rate_hz`: WAV by our own reader, everything else by PyAV.

    Raises:
        AudioError: not audio, damaged, or without sound.
    """
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
    try:
        frames = _wav_frames(data) if data[:4] == b"RIFF" else _decoded_frames(data)
        pieces = [out.to_ndarray()[0] for frame in frames for out in resampler.resample(frame)]
        pieces += [out.to_ndarray()[0] for out in resampler.resample(None)]
    except (av.error.FFmpegError, EOFError, ValueError) as error:
        raise AudioError(f"The audio cannot be decoded: {error}") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def _wav_frames(data: bytes) -> Iterator[av.AudioFrame]:
    samples, rate = read_wav(data)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    yield frame


def _decoded_frames(data: bytes) -> Iterator[av.AudioFrame]:
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
            for frame in packet.decode():
                seconds += frame.samples / frame.sample_rate
                yield frame
        stated = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        if seconds < stated * _WHOLE_SHARE - _WHOLE_SLACK_S:
            raise AudioError(f"The audio is cut short: {seconds:.1f} of {stated:.1f} s")


def _ogg_ends(data: bytes) -> bool:
    """True where the last page bears the mark of the end (RFC 3533, section 6)."""
    page = data.rfind(b"OggS")
    return page + 6 <= len(data) and bool(data[page + 5] & 4)


def encode_flac(samples: Samples, *, rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """The bytes of a FLAC file (RFC 9639) of mono samples; the same samples give the same bytes."""
    target = io.BytesIO()
    with av.open(target, "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=rate_hz, options={"flags": "+bitexact"})
        stream.layout = "mono"
        stream.format = "s16"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate_hz
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return target.getvalue()
