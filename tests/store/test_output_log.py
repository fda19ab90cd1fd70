"""Logs of programs stay small, and no line is lost on the way."""

import subprocess
import sys
from pathlib import Path

from pipeline.store.files.output_log import KEPT, MOST_BYTES, begin_anew, open_output
from tests.conftest import ROOT

LINES = 2_000
WRITER = f"""
import os, subprocess, sys, threading
from pathlib import Path
from pipeline.store.files.output_log import begin_anew

def write(name):
    for n in range({LINES}):
        os.write(1 + n % 2, f"{{name}} {{n}}\\n".encode())

threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
for thread in threads:
    thread.start()
turned = 0
while any(thread.is_alive() for thread in threads):
    turned += begin_anew(Path(sys.argv[1]), 4_000) if turned < {KEPT - 1} else 0
subprocess.run([sys.executable, "-c", "print('child')"])
"""


def test_a_log_is_begun_anew_while_its_program_writes_and_no_line_is_lost(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "runner.log"
    with open_output(log) as output:
        command = [sys.executable, "-c", WRITER, str(log)]
        assert subprocess.run(command, stdout=output, stderr=output, cwd=ROOT, check=False).returncode == 0
    files = sorted(log.parent.iterdir())
    assert 2 <= len(files) <= KEPT
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted([f"{name} {n}" for name in "ab" for n in range(LINES)] + ["child"])
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
