"""The limit: the embedded voice alone on all cores, then AAC encoding of what it said on all cores; nothing else."""

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
_engine = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Seconds of wall time."""

    speech_s: float
    encoding_s: float
    audio_s: float

    @property
    def wall_s(self) -> float:
        return self.speech_s + self.encoding_s


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> None:
    global _engine
    os.environ["OMP_NUM_THREADS"] = "1"
    from hibari import Hibari

    _engine = Hibari(threads=1)


def ready(_: int) -> bool:
    return _engine is not None


def speak(sentences: list[str]) -> float:
    return sum(len(_engine(sentence, seed=0)) for sentence in sentences) / SAMPLE_RATE_HZ  # type: ignore[misc]


def encode(seconds: float) -> None:
    """AAC of so many seconds of noise that is shaped like speech, as one file."""
    rng = np.random.default_rng(0)
    piece = (rng.normal(0, 2500, SAMPLE_RATE_HZ * 10) * np.abs(np.sin(np.arange(SAMPLE_RATE_HZ * 10) / 4000))).astype(
        np.int16
    )
    with av.open(io.BytesIO(), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE_HZ, options={"aac_coder": "fast"})
        stream.layout = "mono"
        stream.bit_rate = 64_000
        for at in range(int(seconds // 10)):
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
        return Limit(spoken - began, time.perf_counter() - spoken, audio_s)


def spoken_sentences(book: Path, folder: Path) -> list[str]:
    """Every sentence that a narration of `book` gives to the voice."""
    from pipeline.settings import read_settings
    from pipeline.stages.context import Context
    from pipeline.stages.import_document import import_document
    from pipeline.stages.order import Order
    from pipeline.stages.plan_narration import plan_narration

    context = Context(read_settings(), folder)
    try:
        slug = import_document(context, str(book)).slug
        plans = [plan_narration(context, c, Order(backend="hibari")) for c in context.store.documents.chapters(slug)]
        return [sentence.spoken for plan in plans for chunk in plan.chunks for sentence in chunk.sentences]
    finally:
        context.close()
