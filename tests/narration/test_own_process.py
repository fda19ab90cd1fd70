"""Work in a process of its own."""

import os
import threading

import pytest

from pipeline.errors import AudioError, NarrationError, PublishError
from pipeline.extras import needing
from pipeline.narration.making.own_process import Bounds, run_apart, run_bounded

BOUNDS = Bounds(seconds=30, memory_bytes=2 * 1024**3)


class ArrivesAsNothing(Exception):
    """Pickled without a fault, and no more to be read: what a library's errors often are."""

    def __init__(self, line: int, *, reason: str) -> None:
        super().__init__(f"{reason} in line {line}")


class StaysHere(Exception):
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("no way")
        self.lock = threading.Lock()


def pid_or_trouble(wish: str) -> int:
    if wish == "die":
        os._exit(9)
    if wish == "fail":
        raise AudioError("no", remedy="yes")
    if wish == "arrive as nothing":
        raise ArrivesAsNothing(7, reason="a tag")
    if wish == "stay":
        raise StaysHere
    if wish == "load":
        with needing("feeds"):
            raise ImportError("etree.so: failed to map segment from shared object")
    return os.getpid()


def test_it_is_another_process_and_its_errors_come_back() -> None:
    assert run_apart(pid_or_trouble, "run") != os.getpid()
    with pytest.raises(AudioError) as caught:
        run_apart(pid_or_trouble, wish="fail")
    assert caught.value.remedy == "yes"


def test_a_process_that_is_killed_is_one_of_our_errors() -> None:
    with pytest.raises(PublishError, match="died"):
        run_apart(pid_or_trouble, "die")


def test_a_library_that_has_no_room_to_be_loaded_is_not_taken_for_missing() -> None:
    with pytest.raises(MemoryError):
        run_bounded(BOUNDS, pid_or_trouble, "load")


@pytest.mark.parametrize(
    ("wish", "told"), [("arrive as nothing", "ArrivesAsNothing: a tag in line 7"), ("stay", "StaysHere: no way")]
)
def test_an_error_that_does_not_survive_the_way_is_told_as_one_of_ours(wish: str, told: str) -> None:
    with pytest.raises(NarrationError, match=told):
        run_bounded(BOUNDS, pid_or_trouble, wish)
    with pytest.raises(NarrationError, match=told):
        run_apart(pid_or_trouble, wish)
