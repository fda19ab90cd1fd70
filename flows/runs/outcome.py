"""What a flow's own code came to, kept apart from what Prefect makes of it: its server may be away at the end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State

from flows.server.server_watch import is_server_trouble, server_away
from pipeline.errors import Interrupted, NarrationError

P = ParamSpec("P")
T = TypeVar("T")


class Outcome:
    """Of one flow; what it gives is there before Prefect has heard of it."""

    def __init__(self) -> None:
        self.settled = threading.Event()
        self._lock = threading.Lock()
        self._is_taken = False
        self._value: Any = None
        self._error: BaseException | None = None

    def take(self) -> bool:
        """True for the first who asks: either the flow begins, or its work is done in another way."""
        with self._lock:
            is_first, self._is_taken = not self._is_taken, True
            return is_first

    def settle(self, value: Any = None, error: BaseException | None = None) -> None:
        """The flow's code has ended."""
        self._value, self._error = value, error
        self.settled.set()

    def result(self) -> Any:
        """What the flow returned.

        Raises:
            Interrupted: it was cancelled.
            StoreError: the server stayed away where the flow cannot do without.
            NarrationError: whatever the flow raised.
        """
        if isinstance(self._value, State):
            raise Interrupted("The run was cancelled", remedy="start it again: everything done is kept")
        if self._error is None:
            return self._value
        if not isinstance(self._error, NarrationError) and is_server_trouble(self._error):
            raise server_away() from self._error
        raise self._error


_present: ContextVar[Outcome | None] = ContextVar("bookcast_outcome", default=None)


@contextmanager
def kept_in(outcome: Outcome) -> Iterator[None]:
    """The flow that is called inside puts there what it comes to."""
    token = _present.set(outcome)
    try:
        yield
    finally:
        _present.reset(token)


def remembered(flow_code: Callable[P, T]) -> Callable[P, T]:
    """A flow's function that keeps what it comes to, where somebody wants to know."""

    @wraps(flow_code)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        outcome = _present.get()
        if outcome is None:
            return flow_code(*args, **kwargs)
        if not outcome.take():
            raise Interrupted("The narration went on without Prefect")
        try:
            value = flow_code(*args, **kwargs)
        except BaseException as error:  # a signal, too: who waits would wait for ever
            outcome.settle(error=error)
            raise
        outcome.settle(value)
        return value

    return call
