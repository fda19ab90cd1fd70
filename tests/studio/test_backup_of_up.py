"""A backup of a studio that goes on narrating, restored elsewhere."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.audio.pcm import decode_audio
from tests.fakes import spoken
from tests.studio.house import Up
from tests.waiting import wait_until

pytestmark = pytest.mark.studio
IN_FLIGHT = 4
"""Clips whose row may not be written yet: being spoken, or on their way."""


def test_a_backup_of_a_running_studio_is_whole_elsewhere_and_buys_nothing_again(
    up: Up, short_epub: Path, slow_book: Path, fake_voice: Path, tmp_path: Path
) -> None:
    run = up.narrate(short_epub)
    wait_until(lambda: up.state(run) == "COMPLETED", "the first book", seconds=90)
    up.narrate(slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 12 + 10, "the second book", seconds=90)
    before = spoken(fake_voice)
    done = up.run("backup", str(tmp_path / "backup"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["copied"] > 20
    up.stop()
    after = len(spoken(fake_voice))
    up.data.rename(tmp_path / "gone")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "backup", elsewhere)
    (fake_voice / "delay").unlink()

    here = ("--data", str(elsewhere))
    assert up.run(*here, "cache", "rebuild").returncode == 0
    assert json.loads(up.run(*here, "cache", "verify", "--json").stdout)["dropped"] == 0
    assert json.loads(up.run(*here, "narrate", str(short_epub), "--dry-run", "--json").stdout)["requests"] == 0
    books = json.loads(up.run(*here, "status", "--json").stdout)["books"]
    assert {book["last_run"] for book in books} <= {"finished", "stopped", "interrupted"}
    (release,) = elsewhere.rglob("*.m4b")
    assert len(decode_audio(release.read_bytes())) > 100_000
    rest = up.run(*here, "narrate", str(slow_book), "--direct", "--json")
    assert rest.returncode == 0, rest.stderr
    assert not set(spoken(fake_voice)[after:]) & set(before[:-IN_FLIGHT])
