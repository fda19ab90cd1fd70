"""File names that are not UTF-8, as old archives and network disks hold them, are narrated like all others."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.program import Result, bookcast

ODD = os.fsdecode(b"caf\xe9.txt")


@pytest.fixture
def here(tmp_path: Path) -> Callable[..., Result]:
    return lambda *arguments: bookcast("--data", str(tmp_path / "data"), *arguments, "--backend", "tone", "--direct")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in ("a.txt", ODD, "z.txt"):
        (folder / name).write_text(f"The text of {name[:1]}.\n")
    return folder


def test_the_files_behind_one_are_narrated_and_so_is_it(here: Callable[..., Result], shelf: Path) -> None:
    done = here("narrate", str(shelf), "--json")
    assert done.returncode == 0, done.stderr
    books = json.loads(done.stdout)["books"]
    assert [book["title"] for book in books] == ["a", "café", "z"]
    assert all(Path(path).is_file() for book in books for path in book["outputs"])
    again = here("narrate", str(shelf / ODD), "--json")
    assert json.loads(again.stdout)["synthesized"] == 0


def test_two_of_them_are_two_books(here: Callable[..., Result], tmp_path: Path) -> None:
    books = set()
    for name in (b"caf\xe9.txt", b"caf\xe8.txt", "café.txt".encode()):
        path = tmp_path / os.fsdecode(name)
        path.write_bytes(b"The text of " + name.hex().encode())
        books.add(json.loads(here("narrate", str(path), "--json").stdout)["book"])
    assert len(books) == 3


@pytest.mark.parametrize("command", ["narrate", "status", "rerun"])
def test_one_that_is_not_there_is_one_sentence(tmp_path: Path, command: str) -> None:
    done = bookcast("--data", str(tmp_path / "data"), command, ODD)
    assert done.returncode in {3, 7}
    assert "café" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_data_directory_of_such_a_name_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = bookcast("--data", str(tmp_path / ODD), "status")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (7, 2)
    assert "café.txt" in done.stderr


def test_a_library_of_such_a_name_is_refused_in_one_sentence(here: Callable[..., Result], shelf: Path) -> None:
    done = here("narrate", str(shelf / "a.txt"), "--output", str(shelf / os.fsdecode(b"\xe9")))
    assert (done.returncode, len(done.stderr.strip().splitlines()[-2:])) == (2, 2)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_few_letters_ends_nothing(tmp_path: Path, shelf: Path, encoding: str) -> None:
    (shelf / "a.txt").write_text("# 灯\n\nThe lamp.\n")
    arguments = ["--data", str(tmp_path / "data"), "narrate", str(shelf), "--dry-run", "--backend", "tone"]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert done.stdout.count(b"chapters") == 3
