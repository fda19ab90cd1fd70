"""The same settings and the same data from every folder."""

import os
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings.places import find_config, find_data
from tests.conftest import ROOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of somebody who works in a folder that is no checkout."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(elsewhere)
    return folder


@pytest.fixture
def homeless(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files of somebody without a home."""
    (tmp_path / "file").write_text("")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file"))  # not even root makes folders in a file
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_from_every_folder_the_same_file_and_folder_are_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for folder in (Path.cwd(), home, Path("/"), ROOT / "docs"):
        monkeypatch.chdir(folder)
        found.add((find_config().path, find_data().path))
    assert len(found) == 1
    ((config, data),) = found
    assert config.is_relative_to(home)
    assert config.name == "bookcast.toml"
    assert data.is_relative_to(home)


def test_a_checkout_keeps_its_own_settings_and_data(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert find_config().path.absolute() == ROOT / "config" / "bookcast.toml"
    assert find_data().path.absolute() == ROOT / "data"


def test_folders_called_config_and_data_of_another_program_are_left_alone(home: Path) -> None:
    for name in ("config", "data"):
        Path(name).mkdir()
    Path("config/bookcast.toml").write_text("")
    assert find_config().path.is_relative_to(home)
    assert find_data().path.is_relative_to(home)


@pytest.fixture
def older(home: Path) -> Path:
    """The current folder, in which an older Bookcast kept settings and data."""
    for name, text in (("config/bookcast.toml", "[budget]\nper_month = 5.0\n"), ("data/bookcast.db", "SQLite")):
        Path(name).parent.mkdir()
        Path(name).write_text(text)
    return Path.cwd()


def test_books_that_an_older_bookcast_kept_in_the_current_folder_are_found_there(older: Path) -> None:
    place = find_data()
    assert (place.path.absolute(), place.why) == (older / "data", "that of the current folder")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser gives files away")
def test_a_data_directory_that_a_stranger_put_into_the_current_folder_is_not_used(older: Path, home: Path) -> None:
    os.chown(older / "data" / "bookcast.db", 12345, 12345)
    assert find_data().path.is_relative_to(home)


def test_settings_in_the_current_folder_run_no_code_and_no_budget_is_dropped_in_silence(older: Path) -> None:
    with pytest.raises(SettingsError, match=r"config/bookcast.toml is not used") as refused:
        find_config()
    assert "--config" in refused.value.remedy
    assert find_config(Path("config/bookcast.toml")).is_named


def test_settings_in_the_current_folder_beside_those_of_the_user_are_told_of(older: Path, home: Path) -> None:
    own = home / ".config" / "bookcast" / "bookcast.toml"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert find_config().path == own
    assert "--config" in find_config().warning


def test_the_command_line_stands_before_the_environment_and_both_before_any_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("BOOKCAST_CONFIG", "/from/outside.toml")
    monkeypatch.setenv("BOOKCAST_DATA", "/from/outside")
    assert (find_config().path, find_data().path) == (Path("/from/outside.toml"), Path("/from/outside"))
    assert "BOOKCAST_DATA" in find_data().why
    given = find_config(Path("mine.toml"))
    assert (given.path, given.why, given.is_named) == (Path("mine.toml"), "--config", True)
    assert find_data(Path("mine")).path == Path("mine")


def test_looking_for_them_makes_no_folder(home: Path) -> None:
    find_config()
    find_data()
    assert list(home.iterdir()) == []


def test_without_a_home_folder_books_go_to_a_folder_for_this_user_alone_and_it_is_said(homeless: Path) -> None:
    place = find_data()
    assert place.path.parent == homeless
    assert place.path.stat().st_mode & 0o777 == 0o700
    assert "--data" in place.warning
    assert find_data().path == place.path
    assert find_config().path.is_file(), "the defaults"


def test_without_a_home_folder_a_folder_of_somebody_else_is_refused_in_one_sentence(homeless: Path) -> None:
    (homeless / f"bookcast-data-{os.getuid()}").symlink_to(homeless / "home")
    with pytest.raises(SettingsError, match="not a folder of yours") as refused:
        find_data()
    assert "--data" in refused.value.remedy


def test_a_home_folder_without_a_data_folder_still_gives_its_settings(
    homeless: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".config" / "bookcast").mkdir(parents=True)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert find_config().path.parent == home / ".config" / "bookcast"
