"""Who makes clips: worker processes with one engine each, replaced when one of them dies, or a service."""

import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Protocol

from pipeline.errors import BackendUnavailable
from pipeline.model.voice import SpeechRequest
from pipeline.speech.registry import BackendProfile, make_backend
from pipeline.stages.account import Account, Made
from pipeline.stages.make_clip import is_ready, make_clip, start_worker
from pipeline.store.blobs import Blobs

LONE_TRIES = 2
"""How often a request is tried again, by itself, after its process died."""


class Makers(Protocol):
    """Makes the clips of one backend; safe to use from several threads."""

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
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.workers = profile.workers or cores
        self._profile = profile
        self._blobs = blobs
        self._lock = threading.Lock()
        self._alone = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def warm(self) -> None:
        """Start the processes, so that they load their engines while other things are done."""
        with self._lock:
            self._pool = self._pool or self._start()
            for _ in range(self.workers):
                self._pool.submit(is_ready)

    def submit(self, request: SpeechRequest, key: str, account: Account) -> "Future[Made]":
        """Have `request` spoken; the future gives the clip or raises our errors, or BrokenProcessPool."""
        with self._lock:
            if self._pool is None:
                self._pool = self._start()
            try:
                return self._pool.submit(make_clip, request, key)
            except BrokenProcessPool:
                self._pool = self._start()
                return self._pool.submit(make_clip, request, key)

    def result(self, future: "Future[Made]", request: SpeechRequest, key: str, account: Account) -> Made:
        """The clip of a finished future; where its process died, the request is tried again by itself.

        One request that kills its process must not take down those that happened to share the pool.

        Raises:
            SynthesisError: the voice failed, or its process dies on this text again and again.
            StoreError: the sound cannot be written.
        """
        try:
            return future.result()
        except BrokenProcessPool:
            self._check_engine()
        with self._alone:
            for _ in range(LONE_TRIES):
                try:
                    return self.submit(request, key, account).result()
                except BrokenProcessPool:
                    continue
        raise BackendUnavailable(
            f"The voice's process dies on this text ({self._profile.name})", backend=self._profile.name
        )

    def _check_engine(self) -> None:
        """A pool also breaks where the engine cannot be loaded at all; then its own error says why."""
        make_backend(self._profile)

    def _start(self) -> ProcessPoolExecutor:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        return ProcessPoolExecutor(
            self.workers,
            mp_context=get_context("spawn"),
            initializer=start_worker,
            initargs=(self._profile, self._blobs),
        )

    def close(self) -> None:
        """End the processes; requests that have not begun are dropped."""
        with self._lock:
            if self._pool:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = None
