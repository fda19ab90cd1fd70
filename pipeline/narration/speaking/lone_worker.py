"""A request -> its clip, or how the process died that worked on nothing else: then it is clear whose fault it was."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pipeline.errors import BackendUnavailable
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.made_clip import Made
from pipeline.narration.making.own_process import portable_error
from pipeline.narration.speaking.make_clip import make_clip, start_worker
from pipeline.speech.registry import BackendProfile
from pipeline.store.files.blobs import Blobs

POLL_S = 0.2
"""How often it is asked whether the clip is still wanted."""
_SENT_BY_OTHERS = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}


@dataclass(frozen=True, slots=True)
class Death:
    """How the process of a request ended."""

    exit_code: int
    """As of `multiprocessing`: minus the signal where one ended it."""
    while_loading: bool
    """The engine was being loaded; the request had not begun."""

    @property
    def is_own_fault(self) -> bool:
        """False where somebody else may have ended the process: a person, or a system that is out of memory."""
        return not self.while_loading and self.exit_code not in _SENT_BY_OTHERS


class LoneWorker:
    """One process for one request at a time, started when first needed; used by one thread at a time."""

    def __init__(self, profile: BackendProfile, blobs: Blobs) -> None:
        self._arguments = profile, blobs
        self._process: BaseProcess | None = None
        self._line: Connection | None = None
        self._is_loaded = False

    def speak(self, request: SpeechRequest, key: str, check_stopping: Callable[[], None]) -> Made | Death:
        """Have the request spoken.

        Raises:
            SynthesisError, StoreError: as `make_clip`.
            Interrupted: it is not wanted any more.
        """
        line = self._line or self._start()
        try:
            line.send((request, key))
            while not line.poll(POLL_S):
                check_stopping()
            answer = line.recv()
            if answer is None:  # the engine is loaded
                self._is_loaded = True
                while not line.poll(POLL_S):
                    check_stopping()
                answer = line.recv()
        except (EOFError, OSError):
            return self._bury()
        if isinstance(answer, Exception):
            raise answer
        made: Made = answer
        return made

    def _start(self) -> Connection:
        spawn = get_context("spawn")
        self._line, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()  # so that its end is seen when the process dies
        return self._line

    def _bury(self) -> Death:
        process, was_loaded = self._process, self._is_loaded
        self.close()
        return Death(process.exitcode or 0 if process else 0, while_loading=not was_loaded)

    def close(self) -> None:
        """End the process; it is started again when it is needed."""
        if self._line:
            self._line.close()
        if self._process:
            self._process.join(POLL_S)
            if self._process.is_alive():
                self._process.kill()
            self._process.join()
        self._line, self._process, self._is_loaded = None, None, False


def _work(line: Connection, profile: BackendProfile, blobs: Blobs) -> None:
    """What the process does: requests come in, clips and errors go out, None once the engine is loaded."""
    try:
        start_worker(profile, blobs)
        line.send(None)
    except Exception as error:  # whatever an engine raises while it is loaded
        _send(line, error)
        return
    while True:
        try:
            request, key = line.recv()
        except (EOFError, OSError):
            return  # not needed any more
        try:
            line.send(make_clip(request, key))
        except Exception as error:  # of our own and of an engine's, as a pool would pass them on
            _send(line, error)


def _send(line: Connection, error: Exception) -> None:
    line.send(portable_error(error, lambda told: BackendUnavailable(f"The voice failed: {told}")))
