"""Bytes of WAV files -> samples: one file, or several one behind the other, as some services answer.

Follows RIFF (Microsoft and IBM, 1991) and WAVE with 16-bit PCM. Headers are read here because streaming
servers write sizes of 0 or 0xFFFFFFFF into them, of which other readers make nothing or nonsense.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import AudioError

_STREAMED_FROM = 0x7FFFF000
"""Sizes from here on mean "to the end": FFmpeg writes 0xFFFFFFFF, SoX this one. No answer has two gigabytes."""
_PCM_CODES = (1, 0xFFFE)
_RATES_HZ = range(4_000, 768_001)
_MOST_CHANNELS = 64
_CHUNKS_BEFORE_FORM = 8
"""Most that may stand between the name of a file and its `fmt ` chunk; recorders write up to three."""
_METADATA = frozenset({b"LIST", b"fact", b"bext", b"JUNK", b"id3 ", b"ID3 ", b"iXML", b"PEAK", b"cue ", b"smpl"})
_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Wav:
    """The sound of one `data` chunk."""

    samples: NDArray[np.int16]
    """Mixed to mono, shape (n,)."""
    rate_hz: int


@dataclass(frozen=True, slots=True)
class _Form:
    """A `fmt ` chunk."""

    code: int = 0
    channels: int = 0
    rate_hz: int = 0
    frame_bytes: int = 0
    bits: int = 0

    @property
    def is_plausible(self) -> bool:
        """True where a header says it: samples do not take on this look by chance."""
        return (
            self.code > 0
            and 0 < self.channels <= _MOST_CHANNELS
            and self.rate_hz in _RATES_HZ
            and self.bits in {8, 16, 24, 32, 64}
            and self.frame_bytes == self.channels * self.bits // 8
        )


def read_wavs(data: bytes) -> list[Wav]:
    """The sound of every file in `data`, in order; their rates may differ.

    A data size of 0 or of 2 GB and more means "to the next file, or to the end", as streaming writers leave it.

    Raises:
        AudioError: not such files, one of them cut short, or something behind them that may be sound.
    """
    if not _is_file(data, 0):
        raise AudioError("Not a WAV file")
    found: list[Wav] = []
    form, is_silent = _Form(), False
    for name, start, end in _chunks(data):
        if name == b"RIFF":
            if is_silent:
                break
            form, is_silent = _Form(), True
        elif name == b"fmt ":
            form = _parse_form(data, start, end)
        elif name == b"data":
            found.append(_read_samples(data, start, end, form))
            is_silent = False
    if is_silent:
        raise AudioError("The WAV file holds no data")
    return found


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end (exclusive) of each chunk; of a file's own chunk, `RIFF`, the header alone."""
    at = 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        start, end = at + 8, at + 8 + size
        if _is_file(data, at):
            end = start + 4
        elif name == b"data":
            end = _data_end(data, start, size)
        # Not the name of a chunk, or longer than what is left: a header that lies, or sound behind a wrong size.
        elif not (name.isascii() and name.decode("ascii").isprintable()) or end > len(data):
            at = _find_after_junk(data, at)
            continue
        yield name, start, end
        # chunks are padded to even places, but not every writer of several files knows
        at = end if _is_file(data, end) else end + (end - start) % 2
    # Fewer than eight bytes are left. If they begin a file, that file was cut off.
    if data[at : at + 4] and b"RIFF".startswith(data[at : at + 4]):
        raise AudioError("The WAV file is cut short: the last file in it has only begun")


def _is_file(data: bytes, at: int) -> bool:
    return data[at : at + 4] == b"RIFF" and data[at + 8 : at + 12] == b"WAVE"


def _data_end(data: bytes, start: int, size: int) -> int:
    if 0 < size < _STREAMED_FROM:
        if start + size > len(data):
            raise AudioError(f"The WAV file is cut short: {len(data) - start} of {size} bytes")
        return start + size
    return _find_file(data, start, step=_SAMPLE_BYTES) or len(data)


def _find_file(data: bytes, start: int, *, step: int) -> int | None:
    """Where the next file begins; in sound only between two samples, and only with a whole header."""
    at = data.find(b"RIFF", start)
    while at >= 0:
        if (at - start) % step == 0 and _is_file(data, at) and _find_form(data, at + 12).is_plausible:
            return at
        at = data.find(b"RIFF", at + 1)
    return None


def _find_form(data: bytes, at: int) -> _Form:
    for _ in range(_CHUNKS_BEFORE_FORM):
        if at + 8 > len(data) or data[at : at + 4] == b"data":
            break
        size = struct.unpack_from("<I", data, at + 4)[0]
        if data[at : at + 4] == b"fmt ":
            return _parse_form(data, at + 8, at + 8 + size)
        at += 8 + size + size % 2
    return _Form()


def _parse_form(data: bytes, start: int, end: int) -> _Form:
    if end - start < 16 or len(data) < start + 16:
        return _Form()
    code, channels, rate_hz, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", data, start)
    return _Form(code=code, channels=channels, rate_hz=rate_hz, frame_bytes=frame_bytes, bits=bits)


def _find_after_junk(data: bytes, at: int) -> int:
    """Where reading goes on behind what is no chunk: at the next file, or at the end where nothing is lost by it.

    Raises:
        AudioError: what stands there may be sound, such as the rest of a file whose header states too little.
    """
    found = _find_file(data, at, step=1)
    if found is not None:
        return found
    # Tags that are cut short and padding of zeros hold no sound that could be lost.
    if data[at : at + 4] in _METADATA or not any(data[at:]):
        return len(data)
    raise AudioError(f"The WAV file is damaged or cut short: {len(data) - at} bytes behind its sound mean nothing")


def _read_samples(data: bytes, start: int, end: int, form: _Form) -> Wav:
    if form.code not in _PCM_CODES or form.bits != 16 or not form.channels or not form.rate_hz:
        raise AudioError(
            f"The WAV file is not 16-bit PCM (code {form.code}, {form.bits} bits, {form.channels} channels)"
        )
    # Rounded down: a stream may end inside a frame.
    count = (end - start) // _SAMPLE_BYTES // form.channels
    frames = np.frombuffer(data, "<i2", count * form.channels, start).reshape(-1, form.channels)
    # A copy, because a view would keep the whole answer in memory.
    mono = frames[:, 0].copy() if form.channels == 1 else np.rint(frames.mean(axis=1)).astype(np.int16)
    return Wav(mono, form.rate_hz)
