"""A service that takes 250 ms for every request, eight at once: how much of that time is lost around it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.remote.conftest import KEY, Rig
from tests.speech_service import SpeechService

CHUNKS = 2_000
CHAPTERS = 50
LATENCY_S = 0.25
CONCURRENCY = 8


def measure_service(folder: Path, root: Path) -> None:
    """Print the wall time against the ideal, chunks x latency / concurrency."""
    service = SpeechService(keys=(KEY,), latency_s=LATENCY_S).serve()
    book = folder / "service.md"
    size = CHUNKS // CHAPTERS
    parts = [
        f"# Part {n}\n\n" + "\n\n".join(f"Line {n * size + m} of a long book." for m in range(size - 1))
        for n in range(CHAPTERS)
    ]
    book.write_text("\n\n".join(parts), "utf-8")
    config = Rig(service).toml(folder, concurrency=CONCURRENCY, timeout_s=60)
    command = [
        str(Path(sys.executable).with_name("bookcast")),
        "--config",
        str(config),
        "--data",
        str(folder / "service"),
    ]
    environment = {**os.environ, "RIG_API_KEY": KEY, "PYTHONPATH": str(root)}
    began = time.perf_counter()
    try:
        subprocess.run(
            [*command, "narrate", str(book), "--direct", "--json"],
            cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wall_s = time.perf_counter() - began
        ideal_s = len(service.asks) * LATENCY_S / CONCURRENCY
        spoken_s = max(ask.ended for ask in service.asks) - min(ask.began for ask in service.asks)
        print(
            f"service: {len(service.asks)} requests of {LATENCY_S * 1000:.0f} ms, {CONCURRENCY} at once: {wall_s:.1f} s, "
            f"{wall_s / ideal_s:.3f} of the ideal {ideal_s:.1f} s ({spoken_s / ideal_s:.3f} from the first request "
            f"to the last), at most {service.most_in_flight} in flight",
            flush=True,
        )
    finally:
        service.close()
