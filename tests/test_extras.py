"""What is installed on request: everything else works without it, and one sentence says how to get it."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.extras import LIBRARIES, Extra
from tests.conftest import ROOT

WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({missing}))  # what an import of a library that is not installed meets
from pipeline.cli.main import run
run()
"""


def bookcast_without(extras: Iterable[Extra], *arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(missing=[library for extra in extras for library in LIBRARIES[extra]])
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_book_is_narrated_without_any_extra(tmp_path: Path, short_epub: Path) -> None:
    done = bookcast_without(
        LIBRARIES, "--data", str(tmp_path / "data"), "narrate", str(short_epub), "--direct", "--backend", "tone"
    )
    assert done.returncode == 0, done.stderr


def test_chinese_numbers_without_their_extra_get_one_sentence_with_the_command(tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text("# 一\n\n他今年35岁，住在上海的老房子里面，每天早上都喝一杯茶。\n", "utf-8")
    done = bookcast_without(
        ["zh"], "--data", str(tmp_path / "data"), "narrate", str(book), "--direct", "--backend", "4allapi", "--dry-run"
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-2:] == [
        "Error: Numbers in Chinese text need an extra that is not installed",
        "Try: pip install 'bookcast[zh]'",
    ]


def test_a_feed_without_its_extra_gets_one_sentence_with_the_command(tmp_path: Path, site: str) -> None:
    config = tmp_path / "bookcast.toml"
    config.write_text("[studio]\nprivate_addresses = true\n")
    done = bookcast_without(
        ["feeds"], "--config", str(config), "--data", str(tmp_path / "data"), "feeds", "add", f"{site}/feed"
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == "Try: pip install 'bookcast[feeds]'"
