"""Chunks of one chapter -> clips: each found, or claimed and spoken once; failures are recorded and gathered."""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from pipeline.errors import NarrationError, PartialFailure
from pipeline.model.audio import Clip
from pipeline.model.voice import SpeechRequest
from pipeline.stages.events import ClipFailed, ClipReady
from pipeline.stages.order import resolve_voice
from pipeline.stages.run import Run
from pipeline.store.plans import DONE, FAILED, PlannedChunk

RENEW_S = 30.0
POLL_S = 0.25
"""How often a clip that somebody else is making is looked for."""


@dataclass
class BatchResult:
    """What became of a batch."""

    synthesized: int = 0
    cached: int = 0
    chars: int = 0
    """Characters that were synthesised."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Chunk id and reason."""


def synthesize_batch(run: Run, position: int, chunks: Sequence[PlannedChunk]) -> BatchResult:
    """Speak the chunks of a batch that are not spoken yet; in a rerun, those that are spoken too.

    A clip that is made again stays until the new one is there.

    Args:
        run: whose batch it is.
        position: of the chapter, for reports.
        chunks: at most about 50, of one chapter.

    Raises:
        PartialFailure: all others are done; its `result` is the BatchResult.
        Interrupted, StoreError, and errors that stop a run: nothing finished is lost.
    """
    batch = _Batch(run, position, chunks)
    try:
        batch.work_off()
    finally:
        batch.let_go()
    if batch.result.failures:
        failures = tuple(batch.result.failures)
        raise PartialFailure(
            f"{len(failures)} of {len(chunks)} chunks of chapter {position + 1} failed",
            failures=failures,
            result=batch.result,
        )
    return batch.result


class _Batch:
    """The clips of one batch on their way."""

    def __init__(self, run: Run, position: int, chunks: Sequence[PlannedChunk]) -> None:
        self._run = run
        self._context = run.context
        self._clips = run.context.store.clips
        self._makers = run.context.makers(run.order)
        self._position = position
        self._choice, _ = resolve_voice(run.context.settings, run.order)
        self._again = run.again is not None
        self._same: dict[str, list[PlannedChunk]] = {}
        """Chunks by clip key: the same words said twice are one clip."""
        for chunk in chunks:
            self._same.setdefault(chunk.clip_key, []).append(chunk)
        self._running: dict[Future[Clip], PlannedChunk] = {}
        self._renewed = time.monotonic()
        self.result = BatchResult()

    def work_off(self) -> None:
        wanted = {key: same[0] for key, same in self._same.items()}
        while wanted or self._running:
            self._run.check_stopping()
            for key in () if self._again else self._clips.find(wanted):
                wanted.pop(key)
                self.result.cached += len(self._same[key])
            granted = self._clips.claim(list(wanted), again=self._again) if wanted else set()
            for key in [key for key in wanted if key in granted]:  # in the order of the text
                self._speak(wanted.pop(key))
            if self._running:
                self._gather()
            elif wanted:
                time.sleep(POLL_S)  # others are making these
            self._renew()

    def _speak(self, chunk: PlannedChunk) -> None:
        self._running[self._makers.submit(self._request(chunk), chunk.clip_key)] = chunk

    def _request(self, chunk: PlannedChunk) -> SpeechRequest:
        return SpeechRequest(tuple(sentence.spoken for sentence in chunk.sentences), self._choice)

    def _gather(self) -> None:
        """Wait until everything that runs has ended; new clips of others are looked for afterwards."""
        while self._running:
            done, _ = wait(self._running, timeout=POLL_S * 4, return_when=FIRST_COMPLETED)
            for future in done:
                self._finish(future, self._running.pop(future))
            self._run.check_stopping()
            self._renew()

    def _finish(self, future: "Future[Clip]", chunk: PlannedChunk) -> None:
        chars = chunk.spoken_chars
        try:
            clip = self._makers.result(future, self._request(chunk), chunk.clip_key)
        except NarrationError as error:
            self._clips.release([chunk.clip_key])
            if error.stops_run:
                raise
            for same in self._same[chunk.clip_key]:
                self._fail(same, error)
            return
        self._clips.keep(clip, self._choice, chars=chars)
        self.result.synthesized += 1
        self.result.cached += len(self._same[chunk.clip_key]) - 1
        self.result.chars += chars
        self._context.report(ClipReady(self._position, chars, clip.seconds))

    def _fail(self, chunk: PlannedChunk, error: NarrationError) -> None:
        reason = f"{type(error).__name__}: {error}"
        if chunk.state != DONE:
            self._context.store.plans.set_state(chunk.chapter_id, chunk.id, FAILED, reason=reason, attempts=1)
        self.result.failures.append((chunk.id, reason))
        self._context.report(ClipFailed(self._position, chunk.id, reason))

    def _renew(self) -> None:
        if time.monotonic() - self._renewed > RENEW_S:
            self._clips.renew()
            self._renewed = time.monotonic()

    def let_go(self) -> None:
        """Drop requests that have not begun and give their claims back."""
        for future in self._running:
            future.cancel()
        if self._running:
            self._clips.release([chunk.clip_key for chunk in self._running.values()])
