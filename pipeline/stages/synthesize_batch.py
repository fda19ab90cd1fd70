"""Chunks of one chapter -> clips: each found, or claimed and spoken once; failures are recorded and gathered."""

import time
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field

from pipeline.errors import BudgetExceeded, Interrupted, NarrationError, PartialFailure, StoreError
from pipeline.model.voice import SpeechRequest, VoiceChoice
from pipeline.stages.account import Made
from pipeline.stages.clip_makers import Makers
from pipeline.stages.events import ClipFailed, ClipReady
from pipeline.stages.order import Order, resolve_voice
from pipeline.stages.run import Run
from pipeline.store.clips import KeptClip
from pipeline.store.plans import DONE, FAILED, PlannedChunk

RENEW_S = 30.0
POLL_S = 0.25
"""How often a clip that somebody else is making is looked for."""
GRACE_S = 8.0
"""How long a run that a person stops waits for requests that are under way: they may be paid for."""


@dataclass
class BatchResult:
    """What became of a batch."""

    synthesized: int = 0
    cached: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Chunk id and reason."""


def synthesize_batch(run: Run, position: int, chunks: Sequence[PlannedChunk], width: int = 0) -> BatchResult:
    """Speak the chunks of a batch that are not spoken yet; in a rerun, those that are spoken too.

    A clip that is made again stays until the new one is there.

    Args:
        run: whose batch it is.
        position: of the chapter, for reports.
        chunks: at most about 50, of one chapter.
        width: most chunks under way at once; 0 for all of them.

    Raises:
        PartialFailure: all others are done; its `result` is the BatchResult.
        Interrupted, StoreError, and errors that stop a run: nothing finished is lost.
    """
    batch = _Batch(run, position, chunks, width)
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

    def __init__(self, run: Run, position: int, chunks: Sequence[PlannedChunk], width: int) -> None:
        self._run = run
        self._context = run.context
        self._clips = run.context.store.clips
        self._position = position
        self._speakers = _speakers(run)
        self._width = width or len(chunks)
        self._same: dict[str, list[PlannedChunk]] = {}
        """Chunks by clip key: the same words said twice are one clip."""
        for chunk in chunks:
            self._same.setdefault(chunk.clip_key, []).append(chunk)
        self._ready: deque[PlannedChunk] = deque()
        """Claimed, not given to a speaker yet."""
        self._running: dict[Future[Made], tuple[PlannedChunk, _Speaker]] = {}
        self._renewed = time.monotonic()
        self.result = BatchResult()

    def work_off(self) -> None:
        wanted = {key: same[0] for key, same in self._same.items()}
        again = self._run.again is not None
        while wanted or self._running or self._ready:
            self._run.check_stopping()
            for key in () if again else self._clips.find(wanted):
                wanted.pop(key)
                self.result.cached += len(self._same[key])
            granted = self._clips.claim(list(wanted), again=again) if wanted else set()
            self._ready += [wanted.pop(key) for key in list(wanted) if key in granted]  # in the order of the text
            if self._ready:
                self._speak_all()
            elif wanted:
                time.sleep(POLL_S)  # others are making these
            self._renew()

    def _speak_all(self) -> None:
        """Until everything that was claimed has ended; new clips of others are looked for afterwards."""
        while self._ready or self._running:
            while self._ready and len(self._running) < self._width:
                self._speak(self._ready.popleft(), self._speakers[-1 if self._run.is_on_fallback else 0])
            done, _ = wait(self._running, timeout=POLL_S * 4, return_when=FIRST_COMPLETED)
            self._finish(done)
            self._run.check_stopping()
            self._renew()

    def _speak(self, chunk: PlannedChunk, speaker: "_Speaker") -> None:
        if self._run.again is not None:
            self._context.store.answers.forget(chunk.clip_key)  # a new take is wanted, not one that was left
        future = speaker.makers.submit(speaker.request(chunk), chunk.clip_key, self._run.account)
        self._running[future] = chunk, speaker

    def _finish(self, done: Collection["Future[Made]"]) -> None:
        """Keep what was made before anything is said of what failed: it may be paid for."""
        made: list[KeptClip] = []
        failed: list[tuple[PlannedChunk, _Speaker, NarrationError]] = []
        for future in done:
            chunk, speaker = self._running.pop(future)
            try:
                clip = speaker.makers.result(future, speaker.request(chunk), chunk.clip_key, self._run.account)
                made.append(speaker.kept(clip, chunk))
            except NarrationError as error:
                failed.append((chunk, speaker, error))
        if made:
            self._clips.keep(made)
        for kept in made:
            self.result.synthesized += 1
            self.result.cached += len(self._same[kept.clip.key]) - 1
            self._context.report(ClipReady(self._position, kept.chars, kept.clip.seconds))
        for chunk, speaker, reason in failed:
            if not self._replaced(chunk, speaker, reason):
                self._give_up(chunk, reason)

    def _replaced(self, chunk: PlannedChunk, speaker: "_Speaker", error: NarrationError) -> bool:
        """True where the fallback speaks the chunk instead."""
        if speaker is self._speakers[-1] or isinstance(error, BudgetExceeded | Interrupted | StoreError):
            return False
        self._speak(chunk, self._speakers[-1])
        return True

    def _give_up(self, chunk: PlannedChunk, error: NarrationError) -> None:
        self._clips.release([chunk.clip_key])
        if error.stops_run:
            self._run.stop(error)  # at once: other batches must not go on asking
            raise error
        for same in self._same[chunk.clip_key]:
            self._fail(same, error)

    def _fail(self, chunk: PlannedChunk, error: NarrationError) -> None:
        reason = f"{type(error).__name__}: {error}"
        if chunk.state != DONE:
            self._context.store.plans.set_state(
                chunk.chapter_id, chunk.id, FAILED, reason=reason, attempts=error.attempts
            )
        self.result.failures.append((chunk.id, reason))
        self._context.report(ClipFailed(self._position, chunk.id, reason))

    def _renew(self) -> None:
        if time.monotonic() - self._renewed > RENEW_S:
            self._clips.renew()
            self._renewed = time.monotonic()

    def let_go(self) -> None:
        """After an error: drop what has not begun, keep what is under way (it may be paid for), free all claims."""
        begun = [future for future in self._running if not future.cancel()]
        done, _ = wait(begun, timeout=GRACE_S if self._run.is_hasty else None)
        for future in done:
            with suppress(NarrationError):
                chunk, speaker = self._running[future]
                clip = speaker.makers.result(future, speaker.request(chunk), chunk.clip_key, self._run.account)
                self._clips.keep([speaker.kept(clip, chunk)])
        left = [chunk.clip_key for chunk in (*self._ready, *(chunk for chunk, _ in self._running.values()))]
        if left:
            self._clips.release(left)


@dataclass(frozen=True, slots=True, eq=False)
class _Speaker:
    """A backend with the voice that is to be heard."""

    makers: Makers
    choice: VoiceChoice
    remark: str = ""

    def kept(self, made: Made, chunk: PlannedChunk) -> KeptClip:
        """What is recorded of a clip of ours."""
        remark = "; ".join(filter(None, (made.remark, self.remark)))
        return KeptClip(made.clip, self.choice, chunk.spoken_chars, made.attempts, remark, made.answers)

    def request(self, chunk: PlannedChunk) -> SpeechRequest:
        return SpeechRequest(tuple(sentence.spoken for sentence in chunk.sentences), self.choice)


def _speakers(run: Run) -> list[_Speaker]:
    """The backend of the order, and the one that its settings name for when it fails."""
    settings = run.context.settings
    choice, _ = resolve_voice(settings, run.order)
    first = _Speaker(run.context.makers(run.order), choice)
    if not run.fallback:
        return [first]
    fallback = Order(backend=run.fallback)
    spare, _ = resolve_voice(settings, fallback)
    remark = f"spoken by {spare.backend} ({spare.voice}), for {choice.backend} failed"
    return [first, _Speaker(run.context.makers(fallback), spare, remark)]
