"""The watched folder beside a real studio."""

import signal

import pytest

from tests.studio.house import Up
from tests.waiting import wait_until

pytestmark = pytest.mark.studio


def test_a_dropped_file_is_narrated_also_across_a_restart(up: Up) -> None:
    inbox = up.data / "inbox"
    (inbox / "lamp.txt").write_text("The lamp was lit.\n")
    wait_until(lambda: (inbox / "done" / "lamp.txt.txt").exists(), "the first file", seconds=120)
    (inbox / "door.txt").write_text("\n\n".join(f"Door {n} was open." for n in range(40)))
    wait_until(lambda: any((inbox / "narrating").glob(".*.json")), "the second file to be taken", seconds=60)
    up.stop(signal.SIGTERM)
    up.start()
    wait_until(lambda: (inbox / "done" / "door.txt.txt").exists(), "the second file", seconds=180)
    assert not any((inbox / "failed").glob("*"))
