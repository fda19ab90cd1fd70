"""Chunks of one chapter -> clips: each found, or claimed and spoken once; failures are recorded and gathered.

A chunk is claimed just before it is given to the voice, see `turns`.
"""

import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass

from pipeline.errors import BudgetExceeded, Failure, Interrupted, NarrationError, StoreError
from pipeline.model.plan import PlannedChunk
from pipeline.narration.core.events import ClipFailed, ClipReady
from pipeline.narration.core.made_clip import Made
from pipeline.narration.core.run_state import Run
from pipeline.narration.speaking.batch_result import BatchIncomplete, BatchResult
from pipeline.narration.speaking.speakers import Errand, Speaker, speakers_of
from pipeline.narration.speaking.turns import Turn
from pipeline.store.records.editions import StoredChapter
from pipeline.store.sound.clips import KeptClip

POLL_S = 0.25
"""How often a clip that somebody else is making is looked for."""
LOOK_S = 1.0
"""How often a batch looks whether the run is to stop, while nothing else wakes it."""
GRACE_S = 8.0
"""How long a run that a person stops waits for requests that are under way: they may be paid for."""


def synthesize_batch(run: Run, chapter: StoredChapter, chunks: Sequence[PlannedChunk], width: int = 0) -> BatchResult:
    """Speak the chunks of a batch that are not spoken yet; in a rerun, those that are spoken too.

    A clip that is made again stays until the new one is there.

    Args:
        run: whose batch it is.
        chapter: that the chunks are of.
        chunks: at most about 50.
        width: most chunks under way at once; 0 for all of them.

    Raises:
        BatchIncomplete: all others are done.
        Interrupted, StoreError, and errors that stop a run: nothing finished is lost.
    """
    batch = _Batch(run, chapter, chunks, width)
    try:
        batch.work_off()
    finally:
        # However it ended: a claim left behind keeps its chunk from all other runs until this program ends.
        batch.let_go()
    if batch.result.failures:
        number, failed = chapter.position + 1, len(batch.result.failures)
        raise BatchIncomplete(f"{failed} of {len(chunks)} chunks of chapter {number} failed", result=batch.result)
    return batch.result


@dataclass(frozen=True, slots=True)
class _Request:
    """A chunk that was claimed, and who speaks it."""

    errand: Errand
    speaker: Speaker

    @property
    def wanted_key(self) -> str:
        return self.errand.chunk.clip_key


