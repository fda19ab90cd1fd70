"""`--log-format json`: every line on stderr is one JSON object that says what it is about."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

PROGRAM = [sys.executable, "-m", "pipeline.cli"]


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, list[dict[str, Any]]]:
    done = subprocess.run(
        [*PROGRAM, "--data", str(folder / "data"), *arguments], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, [json.loads(line) for line in done.stderr.splitlines()]


def test_lines_of_a_narration_name_run_book_chapter_and_chunk(tmp_path: Path, short_epub: Path) -> None:
    code, out, lines = run(
        tmp_path, "narrate", str(short_epub), "--direct", "--backend", "tone", "--json", "--log-format", "json"
    )
    assert code == 0
    assert json.loads(out)["failed"] == 0
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    spoken = [line for line in lines if "chunk" in line]
    assert len(spoken) == 12
    assert {line["book"] for line in spoken} == {json.loads(out)["book"]}
    assert {line["chapter"] for line in spoken} == {1, 2, 3}
    assert len({line["run"] for line in spoken}) == 1
    assert len({line["chunk"] for line in spoken}) > 1


def test_an_error_is_one_line_with_its_remedy(tmp_path: Path) -> None:
    code, _, lines = run(tmp_path, "narrate", str(tmp_path / "none.epub"), BOOKCAST_LOG_FORMAT="json")
    assert code == 3
    (line,) = lines
    assert (line["level"], line["exit_code"]) == ("error", 3)
    assert line["remedy"]


def test_another_format_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "status", "--log-format", "xml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "json" in done.stderr
