"""The program as a user meets it: exit codes, one clear sentence, JSON, and going on after a kill."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.main import global_first
from tests.conftest import ROOT
from tests.fakes import KIND, spoken
from tests.ingest.test_hostile import REFUSED
from tests.program import Result, bookcast

KILLS = 4


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(f'[narration]\nbackend = "fake"\n[backends.fake]\nkind = "{KIND}"\n')
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The program with a data directory of its own."""
    monkeypatch.chdir(ROOT)
    return lambda *arguments: bookcast("--data", str(tmp_path / "data"), *arguments)


def test_narrate_status_say_and_cache_speak_json(here: Callable[..., Result], tmp_path: Path, short_epub: Path) -> None:
    done = here("narrate", str(short_epub), "--direct", "--backend", "tone", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert set(summary) == {
        "book", "title", "chapters", "chunks", "cached", "synthesized", "failed", "skipped_blocks",
        "audio_seconds", "wall_seconds", "chars_billed", "cost", "outputs",
    }  # fmt: skip
    assert (summary["chapters"], summary["failed"]) == (3, 0)
    assert Path(summary["outputs"][0]).exists()
    assert "Chapter" in done.stderr
    books = json.loads(here("status", "--json").stdout)["books"]
    assert [(b["book"], b["last_run"]) for b in books] == [(summary["book"], "finished")]
    chapters = json.loads(here("status", summary["book"], "--json").stdout)["chapters"]
    assert [c["done"] for c in chapters] == [4, 4, 4]
    assert json.loads(here("cache", "stats", "--json").stdout)["clips"] == summary["synthesized"]
    plan = json.loads(here("narrate", str(short_epub), "--dry-run", "--backend", "tone", "--json").stdout)
    assert (plan["chunks"], plan["cached"], plan["chars_to_speak"]) == (12, 12, 0)
    said = here("say", "Hello there.", "-o", str(tmp_path / "hello.wav"), "--backend", "tone")
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "hello.wav").stat().st_size > 50_000


