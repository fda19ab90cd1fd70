"""Events of a run -> a live display, or plain lines where nobody sits before a terminal."""

import threading
import time
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pipeline.cli.output.session import duration, err, options, say
from pipeline.narration.core.events import (
    BookOpened,
    ChapterPlanned,
    ChapterReady,
    ClipFailed,
    ClipReady,
    Event,
    Note,
    ReleaseReady,
)
from pipeline.narration.core.log_lines import is_json, log_event

PLAIN_EVERY_S = 15.0


class RunDisplay:
    """Watches one run; is called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: Progress | None = None
        self._bar: TaskID | None = None
        self._said = time.monotonic()
        self._reset()

    def _reset(self) -> None:
        """Begin to count a book."""
        self._began = time.monotonic()
        self._total_chars = self._done_chars = self._spoken_chars = 0
        self._audio_s = 0.0
        self._chunks_done = 0
        self._chapters = self._chapters_done = self._failed = 0

    def __enter__(self) -> "RunDisplay":
        if err.is_terminal and not options.quiet and not is_json():
            self._live = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), console=err
            )
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        """Take note of an event and show it."""
        if is_json():
            if not options.quiet:
                log_event(event)
            return
        with self._lock:
            self._count(event)
            self._tell(event)
            if self._live and self._bar is not None:
                share = self._done_chars / max(1, self._total_chars)
                self._live.update(self._bar, completed=share, state=self._state())
            elif time.monotonic() - self._said > PLAIN_EVERY_S and not isinstance(event, ChapterReady):
                self._line(self._state())

    def _count(self, event: Event) -> None:
        if isinstance(event, BookOpened):
            self._reset()
            self._total_chars, self._chapters = event.chars, event.chapters
        elif isinstance(event, ChapterPlanned):
            self._chunks_done += event.cached
            if event.cached == event.chunks:
                self._chapters_done += 1
            elif event.chunks:
                self._done_chars += round(event.chars / (event.chunks - event.cached) * event.cached)
        elif isinstance(event, ClipReady):
            self._chunks_done += 1
            self._done_chars += event.chars
            self._spoken_chars += event.chars
            self._audio_s += event.seconds
        elif isinstance(event, ChapterReady):
            self._chapters_done = min(self._chapters, self._chapters_done + 1)
        elif isinstance(event, ClipFailed):
            self._failed += 1

    def _tell(self, event: Event) -> None:
        if isinstance(event, BookOpened):
            self._open(event)
        elif isinstance(event, ChapterReady) and not self._live:
            self._line(f"{event.title} ({duration(event.seconds)}); {self._state()}")
        elif isinstance(event, ClipFailed):
            self._line(f"Chapter {event.chapter + 1}, chunk {event.chunk_id} failed: {event.reason}")
        elif isinstance(event, ReleaseReady):
            self._line(f"Published {event.path}")
        elif isinstance(event, Note):
            self._line(event.text)

    def _open(self, event: BookOpened) -> None:
        if self._live:
            self._bar = self._live.add_task(event.title[:40], total=1.0, state="")
        else:
            self._line(f"{event.title}: {event.chapters} chapters, {event.chars:,} characters")

    def _line(self, text: str) -> None:
        self._said = time.monotonic()
        if self._live:
            self._live.console.print(text, markup=False)
        else:
            say(text)

    def _state(self) -> str:
        elapsed = max(0.001, time.monotonic() - self._began)
        text = f"{self._chapters_done}/{self._chapters} chapters, {self._chunks_done} chunks"
        if self._failed:
            text += f", {self._failed} failed"
        if self._spoken_chars and elapsed > 1:
            left = max(0, self._total_chars - self._done_chars) / (self._spoken_chars / elapsed)
            text += f", {self._audio_s / elapsed:.0f}x real time, {duration(left)} left"
        return text
