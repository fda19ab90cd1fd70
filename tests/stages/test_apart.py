"""Work in a process of its own."""

import os

import pytest

from pipeline.errors import AudioError, PublishError
from pipeline.stages.apart import run_apart


def pid_or_trouble(wish: str) -> int:
    if wish == "die":
        os._exit(9)
    if wish == "fail":
        raise AudioError("no", remedy="yes")
    return os.getpid()


def test_it_is_another_process_and_its_errors_come_back() -> None:
    assert run_apart(pid_or_trouble, "run") != os.getpid()
    with pytest.raises(AudioError) as caught:
        run_apart(pid_or_trouble, wish="fail")
    assert caught.value.remedy == "yes"


def test_a_process_that_is_killed_is_one_of_our_errors() -> None:
    with pytest.raises(PublishError, match="died"):
        run_apart(pid_or_trouble, "die")
