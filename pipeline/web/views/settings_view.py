"""Settings -> rows that say what is in force and where it stands; secrets are left out."""

import os
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pipeline.settings import DEFAULT_PAUSES, Settings

Key = tuple[str, ...]
"""Section, name, and what lies further in."""
_SECRET = (("notify", "urls"),)
"""Addresses that hold passwords."""


def settings_in_force(settings: Settings) -> list[dict[str, str]]:
    """Every setting by its key, with its value and where it stands."""
    return [
        {"key": ".".join(key), "value": _shown(key, value), "place": _place(settings, key)}
        for key, value in _leaves((), settings)
        if key[0] != "backends" or len(key) == 3
    ]


def _leaves(above: Key, value: Any) -> Iterator[tuple[Key, Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves((*above, name), getattr(value, name))
    elif isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves((*above, name), inner)
    else:
        yield above, value


def _shown(key: Key, value: Any) -> str:
    if key in _SECRET:
        return f"{len(value)} set" if value else ""
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return "" if value is None or value == {} else str(value)


def _place(settings: Settings, key: Key) -> str:
    variable = "BOOKCAST_" + "__".join(key).upper()
    if variable in os.environ:
        return f"environment variable {variable}"
    section, *names = key
    if section == "pauses":
        (kinds,) = names
        is_set = settings.pauses[kinds] != DEFAULT_PAUSES.get(kinds)
        return f"bookcast.toml: [pauses] {kinds}" if is_set else f"default; [pauses] {kinds} in bookcast.toml"
    if section == "backends":
        return f"backends/{names[0]}.toml: {'.'.join(names[1:])}"
    part = getattr(settings, section)
    is_set = names[0] in part.model_fields_set if isinstance(part, BaseModel) and names else bool(part)
    rest = ".".join(names)
    return f"bookcast.toml: [{section}] {rest}" if is_set else f"default; [{section}] {rest} in bookcast.toml"
