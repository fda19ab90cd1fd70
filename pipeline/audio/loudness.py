"""Samples -> K-weighted energies of 100 ms blocks -> integrated loudness (ITU-R BS.1770-5, annex 1).

Energies are additive: those of clips laid end to end, with zeros for the pauses, are those of the
chapter, so that loudness is known before a chapter is assembled (within 0.01 LU where clip and pause
together are whole blocks).
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.pcm import Samples
from pipeline.model.audio import LOUDNESS_BLOCK_SAMPLES, SAMPLE_RATE_HZ

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
_OFFSET = -0.691
"""Of BS.1770: with it, a full-scale sine of 997 Hz on one channel reads -3.01 LUFS."""
_TAIL_SAMPLES = 4_800
"""Room for the high-pass filter to ring out, so that a circular convolution equals a linear one."""


def block_energies(samples: Samples) -> NDArray[np.float32]:
    """K-weighted mean square of each 100 ms, full scale is 1.0; the last block is padded with silence."""
    count = -(-len(samples) // LOUDNESS_BLOCK_SAMPLES)
    if not count:
        return np.zeros(0, np.float32)
    size = _fft_size(len(samples) + _TAIL_SAMPLES)
    # By FFT: 1,400x real time on one core, without scipy's 143 MB for a filter (November 2026).
    spectrum = np.fft.rfft(samples.astype(np.float32) / np.float32(32768), size)
    weighted = np.fft.irfft(spectrum * _k_response(size), size)[: count * LOUDNESS_BLOCK_SAMPLES]
    blocks = np.zeros(count * LOUDNESS_BLOCK_SAMPLES)
    blocks[: len(weighted)] = weighted
    energies: NDArray[np.float32] = np.mean(blocks.reshape(count, -1) ** 2, axis=1).astype(np.float32)
    return energies


def integrated_lufs(energies: Iterable[NDArray[np.float32]]) -> float | None:
    """Integrated loudness in LUFS of consecutive blocks; None where nothing passes the gates."""
    blocks = np.concatenate([np.zeros(0, np.float64), *energies])
    if len(blocks) < 4:  # shorter than one window of the gates
        return None
    sums = np.concatenate([[0.0], np.cumsum(blocks)])
    windows = (sums[4:] - sums[:-4]) / 4  # 400 ms, 75 % overlap
    windows = windows[windows > _energy(ABSOLUTE_GATE_LUFS)]
    if not len(windows):
        return None
    windows = windows[windows > _energy(_loudness(float(windows.mean())) + RELATIVE_GATE_LU)]
    return _loudness(float(windows.mean())) if len(windows) else None


def _loudness(energy: float) -> float:
    return _OFFSET + 10 * float(np.log10(energy))


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


def _fft_size(n: int) -> int:
    """The smallest product of a power of two and 1, 3, 5 or 9 that is at least `n`: quick to transform."""
    sizes = (factor << max(0, (-(-n // factor) - 1).bit_length()) for factor in (1, 3, 5, 9))
    return min(sizes)


@cache
def _k_response(size: int) -> NDArray[np.complex64]:
    """Frequency response of both K filters, designed for our rate as in annex 1 (shelf, then high-pass)."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(z), np.complex128)
    for b, a in (_shelf(), _high_pass()):
        response *= (b[0] + b[1] * z + b[2] * z**2) / (1 + a[0] * z + a[1] * z**2)
    return response.astype(np.complex64)


def _shelf() -> tuple[tuple[float, float, float], tuple[float, float]]:
    """The head: +4 dB above 1.7 kHz. Analogue constants that give the table of annex 1 at 48 kHz."""
    k = float(np.tan(np.pi * 1681.974450955533 / SAMPLE_RATE_HZ))
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    b = ((high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0)
    return b, (2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0)


def _high_pass() -> tuple[tuple[float, float, float], tuple[float, float]]:
    """The revised low-frequency B curve, 38 Hz."""
    k = float(np.tan(np.pi * 38.13547087602444 / SAMPLE_RATE_HZ))
    q = 0.5003270373238773
    a0 = 1 + k / q + k * k
    return (1.0, -2.0, 1.0), (2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0)
