"""How often and how many at once a service is asked: its stated limits, and less where it says so.

Concurrency adapts as TCP does: an answer of "too many" halves it, every good answer adds a little
(additive increase, multiplicative decrease), never above what the profile allows. `Retry-After` holds
back every request to the service, not only the one that was told.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONGEST_WAIT_S = 3600.0
"""A service that wants more patience than this is taken at its word only so far."""
FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 60.0
_STEP_S = 0.2
"""How often a waiting request looks whether the run is to stop."""


class Limiter:
    """The limits of one service; shared by all threads that ask it."""

    def __init__(self, concurrency: int, requests_per_minute: int = 0) -> None:
        self._most = concurrency
        self._allowed = float(concurrency)  # good answers add fractions of a request
        self._in_flight = 0
        # a little slower than allowed: what is sent evenly does not arrive evenly
        self._interval_s = 60.0 / requests_per_minute * 1.02 if requests_per_minute else 0.0
        self._next_start = 0.0
        self._held_until = 0.0
        self._eased_at = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, check_stopping: Callable[[], None]) -> Iterator[float]:
        """Wait until a request may be sent; gives the moment at which it was allowed.

        Raises:
            Interrupted: whatever `check_stopping` raises while waiting.
        """
        began = self._enter(check_stopping)
        try:
            yield began
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify()

    def _enter(self, check_stopping: Callable[[], None]) -> float:
        with self._changed:
            while True:
                check_stopping()
                now = time.monotonic()
                wait_s = max(self._held_until, self._next_start) - now
                if wait_s <= 0 and self._in_flight < int(self._allowed):
                    self._in_flight += 1
                    # From now on at the earliest: minutes in which nobody asked give no right to a burst.
                    self._next_start = max(now, self._next_start) + self._interval_s
                    return now
                self._changed.wait(min(wait_s, _STEP_S) if wait_s > 0 else _STEP_S)

    def accepted(self) -> None:
        """A request was answered well: one more may be in flight after as many good answers as are."""
        with self._changed:
            if self._allowed < self._most:
                self._allowed = min(self._most, self._allowed + 1.0 / self._allowed)
                self._changed.notify()

    def refused(self, began: float, retry_after_s: float | None) -> None:
        """A request that was allowed at `began` was told that there are too many.

        Requests that were under way together are one sign, not several.
        """
        with self._changed:
            now = time.monotonic()
            if began >= self._eased_at:
                # Never below one: without a request there is no good answer that could raise it again.
                self._allowed = max(1.0, self._allowed / 2)
                self._eased_at = now
            if retry_after_s is not None:
                # A shorter wait told to one thread must not end a longer one told to another.
                self._held_until = max(self._held_until, now + min(retry_after_s, LONGEST_WAIT_S))

    @property
    def allowed(self) -> int:
        """Requests that may be in flight now."""
        return int(self._allowed)


def back_off_s(attempt: int) -> float:
    """How long to wait before the attempt after `attempt` (from 1): exponential with full jitter."""
    # Jitter over the whole span: requests that failed together must not come back together.
    return random.uniform(0.0, min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** (attempt - 1)))


def wait_patiently(seconds: float, check_stopping: Callable[[], None]) -> None:
    """Sleep, but end when the run is to stop. Raises: Interrupted."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check_stopping()
        time.sleep(min(left, _STEP_S))
