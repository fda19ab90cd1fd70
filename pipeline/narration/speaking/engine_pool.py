"""Who makes clips: worker processes with one engine each, replaced when one of them dies, or a service."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Protocol, TypeVar

from pipeline.errors import BackendUnavailable
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.account import Account
from pipeline.narration.core.made_clip import Made
from pipeline.narration.core.usable_cores import usable_cores
from pipeline.narration.speaking.lone_worker import LoneWorker
from pipeline.narration.speaking.make_clip import is_ready, make_clip, start_worker
from pipeline.narration.speaking.turns import Turns
from pipeline.speech.registry import BackendProfile, make_backend
from pipeline.store.files.blobs import Blobs

T = TypeVar("T")
LONE_TRIES = 2
"""How often the process of a request may die of itself, while it works on nothing else."""
PATIENCE = 20
"""How often it may be ended as others could end it, too: a text must not be blamed for that soon."""
LONGEST_PAUSE_S = 1.0
LOOK_AHEAD = 4
"""Chunks in line for each worker that speaks one: enough that no worker waits while clips are being recorded."""
GROUP = 2
"""Chunks for each worker that are claimed at once. A claim takes 1.5 ms of a core and 5 ms of waiting for the disk,
the embedded voice 100 ms for a chunk (November 2026, 2 cores): by fours, claims are under half a percent."""


class Makers(Protocol):
    """Makes the clips of one backend; safe to use from several threads."""

    turns: Turns
    """How many chunks of batches are under way at once."""

    def warm(self) -> None:
        """Load what has to be loaded, while other things are done."""
        ...

    def submit(self, request: SpeechRequest, key: str, account: Account) -> "Future[Made]":
        """Have `request` spoken; the future is for `result`."""
        ...

    def result(self, future: "Future[Made]", request: SpeechRequest, key: str, account: Account) -> Made:
        """The clip of a finished future. Raises: SynthesisError, StoreError."""
        ...

    def close(self) -> None:
        """End; requests that have not begun are dropped."""
        ...


class ClipMakers:
    """A pool of processes for one backend; safe to use from several threads."""

    def __init__(self, profile: BackendProfile, blobs: Blobs) -> None:
        self.workers = profile.workers or usable_cores()
        self.turns = Turns(self.workers * (1 + LOOK_AHEAD), group=self.workers * GROUP)
        self._profile = profile
        self._blobs = blobs
        self._lock = threading.Lock()
        self._alone = threading.Lock()
        self._lone = LoneWorker(profile, blobs)
        self._waiting = 0
        """Threads that want the lone worker."""
        self._pool: ProcessPoolExecutor | None = None

    def warm(self) -> None:
        """Start the processes, so that they load their engines while other things are done."""
        for _ in range(self.workers):
            self._submit(is_ready)

    def submit(self, request: SpeechRequest, key: str, account: Account) -> "Future[Made]":
        """Have `request` spoken; the future gives the clip or raises our errors, or BrokenProcessPool."""
        return self._submit(make_clip, request, key)

    def _submit(self, function: Callable[..., T], *arguments: object) -> "Future[T]":
        with self._lock:
            while True:
                self._pool = self._pool or self._start()
                try:
                    return self._pool.submit(function, *arguments)
                except BrokenProcessPool:  # its processes died, those of a new one perhaps in this moment
                    self._pool = None

    def result(self, future: "Future[Made]", request: SpeechRequest, key: str, account: Account) -> Made:
        """The clip of a finished future; where its process died, the request is tried again by itself.

        One request that kills its process must not take down those that happened to share the pool, and none
        is to be blamed where somebody kills processes.

        Raises:
            SynthesisError: the voice failed, or its process dies on this text again and again.
            StoreError: the sound cannot be written.
            Interrupted: it is not wanted any more.
        """
        try:
            return future.result()
        except BrokenProcessPool:
            self._check_engine()
        with self._lock:
            self._waiting += 1
        # One request at a time: if the process dies now, it is clear which text it died on.
        with self._alone:
            try:
                return self._speak_alone(request, key, account)
            finally:
                with self._lock:
                    self._waiting -= 1
                    is_last = not self._waiting
                if is_last:
                    self._lone.close()  # an engine takes memory

    def _speak_alone(self, request: SpeechRequest, key: str, account: Account) -> Made:
        own = others = exit_code = 0
        while own < LONE_TRIES and others < PATIENCE:
            account.check_stopping()
            answer = self._lone.speak(request, key, account.check_stopping)
            if isinstance(answer, Made):
                return answer
            exit_code = answer.exit_code
            if answer.is_own_fault:
                own += 1
            else:
                others += 1
                time.sleep(min(LONGEST_PAUSE_S, 0.05 * 2**others))  # who kills, or what lacks, may be gone soon
        raise BackendUnavailable(
            f"The voice's process dies on this text ({self._profile.name}, exit code {exit_code})",
            backend=self._profile.name,
        )

    def _check_engine(self) -> None:
        """A pool also breaks where the engine cannot be loaded at all; then its own error says why."""
        make_backend(self._profile)

    def _start(self) -> ProcessPoolExecutor:
        # Usually every core has a worker already, so threads of the engines would only compete with each other.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        return ProcessPoolExecutor(
            self.workers,
            mp_context=get_context("spawn"),  # a fork would copy locks that other threads hold
            initializer=start_worker,
            initargs=(self._profile, self._blobs),
        )

    def close(self) -> None:
        """End the processes; requests that have not begun are dropped."""
        with self._alone:
            self._lone.close()
        with self._lock:
            if self._pool:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = None
