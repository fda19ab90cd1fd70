"""The limit: the embedded voice alone on all cores, then one AAC encode of what it said; nothing else.

The encode is measured on all cores, too: a limit that no program that encodes beside the voice can beat.
"""

import io
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np

SAMPLE_RATE_HZ = 24_000
TEXT = """Nobody had asked for the job in nineteen years, so the man put down his pen and wiped his spectacles.
It was a record of ships, and each had a page with the name, the date, and how far off she passed.
She was not a quick woman, but she was a thorough one, and by four in the morning she knew what he had been selling."""
_engine = None
_sound = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Limit:
    """Seconds of wall time."""

    speech_s: float
    encoding_s: float
    """One encoder on one core."""
    shared_encoding_s: float
    """The same on all cores."""
    audio_s: float

    @property
    def wall_s(self) -> float:
        return self.speech_s + self.encoding_s

    @property
    def hardest_s(self) -> float:
        return self.speech_s + self.shared_encoding_s


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> None:
    global _engine, _sound
    os.environ["OMP_NUM_THREADS"] = "1"
    from hibari import Hibari

    _engine = Hibari(threads=1)
    _sound = np.concatenate([_engine(sentence, seed=0) for sentence in TEXT.split("\n")])


def ready(_: int) -> bool:
    return _engine is not None


def speak(sentences: list[str]) -> float:
    return sum(len(_engine(sentence, seed=0)) for sentence in sentences) / SAMPLE_RATE_HZ  # type: ignore[misc]


def encode(seconds: float) -> None:
    """AAC of so many seconds of the voice's own sound, as one file."""
    piece = (_sound * 2 * 32767).clip(-32767, 32767).astype(np.int16)  # about as loud as mastered sound
    with av.open(io.BytesIO(), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE_HZ, options={"aac_coder": "fast"})
        stream.layout = "mono"
        stream.bit_rate = 64_000
        for at in range(int(seconds * SAMPLE_RATE_HZ) // len(piece)):
            frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, at * len(piece)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def measure_limit(sentences: list[str]) -> Limit:
    """Speak and encode a whole book with nothing around it; engines are loaded before the clock starts."""
    workers = cores()
    groups = [sentences[at : at + 20] for at in range(0, len(sentences), 20)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=load) as pool:
        list(pool.map(ready, range(workers * 4)))
        time.sleep(1)
        list(pool.map(speak, groups[: workers * 2]))
        began = time.perf_counter()
        audio_s = sum(pool.map(speak, groups))
        spoken = time.perf_counter()
        list(pool.map(encode, [audio_s / workers] * workers))
        shared = time.perf_counter()
        pool.submit(encode, audio_s).result()
        return Limit(spoken - began, time.perf_counter() - shared, shared - spoken, audio_s)


def spoken_sentences(book: Path, folder: Path) -> list[str]:
    """Every sentence that a narration of `book` gives to the voice."""
    from pipeline.narration.core.context import Context
    from pipeline.narration.core.order import Order
    from pipeline.narration.reading.import_document import import_document
    from pipeline.settings import read_settings
    from tests.conftest import plans_of

    context = Context(read_settings(), folder)
    try:
        slug = import_document(context, str(book)).slug
        plans = plans_of(context, slug, Order(backend="hibari"))
        return [sentence.spoken for plan in plans for chunk in plan.chunks for sentence in chunk.sentences]
    finally:
        context.close()
