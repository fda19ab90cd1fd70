"""Batches that share a voice -> how many chunks each may have under way: no more than are really being spoken.

What is claimed cannot be spoken by anybody else, so nothing is claimed to wait in a long queue: a run that
stands still then keeps only a few chunks from the other runs of its book.
"""

import threading
from collections.abc import Callable
from itertools import count


class Turns:
    """The places at one voice. The batch that came first is served first, so that chapters end in order."""

    def __init__(self, places: int, group: int = 1) -> None:
        """Places for so many chunks; they are given out at least `group` at a time, for each time is a transaction."""
        self._free = places
        self._group = group
        self._lock = threading.Lock()
        self._numbers = count()
        self._waiting: dict[int, tuple[int, Callable[[], None]]] = {}
        """How many more places a batch wants, and how it is woken."""

    def join(self, wake: Callable[[], None]) -> "Turn":
        """A batch's turn; `wake` is called, in any thread, when it is worth to ask again."""
        return Turn(self, next(self._numbers), wake)

    def exchange(self, number: int, wake: Callable[[], None], back: int, wanted: int) -> int:
        """Take `back` places back, then give up to `wanted` to the batch of that number; see `Turn`.

        Raises:
            ValueError: a negative number, which would make places out of nothing, or lose some.
        """
        if back < 0 or wanted < 0:
            raise ValueError(f"Negative numbers of places: {back} back, {wanted} wanted")
        with self._lock:
            self._free += back
            # Later batches must not take what an earlier one is waiting for, or chapters would finish out of order.
            # A few free places are left to gather into a group, because claims one by one cost a transaction each.
            is_first = not any(other < number for other in self._waiting)
            taken = min(wanted, self._free) if is_first and self._free >= min(wanted, self._group) else 0
            self._free -= taken
            self._waiting.pop(number, None)
            if taken < wanted:
                self._waiting[number] = wanted - taken, wake
            awaken = self._next_in_line()
        # Outside the lock, because the batch that is woken asks for it at once.
        if awaken and awaken is not wake:
            awaken()
        return taken

    def _next_in_line(self) -> Callable[[], None] | None:
        if not self._waiting:
            return None
        wanted, wake = self._waiting[min(self._waiting)]
        return wake if self._free >= min(wanted, self._group) else None


class Turn:
    """One batch's places. Used by one thread."""

    def __init__(self, turns: Turns, number: int, wake: Callable[[], None]) -> None:
        self._turns = turns
        self._number = number
        self._wake = wake

    def take(self, wanted: int) -> int:
        """Get up to `wanted` places; where it gets fewer, the batch stands in line until it asks again."""
        return self._turns.exchange(self._number, self._wake, 0, wanted)

    def give_back(self, places: int = 0) -> None:
        """Return places, and leave the line: a batch that does something else must not hold up the others."""
        self._turns.exchange(self._number, self._wake, places, 0)
