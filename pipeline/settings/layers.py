"""Tables of settings laid over each other: the packaged defaults, then the user's file and the files beside it.

in: the user's settings file, which may be absent -> out: one table, as it is checked by `Settings`
"""

import tomllib
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError
from pipeline.settings.places import DEFAULTS, SETTINGS_NAME

BUILT_IN = {"hibari": {"kind": "hibari"}, "tone": {"kind": "tone"}}


def read_layers(path: Path) -> dict[str, Any]:
    """The defaults, and over them `path` with the `backends` and `lexicons` beside it.

    Tables are merged key by key. A backend with a `kind` is whole and replaces the one of its name; without a `kind`
    it changes single keys of it.

    Raises:
        SettingsError: a file cannot be read, or is not TOML.
    """
    table: dict[str, Any] = {}
    backends: Any = BUILT_IN
    for file in (DEFAULTS / SETTINGS_NAME, path):
        layer = _read_toml(file) if file.is_file() else {}
        beside = {profile.stem: _read_toml(profile) for profile in sorted((file.parent / "backends").glob("*.toml"))}
        backends = _over_backends(_over_backends(backends, beside), layer.pop("backends", {}))
        table = _over(table, layer)
    narration = table.get("narration")
    if isinstance(narration, dict) and isinstance(narration.get("lexicon"), str) and narration["lexicon"]:
        narration["lexicon"] = str(_find_lexicon(narration["lexicon"], path.parent))
    return {**table, "backends": backends}


def _over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: _over(below.get(key), value) for key, value in above.items()}}


def _over_backends(below: Any, above: Any) -> Any:
    """What is no table stays as it is written, for `Settings` to complain of."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    changed = {
        name: profile if isinstance(profile, dict) and "kind" in profile else _over(below.get(name), profile)
        for name, profile in above.items()
    }
    return {**below, **changed}


def _find_lexicon(name: str, folder: Path) -> Path:
    """A file beside the user's settings stands before the packaged one of its name."""
    packaged = DEFAULTS / name
    return packaged if packaged.is_file() and not (folder / name).is_file() else folder / name


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}", file=str(path)) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
