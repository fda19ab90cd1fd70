"""The packaged defaults, the user's `bookcast.toml` with the files beside it, and the environment -> typed settings.

Every key has a default, so that no file is needed. `BOOKCAST_NARRATION__VOICE=...` in the environment
overrules `[narration] voice`. A mistake names the file and the key.
"""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.errors import SettingsError
from pipeline.model.text import BlockKind
from pipeline.settings.article_sections import ArticlesSettings, FeedsSettings, PodcastSettings
from pipeline.settings.backend_sections import BackendSettings
from pipeline.settings.layers import read_layers
from pipeline.settings.places import find_config
from pipeline.settings.sections import (
    BudgetSettings,
    EffectsSettings,
    EncodingSettings,
    InboxSettings,
    MasteringSettings,
    NarrationSettings,
    NotifySettings,
    PrefectSettings,
    PublishSettings,
    SpeechApiSettings,
    StudioSettings,
)

__all__ = ["DEFAULT_PAUSES", "BackendSettings", "Settings", "read_settings"]

DEFAULT_PAUSES: dict[str, float] = {
    "sentence": 0.35,
    "scene_break": 1.8,
    "* > heading": 1.4,
    "heading > heading": 0.7,
    "heading > *": 0.9,
    "list_item > list_item": 0.4,
    "verse > verse": 0.5,
    "* > *": 0.6,
}
"""Seconds of silence. Starting values after the habits of narrated books (November 2026)."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="BOOKCAST_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=None
    )

    narration: NarrationSettings = NarrationSettings()
    pauses: dict[str, float] = Field(default_factory=dict)
    mastering: MasteringSettings = MasteringSettings()
    encoding: EncodingSettings = EncodingSettings()
    effects: EffectsSettings = EffectsSettings()
    publish: PublishSettings = PublishSettings()
    prefect: PrefectSettings = PrefectSettings()
    budget: BudgetSettings = BudgetSettings()
    studio: StudioSettings = StudioSettings()
    inbox: InboxSettings = InboxSettings()
    speech_api: SpeechApiSettings = SpeechApiSettings()
    notify: NotifySettings = NotifySettings()
    feeds: FeedsSettings = FeedsSettings()
    articles: ArticlesSettings = ArticlesSettings()
    podcast: PodcastSettings = PodcastSettings()
    backends: dict[str, BackendSettings] = Field(default_factory=dict)

    @field_validator("pauses")
    @classmethod
    def _complete_pauses(cls, value: dict[str, float]) -> dict[str, float]:
        kinds = {"*", *(kind.value for kind in BlockKind)}
        for key, seconds in value.items():
            before, arrow, after = key.partition(" > ")
            if key not in {"sentence", "scene_break"} and not (arrow and {before, after} <= kinds):
                raise ValueError(f'"{key}" is not "KIND > KIND" with kinds of {", ".join(sorted(kinds))}')
            if not 0 <= seconds <= 30:
                raise ValueError(f'"{key}" must be 0 to 30 seconds')
        return {**DEFAULT_PAUSES, **value}

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment stands above the files."""
        return (named["env_settings"], init_settings)


def read_settings(config: Path | None = None) -> Settings:
    """The settings in force.

    Args:
        config: the user's settings file; None for the one that `find_config` finds, which may be absent.

    Raises:
        SettingsError: a file is missing or no TOML, a key is unknown, a value is wrong.
    """
    place = find_config(config)
    path = place.path
    if place.is_named and not path.is_file():
        raise SettingsError(f"There is no settings file {path}", file=str(path), remedy=f"check {place.why}")
    table = read_layers(path)
    _check_fallbacks(table["backends"], path)
    try:
        return Settings(**table)
    except ValidationError as error:
        raise _explain(error, path) from error


def _check_fallbacks(backends: Any, path: Path) -> None:
    for name, backend in backends.items() if isinstance(backends, dict) else ():
        fallback = backend.get("fallback") if isinstance(backend, dict) else None
        if fallback and fallback not in backends:
            raise SettingsError(
                f'Backend "{name}" falls back to "{fallback}", which is not there',
                file=str(path),
                key=f"backends.{name}.fallback",
                remedy="choose " + ", ".join(sorted(backends)),
            )


def _explain(error: ValidationError, path: Path) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    place = _place_of(key, path)
    ours = first.get("ctx", {}).get("error")  # what a validator of ours raised; pydantic's message has words before it
    meaning = "no such setting" if first["type"] == "extra_forbidden" else str(ours or first["msg"])
    return SettingsError(f"{place}: {key}: {meaning}", file=place, key=key, remedy=f"edit {key} in {place}")


def _place_of(key: str, path: Path) -> str:
    """Where a key with a mistake is written: the environment, a backend's own file, or the settings file."""
    variable = "BOOKCAST_" + key.upper().replace(".", "__")
    if variable in os.environ:
        return f"environment variable {variable}"
    section, _, rest = key.partition(".")
    profile = path.parent / "backends" / f"{rest.partition('.')[0]}.toml"
    return str(profile if section == "backends" and profile.is_file() else path)
