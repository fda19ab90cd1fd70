"""Places at a voice: never more than there are, the first batch first, and nobody waits for a place that is free."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.narration.speaking.turns import Turn, Turns


class Batch:
    """Wants so many places, one after the other; takes what it can whenever it is woken."""

    def __init__(self, turns: Turns, wanted: int) -> None:
        self.wanted = wanted
        self.held = 0
        self.is_awake = True
        self.turn: Turn = turns.join(self._wake)

    def _wake(self) -> None:
        self.is_awake = True

    def take(self) -> None:
        self.is_awake = False
        taken = self.turn.take(self.wanted)
        self.held += taken
        self.wanted -= taken

    def give(self) -> None:
        self.held -= 1
        self.turn.give_back(1)
        self.take()


@given(
    places=st.integers(1, 9), group=st.integers(1, 4), wants=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    data=st.data(),
)  # fmt: skip
def test_all_are_served_and_places_are_never_exceeded(
    places: int, group: int, wants: list[int], data: st.DataObject
) -> None:
    turns = Turns(places, min(group, places))
    batches = [Batch(turns, wanted) for wanted in wants]
    while any(batch.wanted or batch.held for batch in batches):
        steps: list[Callable[[], None]] = [b.take for b in batches if b.is_awake and b.wanted]
        steps += [batch.give for batch in batches if batch.held]
        assert steps, "all sleep, and nobody will wake them"
        data.draw(st.sampled_from(steps))()
        assert sum(batch.held for batch in batches) <= places


@given(
    places=st.integers(1, 9), taken=st.integers(0, 9), steps=st.lists(st.integers(-5, -1), min_size=1), data=st.data()
)
def test_a_negative_number_makes_no_places(places: int, taken: int, steps: list[int], data: st.DataObject) -> None:
    turns = Turns(places)
    turn = turns.join(lambda: None)
    held = turn.take(min(taken, places))
    for number in steps:
        with pytest.raises(ValueError, match="Negative"):
            turn.take(number) if data.draw(st.booleans()) else turn.give_back(number)
    assert turn.take(99) == places - held


def test_the_first_batch_is_served_first() -> None:
    turns = Turns(4)
    woken: list[str] = []
    first, second = turns.join(lambda: woken.append("first")), turns.join(lambda: woken.append("second"))
    assert first.take(10) == 4
    assert second.take(10) == 0
    second.give_back()
    assert second.take(10) == 0
    first.give_back(2)
    assert woken == ["second"], "the first has left the line"
    assert first.take(10) == 2, "and comes before the second all the same"
    assert second.take(1) == 0


def test_threads_that_wait_for_each_other_all_end() -> None:
    turns = Turns(5, 2)
    under_way, most, lock = 0, 0, threading.Lock()

    def work_off(_: int) -> None:
        nonlocal under_way, most
        moved = threading.Event()
        turn = turns.join(moved.set)
        left = 200
        while left:
            taken = turn.take(left)
            with lock:
                under_way += taken
                most = max(most, under_way)
            if not taken:
                assert moved.wait(20)
                moved.clear()
                continue
            with lock:
                under_way -= taken
            left -= taken
            turn.give_back(taken)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work_off, range(6)))
    assert most <= 5
