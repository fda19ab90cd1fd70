"""Where Bookcast keeps what, told and begun by the program itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.settings.places import DEFAULTS
from tests.conftest import ROOT
from tests.program import Result, bookcast


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that holds the settings and the data of a user, who is in a folder of no meaning."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


def answer(*arguments: str) -> dict[str, str]:
    done = bookcast(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    value: dict[str, str] = json.loads(done.stdout)
    return value


def test_version_says_which_settings_and_data_are_in_force(home: Path) -> None:
    told = bookcast("--version")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("bookcast 0.")
    assert str(home / "config" / "bookcast" / "bookcast.toml") in told.stdout
    assert str(home / "share" / "bookcast") in told.stdout
    given = answer("--version", "--data", "mine")
    assert (given["data"], given["data_why"]) == (str(home / "elsewhere" / "mine"), "--data")


def test_a_command_is_still_asked_for() -> None:
    done = bookcast("--quiet")
    assert done.returncode == 2
    assert "Missing command" in done.stderr


def test_config_init_writes_a_commented_file_that_is_then_in_force_and_never_overwrites_one(home: Path) -> None:
    before = answer("config", "show")
    assert bookcast("config", "init").returncode == 0
    written = Path(bookcast("config", "path").stdout.strip())
    assert written == home / "config" / "bookcast" / "bookcast.toml"
    assert written.read_bytes() == (DEFAULTS / "bookcast.toml").read_bytes()
    assert written.stat().st_mode & 0o777 == 0o600
    assert answer("config", "show") == before
    written.write_text("[narration]\nspeed = 1.25\n")
    again = bookcast("config", "init")
    assert again.returncode == 2
    assert "already" in again.stderr
    assert written.read_text() == "[narration]\nspeed = 1.25\n"


def test_config_show_tells_every_setting_and_where_it_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bookcast("config", "init")
    Path(bookcast("config", "path").stdout.strip()).write_text("[narration]\nspeed = 1.25\n")
    monkeypatch.setenv("BOOKCAST_STUDIO__PORT", "9000")
    rows = {row["key"]: row for row in answer("config", "show")["settings"]}  # type: ignore[attr-defined]
    assert (rows["narration.speed"]["value"], rows["narration.speed"]["place"]) == (
        "1.25",
        "bookcast.toml: [narration] speed",
    )
    assert "BOOKCAST_STUDIO__PORT" in rows["studio.port"]["place"]
    assert "narration.speed" in bookcast("config", "show").stdout


def test_config_init_names_what_cannot_be_written(home: Path) -> None:
    (home / "file").write_text("")
    done = bookcast("--config", str(home / "file" / "bookcast.toml"), "config", "init")
    assert done.returncode == 2
    assert f"{home / 'file' / 'bookcast.toml'} cannot be written" in done.stderr


def test_doctor_says_which_settings_and_data_are_in_force_and_why(home: Path) -> None:
    checks = {c["check"]: c["detail"] for c in answer("doctor")["checks"]}  # type: ignore[index]
    assert str(home / "config" / "bookcast" / "bookcast.toml") in checks["settings file"]
    assert "the defaults hold" in checks["settings file"]
    assert f"{home / 'share' / 'bookcast'} (your data folder)" in checks["data directory in force"]


def test_from_another_folder_the_same_voices_speak_and_books_are_found_again(
    home: Path, short_epub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = answer("narrate", str(short_epub), "--direct", "--backend", "tone")["book"]
    monkeypatch.chdir("/")
    assert [known["book"] for known in answer("status")["books"]] == [book]  # type: ignore[index]
    voices = {voice["backend"] for voice in answer("voices")["voices"]}  # type: ignore[index]
    assert {"hibari", "tone", "openai", "4allapi"} <= voices
    assert list((home / "share" / "bookcast" / "library").rglob("*.m4b"))


def test_a_checkout_keeps_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told = answer("--version")
    assert told["settings"] == str(ROOT / "config" / "bookcast.toml")
    assert told["data"] == str(ROOT / "data")


@pytest.fixture
def homeless(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The program of somebody without a home folder."""
    (home / "file").write_text("")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(home))
    return bookcast


def test_without_a_home_folder_a_book_is_narrated_and_its_folder_is_named(
    homeless: Callable[..., Result], home: Path, short_epub: Path
) -> None:
    done = homeless("narrate", str(short_epub), "--direct", "--backend", "tone", "--json")
    assert done.returncode == 0, done.stderr
    assert "no home folder" in done.stderr
    assert Path(json.loads(done.stdout)["outputs"][0]).is_relative_to(home)
    assert homeless("config", "init").returncode == 2
