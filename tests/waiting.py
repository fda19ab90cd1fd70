"""Waiting for a fact instead of for a time."""

import time
from collections.abc import Callable


def wait_until(is_so: Callable[[], bool], what: str, *, seconds: float = 30.0) -> float:
    """Seconds until it was so. Fails where it takes longer than `seconds`."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, f"waited in vain for {what}"
        time.sleep(0.02)
    return time.monotonic() - began
