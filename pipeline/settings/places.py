"""Where the settings and the data are, found the same way from every folder.

in: what the command line names, the environment, the current folder, the platform's folders -> out: a `Place` each

Bookcast 0.1 kept both in the current folder. Its data there are still used: they name no service and run no code. Its
settings are not: anyone who made the folder, or the archive that it came in, could have code run (hooks, voices) and
keys sent to an address. Nor are they passed over in silence, because `[budget]` may be in them.
"""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_dir, user_data_dir

from pipeline.errors import SettingsError

APP = "bookcast"
CONFIG_VARIABLE, DATA_VARIABLE = "BOOKCAST_CONFIG", "BOOKCAST_DATA"
SETTINGS_NAME = "bookcast.toml"
DATABASE_NAME = "bookcast.db"
DEFAULTS = Path(__file__).parent / "defaults"
"""The commented defaults: `config` of a checkout, which the wheel carries."""
_CHECKOUT_MARKS = ("config/bookcast.toml", "pipeline/settings")


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder, and why it is this one."""

    path: Path
    why: str
    """For people: what decided it."""
    is_named: bool = False
    """Somebody asked for just this one, so that it has to be there."""
    warning: str = ""
    """A sentence about what may go wrong here."""


def find_config(given: Path | None = None) -> Place:
    """The settings file in force. It may be absent where nobody named it: the defaults need no file.

    Raises:
        SettingsError: the only one is in the current folder, as that of an older Bookcast or of a stranger may be.
    """
    if place := _named(given, "--config", CONFIG_VARIABLE):
        return place
    if _in_checkout():
        return Place(Path("config") / SETTINGS_NAME, "this checkout's own")
    here, path = Path("config") / SETTINGS_NAME, Path(user_config_dir(APP, appauthor=False)) / SETTINGS_NAME
    if _holds_something(here):
        return _beside(here, path)
    if _is_usable(path.parent):
        return Place(path, "your settings folder")
    return Place(DEFAULTS / SETTINGS_NAME, "the defaults, because there is no home folder")


def find_data(given: Path | None = None) -> Place:
    """The data directory in force; it may be absent until the first run.

    Raises:
        SettingsError: there is no home folder, and no safe place among the temporary files.
    """
    if place := _named(given, "--data", DATA_VARIABLE):
        return place
    if _in_checkout():
        return Place(Path("data"), "this checkout's own")
    if _is_of_this_user(Path("data") / DATABASE_NAME):
        return Place(Path("data"), "that of the current folder")
    folder = Path(user_data_dir(APP, appauthor=False))
    if _is_usable(folder):
        return Place(folder, "your data folder")
    folder = _temporary_folder()
    return Place(
        folder,
        "a temporary folder, because there is no home folder",
        warning=f"There is no home folder, so books are kept in {folder}, which the system may empty: "
        f"name a folder with --data or {DATA_VARIABLE}.",
    )


def _named(given: Path | None, option: str, variable: str) -> Place | None:
    if given:
        return Place(given, option, is_named=True)
    if from_outside := os.environ.get(variable):
        return Place(Path(from_outside), f"environment variable {variable}", is_named=True)
    return None


def _in_checkout() -> bool:
    return all(os.path.exists(mark) for mark in _CHECKOUT_MARKS)


def _beside(here: Path, path: Path) -> Place:
    """The user's own settings file, where the current folder has one, too. Raises: SettingsError without their own."""
    what = f"The settings file {here.absolute()} is not used unless you name it, because settings can run code"
    how = f"name it with --config or {CONFIG_VARIABLE}"
    if path.is_file():
        return Place(path, "your settings folder", warning=f"{what}. To use it, {how}.")
    raise SettingsError(
        what, file=str(here), remedy=f"if it is yours, {how}, or move everything in config to {path.parent}"
    )


def _holds_something(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _is_of_this_user(path: Path) -> bool:
    """True for a file of theirs in a folder of theirs; one that somebody else put there is not meant."""
    try:
        owners = {os.stat(each).st_uid for each in (path, path.parent)}
    except OSError:
        return False
    return not hasattr(os, "getuid") or owners == {os.getuid()}


def _is_usable(folder: Path) -> bool:
    """True where the folder is there, or this user can make it; without a home folder its path is not even absolute."""
    if not folder.is_absolute():
        return False
    nearest = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    return nearest == folder or (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK))


def _temporary_folder() -> Path:
    """A folder of this user alone. It is made at once, before somebody else can: anybody can guess its name."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"{APP}-data-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError:
        found = None
    if not found or not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
        raise SettingsError(
            f"There is no home folder to keep books in, and {folder} is not a folder of yours",
            key="data",
            remedy=f"name a folder with --data or {DATA_VARIABLE}",
        )
    return folder