def test_voices_and_doctor(here: Callable[..., Result]) -> None:
    voices = json.loads(here("voices", "--json").stdout)["voices"]
    assert {"hibari", "tone"} <= {v["backend"] for v in voices}
    doctor = here("doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout
    assert {c["check"] for c in json.loads(doctor.stdout)["checks"]} >= {"python", "backend hibari", "backend tone"}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_documents_end_in_one_clear_line(here: Callable[..., Result], tmp_path: Path, case: str) -> None:
    path = tmp_path / "book.epub"
    path.write_bytes(REFUSED[case][0]())
    began = time.monotonic()
    done = here("narrate", str(path), "--direct")
    assert time.monotonic() - began < 5
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("Error: ")
    assert len(lines) <= 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["narrate", "no-such-file.epub"], 3, "no file"),
        (["narrate", "BOOK", "--backend", "nobody"], 2, "choose"),
        (["narrate", "BOOK", "--voice", "Nobody"], 2, "no voice"),
        (["narrate", "BOOK", "--format", "ogg"], 2, "m4b"),
        (["narrate", "BOOK", "--chapters", "x"], 2, "1,3-5"),
        (["narrate", "BOOK", "--chapters", "99", "--direct"], 2, "3 chapters"),
        (["narrate", "BOOK", "--speed", "7"], 2, "speed"),
        (["narrate", "http://127.0.0.1:9/x"], 3, "private_addresses"),
        (["narrate"], 2, "SOURCE"),
        (["narrate", "BOOK", "--nonsense"], 2, "nonsense"),
        (["status", "nobody"], 7, "no book"),
        (["rerun", "nobody"], 7, "no book"),
        (["say", "!!", "-o", "x.wav"], 2, "nothing to speak"),
        (["say", "Hello", "-o", "x.xyz"], 2, ".wav"),
        (["status", "--config", "no-such.toml"], 2, "no-such.toml"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_mistakes_get_one_sentence_and_their_exit_code(
    here: Callable[..., Result], short_epub: Path, arguments: list[str], code: int, words: str
) -> None:
    done = here(*[str(short_epub) if word == "BOOK" else word for word in arguments])
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_names_file_and_key(here: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[mastering]\ntarget_lufs = 3\n")
    done = here("--config", str(path), "status")
    assert done.returncode == 2
    assert "mine.toml: mastering.target_lufs" in done.stderr


def test_global_options_may_stand_anywhere() -> None:
    assert global_first(["narrate", "a", "--json", "--data", "d"]) == ["--json", "--data", "d", "narrate", "a"]
    assert global_first(["say", "--", "--json"]) == ["say", "--", "--json"]


def test_a_folder_stands_for_its_documents_and_one_bad_one_stops_none(
    here: Callable[..., Result], tmp_path: Path, short_epub: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    shutil.copy(short_epub, shelf / "b.epub")
    (shelf / "a.epub").write_bytes(b"broken")
    (shelf / "c.md").write_text("# Other\n\nSome words.\n")
    done = here("narrate", str(shelf), "--direct", "--backend", "tone", "--json")
    assert done.returncode == 3
    assert {b["title"] for b in json.loads(done.stdout)["books"]} == {"A Short Book", "Other"}


def test_a_poisoned_chunk_exits_9_and_rerun_completes_it(
    here: Callable[..., Result], short_epub: Path, fake_voice: Path, config: Path
) -> None:
    (fake_voice / "poison").write_text("wickedest of two")
    done = here("--config", str(config), "narrate", str(short_epub), "--direct", "--json")
    assert done.returncode == 9
    summary = json.loads(done.stdout)
    assert (summary["failed"], summary["outputs"]) == (1, [])
    assert "rerun" in done.stderr
    (row,) = json.loads(here("status", summary["book"], "--failed", "--json").stdout)["failed"]
    assert "fails on this text" in row["reason"]
    (fake_voice / "poison").unlink()
    before = len(spoken(fake_voice))
    again = here("--config", str(config), "rerun", summary["book"], "--failed", "--direct", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["synthesized"] == 1
    assert len(spoken(fake_voice)) == before + 1


def start(tmp_path: Path, config: Path, book: Path, data: str = "data") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipeline.cli", "--data", str(tmp_path / data), "--config", str(config)]
    return subprocess.Popen(
        [*command, "narrate", str(book), "--direct", "--quiet"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.long
def test_kill_9_at_any_moment_loses_and_repeats_nothing(
    tmp_path: Path, short_epub: Path, fake_voice: Path, config: Path
) -> None:
    (fake_voice / "delay").write_text("0.1")
    assert start(tmp_path, config, short_epub, "undisturbed").wait(60) == 0
    (whole,) = (tmp_path / "undisturbed").rglob("*.m4b")
    (fake_voice / "spoken.log").unlink()
    chance = random.Random(7)
    for _ in range(KILLS):
        process = start(tmp_path, config, short_epub)
        time.sleep(chance.uniform(0.4, 2.2))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert start(tmp_path, config, short_epub).wait(60) == 0
    (book,) = (tmp_path / "data").rglob("*.m4b")
    assert book.read_bytes() == whole.read_bytes()
    workers = os.cpu_count() or 1
    repeated = sum(count - 1 for count in Counter(spoken(fake_voice)).values())
    assert repeated <= KILLS * (workers + 1), "only requests in flight at a kill may be repeated"


def test_two_runs_of_one_book_at_once_speak_each_clip_once(
    tmp_path: Path, short_epub: Path, fake_voice: Path, config: Path
) -> None:
    (fake_voice / "delay").write_text("0.15")
    both = [start(tmp_path, config, short_epub) for _ in range(2)]
    assert [process.wait(90) for process in both] == [0, 0]
    assert max(Counter(spoken(fake_voice)).values()) == 1
    assert len(list((tmp_path / "data").rglob("*.m4b"))) == 1


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(
    tmp_path: Path, short_epub: Path, fake_voice: Path, config: Path
) -> None:
    (fake_voice / "delay").write_text("0.5")
    process = start(tmp_path, config, short_epub)
    while not spoken(fake_voice):
        time.sleep(0.05)
    time.sleep(0.6)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 130
    (fake_voice / "delay").unlink()
    assert start(tmp_path, config, short_epub).wait(60) == 0
    assert max(Counter(spoken(fake_voice)).values()) <= 2


def test_a_read_only_data_directory_is_named(here: Callable[..., Result], tmp_path: Path, short_epub: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    done = here("narrate", str(short_epub), "--direct")
    assert done.returncode == 7
    assert "cannot be written" in done.stderr
    assert "--data" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small disk")
def test_a_full_disk_ends_in_a_clear_error_and_nothing_is_lost(
    here: Callable[..., Result], tmp_path: Path, sample_epub: Path
) -> None:
    disk = tmp_path / "data"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)], check=False).returncode:
        pytest.skip("no right to mount")
    try:
        done = here("narrate", str(sample_epub), "--direct", "--backend", "tone")
        assert done.returncode in {7, 8}, done.stderr
        assert "free some space" in done.stderr
        assert "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        again = here("narrate", str(sample_epub), "--direct", "--backend", "tone", "--json")
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["cached"] > 0
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_backup_is_a_data_directory_itself(here: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# One\n\nSome words.\n")
    book = json.loads(here("narrate", str(tmp_path / "a.md"), "--direct", "--backend", "tone", "--json").stdout)["book"]
    done = here("backup", str(tmp_path / "backup"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["copied"] > 3
    found = here("--data", str(tmp_path / "backup"), "status", "--json")
    assert [b["book"] for b in json.loads(found.stdout)["books"]] == [book]
    refused = here("backup", str(tmp_path))
    assert refused.returncode == 7
    assert "cannot be in" in refused.stderr
