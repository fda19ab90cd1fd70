"""The server of a run that is under way -> brought back where it dies, or known to be lost: the run waits for neither.

What is told to a server in between is lost or late; only Prefect's page suffers from that.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from types import TracebackType
from typing import TypeVar

from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.server.prefect_server import PrefectServer, is_healthy
from pipeline.errors import NarrationError, StoreError
from pipeline.narration.core.events import Note, Report

T = TypeVar("T")
WATCH_S = 1.0
AWAY_S = 60.0
"""How long a server may be away; one that is started again takes 7 to 25 s, by how busy the machine is."""
NOTE_S = 10.0
RETRY_S = 0.2
_BUSY = {408, 429, 502, 503}
"""What Prefect's client takes for a reason to ask again; it would wait for many seconds between."""
_CLIENT = {"prefect", "httpx", "httpcore", "anyio", "websockets"}
"""Packages whose errors its client lets out; they have their home elsewhere in this program."""


class ServerWatch:
    """Looks after the server while a run uses it."""

    def __init__(self, server: PrefectServer, report: Report) -> None:
        self._server = server
        self._report = report
        self.is_ours = server.is_ours
        self._address, self._credential = server.api_url, server.credential
        self._ended = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="server watch")

    @property
    def is_lost(self) -> bool:
        """True where the server will not be back under the address that the run knows."""
        return self._lost.is_set()

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_S) and not self.is_lost:
            is_there = self._keep_ours() if self._server.is_ours else self._await_other()
            if not is_there and not self._ended.is_set():
                self._report(Note("Prefect's server is gone: the narration goes on without it, and without its page."))
                self._lost.set()

    def _keep_ours(self) -> bool:
        """Started again at another port it is of no use to this run, but to the next one."""
        try:
            if self._server.revive():
                self._check_wanted()
                self._server.wait(self._check_wanted)
        except (NarrationError, OSError):
            return False
        return self._server.api_url == self._address

    def _await_other(self) -> bool:
        """A server that somebody else keeps may be started again, too."""
        deadline = time.monotonic() + AWAY_S
        while not is_healthy(self._address, self._credential):
            if time.monotonic() > deadline or self._ended.wait(WATCH_S):
                return False
        return True

    def _check_wanted(self) -> None:
        if self._ended.is_set() or self._server.api_url != self._address:
            raise StoreError("The run has no use for this server")

    def __enter__(self) -> "ServerWatch":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(WATCH_S / 2)  # it may be waiting for a server that comes up


_present: ContextVar[ServerWatch | None] = ContextVar("bookcast_server_watch", default=None)


@contextmanager
def watched_by(watch: ServerWatch) -> Iterator[None]:
    """What runs inside can ask whether the server is lost."""
    token = _present.set(watch)
    try:
        yield
    finally:
        _present.reset(token)


def is_server_lost() -> bool:
    """True where the run that asks has to do without a server."""
    watch = _present.get()
    return watch is not None and watch.is_lost


def is_own_server_lost() -> bool:
    """The same of a server that no other machine knows."""
    watch = _present.get()
    return watch is not None and watch.is_lost and watch.is_ours


def note(tell: Callable[[], T]) -> T | None:
    """Tell the server something for its page, soon or not at all: no narration waits for that, or fails of it."""
    deadline = time.monotonic() + NOTE_S
    while not is_server_lost() and time.monotonic() < deadline:
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                return tell()
        except Exception as error:  # the client passes on whatever its transport raises
            if not _is_busy(error):
                return None
        time.sleep(RETRY_S)
    return None


def patiently(ask: Callable[[], T], check_stopping: Callable[[], None] = lambda: None, *, retries: bool = False) -> T:
    """What the server answers, asked again while it is away or busy: it may be being started again.

    Args:
        ask: called until it does not find the server away.
        check_stopping: raises Interrupted where the answer is not wanted any more.
        retries: Prefect's client tries each request again by itself as well, for up to a minute.

    Raises:
        StoreError: it stays away.
        PrefectHTTPStatusError: it refuses.
        Interrupted: while waiting.
    """
    deadline = time.monotonic() + AWAY_S
    while True:
        check_stopping()
        if is_server_lost():
            raise server_away()  # who listens there now may never answer
        try:
            with nullcontext() if retries else temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                return ask()
        except Exception as error:  # the client passes on whatever its transport raises; what is not of it goes on
            refuses = isinstance(error, PrefectHTTPStatusError) and not _is_busy(error)
            if refuses or not is_server_trouble(error):
                raise
            if time.monotonic() > deadline:
                raise server_away() from error
        time.sleep(RETRY_S)


def _is_busy(error: Exception) -> bool:
    """A server on SQLite often answers so where several programs write at once."""
    return isinstance(error, PrefectHTTPStatusError) and error.response.status_code in _BUSY


def is_server_trouble(error: BaseException) -> bool:
    """True for what Prefect's client raises: errors of its own, or of its HTTP library, or caused by those."""
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__module__.partition(".")[0] in _CLIENT:
            return True
        cause = cause.__cause__
    return False


def server_away() -> StoreError:
    """What a person is told."""
    return StoreError(
        "Prefect's server does not answer", remedy="run the same command again: everything that was finished is kept"
    )