class _Batch:
    """The clips of one batch on their way."""

    def __init__(self, run: Run, chapter: StoredChapter, chunks: Sequence[PlannedChunk], width: int) -> None:
        self._run = run
        self._store = run.context.store
        self._position = chapter.position
        self._is_again = run.wanted.is_again
        self._width = width or len(chunks)
        self._moved = threading.Event()
        """Something has ended, or it is our turn."""
        self._speakers = speakers_of(run, chapter, self._moved.set)
        self._same: dict[str, list[PlannedChunk]] = {}
        """Chunks by clip key: the same words said twice are one clip."""
        for chunk in chunks:
            self._same.setdefault(chunk.clip_key, []).append(chunk)
        self._wanted = {key: same[0] for key, same in self._same.items()}
        """Neither found nor claimed yet, in the order of the text."""
        self._elsewhere: set[str] = set()
        """Those of them that others were making at the last look."""
        self._instead: list[_Request] = []
        """For the spare voice, while somebody else makes the same clip."""
        self._looked = time.monotonic()
        self._held: dict[str, Turn] = {}
        """By wanted key, the voice that each was claimed for: it has a place there until it has ended."""
        self._claimed: set[str] = set()
        """Claims of this batch. Others of this process have the same owner: what is not in here may be theirs."""
        self._running: dict[Future[Made], _Request] = {}
        self.result = BatchResult()

    def work_off(self) -> None:
        self._drop_made(self._wanted)
        while self._wanted or self._running or self._instead:
            self._run.check_stopping()
            self._look_again()
            self._speak_more(self._speakers[-1 if self._run.is_on_fallback else 0])
            if self._wanted or self._running or self._instead:
                # Nobody wakes us for a clip that another program makes, so that one is polled for.
                self._moved.wait(POLL_S if self._elsewhere or self._instead else LOOK_S)
                self._moved.clear()
            self._finish([future for future in self._running if future.done()])

    def _drop_made(self, keys: Collection[str]) -> None:
        """Count the clips that are there; in a rerun, those that it has made already."""
        made = self._run.spoken_again.intersection(keys) if self._is_again else self._store.clips.find(keys)
        for key in made:
            del self._wanted[key]
            self._elsewhere.discard(key)
            self.result.cached += len(self._same[key])

    def _look_again(self) -> None:
        """What others were making may be there by now, or free, for they gave it up or died."""
        if time.monotonic() - self._looked < POLL_S:
            return
        if self._elsewhere:
            self._drop_made(self._elsewhere)
            self._elsewhere.clear()
        waiting, self._instead = self._instead, []
        for request in waiting:
            self._speak_instead(request)
        self._looked = time.monotonic()

    def _speak_more(self, speaker: Speaker) -> None:
        """Claim as many chunks as there are places for, and give them to the voice."""
        if speaker is not self._speakers[0]:  # nothing is wanted of the first any more: other runs may be in its line
            self._speakers[0].turn.give_back()
        while True:
            free = [key for key in self._wanted if key not in self._elsewhere]
            places = speaker.turn.take(min(len(free), self._width - len(self._held)))
            if not places:
                return
            keys = free[:places]
            granted = self._claim(keys, speaker)
            for key in filter(granted.__contains__, keys):
                self._begin(self._wanted.pop(key), speaker)
            if refused := set(keys) - granted:
                # Refused means made already, or being made: look for the clip before waiting for it.
                self._elsewhere |= refused
                self._drop_made(refused)

    def _claim(self, keys: Sequence[str], speaker: Speaker) -> set[str]:
        granted: set[str] = set()
        try:
            granted = self._store.claims.claim(keys, again=self._is_again)
            if late := granted & self._run.spoken_again:  # made by another chapter's batch since we looked
                granted -= late
                self._store.claims.release(late)
            # all of them at once: what is raised while one is begun must not leave the others claimed
            self._claimed |= granted
            self._held |= dict.fromkeys(granted, speaker.turn)
        finally:
            # Also when the database fails: a lost place would slow the voice down for as long as the program runs.
            speaker.turn.give_back(len(keys) - len(granted))
        return granted

    def _release(self, keys: Collection[str]) -> None:
        if ours := self._claimed.intersection(keys):
            self._claimed -= ours  # what the database does not take now is given back by and by, see `Claims`
            self._store.claims.release(ours)

    def _begin(self, chunk: PlannedChunk, speaker: Speaker) -> None:
        if speaker is not self._speakers[0] and self._has_take(chunk.clip_key):
            speaker = self._speakers[0]  # given up: it says why, and is not asked
        errand = speaker.errand(chunk)
        (self._speak_instead if errand.stand_in else self._speak)(_Request(errand, speaker))

    def _speak(self, request: _Request) -> None:
        key = request.errand.key
        if self._is_again:
            self._store.answers.forget(key)  # a new take is wanted, not one that was left
        future = request.speaker.makers.submit(request.errand.speech, key, self._run.account)
        self._running[future] = request
        future.add_done_callback(lambda _: self._moved.set())

    def _speak_instead(self, request: _Request) -> None:
        """Speak a chunk by the spare voice: its clip has a key and a claim of its own."""
        key = request.errand.key
        if key in self._store.clips.find([key]):
            self._stand_in(request)
            self.result.cached += len(self._same[request.wanted_key])
            self._end(request.wanted_key)
        elif self._store.claims.claim([key]):
            self._claimed.add(key)
            self._speak(request)
        else:
            self._instead.append(request)

    def _stand_in(self, request: _Request) -> None:
        """Hear the spare voice's clip in this book; nobody else need be kept from asking the first voice."""
        if request.errand.stand_in:
            self._store.heard.stand_in(self._run.book.slug, request.errand.stand_in)
            self._release([request.wanted_key])

    def _finish(self, done: Collection["Future[Made]"]) -> None:
        """Keep what was made before anything is said of what failed: it may be paid for."""
        made: list[tuple[_Request, KeptClip]] = []
        failed: list[tuple[_Request, NarrationError]] = []
        for future in done:
            request = self._running.pop(future)
            self._held[request.wanted_key].give_back()  # a worker that died is waited for in here
            try:
                made.append((request, self._kept(future, request)))
            except NarrationError as error:
                failed.append((request, error))
        if made:
            self._keep(made)
        for request, kept in made:
            self._stand_in(request)
            self._end(request.wanted_key)
            self.result.synthesized += 1
            self.result.cached += len(self._same[request.wanted_key]) - 1
            facts, chunk = kept.clip.facts, request.errand.chunk.id
            ready = ClipReady(chapter=self._position, chars=facts.chars, seconds=kept.clip.seconds, chunk_id=chunk)
            self._run.report(ready)
        for request, reason in failed:
            if not self._replaced(request, reason):
                self._give_up(request, reason)

    def _kept(self, future: "Future[Made]", request: _Request) -> KeptClip:
        """What is recorded of a finished clip. Raises: SynthesisError, StoreError."""
        errand = request.errand
        made = request.speaker.makers.result(future, errand.speech, errand.key, self._run.account)
        return KeptClip(made.clip, made.answers)

    def _keep(self, made: Sequence[tuple[_Request, KeptClip]]) -> None:
        self._store.clips.keep([kept for _, kept in made])
        keys = {request.errand.key for request, _ in made}
        self._claimed -= keys  # their claims went with it
        if self._is_again:
            self._run.spoken_again.update(keys)

    def _end(self, wanted_key: str) -> None:
        self._held.pop(wanted_key).give_back(1)

    def _replaced(self, request: _Request, error: NarrationError) -> bool:
        """True where the spare voice speaks the chunk instead; it keeps its claim and its place."""
        if not self._is_of_first_voice(request, error) or self._has_take(request.wanted_key):
            return False
        self._speak_instead(_Request(self._speakers[-1].errand(request.errand.chunk), self._speakers[-1]))
        return True

    def _has_take(self, wanted_key: str) -> bool:
        """True in a rerun of a clip that is there: it would be heard all the same, and not the spare voice's."""
        return self._is_again and wanted_key in self._store.clips.find([wanted_key])

    def _is_of_first_voice(self, request: _Request, error: NarrationError) -> bool:
        """True where the spare voice may do better."""
        is_of_any = isinstance(error, BudgetExceeded | Interrupted | StoreError)
        return request.speaker is not self._speakers[-1] and not is_of_any

    def _give_up(self, request: _Request, error: NarrationError) -> None:
        key = request.wanted_key
        self._release({key, request.errand.key})
        self._end(key)
        is_given_up = self._run.is_on_fallback and self._is_of_first_voice(request, error)
        if error.stops_run and not is_given_up:  # else the spare goes on with all that has no take yet
            self._run.stop(error)  # at once: other batches must not go on asking
            raise error
        reason = f"{type(error).__name__}: {error}"
        is_heard = self._is_again and self._store.heard.find(self._run.book.slug, [key])
        if not is_heard:  # a take that is there stays, whatever becomes of a new one
            self._store.heard.fail(key, reason, error.attempts)
        for chunk in self._same[key]:
            self.result.failures.append(Failure(chunk.id, reason))
            self._run.report(ClipFailed(self._position, chunk.id, reason))

    def let_go(self) -> None:
        """After an error: drop what has not begun, keep what is under way (it may be paid for), free all claims."""
        try:
            for speaker in self._speakers:
                speaker.turn.give_back()
            self._keep_begun()
        finally:
            with suppress(StoreError):  # they are given back as soon as the database takes it
                self._release(set(self._claimed))
            for key in list(self._held):
                self._end(key)

    def _keep_begun(self) -> None:
        begun = [future for future in self._running if not future.cancel()]
        # Where an error ends the run, nobody is waiting: every request that may be paid for can finish.
        done, _ = wait(begun, timeout=GRACE_S if self._run.is_hasty else None)
        for future, request in ((future, self._running[future]) for future in done):
            with suppress(Exception):  # whatever becomes of one, the others are kept; the run has its error already
                self._keep([(request, self._kept(future, request))])
                self._stand_in(request)
                self._end(request.wanted_key)
