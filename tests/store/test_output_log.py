"""Logs of programs stay small, and no line is lost on the way."""

import subprocess
import sys
from pathlib import Path

from pipeline.store.files.output_log import KEPT, MOST_BYTES, begin_anew, open_output
from tests.conftest import ROOT

WRITER = f"""
import os, subprocess, sys, threading, time
from pathlib import Path
from pipeline.store.files.output_log import begin_anew

log, counted = Path(sys.argv[1]), Path(sys.argv[2])
written = dict.fromkeys("ab", 0)
is_enough = threading.Event()

def write(name):
    while not is_enough.is_set():
        os.write(1 + written[name] % 2, f"{{name}} {{written[name]}}\\n".encode())
        written[name] += 1

threads = [threading.Thread(target=write, args=(name,)) for name in written]
for thread in threads:
    thread.start()
for _ in range({KEPT - 1}):
    while not begin_anew(log, 4_000):
        time.sleep(0.001)
is_enough.set()
for thread in threads:
    thread.join()
subprocess.run([sys.executable, "-c", "print('child')"])
counted.write_text(" ".join(map(str, written.values())))
"""


def test_a_log_is_begun_anew_while_its_program_writes_and_no_line_is_lost(tmp_path: Path) -> None:
    log, counted = tmp_path / "logs" / "runner.log", tmp_path / "counted"
    with open_output(log) as output:
        command = [sys.executable, "-c", WRITER, str(log), str(counted)]
        assert subprocess.run(command, stdout=output, stderr=output, cwd=ROOT, check=False).returncode == 0
    files = sorted(log.parent.iterdir())
    assert len(files) == KEPT
    lines = [line for file in files for line in file.read_text().splitlines()]
    written = zip("ab", map(int, counted.read_text().split()), strict=True)
    assert sorted(lines) == sorted([f"{name} {n}" for name, count in written for n in range(count)] + ["child"])
    assert "child" in log.read_text(), "what a program starts later writes to the new file"


def test_a_log_has_a_bounded_number_of_files_and_a_program_starts_with_a_small_one(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    for n in range(KEPT + 3):
        with open_output(log) as output:
            assert output.tell() == 0, "what has grown is put aside before"
            output.write(f"{n}".encode() + b"." * MOST_BYTES)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "server.log",
        *(f"server.log.{n}" for n in range(1, KEPT)),
    ]
    assert [(tmp_path / f"server.log.{n}").read_bytes()[:1] for n in (1, KEPT - 1)] == [b"6", b"3"]


def test_a_log_that_is_not_of_this_process_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "studio.log"
    log.write_bytes(b"." * 10)
    assert not begin_anew(log, 5)
    assert not begin_anew(tmp_path / "none.log", 5)
    assert [file.name for file in tmp_path.iterdir()] == ["studio.log"]
