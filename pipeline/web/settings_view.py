"""Settings -> rows that say what is in force and where it stands; secrets are left out."""

import os
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pipeline.settings import DEFAULT_PAUSES, Settings

_SECRET = ("notify.urls",)
"""Addresses that hold passwords."""


def settings_in_force(settings: Settings) -> list[dict[str, str]]:
    """Every setting by its key, with its value and where it stands."""
    return [
        {"key": key, "value": _shown(key, value), "place": _place(settings, key)}
        for key, value in _leaves("", settings)
        if not key.startswith("backends.") or key.count(".") == 2
    ]


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(f"{prefix}.{name}" if prefix else name, getattr(value, name))
    elif isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{prefix}.{name}", inner)
    else:
        yield prefix, value


def _shown(key: str, value: Any) -> str:
    if key in _SECRET:
        return f"{len(value)} set" if value else ""
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return "" if value is None or value == {} else str(value)


def _place(settings: Settings, key: str) -> str:
    variable = "BOOKCAST_" + key.upper().replace(".", "__")
    if variable in os.environ:
        return f"environment variable {variable}"
    section, _, rest = key.partition(".")
    if section == "pauses":
        is_set = settings.pauses[rest] != DEFAULT_PAUSES.get(rest)
        return f"bookcast.toml: [pauses] {rest}" if is_set else f"default; [pauses] {rest} in bookcast.toml"
    if section == "backends":
        name, _, rest = rest.partition(".")
        return f"backends/{name}.toml: {rest}"
    part = getattr(settings, section)
    is_set = rest.split(".")[0] in part.model_fields_set if isinstance(part, BaseModel) else bool(part)
    return f"bookcast.toml: [{section}] {rest}" if is_set else f"default; [{section}] {rest} in bookcast.toml"
