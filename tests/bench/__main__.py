"""`make bench`: narration against the limit of the machine, a run with nothing to do, memory by length, and a service.

python -m tests.bench BOOK [--part limit|memory|service|studio|feeds|unchanged|idle|all]
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from tests.bench.feeds import measure_feeds, measure_unchanged
from tests.bench.idle import measure_idle
from tests.bench.limit import cores, measure_limit, spoken_sentences
from tests.bench.service import measure_service
from tests.bench.studio import measure_studio
from tests.makers import make_epub

ROOT = Path(__file__).parent.parent.parent
PARTS = ("limit", "memory", "service", "studio", "feeds", "unchanged", "idle")


class Watch:
    """Runs a command; its wall time and the largest resident memory of any one of its processes."""

    def __init__(self, *arguments: str) -> None:
        self.looks_mb: list[float] = []
        began = time.perf_counter()
        command = [sys.executable, "-m", "pipeline.cli", *arguments, "--json"]
        self._process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        out, _ = self._process.communicate()
        self.wall_s = time.perf_counter() - began
        self.summary = json.loads(out)

    def _look(self) -> None:
        while self._process.is_running():
            try:
                processes = [self._process, *self._process.children(recursive=True)]
                self.looks_mb.append(max(process.memory_info().rss / 1e6 for process in processes))
            except psutil.Error:
                pass
            time.sleep(0.2)

    @property
    def peak_mb(self) -> float:
        return max(self.looks_mb, default=0.0)

    def over_time(self, parts: int) -> list[float]:
        """The largest process in each part of the run."""
        size = -(-len(self.looks_mb) // parts) or 1
        return [max(self.looks_mb[at : at + size]) for at in range(0, len(self.looks_mb), size)]


def repeat_book(book: Path, times: int, target: Path) -> Path:
    """A book `times` as long: its plain paragraphs again and again, each made different by a word."""
    from pipeline.ingest.read_document import read_document

    source = read_document(book)
    files = {}
    for n in range(times):
        for index, chapter in enumerate(source.chapters):
            paragraphs = "".join(
                f"<p>{re.sub('[<&>]', ' ', b.text)} {n if n else ''}</p>" for b in chapter.blocks if not b.skip_reason
            )
            files[f"c{n}-{index}.xhtml"] = f"<h2>Chapter {n}.{index}</h2>{paragraphs}"
    target.write_bytes(make_epub(files, title=f"{times} times"))
    return target


def compare_with_limit(book: Path, folder: Path) -> None:
    limit = measure_limit(spoken_sentences(book, folder / "limit"))
    spoken = f"{limit.audio_s:,.0f} s of speech in {limit.speech_s:.1f} s"
    print(f"limit: {spoken} + one AAC encode in {limit.encoding_s:.1f} s = {limit.wall_s:.1f} s", flush=True)
    print(f"hardest: the encode on all cores in {limit.shared_encoding_s:.1f} s = {limit.hardest_s:.1f} s", flush=True)
    for name, options in (("direct", ["--direct"]), ("prefect", [])):
        run = Watch("--data", str(folder / name), "narrate", str(book), *options)
        shares = f"{limit.wall_s / run.wall_s:.2f} of the limit, {limit.hardest_s / run.wall_s:.2f} of the hardest"
        pace = run.summary["audio_seconds"] / run.wall_s
        print(
            f"{name}: {run.wall_s:.1f} s wall, {pace:.0f}x real time, {shares}, {run.peak_mb:.0f} MB",
            flush=True,
        )
        again = Watch("--data", str(folder / name), "narrate", str(book), *options)
        assert again.summary["synthesized"] == 0
        print(f"{name}, second run: {again.wall_s:.1f} s", flush=True)


def memory_by_length(book: Path, folder: Path, lengths: tuple[int, ...], backend: str) -> None:
    for times in lengths:
        longer = repeat_book(book, times, folder / f"{times}.epub")
        run = Watch("--data", str(folder / f"times{times}"), "narrate", str(longer), "--direct", "--backend", backend)
        hours = run.summary["audio_seconds"] / 3600
        print(
            f"{times} x the book, {backend}: {hours:.1f} h of audio, {run.wall_s:.0f} s, {run.peak_mb:.0f} MB",
            flush=True,
        )
        shutil.rmtree(folder / f"times{times}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("book", type=Path)
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--backend", default="tone", help="who speaks in the memory part")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bookcast-bench-"))
    print(f"{platform.platform()}, {cores()} cores, Python {platform.python_version()}, {asked.book.name}", flush=True)
    try:
        if asked.part in ("limit", "all"):
            compare_with_limit(asked.book.resolve(), folder)
        if asked.part in ("memory", "all"):
            memory_by_length(asked.book.resolve(), folder, (1, 4, 16), asked.backend)
        if asked.part in ("service", "all"):
            measure_service(folder, ROOT)
        if asked.part in ("studio", "all"):
            measure_studio(folder, ROOT, asked.book.resolve())
        if asked.part in ("feeds", "all"):
            measure_feeds(folder, Watch)
        if asked.part in ("unchanged", "all"):
            measure_unchanged(folder, ROOT)
        if asked.part in ("idle", "all"):
            measure_idle(folder, ROOT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
