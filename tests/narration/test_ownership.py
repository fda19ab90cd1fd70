"""Runs that are killed or stand still, here and on other machines: the others go on, and hardly wait."""

import os
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.narration.core.order import Order
from pipeline.narration.speaking.engine_pool import LOOK_AHEAD
from pipeline.narration.upkeep.keep_cache import prune_cache
from tests.conftest import Desk
from tests.fakes import spoken
from tests.narration.narrator import WORKERS, start_narrator
from tests.store.holder import stand_still
from tests.waiting import wait_until

FAKE = Order(backend="fake")
PARAGRAPHS = 40
MOST_CLAIMED = WORKERS * (1 + LOOK_AHEAD)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.md"
    path.write_text("# One\n\n" + "\n\n".join(f"Paragraph {n} of it." for n in range(PARAGRAPHS)), "utf-8")
    return path


def count(desk: Desk, table: str) -> int:
    with closing(sqlite3.connect(desk.data / "bookcast.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def claimed(desk: Desk) -> int:
    return count(desk, "claims")


@contextmanager
def under_way(
    desk: Desk, book: Path, voice: Path, *, lease_s: float, scratch: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A narration in a program of its own that has spoken a few passages."""
    (voice / "delay").write_text("0.2")
    process = start_narrator(desk.data, book, lease_s=lease_s, scratch=scratch)
    try:
        wait_until(lambda: len(spoken(voice)) > 6, "the first passages", seconds=60)
        yield process
    finally:
        with suppress(ProcessLookupError):  # it may be done
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.long
def test_a_run_that_stands_still_keeps_only_a_few_passages_from_another(
    desk: Desk, book: Path, fake_voice: Path
) -> None:
    with under_way(desk, book, fake_voice, lease_s=600) as standing:
        stand_still(desk.data, lambda number: os.killpg(standing.pid, number))
        held = claimed(desk)
        assert WORKERS <= held <= MOST_CLAIMED
        (fake_voice / "delay").unlink()
        before = len(spoken(fake_voice))
        with ThreadPoolExecutor(1) as threads:
            second = threads.submit(desk.narrate, book, FAKE)
            try:
                wait_until(
                    lambda: second.done() or count(desk, "clips") + held == PARAGRAPHS + 1,
                    "all that the first does not hold",
                )
                assert not second.done(), "it waits for the few"
            finally:
                os.killpg(standing.pid, signal.SIGKILL)
            assert second.result().failed == 0, "what the dead one held is taken over"
    assert count(desk, "clips") == PARAGRAPHS + 1
    assert len(spoken(fake_voice)) - before <= PARAGRAPHS + 1 - before + MOST_CLAIMED
    assert max(Counter(spoken(fake_voice)).values()) <= 2


@pytest.mark.long
def test_the_run_of_a_dead_machine_goes_on_elsewhere_and_the_cache_can_be_pruned(
    desk: Desk, book: Path, fake_voice: Path, tmp_path: Path
) -> None:
    with under_way(desk, book, fake_voice, lease_s=4, scratch=tmp_path / "elsewhere") as there:
        context = desk.open()
        with pytest.raises(StoreError, match="A narration is running"):
            prune_cache(context)
        os.killpg(there.pid, signal.SIGKILL)
        there.wait()
    done = len(spoken(fake_voice))
    (fake_voice / "delay").unlink()
    summary = desk.narrate(book, FAKE)
    assert (summary.failed, summary.chunks) == (0, PARAGRAPHS + 1)
    assert len(spoken(fake_voice)) <= PARAGRAPHS + 1 + min(done, MOST_CLAIMED)
    assert claimed(desk) == 0
    prune_cache(context)
    context.close()


@pytest.mark.long
def test_two_machines_that_share_a_book_speak_each_passage_once(
    desk: Desk, book: Path, fake_voice: Path, tmp_path: Path
) -> None:
    with under_way(desk, book, fake_voice, lease_s=600, scratch=tmp_path / "elsewhere") as there:
        (fake_voice / "delay").unlink()
        assert desk.narrate(book, FAKE).failed == 0
        assert there.wait(60) == 0
    assert set(Counter(spoken(fake_voice)).values()) == {1}
    assert claimed(desk) == 0
